#include "azlin/snapshot/vm_command.hpp"

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/dead_leases.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;

namespace {

std::string lock_key(const VmRef& vm) {
  return core::to_lower(vm.id());
}

}  // namespace

std::vector<std::string> settle(SnapshotManager& snapshots, store::Journal& journal, const VmRef& vm,
                                std::stop_token stop) {
  std::vector<std::string> notes;
  for (const auto& record : journal.interrupted()) {
    if (!settles(record.kind) || !core::equal_ignoring_case(record.target, vm.id())) continue;
    auto operation = journal.resume(record.id);
    try {
      for (auto& note : snapshots.recover(record, operation, stop)) notes.push_back(std::move(note));
      operation.recovered("settled by the next command");
    } catch (const Error& error) {
      operation.interrupt(error.what());
      throw;
    }
  }
  return notes;
}

bool settles(const std::string& kind) {
  static const std::set<std::string> kKinds = {"snapshot.create", "snapshot.delete", "snapshot.sync",
                                               "backup.trigger",  "backup.cleanup",  "backup.delete",
                                               kDeadLeaseKind};
  return kKinds.contains(kind);
}

VmCommand::VmCommand(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                     const std::string& kind, const VmRef& vm, const std::string& plan_json,
                     std::stop_token stop)
    : journal_(journal),
      settled_([&] {
        SnapshotManager snapshots(arm, journal, clock);
        return settle(snapshots, journal, vm, stop);
      }()),
      operation_(journal.start(kind, vm.id(), plan_json, lock_key(vm))) {
  try {
    lease_.emplace(arm, vm.id(), kind, lease_holder(journal.path()), clock.now() + kLeaseTime, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return;
    operation_.fail(error.what());
    throw;
  }
}

void VmCommand::succeeded() {
  lease_.reset();
  operation_.succeed();
}

void VmCommand::failed(const std::string& error) {
  lease_.reset();
  const auto record = journal_.find(operation_.id());
  const bool undone = record && std::any_of(record->steps.begin(), record->steps.end(),
                                            [](const auto& step) { return step.state == "undone"; });
  undone ? operation_.rolled_back(error) : operation_.fail(error);
}

}  // namespace azlin::snapshot
