// Regions, failover, and the backup policy with its migration.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kFailoverKind = "cosmos failover";
constexpr const char* kMigrateKind = "cosmos migrate";

// "West US" and "westus" are the same region.
std::string region_name(const std::string& text) {
  const Location* location = find_location(text);
  if (location == nullptr) throw_cosmos(fmt::format("The location '{}' is not valid.", text));
  return location->name;
}

Json by_priority(std::vector<Json> regions) {
  std::sort(regions.begin(), regions.end(),
            [](const Json& a, const Json& b) { return a["priority"] < b["priority"]; });
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (regions[i]["priority"] != i)
      throw_cosmos("Failover priorities must be unique and go from 0 to the number of regions less one.");
    for (std::size_t j = 0; j < i; ++j)
      if (regions[i]["name"] == regions[j]["name"]) throw_cosmos("A region is named twice.");
  }
  return regions;
}

// POST failoverPriorityChange names every region with its new priority; a new priority 0 is a failover.
Reply change_priorities(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  check_idle(account);
  std::vector<Json> regions;
  for (const auto& policy : request.object().value("failoverPolicies", Json::array()))
    regions.push_back({{"name", region_name(text_at(policy, "/locationName"))},
                       {"priority", number_at(policy, "/failoverPriority", -1)}});
  Json wanted = by_priority(regions);
  const Json& present = account.hidden["regions"];
  if (wanted.size() != present.size())
    throw_cosmos("The failover policies must name every region of the account.");
  for (auto& region : wanted) {
    const auto known = std::find_if(present.begin(), present.end(),
                                    [&](const Json& one) { return one["name"] == region["name"]; });
    if (known == present.end())
      throw_cosmos(fmt::format("The account has no region '{}'.", region["name"].get<std::string>()));
    region["zones"] = (*known)["zones"];
  }
  if (flag_at(account.body, "/properties/enableMultipleWriteLocations", false))
    throw_cosmos("An account with multiple write locations has no failover priorities to change.");
  if (context.faults.region_down(wanted[0]["name"]))
    throw ApiError(503, "ServiceUnavailable",
                   "The region that is to become the write region is unavailable.");
  account.body["properties"]["provisioningState"] = "Updating";
  context.save(account);
  Work work{kFailoverKind,
            account.id,
            {{"id", account.id}, {"regions", wanted}},
            core::Millis{2'000},
            core::Millis{300'000}};
  return context.operations.start(request, LroShape::cosmos, account.location, work, 202);
}

Json fail_over(Context& context, const Json& data) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return nullptr;
  account->hidden["regions"] = data["regions"];
  account->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*account);
  return nullptr;
}

Json migrate(Context& context, const Json& data) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return nullptr;
  Json& policy = account->body["properties"]["backupPolicy"];
  policy = data["policy"];
  policy["migrationState"] = {
      {"status", "Completed"}, {"targetType", "Continuous"}, {"startTime", data["started"]}};
  account->hidden["since"] = data["ends"];  // restorable from then on only, whenever somebody looks
  context.save(*account);
  note_restorable(context, *account, false);
  return nullptr;
}

void migration_failed(Context& context, const Json& data, const ApiError&) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return;
  account->body["properties"]["backupPolicy"]["migrationState"]["status"] = "Failed";
  context.save(*account);
}

Json checked_periodic(const Json& wanted) {
  const auto interval = number_at(wanted, "/periodicModeProperties/backupIntervalInMinutes", 240);
  const auto retention = number_at(wanted, "/periodicModeProperties/backupRetentionIntervalInHours", 8);
  if (interval < 60 || interval > 1'440) throw_cosmos("backupIntervalInMinutes must be between 60 and 1440.");
  if (retention < 8 || retention > 720 || retention * 60 < 2 * interval)
    throw_cosmos("backupRetentionIntervalInHours must be between 8 and 720, and at least two intervals.");
  const std::string redundancy =
      enum_value(text_at(wanted, "/periodicModeProperties/backupStorageRedundancy", "Geo"),
                 {"Geo", "Local", "Zone"}, "backupStorageRedundancy");
  return {{"type", "Periodic"},
          {"periodicModeProperties",
           {{"backupIntervalInMinutes", interval},
            {"backupRetentionIntervalInHours", retention},
            {"backupStorageRedundancy", redundancy}}}};
}

void begin_migration(Context& context, Resource& account, const Json& policy) {
  const Json& properties = account.body["properties"];
  if (flag_at(properties, "/enableMultipleWriteLocations", false) ||
      flag_at(properties, "/enableAnalyticalStorage", false))
    throw_cosmos("Continuous backup is not supported with multiple write locations or analytical storage.");
  for (const auto& capability : properties["capabilities"])
    if (text_at(capability, "/name") == "EnableCassandra")
      throw_cosmos("Continuous backup is not supported for Cassandra.");
  const std::string started = core::to_iso8601(context.now());
  account.body["properties"]["backupPolicy"]["migrationState"] = {
      {"status", "InProgress"}, {"targetType", "Continuous"}, {"startTime", started}};
  const auto delay = context.delay(core::Millis{3'000}, core::Millis{90 * 60'000});
  context.operations.schedule({kMigrateKind,
                               account.id,
                               {{"id", account.id},
                                {"policy", policy},
                                {"started", started},
                                {"ends", core::to_iso8601(context.now() + delay)}}},
                              delay);
}

}  // namespace

bool is_continuous(const Resource& account) {
  return text_at(account.body, "/properties/backupPolicy/type") == "Continuous";
}

Json checked_backup_policy(const Json& wanted) {
  const std::string type =
      enum_value(text_at(wanted, "/type"), {"Periodic", "Continuous"}, "backupPolicy.type");
  if (type == "Periodic") {
    if (wanted.contains("continuousModeProperties")) throw_cosmos("A periodic backup policy has no tier.");
    return checked_periodic(wanted);
  }
  if (wanted.contains("periodicModeProperties")) throw_cosmos("A continuous backup policy has no interval.");
  const std::string tier = enum_value(text_at(wanted, "/continuousModeProperties/tier", "Continuous30Days"),
                                      {"Continuous7Days", "Continuous30Days"}, "tier");
  return {{"type", "Continuous"}, {"continuousModeProperties", {{"tier", tier}}}};
}

void change_backup_policy(Context& context, Resource& account, const Json& wanted) {
  const Json policy = checked_backup_policy(wanted);
  const bool now = is_continuous(account), then = policy["type"] == "Continuous";
  if (now && !then) throw_cosmos("Continuous backup cannot be changed back to periodic backup.");
  if (!now && then) return begin_migration(context, account, policy);
  const Json migration = account.body["properties"]["backupPolicy"].value("migrationState", Json());
  account.body["properties"]["backupPolicy"] = policy;
  if (!migration.is_null()) account.body["properties"]["backupPolicy"]["migrationState"] = migration;
}

Json checked_locations(const Json& wanted, const std::string& location) {
  if (!wanted.is_array() || wanted.empty()) return {{{"name", location}, {"priority", 0}, {"zones", false}}};
  std::vector<Json> regions;
  for (const auto& entry : wanted) {
    const std::string name = region_name(text_at(entry, "/locationName"));
    const bool zones = flag_at(entry, "/isZoneRedundant", false);
    if (zones && !find_location(name)->zones)
      throw_cosmos(fmt::format("The region '{}' has no availability zones.", name));
    regions.push_back(
        {{"name", name}, {"priority", number_at(entry, "/failoverPriority", 0)}, {"zones", zones}});
  }
  return by_priority(regions);
}

// Regions are added and taken away; those that stay keep their order, and the first one stays the first.
void change_locations(Context& context, Resource& account, const Json& wanted) {
  const Json regions = checked_locations(wanted, account.location), &present = account.hidden["regions"];
  if (regions[0]["name"] != present[0]["name"])
    throw_cosmos(
        "The write region cannot be changed or removed this way; change the failover priorities first.");
  std::vector<std::string> before, after;
  const auto kept = [](const Json& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](const Json& one) { return one["name"] == name; });
  };
  for (const auto& region : present)
    if (kept(regions, region["name"])) before.push_back(region["name"]);
  for (const auto& region : regions) {
    if (kept(present, region["name"])) after.push_back(region["name"]);
    if (context.faults.region_down(region["name"]) && !kept(present, region["name"]))
      throw ApiError(503, "ServiceUnavailable",
                     fmt::format("The region '{}' is unavailable.", region["name"].get<std::string>()));
  }
  if (before != after)
    throw_cosmos("Regions cannot be added, removed and put in another order in one request.");
  account.hidden["regions"] = regions;
}

void register_cosmos_regions(Router& router, Context& context) {
  router.arm("POST", group_path(kCosmosType) + "/{account}/failoverPriorityChange", kCosmosType,
             [&context](Request& request) { return change_priorities(context, request); });
  context.operations.on(kFailoverKind, fail_over, [](Context& cloud, const Json& data, const ApiError&) {
    auto account = cloud.state.find(data["id"].get<std::string>());
    if (!account) return;
    account->body["properties"]["provisioningState"] = "Succeeded";
    cloud.save(*account);
  });
  context.operations.on(kMigrateKind, migrate, migration_failed);
}

}  // namespace azlin::simulator
