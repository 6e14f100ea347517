#include "azlin/snapshot/lease.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "azlin/azure/compute.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kMostRaces = 5;
constexpr int kMostReturns = 3;
constexpr core::Millis kReturnPause{500};

std::string tag_of(const azure::Vm& vm) {
  for (const auto& [name, value] : vm.tags) {
    if (core::equal_ignoring_case(name, kLeaseTag)) return value;
  }
  return {};
}

// A lease that cannot be read belongs to a newer azlin or to nobody: it is not ours to take.
void check_free(const azure::Vm& vm, const std::string& by, core::TimePoint now) {
  const std::string value = tag_of(vm);
  if (value.empty()) return;
  const auto lease = parse_lease(value);
  if (!lease) {
    throw Error(ErrorKind::busy,
                fmt::format("VM {} has a lease that cannot be read: {}={}", vm.name, kLeaseTag, value),
                fmt::format("when nothing works on the VM, delete the tag: az tag update --operation delete "
                            "--resource-id {} --tags {}='{}'",
                            vm.id, kLeaseTag, value));
  }
  if (lease->by == by || lease->until <= now) return;
  throw Error(ErrorKind::busy,
              fmt::format("VM {} is busy: {} by {} may take until {} UTC", vm.name, lease->doing, lease->by,
                          core::to_display(lease->until)),
              "wait for it to end; a lease runs out by itself");
}

// The write itself was refused, so there is nothing to give back.
bool was_refused(const arm::ArmError& error) {
  return error.code() == "ScopeLocked" || error.code() == "InvalidTags" ||
         error.code() == "RequestDisallowedByPolicy" || error.code() == "ReadOnlyDisabledSubscription";
}

// False: the VM is no longer as it was read.
bool write_lease(arm::ArmClient& arm, const azure::Vm& vm, const std::string& value, std::stop_token stop) {
  azure::Tags tags = vm.tags;
  std::erase_if(tags, [](const auto& tag) { return core::equal_ignoring_case(tag.first, kLeaseTag); });
  tags[kLeaseTag] = value;
  return write_tags_if_unchanged(arm, vm, tags, stop);
}

// Deletes only this very value: a lease that ran out and was taken by another stays theirs. What else is
// written to the VM may be in the way for a moment.
void remove_lease(arm::ArmClient& arm, const std::string& vm_id, const std::string& value) {
  for (int attempt = 1;; ++attempt) {
    try {
      azure::remove_tags(arm, vm_id, {{kLeaseTag, value}});
      return;
    } catch (const arm::ArmError& error) {
      const bool in_the_way =
          (error.status() == 409 || error.status() == 412) && error.code() != "ScopeLocked";
      if (!in_the_way || attempt == kMostReturns) throw;
      core::log_info("the lease on {} is given back again: {}", vm_id, error.what());
    }
    arm.clock().sleep_for(kReturnPause, {});
  }
}

void give_back(arm::ArmClient& arm, const std::string& vm_id, const std::string& value) {
  try {
    remove_lease(arm, vm_id, value);
  } catch (const std::exception& error) {
    core::log_warn("the lease on {} could not be given back, it runs out by itself: {}", vm_id, error.what());
  }
}

}  // namespace

std::string to_tag(const LeaseInfo& lease) {
  return nlohmann::ordered_json{{"v", 1},
                                {"op", lease.operation},
                                {"do", lease.doing},
                                {"by", lease.by},
                                {"until", core::to_iso8601(lease.until)}}
      .dump(-1, ' ', true);
}

std::optional<LeaseInfo> parse_lease(const std::string& value) {
  const json object = json::parse(value, nullptr, false);
  if (!object.is_object() || object.value("v", json()) != 1) return std::nullopt;
  for (const char* key : {"op", "do", "by", "until"}) {
    if (!object.contains(key) || !object[key].is_string()) return std::nullopt;
  }
  const auto until = core::parse_time(object["until"].get<std::string>());
  if (!until) return std::nullopt;
  return LeaseInfo{object["op"], object["do"], object["by"], *until};
}

VmLease::VmLease(arm::ArmClient& arm, const std::string& vm_id, const std::string& doing,
                 const std::string& by, core::TimePoint until, std::stop_token stop)
    : arm_(arm), vm_id_(vm_id) {
  const std::string value = to_tag(LeaseInfo{core::new_guid(), doing, by, until});
  core::throw_if_stopped(stop, "taking the VM's lease");
  bool may_be_there = false;  // the service may have done a write although its reply was lost
  try {
    for (int race = 0; race < kMostRaces; ++race) {
      const azure::Vm vm = azure::get_vm(arm, vm_id, false, stop);
      may_be_there = tag_of(vm) == value;
      check_free(vm, by, arm.clock().now());
      may_be_there = true;
      // Seconds, and not given up half way: what was sent may be done.
      if (!write_lease(arm, vm, value, {})) continue;
      core::throw_if_stopped(stop, "taking the VM's lease");
      value_ = value;
      return;
    }
    throw Error(ErrorKind::busy, fmt::format("{} is being changed by others all the time", vm_id),
                "try again in a minute");
  } catch (const arm::ArmError& error) {
    if (may_be_there && !was_refused(error)) give_back(arm, vm_id, value);
    throw;
  } catch (...) {
    if (may_be_there) give_back(arm, vm_id, value);
    throw;
  }
}

VmLease::~VmLease() {
  if (!value_.empty()) give_back(arm_, vm_id_, value_);
}

void VmLease::release() {
  if (value_.empty()) return;
  const std::string value = std::exchange(value_, {});
  remove_lease(arm_, vm_id_, value);
}

std::string lease_holder(const std::string& journal_path) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  return fmt::format("{}:{:08x}", host.data(), std::hash<std::string>{}(journal_path)&0xffffffffu);
}

}  // namespace azlin::snapshot
