// What a failover that did not come to its end leaves: a VM, or nothing.
#include <fmt/format.h>

#include "azlin/arm/error.hpp"
#include "azlin/azure/compute.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/failover.hpp"
#include "dr/leftovers.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;

namespace {

constexpr core::Millis kCreatingPoll = std::chrono::seconds{10};
constexpr int kCreatingPolls = 180;  // half an hour

// A virtual network that others use by now stays: it costs nothing, and the next failover uses it.
bool is_shared_network(const Leftover& left) {
  const std::string type = core::to_lower(core::ResourceId::parse(left.id).type);
  const bool network =
      type == "microsoft.network/virtualnetworks" || type == "microsoft.network/networksecuritygroups";
  return network && core::to_lower(left.error).find("in use") != std::string::npos;
}

// nullopt: there is none, or its group was not made yet.
std::optional<azure::Vm> find_in_group(arm::ArmClient& arm, const std::string& id) {
  try {
    return azure::find_vm(arm, id, false);
  } catch (const arm::ArmError& error) {
    if (error.status() == 404 && core::equal_ignoring_case(error.code(), "ResourceGroupNotFound"))
      return std::nullopt;
    throw;
  }
}

// The VM of the record once Azure has ended its work on it; nullopt: there is none of this failover.
std::optional<azure::Vm> find_made(arm::ArmClient& arm, core::Clock& clock, const DrillRecord& record,
                                   const Owner& owner) {
  for (int polls = 0; !record.ids.empty(); ++polls) {
    const auto vm = find_in_group(arm, record.ids.front());
    if (!vm || !is_owned(vm->tags, owner)) return std::nullopt;
    const bool at_work = vm->provisioning_state != "Succeeded" && vm->provisioning_state != "Failed" &&
                         vm->provisioning_state != "Deleting";
    if (!at_work || polls >= kCreatingPolls) return vm;
    clock.sleep_for(kCreatingPoll, {});
  }
  return std::nullopt;
}

}  // namespace

FailoverManager::Settled FailoverManager::settle(const DrillRecord& record) {
  const Owner owner{kFailoverTag, record.drill_id};
  Settled settled;
  const auto vm = find_made(arm_, clock_, record, owner);
  settled.kept = vm && vm->provisioning_state == "Succeeded";
  if (!settled.kept) {
    settled.left = remove_owned(arm_, clock_, owner, record.subscription, record.ids, record.group, {});
    std::erase_if(settled.left, is_shared_network);
  }
  try {
    unmark(arm_, record);
  } catch (const Error& error) {
    settled.note =
        fmt::format("the marks azlin:in-use of the copies stay until their time is over: {}", error.what());
  }
  return settled;
}

bool FailoverManager::recovers(const std::string& kind) {
  return kind == kFailoverKind;
}

backup::Recovered FailoverManager::recover(const store::OperationRecord& found, std::stop_token) {
  return settle_operation(journal_, found, [&](std::vector<std::string>& notes) {
    const DrillRecord record = parse_record(found.plan);
    const Settled settled = settle(record);
    if (!settled.note.empty()) notes.push_back(settled.note);
    note_left(settled.left, "failover", notes);
    const bool nothing_made = record.ids.empty();
    const std::string what = nothing_made   ? "it had only looked at a VM that was there"
                             : settled.kept ? "the VM had been made: it stays; run `azlin dr failover` again "
                                              "to look at its guest"
                                            : "nothing of it is left; run `azlin dr failover` again";
    notes.push_back(what);
    return what;
  });
}

}  // namespace azlin::dr
