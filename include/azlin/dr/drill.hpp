#pragma once
// A DR drill as data: what is asked for, its phases, how it ended.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/restore.hpp"
#include "azlin/cost/prices.hpp"

namespace azlin::dr {

using snapshot::VmRef;

// Tag of everything that a drill makes: "{drill id} {until} {who}". docs/tags.md
inline constexpr const char* kDrillTag = "azlin:drill";
inline constexpr core::Millis kDefaultTargetRto = std::chrono::minutes{15};
inline constexpr double kTargetRate = 99.9;  // percent of drills that pass

enum class Outcome { not_run, passed, failed, skipped };
const char* to_string(Outcome outcome);  // "not run", "passed", …

enum class Step { restore, boot, connectivity, command, cleanup };
const char* to_string(Step step);

struct Phase {
  Step step = Step::restore;
  Outcome outcome = Outcome::not_run;
  std::optional<core::TimePoint> started;
  core::Millis took{0};
  std::string detail;  // what was observed, why it was skipped, or what went wrong
};

// How the whole drill ended. Restored without a look at the guest is no pass.
enum class Verdict { running, passed, failed, restore_only, interrupted };
const char* to_string(Verdict verdict);  // "restore only", …
std::optional<Verdict> parse_verdict(const std::string& text);

struct DRTestConfig {
  VmRef vm;                           // the VM that was backed up; it need not exist any more
  std::optional<std::string> backup;  // any beginning of its name; else the newest in the region
  std::string test_region;
  std::optional<std::string> test_resource_group;  // else one of the drill's own
  std::optional<std::string> size;                 // else the VM's, or an equal one
  bool verify_boot = true;
  bool verify_connectivity = true;
  bool cleanup_after_test = true;  // false: all stays until keep_for has passed
  std::string verify_command;      // run in the guest; exit code 0 passes
  // A public address for the drill's VM, whose port 22 is open to `tester_address` alone (an IP address of
  // this machine as the Internet sees it); SSH is checked by logging in from here with the system's ssh, as
  // `ssh_user` with the private key in the file `ssh_key`.
  bool public_ip = false;
  std::string tester_address, ssh_user, ssh_key;
  core::Millis target_rto = kDefaultTargetRto;
  core::Millis boot_limit = std::chrono::minutes{15};  // until the guest agent reports
  core::Millis ssh_limit = std::chrono::minutes{5};    // until sshd answers
  core::Millis keep_for = std::chrono::hours{24};
  // Progress; may be empty.
  std::function<void(const struct DrillPlan&)> planned;  // once, before anything is made
  std::function<void(const Phase&)> begun, ended;        // of each phase
};

// All that is decided before anything is made.
struct DrillPlan {
  std::string drill_id;  // "d-1a2b3c4d"
  VmRef source, target;  // target: the VM of the drill
  std::string backup, region;
  core::TimePoint backup_created;
  core::TimePoint until;   // nothing of it may live longer
  bool own_group = false;  // the group is the drill's and goes with it
  std::string nsg_id, network_id, nic_id;
  std::string public_ip_id;                // empty: no public address
  std::vector<backup::RestoreDisk> disks;  // OS disk first
  std::string vm_size;
  int vcpus = 0;  // of the size
  std::optional<std::string> zone;
  snapshot::VmSpec spec;
  snapshot::SnapshotSet set;  // in the test region
  bool needs_run_command = true;
  std::vector<std::string> warnings;
};

struct Leftover {
  std::string id, error;
};

struct DRTestResult {
  std::int64_t test_id = 0;
  VmRef vm;
  std::string backup_name, test_region;
  core::TimePoint started_at;
  std::optional<core::TimePoint> completed_at;
  Verdict verdict = Verdict::running;
  std::vector<Phase> phases;        // in order; one for each Step but `command` when none was given
  std::optional<core::Millis> rto;  // restore and boot; nullopt: the VM was not seen to be up
  core::Millis target_rto = kDefaultTargetRto;
  std::string error, hint;  // of the first phase that failed
  std::string boot_log;     // its last lines, when the guest did not come up
  std::string drill_id, test_vm_id;
  std::int64_t operation = 0;                 // in the journal
  std::optional<core::TimePoint> kept_until;  // --no-cleanup
  std::vector<Leftover> left;                 // what could not be removed
  // What it used, up to kept_until where it is kept, and what that costs by the table in force then. nullopt:
  // nothing that costs was made.
  std::optional<cost::DrillUse> use;
  std::optional<double> cost;
  std::string currency = "USD";  // of cost
  std::vector<std::string> warnings;

  const Phase* phase(Step step) const;
  bool phase_passed(Step step) const;
  bool within_target() const { return rto && *rto < target_rto; }
};

// Of drills that ended: those that passed or failed. Restore-only and interrupted ones are counted apart.
struct Statistics {
  int passed = 0, failed = 0, restore_only = 0, interrupted = 0;
  std::optional<core::Millis> average_rto, max_rto;  // of those that passed
  int total() const { return passed + failed; }
  // Percent; nullopt: no data.
  std::optional<double> rate() const;
};
Statistics statistics(const std::vector<DRTestResult>& tests);

}  // namespace azlin::dr
