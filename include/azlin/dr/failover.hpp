#pragma once
// Failover: a VM whose region is down is brought up for good in another one, from the newest complete replica
// there. No call is made to the source region: neither the VM, nor its group, nor its snapshots have to
// answer. What it makes bears the tag azlin:failover.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/restore.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"
#include "azlin/dr/drill.hpp"

namespace azlin::dr {

struct DrillRecord;

// Tag of all that a failover makes: "{id} {source region}/{source group}/{source VM}". docs/tags.md
inline constexpr const char* kFailoverTag = "azlin:failover";
inline constexpr const char* kFailoverKind = "dr.failover";  // in the journal

struct FailoverConfig {
  VmRef vm;                                   // the VM that was lost; its group as written, or in lower case
  std::string region;                         // where it comes back
  std::optional<std::string> backup;          // any beginning of its name; else the newest in the region
  std::optional<std::string> resource_group;  // else "{source group}-{region}"; made when it is not there
  std::optional<std::string> size;            // else the VM's own, or an equal one
  std::optional<std::string> subnet_id;       // else a network of its own in the group
  std::string check;                          // shell command run in the guest; exit code 0 passes
  std::string hook;                           // shell command run here when the VM is up, such as for DNS
  core::Millis boot_limit = std::chrono::minutes{15};
  core::Millis ssh_limit = std::chrono::minutes{5};
  std::function<void(const std::string&)> notify;  // one line a phase; may be empty
};

// All that is decided and checked before anything is made.
struct FailoverPlan {
  std::string id;  // "f-1a2b3c4d"
  VmRef source, target;
  std::string source_region, region;
  std::string backup;
  core::TimePoint backup_created;
  bool done_before = false;  // the VM is there from an earlier failover: nothing is restored
  bool new_group = false;
  std::string nsg_id, network_id;  // empty: a subnet was named
  bool new_network = false;        // else it is there from another failover into the group
  std::string subnet_id, nic_id;
  std::vector<backup::RestoreDisk> disks;  // OS disk first
  std::string vm_size;
  std::optional<std::string> zone;
  snapshot::VmSpec spec;
  snapshot::SnapshotSet set;  // in the region
  std::vector<std::string> warnings;
};

struct FailoverResult {
  FailoverPlan plan;
  core::TimePoint started_at;
  std::int64_t operation = 0;       // in the journal
  std::optional<core::Millis> rto;  // until the guest was up; nullopt: it did not come up, or was before
  core::Millis rpo{0};              // age of the data at the start
  bool up = false;                  // the guest reports
  std::string guest;                // what was seen of it
  std::string ssh;                  // empty: sshd answers inside the guest; else why not
  std::optional<bool> check_passed, hook_passed;  // nullopt: none was given, or not come to
  std::string check_output, hook_output;          // the last line
  std::string private_address;
  std::vector<std::string> remaining;  // what is left to do for people
  std::vector<std::string> warnings;
};

// Whether a region answers. A look at the region's quotas, which is the region's own service.
struct RegionProbe {
  int asked = 0, failed = 0;
  std::string error;  // of the last that failed
  bool down() const { return asked > 0 && failed == asked; }
};

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class FailoverManager {
 public:
  FailoverManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                  core::ProcessRunner& processes);

  // The VM `name` by its replicas in the region, as the tag index knows them. Throws core::Error: not_found;
  // usage when VMs of that name of several groups have replicas there.
  VmRef find_source(const std::string& subscription, const std::string& name,
                    const std::optional<std::string>& group, const std::string& region, std::stop_token stop);

  // Asks up to `times`, `pause` apart, and ends at the first answer. Where `witness` does not answer either,
  // it is this machine's network: throws core::Error (failed).
  RegionProbe probe(const std::string& subscription, const std::string& region, const std::string& witness,
                    int times, core::Millis pause, std::stop_token stop);
  // The region that the VM was in, from its newest replica in `region`.
  std::string source_region(const VmRef& vm, const std::string& region, std::stop_token stop);

  // Changes nothing. Throws core::Error: not_found without a complete replica; failed when it cannot be there
  // (size, quota, SKU, keys, permissions); usage when the name is taken by another VM.
  FailoverPlan plan(const FailoverConfig& config, std::stop_token stop);

  // Carries it out. Until the VM is made a failure removes everything again and is thrown; a VM that was made
  // stays, also when its guest does not report (result.up). Run again, it finds the VM and goes on there.
  FailoverResult run(const FailoverConfig& config, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Keeps a VM that was made; else removes what was.
  backup::Recovered recover(const store::OperationRecord& record, std::stop_token stop);

 private:
  struct Run;
  struct Settled {
    bool kept = false;           // the VM was made and stays
    std::vector<Leftover> left;  // else what could not be removed
    std::string note;            // what did not matter enough to fail
  };
  std::vector<backup::BackupInfo> replicas(const VmRef& vm, const std::string& region, std::stop_token stop);
  void choose_names(FailoverPlan& plan, const FailoverConfig& config, std::stop_token stop);
  void restore(Run& run, std::stop_token stop);
  void build_network(Run& run, std::stop_token stop);
  void unmark_copies(Run& run);
  void look_at_guest(Run& run, std::stop_token stop);
  void run_hook(Run& run, std::stop_token stop);
  Settled settle(const DrillRecord& record);
  // True: there was something to settle. Throws core::Error (busy) when it cannot be settled now.
  bool settle_earlier(const VmRef& target);
  [[noreturn]] void give_up(Run& run, const core::Error& error);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  core::ProcessRunner& processes_;
};

}  // namespace azlin::dr
