#include "azlin/platform/cosmos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

std::string api_of(const json& body) {
  if (text(body, "kind") == "MongoDB") return "MongoDB";
  for (const auto& capability : at(props(body), "capabilities")) {
    const auto name = text(capability, "name");
    if (name == "EnableGremlin") return "Gremlin";
    if (name == "EnableTable") return "Table";
    if (name == "EnableCassandra") return "Cassandra";
  }
  return "Sql";
}

CosmosBackupPolicy policy_of(const json& policy) {
  CosmosBackupPolicy out;
  out.type = text(policy, "type");
  out.tier = text(at(policy, "continuousModeProperties"), "tier");
  const auto& periodic = at(policy, "periodicModeProperties");
  out.interval_minutes = static_cast<int>(number(periodic, "backupIntervalInMinutes"));
  out.retention_hours = static_cast<int>(number(periodic, "backupRetentionIntervalInHours"));
  out.redundancy = text(periodic, "backupStorageRedundancy");
  out.migration = text(at(policy, "migrationState"), "status");
  if (out.migration == "Invalid") out.migration.clear();
  return out;
}

std::string squeezed(const std::string& region) {
  std::string out;
  for (const char c : core::to_lower(region))
    if (c != ' ') out += c;
  return out;
}

json continuous_body(const CosmosAccount& account, const PolicyChange& change, bool& irreversible) {
  if (change.interval_minutes || change.retention_hours || change.redundancy)
    throw Error(ErrorKind::usage, "interval, retention and redundancy are of the periodic policy",
                "a continuous one has a tier: Continuous7Days or Continuous30Days");
  const bool is_now = account.policy.type == "Continuous";
  if (!is_now && account.api == "Cassandra")
    throw Error(ErrorKind::usage, "an account of the Cassandra API has no continuous backup");
  if (!is_now && account.many_writers)
    throw Error(ErrorKind::usage, fmt::format("{} writes in several regions: it has no continuous backup",
                                              account.resource.name));
  if (!is_now && flag(props(account.resource.body), "enableAnalyticalStorage"))
    throw Error(ErrorKind::usage, fmt::format("{} has an analytical store: it has no continuous backup",
                                              account.resource.name));
  irreversible = !is_now;
  json policy = {{"type", "Continuous"}};
  if (change.tier) policy["continuousModeProperties"] = {{"tier", *change.tier}};
  return {{"properties", {{"backupPolicy", policy}}}};
}

json periodic_body(const CosmosAccount& account, const PolicyChange& change, std::string& loses) {
  if (account.policy.type == "Continuous")
    throw Error(ErrorKind::usage,
                fmt::format("{} has continuous backup; there is no way back to the periodic one",
                            account.resource.name));
  if (change.tier) throw Error(ErrorKind::usage, "a tier belongs to the continuous policy");
  const int interval = change.interval_minutes.value_or(account.policy.interval_minutes);
  const int hours = change.retention_hours.value_or(account.policy.retention_hours);
  if (interval < 60 || interval > 1440)
    throw Error(ErrorKind::usage,
                fmt::format("an interval of {} minutes; the service takes 60 to 1440", interval));
  if (hours * 60 < interval * 2 || hours > 720)
    throw Error(
        ErrorKind::usage,
        fmt::format("a retention of {} hours; it must be at least two intervals and at most 720 hours",
                    hours));
  json periodic = {{"backupIntervalInMinutes", interval}, {"backupRetentionIntervalInHours", hours}};
  if (change.redundancy) {
    periodic["backupStorageRedundancy"] = *change.redundancy;
    if (*change.redundancy != account.policy.redundancy) loses = "the backups kept so far are lost at once";
  }
  if (loses.empty() && hours < account.policy.retention_hours)
    loses = fmt::format("backups older than {} hours are lost", hours);
  return {{"properties", {{"backupPolicy", {{"type", "Periodic"}, {"periodicModeProperties", periodic}}}}}};
}

}  // namespace

CosmosAccount read_cosmos(const Resource& account) {
  CosmosAccount out;
  out.resource = account;
  const auto& properties = props(account.body);
  out.policy = policy_of(at(properties, "backupPolicy"));
  for (const auto& location : at(properties, "locations"))
    out.regions.push_back({text(location, "locationName"),
                           static_cast<int>(number(location, "failoverPriority")),
                           flag(location, "isZoneRedundant"), text(location, "provisioningState")});
  std::sort(out.regions.begin(), out.regions.end(),
            [](const auto& a, const auto& b) { return a.priority < b.priority; });
  out.automatic_failover = flag(properties, "enableAutomaticFailover");
  out.many_writers = flag(properties, "enableMultipleWriteLocations");
  out.consistency = text(at(properties, "consistencyPolicy"), "defaultConsistencyLevel");
  out.instance = text(properties, "instanceId");
  out.api = api_of(account.body);
  return out;
}

json plan_policy(const CosmosAccount& account, const PolicyChange& change, std::string& loses,
                 bool& irreversible) {
  irreversible = false;
  if (account.policy.migration == "InProgress")
    throw Error(ErrorKind::busy, fmt::format("{} is being moved to continuous backup", account.resource.name),
                "its policy, regions and failover can be changed when that has ended");
  const auto type = change.type.value_or(account.policy.type);
  return type == "Continuous" ? continuous_body(account, change, irreversible)
                              : periodic_body(account, change, loses);
}

namespace {

using Done = std::function<bool(const CosmosAccount& now)>;

// What was not said in `wanted` may be as it is.
bool is_policy(const CosmosBackupPolicy& now, const CosmosBackupPolicy& wanted) {
  const auto fits = [](const std::string& is, const std::string& want) { return want.empty() || is == want; };
  if (wanted.type == "Continuous")
    return now.migration == "InProgress" || (now.type == wanted.type && fits(now.tier, wanted.tier));
  return now.type == wanted.type && now.interval_minutes == wanted.interval_minutes &&
         now.retention_hours == wanted.retention_hours && fits(now.redundancy, wanted.redundancy);
}

// What the account is when no change runs any more.
CosmosAccount settled(Service& service, const CosmosAccount& account, std::stop_token stop,
                      const arm::Progress& progress) {
  Resource now = account.resource;
  while (true) {
    now.body = service.get(now.id, kCosmosVersion, stop);
    const auto state = text(props(now.body), "provisioningState");
    if (state != "Updating") return read_cosmos(now);
    if (progress) progress(state, std::nullopt);
    if (!service.clock().sleep_for(core::Millis{10'000}, stop))
      throw Error(ErrorKind::interrupted, "interrupted while the change goes on in Azure");
  }
}

// Orders a change. Where the reply is lost, or the order that was sent again is refused because the first one
// is being followed, the account says what became of it.
void order(Service& service, const CosmosAccount& account, const char* method, const char* verb,
           const json& body, std::stop_token stop, const arm::Progress& progress, const Done& done) {
  try {
    service.change(method, account.resource.id + verb, kCosmosVersion, body, stop, progress);
  } catch (const Error& error) {
    const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
    const bool unsure = refused != nullptr ? refused->status() == 412
                                           : dynamic_cast<const http::NetworkError*>(&error) != nullptr;
    if (!unsure || !done(settled(service, account, stop, progress))) throw;
  }
}

}  // namespace

void set_policy(Service& service, const CosmosAccount& account, const json& body, std::stop_token stop,
                const arm::Progress& progress) {
  const auto wanted = policy_of(at(props(body), "backupPolicy"));
  order(service, account, "PATCH", "", body, stop, progress,
        [&](const auto& now) { return is_policy(now.policy, wanted); });
}

bool same_region(const std::string& a, const std::string& b) {
  return squeezed(a) == squeezed(b);
}

namespace {

json regions_body(const std::vector<CosmosRegion>& regions) {
  json list = json::array();
  int priority = 0;
  for (const auto& region : regions)
    list.push_back(
        {{"locationName", region.name}, {"failoverPriority", priority++}, {"isZoneRedundant", region.zones}});
  return {{"properties", {{"locations", list}}}};
}

const CosmosRegion* find_region(const CosmosAccount& account, const std::string& name) {
  for (const auto& region : account.regions)
    if (same_region(region.name, name)) return &region;
  return nullptr;
}

void check_not_moving(const CosmosAccount& account) {
  if (account.policy.migration == "InProgress")
    throw Error(ErrorKind::busy, fmt::format("{} is being moved to continuous backup", account.resource.name),
                "its regions can be changed when that has ended");
}

}  // namespace

// Regions go alone in their PATCH, in the order that there is.
json plan_added_region(const CosmosAccount& account, const std::string& region, bool zones) {
  check_not_moving(account);
  if (find_region(account, region) != nullptr)
    throw Error(ErrorKind::usage, fmt::format("{} is in {} already", account.resource.name, region));
  auto regions = account.regions;
  regions.push_back({region, static_cast<int>(regions.size()), zones, ""});
  return regions_body(regions);
}

json plan_removed_region(const CosmosAccount& account, const std::string& region) {
  check_not_moving(account);
  const auto* found = find_region(account, region);
  if (found == nullptr)
    throw Error(ErrorKind::usage, fmt::format("{} is not in {}", account.resource.name, region));
  if (found->priority == 0)
    throw Error(ErrorKind::usage, fmt::format("{} writes in {}", account.resource.name, region),
                "fail over to another region first");
  auto regions = account.regions;
  std::erase_if(regions, [&](const auto& each) { return same_region(each.name, region); });
  return regions_body(regions);
}

void set_regions(Service& service, const CosmosAccount& account, const json& body, std::stop_token stop,
                 const arm::Progress& progress) {
  const auto& wanted = at(props(body), "locations");
  order(service, account, "PATCH", "", body, stop, progress, [&](const auto& now) {
    return now.regions.size() == wanted.size() &&
           std::all_of(wanted.begin(), wanted.end(), [&](const json& each) {
             return find_region(now, text(each, "locationName")) != nullptr;
           });
  });
}

void set_automatic_failover(Service& service, const CosmosAccount& account, bool on, std::stop_token stop,
                            const arm::Progress& progress) {
  order(service, account, "PATCH", "", {{"properties", {{"enableAutomaticFailover", on}}}}, stop, progress,
        [&](const auto& now) { return now.automatic_failover == on; });
}

json plan_failover(const CosmosAccount& account, const std::string& to) {
  check_not_moving(account);
  const auto* target = find_region(account, to);
  if (target == nullptr)
    throw Error(ErrorKind::usage, fmt::format("{} is not in {}", account.resource.name, to),
                "`azlin platform cosmos regions` shows where it is");
  if (account.many_writers)
    throw Error(ErrorKind::usage, fmt::format("{} writes in every region: there is nothing to fail over",
                                              account.resource.name));
  if (target->priority == 0)
    throw Error(ErrorKind::usage, fmt::format("{} writes in {} already", account.resource.name, to));
  json policies = json::array({{{"locationName", target->name}, {"failoverPriority", 0}}});
  int priority = 1;
  for (const auto& region : account.regions)
    if (&region != target)
      policies.push_back({{"locationName", region.name}, {"failoverPriority", priority++}});
  return {{"failoverPolicies", policies}};
}

void fail_over_cosmos(Service& service, const CosmosAccount& account, const json& body, std::stop_token stop,
                      const arm::Progress& progress) {
  const auto to = text(body["failoverPolicies"].front(), "locationName");
  order(service, account, "POST", "/failoverPriorityChange", body, stop, progress,
        [&](const auto& now) { return !now.regions.empty() && same_region(now.regions.front().name, to); });
}

}  // namespace azlin::platform
