#pragma once
// What a protection file would change, and what that would lose. Pure.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/group.hpp"
#include "azlin/dr/policy.hpp"
#include "azlin/protection/file.hpp"

namespace azlin::protection {

// How one VM is protected now, by its tags.
struct VmState {
  azure::Vm vm;
  std::optional<backup::BackupSchedule> schedule;
  std::optional<dr::DrPolicy> drill;  // stated by its own tag
  std::optional<verification::VerificationPolicy> verification;
  std::optional<backup::GroupMark> group;
  std::string error;     // a tag that cannot be read
  bool vaulted = false;  // Azure Backup makes its backups
  bool is_protected() const {
    return schedule || drill || verification || group || vaulted || !error.empty();
  }
};
VmState read_state(const azure::Vm& vm);

// As alerts.yaml is now.
struct AlertsState {
  std::string text;             // empty: there is none
  nlohmann::ordered_json tree;  // of the text; an object
  std::string error;            // it cannot be read
};

struct Change {
  std::string setting;  // "retention daily", "rpo_exceeded.threshold_hours"
  std::optional<std::string> before, after;
};
struct TagChange {
  std::string name;
  std::optional<std::string> before, after;
};

struct VmPlan {
  VmState now;
  std::string rule;  // empty: a group alone names it
  std::optional<backup::BackupSchedule> schedule;
  std::vector<Change> changes;
  std::vector<TagChange> tags;
  std::vector<backup::Decision> lost;  // oldest first
  std::string problem;                 // why nothing can be done for it
  snapshot::VmRef ref() const { return {now.vm.subscription, now.vm.resource_group, now.vm.name}; }
  bool differs() const { return !changes.empty() || !problem.empty(); }
};

struct Plan {
  std::string file;
  std::vector<VmPlan> vms;  // all that are selected, by group and name
  std::vector<Change> alerts;
  std::optional<std::string> alerts_text;  // what alerts.yaml is to be; set when it differs
  AlertsState alerts_before;
  std::vector<snapshot::VmRef> not_in_file;  // protected, and selected by nothing
  std::vector<std::string> warnings;
  std::string hash;  // 16 hexadecimal digits; over what is wanted, what is there, and what is lost
  bool drift() const;
  bool loses() const;
  std::size_t lost_points() const;
  std::vector<const VmPlan*> to_change() const;
  // Whether a schedule changes, so that the backups have to be looked at.
  bool touches_retention() const;
};

// Without `lost` and `hash`. Throws core::Error: usage with every rule that a VM cannot follow, as
// "file:line:column: text"; not_found for VMs that groups name and that are not there.
Plan make_plan(const ProtectionFile& file, const std::vector<azure::Vm>& vms, const AlertsState& alerts);
// `backups`: of the whole subscription.
void add_losses(Plan& plan, const std::vector<backup::BackupInfo>& backups, core::TimePoint now);
void add_hash(Plan& plan);

// Whether `vm` is still the one that the plan was made for; empty: it is, else what is another ("tag env").
std::string difference(const azure::Vm& planned, const azure::Vm& vm);

// The file for what is there, as a tree of its keys; VMs whose tags cannot be read are in `left_out`.
struct Exported {
  nlohmann::ordered_json tree;
  std::vector<std::string> left_out;  // "web: the tag … cannot be read"
};
Exported export_file(const std::vector<azure::Vm>& vms, const std::optional<std::string>& group,
                     const AlertsState& alerts);
// The same as YAML, with a first line for editors.
std::string to_yaml_file(const nlohmann::ordered_json& tree);

AlertsState parse_alerts(const std::string& text, const std::string& path);

}  // namespace azlin::protection
