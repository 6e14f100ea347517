#pragma once
// What a command works with: opened on first use, one for the process, never leaves cli.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/arm/cloud.hpp"
#include "azlin/arm/credential.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/config.hpp"
#include "azlin/core/env.hpp"
#include "azlin/core/process.hpp"
#include "azlin/store/journal.hpp"
#include "cli/console.hpp"

namespace azlin::cli {

// Flags that every command takes.
struct GlobalOptions {
  std::optional<std::string> cloud;
  std::optional<std::string> subscription;
  std::string output = "text";
  bool quiet = false, verbose = false, debug = false;
  bool yes = false;
  bool dry_run = false;
};

class Runtime {
 public:
  // Borrows the console.
  Runtime(const GlobalOptions& options, core::Env env, Console& console);
  ~Runtime();

  Console& console() { return console_; }
  const core::Env& env() const { return env_; }
  const GlobalOptions& options() const { return options_; }
  bool dry_run() const { return options_.dry_run; }
  std::stop_token stop() const { return stop_; }

  const std::string& home();  // the state folder; made (0700) on first use
  const core::Config& config();
  core::Clock& clock();
  core::ProcessRunner& processes();
  http::Transport& transport();
  // With the simulated cloud this starts the simulator when it does not run yet.
  const arm::Cloud& cloud();
  arm::CredentialChain& credentials();
  arm::ArmClient& arm();
  std::string journal_path() { return home() + "/operations.db"; }
  store::Journal& journal();
  // Flag, AZURE_SUBSCRIPTION_ID, configuration, the only one that the credential sees, or the Azure CLI's
  // default. Throws core::Error (usage) listing the candidates when there are several.
  const std::string& subscription();

 private:
  std::string find_subscription();
  std::optional<std::string> azure_cli_default();

  GlobalOptions options_;
  core::Env env_;
  Console& console_;
  std::stop_token stop_;
  std::optional<std::string> home_;
  std::optional<core::Config> config_;
  std::unique_ptr<core::Clock> clock_;
  std::unique_ptr<core::ProcessRunner> processes_;
  std::unique_ptr<http::Transport> transport_;
  std::optional<arm::Cloud> cloud_;
  std::unique_ptr<arm::CredentialChain> credentials_;
  std::unique_ptr<arm::ArmClient> arm_;
  std::unique_ptr<store::Journal> journal_;
  std::optional<std::string> subscription_;
};

}  // namespace azlin::cli
