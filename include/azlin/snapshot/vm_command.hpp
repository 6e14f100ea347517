#pragma once
// What every command that changes a VM's snapshots begins with: settle what an earlier one left unfinished,
// take the journal's lock and the lease, open an operation.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/snapshot/lease.hpp"
#include "azlin/snapshot/manager.hpp"

namespace azlin::snapshot {

// Whether SnapshotManager::recover settles operations of this kind: those that only create and delete
// snapshots, or take a lease off.
bool settles(const std::string& kind);

// Settles what interrupted commands of these kinds left on the VM; one line a thing done. For commands that
// may find nothing to do before they make a VmCommand. Throws when it cannot be settled now.
std::vector<std::string> settle(SnapshotManager& snapshots, store::Journal& journal, const VmRef& vm,
                                std::stop_token stop);

class VmCommand {
 public:
  // Throws core::Error (busy) when another command has the VM. A VM that is gone needs no lease.
  VmCommand(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock, const std::string& kind,
            const VmRef& vm, const std::string& plan_json, std::stop_token stop);
  // Ends the operation as failed unless it was ended.
  ~VmCommand() = default;
  store::Operation& operation() { return operation_; }

  // Notes of what was settled first; one line each.
  const std::vector<std::string>& settled() const { return settled_; }
  // Both give the lease back first: were the operation ended before, a crash in between would leave a lease
  // of which no journal knows.
  void succeeded();
  // Ends the operation with what went wrong, when it has not ended yet: rolled back when all that it made was
  // deleted again.
  void failed(const std::string& error);

 private:
  store::Journal& journal_;
  std::vector<std::string> settled_;
  store::Operation operation_;
  std::optional<VmLease> lease_;
};

// Runs `work(command)` and ends its operation: succeeded, or failed with the error's text, which is thrown
// on.
template <class Work>
auto run_command(VmCommand& command, Work&& work) {
  try {
    auto result = work(command);
    command.succeeded();
    return result;
  } catch (const std::exception& error) {
    command.failed(error.what());
    throw;
  }
}

}  // namespace azlin::snapshot
