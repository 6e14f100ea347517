// Recovery points and log chains: what there is to go back to.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kType =
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints";
constexpr const char* kRange = "DefaultRangeRecoveryPoint";
constexpr const char* kNoTime = "0001-01-01T00:00:00Z";
constexpr const char* kPropertiesVersion = "2023-06-01";                          // recoveryPointProperties
constexpr core::Millis kCopyDemo{2'000}, kCopyRealistic{std::chrono::hours{12}};  // to the paired region

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}
core::TimePoint time_from(const Json& value) {
  return core::TimePoint{core::Millis{value.get<std::int64_t>()}};
}

bool keeps_everything(const RecoveryObject& item) {
  return item.properties()["protectionState"] == "ProtectionStopped";
}

// A full stays as long as a differential, incremental or log needs it.
bool is_needed(const RecoveryObject& point, const std::vector<RecoveryObject>& kept,
               const std::vector<TimeRange>& ranges) {
  for (const auto& other : kept)
    if (other.notes.value("parent", "") == point.key()) return true;
  return std::any_of(ranges.begin(), ranges.end(), [&](const TimeRange& range) {
    return range.start <= point.at && point.at <= range.end && point.notes["type"] == "Full";
  });
}

Json database_point(const RecoveryObject& item, const RecoveryObject& point, const std::string& version) {
  const bool hana = item.notes["workload"] != "SQLDataBase";
  Json properties = {
      {"objectType", hana ? "AzureWorkloadSAPHanaRecoveryPoint" : "AzureWorkloadSQLRecoveryPoint"},
      {"recoveryPointTimeInUTC", iso(point.at)},
      {"type", point.notes["type"]},
      {"recoveryPointTierDetails", {{{"type", "HardenedRP"}, {"status", "Valid"}}}},
      {"recoveryPointMoveReadinessInfo",
       {{"ArchivedRP", {{"isReadyForMove", false}, {"additionalInfo", ""}}}}}};
  if (version_at_least(version, kPropertiesVersion)) {
    properties["recoveryPointProperties"] = {{"expiryTime", iso(time_from(point.notes["expiry"]))},
                                             {"ruleName", point.notes.value("rule", "")},
                                             {"isSoftDeleted", is_soft_deleted(item)}};
  }
  return properties;
}

Json vm_point(const RecoveryObject& item, const RecoveryObject& point, core::TimePoint now,
              const std::string& version) {
  Json tiers = Json::array();
  if (time_from(point.notes["instantUntil"]) > now)
    tiers.push_back({{"type", "InstantRP"}, {"status", "Valid"}});
  tiers.push_back({{"type", "HardenedRP"}, {"status", "Valid"}});
  const Json& vm = point.notes["vm"];
  Json properties = {{"objectType", "IaasVMRecoveryPoint"},
                     {"recoveryPointType", point.notes.value("consistency", "AppConsistent")},
                     {"recoveryPointTime", iso(point.at)},
                     {"recoveryPointAdditionalInfo", ""},
                     {"sourceVMStorageType", "PremiumVMOnPartialPremiumStorage"},
                     {"isManagedVirtualMachine", true},
                     {"virtualMachineSize", text_at(vm, "/properties/hardwareProfile/vmSize")},
                     {"originalStorageAccountOption", false},
                     {"osType", text_at(vm, "/properties/storageProfile/osDisk/osType", "Linux")},
                     {"isInstantIlrSessionActive", point.notes.value("mounted", false)},
                     {"isSourceVMEncrypted", false},
                     {"recoveryPointTierDetails", tiers},
                     {"recoveryPointDiskConfiguration",
                      {{"numberOfDisksIncludedInBackup", point.notes["disks"].size()},
                       {"numberOfDisksAttachedToVm", point.notes["disks"].size()}}}};
  if (vm.contains("zones")) properties["zones"] = vm["zones"];
  if (version_at_least(version, kPropertiesVersion)) {
    properties["recoveryPointProperties"] = {{"expiryTime", iso(time_from(point.notes["expiry"]))},
                                             {"ruleName", point.notes.value("rule", "")},
                                             {"isSoftDeleted", is_soft_deleted(item)}};
  }
  return properties;
}

Json present(Recovery& recovery, const RecoveryObject& item, const RecoveryObject& point,
             const std::string& version, bool extended) {
  Json properties = item.notes["workload"] == "VM" ? vm_point(item, point, recovery.now(), version)
                                                   : database_point(item, point, version);
  if (extended && item.notes["workload"] == "SQLDataBase")
    properties["extendedInfo"] = {{"dataDirectoryTimeInUTC", iso(point.at)},
                                  {"dataDirectoryPaths", point.notes["files"]}};
  return {{"id", point.id}, {"name", point.name()}, {"type", kType}, {"properties", properties}};
}

// The one pseudo point that stands for all logs. It has no file layout of its own; asked for, the list is
// empty.
Json range_point(const RecoveryObject& item, const std::vector<TimeRange>& ranges, bool extended) {
  const bool sql = item.notes["workload"] == "SQLDataBase";
  Json list = Json::array();
  for (const auto& range : ranges)
    list.push_back({{"startTime", iso(range.start)}, {"endTime", iso(range.end)}});
  Json properties = {{"objectType", sql ? "AzureWorkloadSQLPointInTimeRecoveryPoint"
                                        : "AzureWorkloadSAPHanaPointInTimeRecoveryPoint"},
                     {"recoveryPointTimeInUTC", kNoTime},
                     {"type", "Log"},
                     {"timeRanges", list}};
  if (sql && extended)
    properties["extendedInfo"] = {{"dataDirectoryTimeInUTC", kNoTime}, {"dataDirectoryPaths", Json::array()}};
  return {{"id", item.id + "/recoveryPoints/" + kRange},
          {"name", kRange},
          {"type", kType},
          {"properties", properties}};
}

bool type_asked(const std::string& query, const std::string& type) {
  const std::string wanted = lower(query);
  if (wanted.empty() || wanted == "all") return true;
  if (wanted == "fullanddifferential")
    return type == "Full" || type == "CopyOnlyFull" || type == "Differential";
  if (wanted == "full") return type == "Full" || type == "CopyOnlyFull";
  return same(wanted, type);
}

Reply list_points(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  const bool secondary = is_secondary(request.api_version);
  if (secondary && vault.hidden["crr"] != true)
    throw_invalid_input("Cross region restore is not enabled for the vault.");
  const Filter filter = parse_filter(request);
  const auto bound = [&](const char* key) -> std::optional<core::TimePoint> {
    const auto found = filter.find(key);
    if (found == filter.end()) return std::nullopt;
    const auto time = parse_filter_time(found->second);
    if (!time) throw_invalid_input(std::string(key) + " is not a date.");
    return time;
  };
  const auto start = bound("startdate"), end = bound("enddate");
  const auto query = filter.find("restorepointquerytype");
  const std::string wanted = query == filter.end() ? "" : query->second;
  const auto asked = filter.find("extendedinfo");
  const bool extended = asked != filter.end() && same(asked->second, "true");
  Json value = Json::array();
  if (item->notes["workload"] != "VM" && type_asked(wanted, "Log")) {
    const auto ranges = log_ranges(recovery, *item);
    if (!ranges.empty()) value.push_back(range_point(*item, ranges, extended));
  }
  for (const auto& point : secondary ? secondary_points(recovery, *item) : visible_points(recovery, *item)) {
    if ((start && point.at < *start) || (end && point.at > *end)) continue;
    if (item->notes["workload"] != "VM" && !type_asked(wanted, point.notes["type"])) continue;
    value.push_back(present(recovery, *item, point, request.api_version, extended));
  }
  return Reply::json(200, {{"value", value}});
}

Reply get_point(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  if (same(request.param("point"), kRange)) {
    const auto ranges = log_ranges(recovery, *item);
    if (ranges.empty()) throw_item_not_found();
    return Reply::json(200, range_point(*item, ranges, true));
  }
  for (const auto& point : visible_points(recovery, *item))
    if (same(point.name(), request.param("point")))
      return Reply::json(200, present(recovery, *item, point, request.api_version, true));
  throw_item_not_found();
}

}  // namespace

std::vector<TimeRange> log_ranges(const Recovery& recovery, const RecoveryObject& item) {
  std::vector<TimeRange> ranges;
  const core::Millis step = std::chrono::minutes{std::max(1, item.notes.value("logMinutes", 0))};
  const core::TimePoint oldest = keeps_everything(item)
                                     ? core::TimePoint{}
                                     : recovery.now() - std::chrono::days{item.notes.value("logDays", 0)};
  for (const auto& chain : item.notes["chains"]) {
    TimeRange range{time_from(chain["start"]), {}};
    if (!chain["end"].is_null()) {
      range.end = time_from(chain["end"]);
    } else {
      const auto steps = item.notes.value("logMinutes", 0) == 0 ? 0 : (recovery.now() - range.start) / step;
      range.end = std::max(range.start + steps * step, time_from(chain["last"]));
    }
    range.start = std::max(range.start, oldest);
    if (range.end > range.start) ranges.push_back(range);
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const TimeRange& a, const TimeRange& b) { return a.start > b.start; });
  return ranges;
}

void close_chain(RecoveryObject& item, core::TimePoint now) {
  const core::Millis step = std::chrono::minutes{std::max(1, item.notes.value("logMinutes", 0))};
  for (auto& chain : item.notes["chains"]) {
    if (!chain["end"].is_null()) continue;
    const auto start = time_from(chain["start"]);
    const auto steps = item.notes.value("logMinutes", 0) == 0 ? 0 : (now - start) / step;
    chain["end"] = millis(std::max(start + steps * step, time_from(chain["last"])));
  }
}

std::vector<RecoveryObject> visible_points(Recovery& recovery, const RecoveryObject& item) {
  auto points = recovery.store.children("point", item.id);
  std::sort(points.begin(), points.end(),
            [](const RecoveryObject& a, const RecoveryObject& b) { return a.at > b.at; });
  if (keeps_everything(item)) return points;
  const auto ranges = log_ranges(recovery, item);
  std::vector<RecoveryObject> kept;
  for (const auto& point : points) {
    const bool expired = time_from(point.notes["expiry"]) <= recovery.now();
    if (!expired || kept.empty() || is_needed(point, kept, ranges)) {
      kept.push_back(point);
    } else {
      erase_point(recovery, point);
    }
  }
  return kept;
}

std::vector<RecoveryObject> secondary_points(Recovery& recovery, const RecoveryObject& item) {
  auto points = visible_points(recovery, item);
  const auto latest = recovery.now() - recovery.context.delay(kCopyDemo, kCopyRealistic);
  std::erase_if(points, [&](const RecoveryObject& point) { return point.at > latest; });
  return points;
}

void erase_point(Recovery& recovery, const RecoveryObject& point) {
  if (point.notes.contains("disks"))
    for (const auto& disk : point.notes["disks"])
      contents(recovery.context).remove(disk["volume"].get<VolumeId>());
  recovery.store.erase(point.id);
}

void add_recovery_points(Router& router, Recovery& recovery) {
  router.arm("GET", kItemPath + "/recoveryPoints", kBothRegions,
             [&recovery](Request& request) { return list_points(recovery, request); });
  router.arm("GET", kPointPath, kBothRegions,
             [&recovery](Request& request) { return get_point(recovery, request); });
}

}  // namespace azlin::simulator
