#pragma once
// VMs that are backed up, restored and drilled together: the VM tag `azlin:group`, and `azlin:group-run` on
// the snapshots of sets that were taken together (format: docs/tags.md). Pure.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/backup/manager.hpp"

namespace azlin::backup {

inline constexpr const char* kGroupTag = "azlin:group";
inline constexpr const char* kGroupRunTag = "azlin:group-run";

// Throws core::Error (usage): 1 to 40 letters, digits, '-' and '_'.
void check_group_name(std::string_view name);

struct GroupMark {
  std::string name;
  int stage = 1;  // of the boot order; members of one stage come up at once
  bool operator==(const GroupMark&) const = default;
};
std::string to_tag(const GroupMark& mark);
// Throws core::Error (failed) naming `vm` and the tag when it cannot be understood.
GroupMark parse_group(const std::string& value, std::string_view vm);
// What the VM's tags say; nullopt: it is in no group. Throws as parse_group.
std::optional<GroupMark> group_of(const azure::Vm& vm);

struct GroupMember {
  VmRef vm;
  int stage = 1;
};
// By stage and name. Throws core::Error: not_found with the groups that there are; as parse_group.
std::vector<GroupMember> members_of(const std::vector<azure::Vm>& vms, const std::string& group);

// One run of a whole group.
struct GroupRun {
  std::string group;
  std::string id;          // "20251202-080005"
  int members = 0;         // VMs that it is complete with
  core::Millis spread{0};  // from the first to the last snapshot of any member, by Azure's time
};
std::string to_tag(const GroupRun& run);
std::optional<GroupRun> parse_group_run(const std::string& value);
// By the tag of the set's OS disk's snapshot.
std::optional<GroupRun> group_run_of(const snapshot::SnapshotSet& set);
// From the first to the last snapshot of all.
core::Millis spread_of(const std::vector<snapshot::SnapshotSet>& sets);

}  // namespace azlin::backup
