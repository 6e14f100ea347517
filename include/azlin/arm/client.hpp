#pragma once
// Azure Resource Manager over HTTP: authorised requests, retry, throttling, paging and long-running
// operations.
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/credential.hpp"
#include "azlin/arm/error.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/http/retry.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::arm {

// What came back from one call that did not fail.
struct Reply {
  int status = 0;
  http::Headers headers;
  std::string body;  // as received; may be empty
  // The parsed body; null JSON when the body is empty. Throws ArmError (failed) when it is not JSON.
  nlohmann::json json() const;
  std::optional<std::string> header(std::string_view name) const;
};

// A long-running operation: plain data that a manager can save before the first poll, so that a later run
// resumes it.
struct Operation {
  std::string method;        // of the request that began it
  std::string resource_url;  // path of that request with its api-version
  std::string poll_url;  // Azure-AsyncOperation, else Location; empty: poll the resource (provisioningState)
  bool poll_is_location = false;
  std::string location_url;  // where a POST's result is, when both headers came
  std::string initial_body;  // the reply that began it
  bool done = false;         // ended with the first reply
  core::Millis next_delay{0};
};

// `body` is the JSON text sent with PUT, PATCH and POST. Paths begin with '/', carry no api-version and are
// not yet percent-encoded (an id as the service gave it).
struct Call {
  std::string method = "GET";
  std::string path;                                        // "/subscriptions/…"
  std::string api_version;                                 // "2023-10-02"
  std::vector<std::pair<std::string, std::string>> query;  // not yet percent-encoded
  std::optional<std::string> body;
  http::Headers headers;                       // If-Match and the like
  std::optional<http::Repeatable> repeatable;  // default: by method
  // Fewer attempts while the service fails or does not answer, where the caller knows what to do without.
  std::optional<int> outage_attempts;
};

// What the throttling headers of all replies said last, shared between threads.
class ThrottleGate;

struct ClientOptions {
  std::string endpoint = "https://management.azure.com";  // no trailing '/'
  http::RetryPolicy retry;
  core::Millis request_timeout{60'000};
  core::Millis operation_deadline{core::Millis{std::chrono::hours{4}}};
  core::Millis default_poll{2'000};  // between polls when the service names none
};

// Progress of a wait: the status word, and percent (0-100) where the service gives one.
using Progress = std::function<void(const std::string& status, std::optional<double> percent)>;

// Thread-safe; one for the process. Borrows transport, clock and credential.
class ArmClient {
 public:
  ArmClient(http::Transport& transport, core::Clock& clock, CredentialChain& credential,
            ClientOptions options);
  ~ArmClient();

  // One call, retried as http::retry_delay says, and where the service says that another operation is in the
  // way (409 AnotherOperationInProgress and the like); a 401 is repeated once with a fresh token. A GET whose
  // JSON is cut off or broken is read again. Throws ArmError for any status of 400 and over; kinds: 404
  // not_found, 401 and 403 unauthorized, else failed.
  Reply send(const Call& call, std::stop_token stop = {});

  // send(), but 404 gives nullopt (of the resource itself; a missing resource group, subscription or provider
  // still throws, and so does a 404 that is not from the service).
  std::optional<Reply> find(const Call& call, std::stop_token stop = {});

  // Begins an operation (200/201/202/204) and returns it unpolled.
  Operation begin(const Call& call, std::stop_token stop = {});
  // Polls until it ends; returns the result: of PUT and PATCH the resource, of POST properties.output or the
  // Location's body, of DELETE null. Throws ArmError with the operation's own error when it failed or was
  // canceled, core::Error (failed) past the deadline, core::Error (interrupted) on stop (the operation goes
  // on in Azure).
  nlohmann::json wait(Operation operation, std::stop_token stop = {}, const Progress& progress = {});
  // begin + wait.
  nlohmann::json run(const Call& call, std::stop_token stop = {}, const Progress& progress = {});

  // Calls `item` for each element of `value` on each page, following nextLink lazily, until it returns false.
  // Throws core::Error (failed) when a nextLink repeats or leads to another host.
  void list(const Call& call, const std::function<bool(nlohmann::json&&)>& item, std::stop_token stop = {});

  const std::string& endpoint() const { return options_.endpoint; }
  http::Transport& transport() { return transport_; }
  core::Clock& clock() { return clock_; }

 private:
  struct Exchange;
  void exchange(Exchange& exchange, std::stop_token stop);
  Reply get_url(const std::string& url, bool wants_json, std::stop_token stop);
  std::string absolute(const std::string& url) const;
  bool is_own(const std::string& url) const;
  nlohmann::json result_of(const Operation& operation, nlohmann::json final_body, std::stop_token stop);

  http::Transport& transport_;
  core::Clock& clock_;
  CredentialChain& credential_;
  ClientOptions options_;
  std::string origin_;  // of the endpoint: the only place that gets the token
  std::unique_ptr<ThrottleGate> throttle_;
};

}  // namespace azlin::arm
