#pragma once
// Backup policies of the simulated vaults: what the service accepts, when a policy runs next, how long it
// keeps a point.
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

// Checks the properties of a policy and fills in what the service fills in. Throws ApiError 400 with the
// service's code.
void check_policy(Json& properties, const std::string& api_version);

// Throws ApiError 400 when `wanted` keeps something for less time than `present`: an immutable vault refuses
// that.
void check_no_shorter(const Json& present, const Json& wanted);

struct ScheduledRun {
  std::string type;  // Full, Differential, Incremental
  core::TimePoint at{};
};
// The first run after `after`. Logs have no single runs. nullopt: nothing is scheduled.
std::optional<ScheduledRun> next_run(const Json& properties, core::TimePoint after);

// Minutes between log backups; 0: the policy has none. Days that logs are kept.
int log_minutes(const Json& properties);
int log_days(const Json& properties);
bool has_sub_policy(const Json& properties, const std::string& type);

struct Expiry {
  core::TimePoint at{};
  std::string rule;  // Daily, Weekly, Monthly, Yearly
};
// When a point of this type taken at `taken` goes by the policy's retention.
Expiry expiry_of(const Json& properties, const std::string& type, core::TimePoint taken);

// Minutes east of UTC of a Windows time zone id, without summer time; nullopt: no such id.
std::optional<int> zone_offset(const std::string& windows_id);

}  // namespace azlin::simulator
