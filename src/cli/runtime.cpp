#include "cli/runtime.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "azlin/azure/access.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "cli/simulator_process.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

Runtime::Runtime(const GlobalOptions& options, core::Env env, Console& console)
    : options_(options), env_(std::move(env)), console_(console), stop_(core::interrupt_token()) {}

Runtime::~Runtime() = default;

const std::string& Runtime::home() {
  if (!home_) {
    const std::string path = env_.azlin_home();
    std::error_code error;
    const bool made = std::filesystem::create_directories(path, error);
    if (error) {
      throw Error(ErrorKind::failed,
                  fmt::format("cannot make the state folder {}: {}", path, error.message()),
                  "set AZLIN_HOME to a folder that you can write");
    }
    // A folder that AZLIN_HOME names and that was there may be for others, too: `doctor` tells.
    if (made || !env_.get("AZLIN_HOME")) chmod(path.c_str(), 0700);
    home_ = path;
  }
  return *home_;
}

const core::Config& Runtime::config() {
  if (!config_) config_ = core::Config::load(env_.azlin_home() + "/config.toml");
  return *config_;
}

core::Clock& Runtime::clock() {
  cloud();  // decides whose clock it is
  return *clock_;
}

core::ProcessRunner& Runtime::processes() {
  if (!processes_) processes_ = std::make_unique<core::SystemProcessRunner>();
  return *processes_;
}

http::Transport& Runtime::transport() {
  // As the curl program: certificates of a firewall that looks into TLS, or of a simulated Azure.
  const auto certificates = env_.get("CURL_CA_BUNDLE").value_or(env_.get("SSL_CERT_FILE").value_or(""));
  if (!transport_)
    transport_ = http::make_curl_transport({.user_agent = "azlin/" AZLIN_VERSION, .ca_bundle = certificates});
  return *transport_;
}

// A rehearsal that moves the simulator's clock moves ours with it: both are the same world.
const arm::Cloud& Runtime::cloud() {
  if (cloud_) return *cloud_;
  arm::Cloud cloud = arm::choose_cloud(options_.cloud, env_, config());
  core::Millis offset{0};
  if (cloud.simulated) {
    if (cloud.arm_endpoint.empty())
      cloud.arm_endpoint = SimulatorProcess(home(), env_, transport()).ensure({}).url;
    const core::TimePoint real = core::SystemClock().now();
    offset = simulated_time(transport(), cloud.arm_endpoint).value_or(real) - real;
    if (std::chrono::abs(offset) < std::chrono::seconds(5)) offset = core::Millis{0};
    console_.note("(simulated Azure at " + cloud.arm_endpoint + ")");
  }
  clock_ = std::make_unique<core::SystemClock>(offset);
  cloud_ = std::move(cloud);
  return *cloud_;
}

arm::CredentialChain& Runtime::credentials() {
  if (!credentials_) {
    credentials_ = std::make_unique<arm::CredentialChain>(transport(), clock(), processes(), env_, cloud(),
                                                          home() + "/tokens.json");
  }
  return *credentials_;
}

arm::ArmClient& Runtime::arm() {
  if (!arm_) {
    arm::ClientOptions options;
    options.endpoint = cloud().arm_endpoint;
    arm_ = std::make_unique<arm::ArmClient>(transport(), clock(), credentials(), options);
  }
  return *arm_;
}

store::Journal& Runtime::journal() {
  if (!journal_) journal_ = std::make_unique<store::Journal>(journal_path(), clock());
  return *journal_;
}

const std::string& Runtime::subscription() {
  if (!subscription_) {
    subscription_ = find_subscription();
    core::check_subscription(*subscription_);
  }
  return *subscription_;
}

std::string Runtime::find_subscription() {
  if (auto given =
          core::setting(options_.subscription, env_, "AZURE_SUBSCRIPTION_ID", config(), "subscription"))
    return *given;
  const auto seen = azure::list_subscriptions(arm(), stop_);
  if (seen.size() == 1) return seen.front().id;
  if (seen.empty()) {
    throw Error(ErrorKind::unauthorized, "this credential sees no subscription",
                "run `azlin auth status` to see whose it is; `azlin doctor` checks the rest");
  }
  if (auto chosen = azure_cli_default()) return *chosen;
  std::string listed;
  for (const auto& subscription : seen)
    listed += fmt::format("\n  {}  {}", subscription.id, subscription.name);
  throw Error(ErrorKind::usage, "several subscriptions are visible:" + listed,
              "choose one with --subscription, AZURE_SUBSCRIPTION_ID or `subscription` in config.toml");
}

// What `az account set` chose; nullopt without the Azure CLI or a login.
std::optional<std::string> Runtime::azure_cli_default() {
  core::ProcessRequest request;
  request.argv = {env_.get_or("AZLIN_AZ", "az"), "account", "show", "--query", "id", "--output", "tsv"};
  try {
    const auto result = processes().run(request, stop_);
    const auto end = result.out.find_last_not_of(" \r\n");
    if (result.exit_code != 0 || end == std::string::npos) return std::nullopt;
    return result.out.substr(0, end + 1);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace azlin::cli
