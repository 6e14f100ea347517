#include "azlin/snapshot/dead_leases.hpp"

#include "azlin/azure/compute.hpp"
#include "azlin/azure/tagged.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/lease.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::snapshot {

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";

// Empty: the VM has no lease of ours.
std::string own_lease(arm::ArmClient& arm, const std::string& vm_id, const std::string& holder,
                      std::stop_token stop) {
  const auto vm = azure::find_vm(arm, vm_id, false, stop);
  const std::string* tag = vm ? find_tag(vm->tags, kLeaseTag) : nullptr;
  const auto lease = tag != nullptr ? parse_lease(*tag) : std::nullopt;
  return lease && lease->by == holder ? *tag : std::string();
}

}  // namespace

std::vector<DeadLease> remove_dead_leases(arm::ArmClient& arm, store::Journal& journal,
                                          const std::string& subscription, std::stop_token stop) {
  const std::string holder = lease_holder(journal.path());
  std::vector<DeadLease> found;
  for (const auto& each : azure::list_tagged(arm, subscription, kLeaseTag, stop)) {
    if (!core::equal_ignoring_case(each.type, kVmType)) continue;
    try {
      if (own_lease(arm, each.id, holder, stop).empty()) continue;
      // Who has the lock may have the lease.
      auto operation = journal.start(kDeadLeaseKind, each.id, "{}", core::to_lower(each.id));
      const std::string value = own_lease(arm, each.id, holder, stop);
      if (!value.empty()) azure::remove_tags(arm, each.id, {{kLeaseTag, value}}, stop);
      operation.succeed();
      found.push_back({each.id, {}});
    } catch (const core::Error& error) {
      if (error.kind() == core::ErrorKind::interrupted) throw;
      if (error.kind() != core::ErrorKind::busy) found.push_back({each.id, error.what()});
    }
  }
  return found;
}

}  // namespace azlin::snapshot
