#pragma once
// Where a bearer token comes from. The chain, first that applies: AZLIN_ACCESS_TOKEN; service principal or
// workload identity variables; managed identity (IDENTITY_ENDPOINT, MSI_ENDPOINT or IMDS); the Azure CLI;
// device code (only where a person asked for it with `azlin auth login`, then from the cache).
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/cloud.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/env.hpp"
#include "azlin/core/process.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::arm {

struct Token {
  std::string value;  // secret
  core::TimePoint expires_at;
  std::string source;  // "environment", "service principal", "workload identity", "managed identity", "azure
                       // cli", "device code"
  std::string tenant;  // may be empty
};

// What `azlin auth status` shows: never the token itself.
struct CredentialStatus {
  std::string source;
  bool applies = false;
  std::string detail;  // why not, or whose identity and until when
  std::optional<core::TimePoint> expires_at;
};

// Thread-safe: of several threads that need a token one fetches it. Borrows its arguments.
//
// Fetched tokens are kept in `cache_path` (mode 0600, replaced atomically, shared by all azlin processes),
// each under the identity it belongs to, so that another login never gets them. A file that others can read
// is not trusted. The simulator's tokens stay in memory: its endpoint plays the managed identity of this
// machine.
class CredentialChain {
 public:
  CredentialChain(http::Transport& transport, core::Clock& clock, core::ProcessRunner& processes,
                  const core::Env& env, const Cloud& cloud, const std::string& cache_path);
  ~CredentialChain();

  // A token for `resource` ("https://management.azure.com") that is valid for at least 5 minutes, or as long
  // as the source gives. `fresh`: do not take it from memory or the cache (used once after a 401). Throws
  // core::Error (unauthorized; failed when the service that gives tokens fails): what was tried and what to
  // do (`az login`, …).
  Token token(const std::string& resource, bool fresh, std::stop_token stop = {});
  // For the cloud's ARM audience.
  Token arm_token(bool fresh, std::stop_token stop = {});

  // After a 401 on `rejected`: a token that is not `rejected` if another thread already has one, else a fresh
  // one.
  Token arm_token_after(const std::string& rejected, std::stop_token stop = {});

  // One line a source, in order; asks no service but the Azure CLI.
  std::vector<CredentialStatus> status();
  // Device code: `show` gets the text with the address and code. The refresh token is cached.
  Token login_with_device_code(const std::string& tenant, const std::function<void(const std::string&)>& show,
                               std::stop_token stop);
  // Forgets all cached tokens.
  void clear();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The subscription that `az account set` chose, from the Azure CLI's own profile; nullopt when there is none.
std::optional<std::string> azure_cli_default_subscription(const core::Env& env);

}  // namespace azlin::arm
