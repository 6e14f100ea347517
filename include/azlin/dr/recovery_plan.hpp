#pragma once
// Plan files: groups of VMs that come back one group after the other, with checks in the guests and hooks
// between them. The format is docs/dr.md.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/dr/failover.hpp"

namespace azlin::dr {

struct PlanVm {
  std::string name;
  std::optional<std::string> resource_group, backup, size, subnet_id;
  std::string check;  // shell command in the guest; empty: none
};
struct PlanGroup {
  std::string name;
  std::vector<PlanVm> vms;  // brought up at once
  std::string hook;         // shell command here after a failover of the group; empty: none
  std::string drill_hook;   // the same after a drill of it
};
struct RecoveryPlan {
  std::string name, region;
  std::optional<std::string> resource_group;  // of a failover; else "{group of the VM}-{region}"
  std::vector<PlanGroup> groups;              // in order
};

// Throws core::Error (usage) with every mistake as "file:line:column: text", in the order of the file.
RecoveryPlan parse_plan(const std::string& yaml, const std::string& file);
// Throws core::Error: not_found when the file cannot be read; else as parse_plan.
RecoveryPlan load_plan(const std::string& path);

struct VmOutcome {
  std::string vm;
  bool ran = false, passed = false;
  std::string error, hint;
  std::optional<core::Millis> rto;
  std::optional<DRTestResult> drill;
  std::optional<FailoverResult> failover;
};
struct GroupOutcome {
  std::string name;
  bool ran = false, passed = false;
  std::vector<VmOutcome> vms;
  std::optional<bool> hook_passed;
  std::string hook_output;
  core::Millis took{0};
};
struct PlanOutcome {
  std::vector<GroupOutcome> groups;
  bool passed = false;
  core::Millis took{0};
};

struct PlanActions {
  // One VM; does not throw but for an interrupt.
  std::function<VmOutcome(const PlanVm&)> bring_up;
  // The group's hook of this kind of run; nullopt: it has none.
  std::function<std::optional<std::pair<bool, std::string>>(const PlanGroup&)> hook;
  std::function<void(const PlanGroup&)> begun;
  std::function<void(const VmOutcome&)> vm_ended;  // from several threads
  int max_parallel = 8;                            // VMs of a group
};
// Group after group; one that fails ends it, and the groups behind it are not run.
PlanOutcome run_plan(const RecoveryPlan& plan, core::Clock& clock, const PlanActions& actions,
                     std::stop_token stop);

}  // namespace azlin::dr
