#include "protection/settings.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"

namespace azlin::protection {

using core::Error;
using core::ErrorKind;

namespace {

bool states_retention(const Settings& settings) {
  return settings.daily || settings.weekly || settings.monthly;
}

// A VM without a schedule gets none from settings that only take something away.
bool asks_for_backups(const Settings& settings) {
  if (settings.schedule) return !settings.schedule->off;
  return states_retention(settings) || (settings.region && !settings.region->empty());
}

}  // namespace

std::optional<backup::BackupSchedule> wanted_schedule(const VmState& now, const Settings& settings) {
  if (!settings.schedule && !states_retention(settings) && !settings.region) return now.schedule;
  if (!now.schedule && !asks_for_backups(settings)) return std::nullopt;
  backup::ScheduleChange change;
  change.daily = settings.daily;
  change.weekly = settings.weekly;
  change.monthly = settings.monthly;
  if (settings.region && settings.region->empty())
    change.cross_region = false;
  else
    change.target_region = settings.region;
  auto wanted = backup::apply(now.schedule, change, now.vm.location);
  // Unlike the flags of `backup configure`, a number here does not switch its tier, or backups, on.
  const backup::BackupSchedule before = now.schedule.value_or(backup::BackupSchedule{});
  const bool listed = settings.schedule && !settings.schedule->off;
  wanted.weekly_on = listed ? settings.schedule->weekly : before.weekly_on;
  wanted.monthly_on = listed ? settings.schedule->monthly : before.monthly_on;
  wanted.enabled = settings.schedule ? !settings.schedule->off : before.enabled;
  return wanted;
}

std::optional<dr::DrPolicy> wanted_drill(const VmState& now, const Settings& settings,
                                         const std::optional<backup::BackupSchedule>& schedule) {
  if (!settings.drill) return now.drill;
  auto existing = dr::effective(now.drill, schedule);
  if (settings.drill->off) {
    if (!existing || !existing->enabled) return now.drill;
    existing->enabled = false;
    return existing;
  }
  dr::PolicyChange change;
  change.region = settings.drill->region;
  if (!change.region && settings.region && !settings.region->empty()) change.region = settings.region;
  change.every = settings.drill->every;
  change.target_rto = settings.drill->target_rto;
  change.ssh_user = settings.drill->ssh_user;
  change.ssh_key = settings.drill->ssh_key;
  if (!change.region && !existing)
    throw Error(ErrorKind::usage, "a drill needs a region: state `region`, or `region` of the drill");
  return dr::apply(existing, change, now.vm.location);
}

std::optional<verification::VerificationPolicy> wanted_verification(const VmState& now,
                                                                    const Settings& settings) {
  if (!settings.verification) return now.verification;
  auto wanted = now.verification.value_or(verification::VerificationPolicy{});
  wanted.enabled = !settings.verification->off;
  wanted.level = settings.verification->level.value_or(wanted.level);
  wanted.every = settings.verification->every.value_or(wanted.every);
  return wanted;
}

std::string schedule_text(const backup::BackupSchedule& schedule) {
  if (!schedule.enabled) return "off";
  return std::string("daily") + (schedule.weekly_on ? ", weekly" : "") +
         (schedule.monthly_on ? ", monthly" : "");
}

std::string text_of(const dr::DrPolicy& policy) {
  if (!policy.enabled) return "off";
  std::string text = fmt::format("every {} in {}, target RTO {}", to_short_text(policy.every), policy.region,
                                 to_short_text(policy.target_rto));
  if (!policy.ssh_user.empty()) text += ", as " + policy.ssh_user;
  if (!policy.ssh_key.empty()) text += ", with " + policy.ssh_key;
  return text;
}

std::string text_of(const verification::VerificationPolicy& policy) {
  if (!policy.enabled) return "off";
  return fmt::format("{} every {}", verification::to_string(policy.level), to_short_text(policy.every));
}

std::string text_of(const backup::GroupMark& mark) {
  return fmt::format("{}, stage {}", mark.name, mark.stage);
}

}  // namespace azlin::protection
