#include "azlin/vault/service.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/http/retry.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

namespace {

constexpr core::Millis kPoll{5'000};  // between looks when the service names no time
constexpr core::Millis kLongestOperation{std::chrono::hours{4}};
constexpr int kUnreadableLooks = 5;  // in a row
constexpr const char* kGoesOn = "the operation goes on in Azure: `azlin vault jobs` shows it";

// The last segment of an operation's address: the service finds it by that under the vault, whatever path it
// named.
std::string operation_name(const arm::Reply& reply) {
  std::string url = reply.header("Azure-AsyncOperation").value_or(reply.header("Location").value_or(""));
  url = url.substr(0, url.find('?'));
  return last_segment(url);
}

core::Millis delay_of(const arm::Reply& reply, core::Millis fallback) {
  const auto header = reply.header("Retry-After");
  if (!header || header->empty() || header->find_first_not_of("0123456789") != std::string::npos)
    return fallback;
  return core::Millis{std::min(std::stoll(*header), 600LL) * 1'000};
}

arm::Call call_of(const std::string& method, const std::string& path, const std::string& version,
                  const json& body) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = version;
  if (!body.is_null()) call.body = body.dump();
  return call;
}

}  // namespace

// True when the call is noted and not made.
bool Service::plan(const std::string& method, const std::string& path, const json& body) {
  const bool discovery = path.ends_with("/refreshContainers") || path.ends_with("/inquire");
  const bool reads = method == "GET" || path.ends_with("/backupCrrJob");
  if (planned_ == nullptr || reads || discovery) return false;
  planned_->push_back({method, path, body});
  return true;
}

json Service::get(const std::string& path, const std::string& doing, const std::string& version,
                  std::stop_token stop) {
  return send("GET", path, nullptr, doing, version, stop);
}

std::optional<json> Service::find(const std::string& path, const std::string& doing,
                                  const std::string& version, std::stop_token stop) {
  try {
    return arm_.send(call_of("GET", path, version, nullptr), stop).json();
  } catch (const arm::ArmError& error) {
    if (error.status() == 404) return std::nullopt;
    rethrow_with_help(error, doing);
  }
}

void Service::list(const std::string& path, const std::string& filter, const std::string& doing,
                   const std::function<bool(json&&)>& item, const std::string& version,
                   std::stop_token stop) {
  arm::Call call = call_of("GET", path, version, nullptr);
  if (!filter.empty()) call.query = {{"$filter", filter}};
  try {
    arm_.list(call, item, stop);
  } catch (const arm::ArmError& error) {
    rethrow_with_help(error, doing);
  }
}

json Service::send(const std::string& method, const std::string& path, const json& body,
                   const std::string& doing, const std::string& version, std::stop_token stop) {
  if (plan(method, path, body)) return nullptr;
  try {
    return arm_.send(call_of(method, path, version, body), stop).json();
  } catch (const arm::ArmError& error) {
    rethrow_with_help(error, doing);
  }
}

json Service::run_resource(const std::string& method, const std::string& path, const json& body,
                           const std::string& doing, const std::string& version, std::stop_token stop) {
  if (plan(method, path, body)) return nullptr;
  try {
    return arm_.run(call_of(method, path, version, body), stop);
  } catch (const arm::ArmError& error) {
    rethrow_with_help(error, doing);
  }
}

json Service::poll(const std::string& path, const std::string& version, const std::string& doing,
                   core::Millis first, std::stop_token stop) {
  core::Millis delay = first;
  const auto began = arm_.clock().now();
  std::string last = "none";
  int unreadable = 0;
  while (true) {
    if (!arm_.clock().sleep_for(delay, stop))
      throw core::Error(core::ErrorKind::interrupted, "interrupted while waiting to " + doing, kGoesOn);
    if (arm_.clock().now() - began >= kLongestOperation)
      throw core::Error(core::ErrorKind::failed,
                        fmt::format("cannot {}: it has not ended after {} (last status: {})", doing,
                                    core::to_display(kLongestOperation), last),
                        kGoesOn);
    const arm::Reply reply = arm_.send(call_of("GET", path, version, nullptr), stop);
    const json status = reply.json();
    const std::string word = text(status, "status");
    if (word == "Succeeded") return status;
    if (word == "Failed" || word == "Canceled") {
      const json& error = at(status, "error");
      throw arm::ArmError(core::ErrorKind::failed, text(error, "message"), "", 200, text(error, "code"),
                          reply.header("x-ms-request-id").value_or(""), text(error, "message"));
    }
    if (!word.empty()) last = word;
    unreadable = word.empty() && reply.status != 202 ? unreadable + 1 : 0;
    if (unreadable > kUnreadableLooks)
      throw core::Error(core::ErrorKind::failed,
                        fmt::format("cannot {}: the service's status replies cannot be read", doing),
                        kGoesOn);
    delay = delay_of(reply, kPoll);
  }
}

json Service::run(const VaultId& vault, const std::string& method, const std::string& path, const json& body,
                  const std::string& doing, std::stop_token stop, const std::string& filter) {
  if (plan(method, path, body)) return nullptr;
  arm::Call call = call_of(method, path, kBackupVersion, body);
  if (!filter.empty()) call.query = {{"$filter", filter}};
  try {
    const arm::Reply reply = arm_.send(call, stop);
    const std::string name = operation_name(reply);
    if (reply.status != 202 || name.empty()) return nullptr;
    return poll(vault.id() + "/backupOperations/" + name, kBackupVersion, doing,
                delay_of(reply, core::Millis{0}), stop);
  } catch (const arm::ArmError& error) {
    rethrow_with_help(error, doing);
  }
}

std::string Service::begin_job(const VaultId& vault, const std::string& method, const std::string& path,
                               const json& body, const std::string& doing, std::stop_token stop) {
  return text(at(run(vault, method, path, body, doing, stop), "properties"), "jobId");
}

std::string Service::begin_region_job(const std::string& region, const std::string& path, const json& body,
                                      const std::string& doing, std::stop_token stop) {
  if (plan("POST", path, body)) return "";
  try {
    const arm::Reply reply = arm_.send(call_of("POST", path, kSecondaryVersion, body), stop);
    const json status = poll(region + "/backupCrrOperationsStatus/" + operation_name(reply),
                             kSecondaryVersion, doing, delay_of(reply, core::Millis{0}), stop);
    return text(at(status, "properties"), "jobId");
  } catch (const arm::ArmError& error) {
    rethrow_with_help(error, doing);
  }
}

std::string filter_of(const std::vector<std::pair<std::string, std::string>>& conditions) {
  std::string filter;
  for (const auto& [key, value] : conditions) {
    if (value.empty()) continue;
    if (value.find('\'') != std::string::npos)
      throw core::Error(core::ErrorKind::usage,
                        "'" + value + "' holds a quote, which the service cannot filter by");
    filter += (filter.empty() ? "" : " and ") + key + " eq '" + value + "'";
  }
  return filter;
}

std::string filter_time(core::TimePoint time) {
  const std::string display = core::to_display(time);  // "2025-12-01 08:00:00"
  const int hour = std::stoi(display.substr(11, 2));
  const int twelve = hour % 12 == 0 ? 12 : hour % 12;
  return fmt::format("{} {:02}{} {}", display.substr(0, 10), twelve, display.substr(13),
                     hour < 12 ? "AM" : "PM");
}

}  // namespace azlin::vault
