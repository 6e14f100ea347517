#pragma once
// Requests to a service's own endpoint (a vault, a configuration store, a blob account): authorised, retried,
// and slowed down together when the service says so.
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "azlin/arm/credential.hpp"
#include "azlin/arm/error.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/http/retry.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::platform {

// Puts the proof of identity on a request that is otherwise ready; called before each attempt. `fresh`: what
// was sent before was refused with 401.
using Authorize = std::function<void(http::Request& request, bool fresh, std::stop_token stop)>;

// A token for `audience` from the credential chain. Borrows the chain.
Authorize bearer(arm::CredentialChain& credentials, std::string audience);
// App Configuration's HMAC-SHA256 with an access key. `secret` is the base64 text that the service gives.
// Source: "App Configuration REST API - HMAC authentication".
Authorize app_config_key(core::Clock& clock, std::string id, const std::string& secret);
// Storage's SharedKey (2015-02-21 and later) with an account key in base64. Where the account is the first
// segment of the path and not of the host (Azurite), it is signed twice: the rule is the same.
Authorize storage_key(core::Clock& clock, std::string account, const std::string& key);
// A SAS: added to the query of each request.
Authorize storage_sas(std::string sas);

// The value of Authorization for such a request; `date` and the other headers that it signs are on it.
// Throws core::Error (usage) when the key is not base64.
std::string sign_app_config(const http::Request& request, const std::string& id, const std::string& secret,
                            const std::string& date);
std::string sign_storage(const http::Request& request, const std::string& account, const std::string& key);

// Token audiences of a cloud: "https://vault.azure.net", "https://storage.azure.com".
std::string vault_audience(const std::string& vault_uri);
std::string app_config_audience(const std::string& endpoint);
std::string storage_audience();

void set_header(http::Headers& headers, std::string_view name, std::string value);

struct DataCall {
  std::string method = "GET";
  std::string path;  // with its query, encoded as it is sent; or an absolute URL of the same origin
  http::Headers headers;
  std::string body;
  std::optional<http::Repeatable> repeatable;  // default: by method
  core::Millis timeout{120'000};
};

// Thread-safe: after a 429 or 503 all threads wait as long as the service said. Borrows transport and clock.
class DataPlane {
 public:
  // `what` names the resource in errors: "vault prod-kv". Throws core::Error (usage) for an endpoint that is
  // neither https nor on this machine.
  DataPlane(http::Transport& transport, core::Clock& clock, const std::string& endpoint, Authorize authorize,
            std::string what);

  // Throws arm::ArmError for a status of 400 and over (kinds: 404 not_found; 401 and 403 unauthorized, with
  // the role or policy that is missing as the hint, but not where an item is disabled; else failed),
  // http::NetworkError, core::Error (interrupted). The body sent is in no message.
  http::Response send(const DataCall& call, std::stop_token stop = {});
  // send(), but 404 gives nullopt.
  std::optional<http::Response> find(const DataCall& call, std::stop_token stop = {});

  const std::string& endpoint() const { return endpoint_; }
  const std::string& what() const { return what_; }
  core::Clock& clock() { return clock_; }
  std::size_t throttled() const;  // how many replies were 429 or 503

 private:
  void wait_for_turn(std::stop_token stop);
  void observe(const http::Response& response, const http::Outcome& outcome);

  http::Transport& transport_;
  core::Clock& clock_;
  std::string endpoint_;  // no trailing '/'
  Authorize authorize_;
  std::string what_;
  mutable std::mutex mutex_;
  core::TimePoint blocked_until_{};
  std::size_t throttled_ = 0;
};

}  // namespace azlin::platform
