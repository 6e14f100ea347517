#pragma once
// Which VMs are drilled regularly, where, and what they must reach: the VM tag `azlin:dr` (docs/tags.md).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/backup/schedule.hpp"
#include "azlin/core/error.hpp"
#include "azlin/dr/drill.hpp"

namespace azlin::dr {

inline constexpr const char* kPolicyTag = "azlin:dr";

struct DrPolicy {
  bool enabled = true;
  std::string region;                               // where drills go
  core::Millis every = std::chrono::hours{24 * 7};  // whole hours
  core::Millis target_rto = kDefaultTargetRto;      // whole seconds
  std::string ssh_user, ssh_key;                    // of drills with a public address; may be empty
  bool operator==(const DrPolicy&) const = default;
};

// The tag is there and cannot be understood. Kind: failed.
class InvalidPolicy : public core::Error {
 public:
  InvalidPolicy(std::string_view vm, std::string_view why);
};

std::string to_tag(const DrPolicy& policy);
// Throws InvalidPolicy naming `vm`: not JSON, another version, an unknown key, a bad region or number.
DrPolicy parse_policy(const std::string& value, std::string_view vm);

struct PolicyChange {
  std::optional<std::string> region;
  std::optional<core::Millis> every, target_rto;
  std::optional<std::string> ssh_user, ssh_key;  // empty: taken away
};
// `existing` with the change made, and enabled. Throws core::Error (usage): no region, one equal to
// `vm_region`, less than an hour between drills, a target under a second,
// a user or key that ssh would take for an option, or a tag that would be too long.
DrPolicy apply(const std::optional<DrPolicy>& existing, const PolicyChange& change,
               std::string_view vm_region);

// What holds for a VM: its tag, else a backup schedule that replicates to another region. nullopt: neither.
std::optional<DrPolicy> effective(const std::optional<DrPolicy>& stated,
                                  const std::optional<backup::BackupSchedule>& schedule);

// When the next drill is due, from the newest one that passed or failed in the policy's region; the epoch
// when there was none. `history` may be of several VMs and regions.
core::TimePoint next_due(const DrPolicy& policy, const VmRef& vm, const std::vector<DRTestResult>& history);

struct PolicyView {
  VmRef vm;
  std::optional<DrPolicy> policy;  // what holds
  bool stated = false;             // by azlin:dr; else by the backup schedule
  std::string error;               // a tag that cannot be read
  core::TimePoint due;             // when a policy holds and is enabled
};

}  // namespace azlin::dr
