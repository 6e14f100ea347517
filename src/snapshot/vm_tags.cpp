#include "azlin/snapshot/vm_tags.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/arm/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"

namespace azlin::snapshot {

using nlohmann::json;

namespace {

constexpr int kPreconditionFailed = 412;
constexpr int kConflict = 409;
constexpr const char* kVmVersion = "2024-07-01";
constexpr const char* kLockVersion = "2016-09-01";

// The service names the locked scope only; the owner needs the lock's name.
[[noreturn]] void throw_locked(arm::ArmClient& arm, const azure::Vm& vm, const arm::ArmError& error,
                               std::stop_token stop) {
  std::string names;
  arm::Call call;
  call.path =
      vm.id.substr(0, core::to_lower(vm.id).find("/providers/")) + "/providers/Microsoft.Authorization/locks";
  call.api_version = kLockVersion;
  try {
    arm.list(
        call,
        [&](json&& lock) {
          if (lock.at("properties").value("level", "") == "ReadOnly")
            names += (names.empty() ? "" : ", ") + lock.value("name", "");
          return true;
        },
        stop);
  } catch (const std::exception& unreadable) {
    core::log_info("the locks of {} cannot be read: {}", vm.name, unreadable.what());
  }
  throw arm::ArmError(
      error.kind(),
      fmt::format("VM {} is locked{}: {}", vm.name, names.empty() ? "" : " by " + names, error.what()),
      error.hint(), error.status(), error.code(), error.request_id(), error.service_message());
}

}  // namespace

const std::string* find_tag(const azure::Tags& tags, std::string_view name) {
  for (const auto& [key, value] : tags) {
    if (core::equal_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

bool write_tags_if_unchanged(arm::ArmClient& arm, const azure::Vm& as_read, const azure::Tags& tags,
                             std::stop_token stop) {
  arm::Call call;
  call.method = "PATCH";
  call.path = as_read.id;
  call.api_version = kVmVersion;
  call.body = json{{"tags", tags}}.dump();
  if (!as_read.etag.empty()) {
    call.headers.emplace_back("If-Match", as_read.etag);
    call.repeatable = http::Repeatable::yes;  // if it was done already, the second is refused
  }
  try {
    arm.run(call, stop);
  } catch (const arm::ArmError& error) {
    // No race, but a lock of the owner's.
    if (error.code() == "ScopeLocked") throw_locked(arm, as_read, error, stop);
    // Nobody writes to a disabled subscription.
    if (error.code() == "ReadOnlyDisabledSubscription") throw;
    if (error.status() == kPreconditionFailed || error.status() == kConflict) return false;
    throw;
  }
  return true;
}

}  // namespace azlin::snapshot
