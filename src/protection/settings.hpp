#pragma once
// The settings of a rule, made into what the tags of a VM say.
#include "azlin/protection/plan.hpp"

namespace azlin::protection {

// What the VM should have; as it is where the settings say nothing. Throw core::Error (usage) for what cannot
// be.
std::optional<backup::BackupSchedule> wanted_schedule(const VmState& now, const Settings& settings);
std::optional<dr::DrPolicy> wanted_drill(const VmState& now, const Settings& settings,
                                         const std::optional<backup::BackupSchedule>& schedule);
std::optional<verification::VerificationPolicy> wanted_verification(const VmState& now,
                                                                    const Settings& settings);

// For people: "daily, weekly", "every 7d in westus2, target RTO 15m".
std::string schedule_text(const backup::BackupSchedule& schedule);
std::string text_of(const dr::DrPolicy& policy);
std::string text_of(const verification::VerificationPolicy& policy);
std::string text_of(const backup::GroupMark& mark);

}  // namespace azlin::protection
