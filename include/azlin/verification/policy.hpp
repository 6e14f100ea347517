#pragma once
// At which level and how often a VM's backups are verified by themselves: the VM tag `azlin:verification`
// (format: docs/tags.md). Pure.
#include <optional>
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"
#include "azlin/snapshot/tags.hpp"
#include "azlin/verification/level.hpp"
#include "azlin/verification/report.hpp"

namespace azlin::verification {

inline constexpr const char* kVerificationTag = "azlin:verification";
inline constexpr core::Millis kShortestEvery = std::chrono::hours{1};
inline constexpr core::Millis kLongestEvery = std::chrono::hours{24 * 366};

struct VerificationPolicy {
  bool enabled = true;
  Level level = Level::content;
  core::Millis every = std::chrono::hours{24};  // whole hours
  bool operator==(const VerificationPolicy&) const = default;
};

std::string to_tag(const VerificationPolicy& policy);
// Throws core::Error (failed) naming `vm` and the tag: not JSON, another version, an unknown key, a bad
// value.
VerificationPolicy parse_verification(const std::string& value, std::string_view vm);

// Whether a backup with this mark is due by the policy. A failed one is due when its time has come; one that
// passed at a lower level counts as never verified.
Due due(const VerificationPolicy& policy, const std::optional<snapshot::VerifiedMark>& mark,
        core::TimePoint now);

}  // namespace azlin::verification
