#include "azlin/vault/restore.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kShownPoints = 10;

std::string range_text(const TimeRange& range) {
  return core::to_display(range.start) + " to " + core::to_display(range.end);
}

// What there is, for an error.
std::string what_there_is(const RecoveryPoints& points) {
  std::string text;
  for (const auto& range : points.logs) text += "\n  any moment from " + range_text(range) + " UTC";
  for (std::size_t i = 0; i < points.points.size() && i < kShownPoints; ++i)
    text += fmt::format("\n  {}  {}  {} UTC", points.points[i].name, points.points[i].type,
                        core::to_display(points.points[i].time));
  if (points.points.size() > kShownPoints)
    text += fmt::format("\n  and {} older", points.points.size() - kShownPoints);
  return text.empty() ? " there are none" : text;
}

ChosenPoint by_name(const RecoveryPoints& points, const std::string& name, const std::string& item) {
  const RecoveryPoint* found = nullptr;
  for (const auto& point : points.points) {
    if (point.name == name)
      return {point.id, std::nullopt, fmt::format("{} of {} UTC", point.type, core::to_display(point.time))};
    if (!point.name.starts_with(name)) continue;
    if (found != nullptr)
      throw Error(ErrorKind::usage, fmt::format("'{}' is the beginning of several points of {}", name, item));
    found = &point;
  }
  if (found == nullptr)
    throw Error(ErrorKind::not_found,
                fmt::format("{} has no recovery point '{}'; there is:{}", item, name, what_there_is(points)));
  return {found->id, std::nullopt, fmt::format("{} of {} UTC", found->type, core::to_display(found->time))};
}

ChosenPoint by_time(const RecoveryPoints& points, core::TimePoint time, const std::string& item) {
  for (const auto& range : points.logs)
    if (time >= range.start && time <= range.end)
      return {points.log_point_id, time, core::to_display(time) + " UTC"};
  for (const auto& point : points.points) {
    // A point is named to the second.
    if (std::chrono::floor<std::chrono::seconds>(point.time) ==
        std::chrono::floor<std::chrono::seconds>(time))
      return {point.id, std::nullopt, fmt::format("{} of {} UTC", point.type, core::to_display(point.time))};
  }
  throw Error(ErrorKind::not_found, fmt::format("no backup of {} covers {} UTC; there is:{}", item,
                                                core::to_display(time), what_there_is(points)));
}

ChosenPoint latest(const RecoveryPoints& points, const std::string& item) {
  const bool has_log = !points.logs.empty(), has_point = !points.points.empty();
  if (!has_log && !has_point)
    throw Error(ErrorKind::not_found, item + " has no recovery point yet", "`azlin vault backup` makes one");
  if (has_log && (!has_point || points.logs.front().end >= points.points.front().time))
    return by_time(points, points.logs.front().end, item);
  return by_name(points, points.points.front().name, item);
}

const char* prefix(const ProtectedItem& item) {
  return item.workload == Workload::sql ? "AzureWorkloadSQL" : "AzureWorkloadSAPHana";
}

}  // namespace

std::string region_path(const std::string& subscription, const std::string& region) {
  return "/subscriptions/" + subscription + "/providers/Microsoft.RecoveryServices/locations/" + region;
}

ChosenPoint choose_point(const RecoveryPoints& points, const PointChoice& choice, const std::string& item) {
  if (choice.at) return by_time(points, *choice.at, item);
  if (!choice.point.empty() && choice.point != "latest") return by_name(points, choice.point, item);
  return latest(points, item);
}

RecoveryPoints RestoreManager::points(const ProtectedItem& item, bool secondary, std::stop_token stop) {
  std::vector<json> bodies;
  service_.list(
      item.id + "/recoveryPoints", "", "list recovery points of " + item.friendly_name,
      [&](json&& body) {
        bodies.push_back(std::move(body));
        return true;
      },
      secondary ? kSecondaryVersion : kBackupVersion, stop);
  return parse_points(bodies);
}

std::vector<FileMove> RestoreManager::files_of(const ProtectedItem& item, const std::string& point_id,
                                               std::stop_token stop) {
  std::string id = point_id;
  // The logs know no files: the newest full backup's are theirs.
  if (last_segment(id) == "DefaultRangeRecoveryPoint")
    for (const auto& point : points(item, false, stop).points)
      if (point.type == "Full") {
        id = point.id;
        break;
      }
  const json body = service_.get(id, "read recovery point " + last_segment(id), kBackupVersion, stop);
  std::vector<FileMove> files;
  const json& paths = at(at(at(body, "properties"), "extendedInfo"), "dataDirectoryPaths");
  if (paths.is_array())
    for (const auto& path : paths)
      files.push_back(
          {text(path, "logicalName"), text(path, "path"), text(path, "path"), text(path, "type") == "Log"});
  return files;
}

json RestoreManager::original_body(const ProtectedItem& item, const ChosenPoint& point,
                                   bool no_recovery) const {
  json body = {
      {"objectType", std::string(prefix(item)) + (point.at ? "PointInTimeRestoreRequest" : "RestoreRequest")},
      {"recoveryType", "OriginalLocation"},
      {"sourceResourceId", item.source_id}};
  if (point.at) body["pointInTime"] = core::to_iso8601(*point.at);
  if (item.workload == Workload::sql) {
    body["shouldUseAlternateTargetLocation"] = false;
    body["isNonRecoverable"] = no_recovery;
  }
  return body;
}

json RestoreManager::alternate_body(const ProtectedItem& item, const ChosenPoint& point,
                                    const DatabaseTarget& target, bool no_recovery) const {
  json body = original_body(item, point, no_recovery);
  body["recoveryType"] = "AlternateLocation";
  body["targetVirtualMachineId"] = target.vm_id;
  body["targetInfo"] = {{"overwriteOption", target.overwrite ? "Overwrite" : "FailOnConflict"},
                        {"containerId", target.container_id}};
  if (!target.directory.empty()) {
    body["recoveryMode"] = "FileRecovery";
    body["targetInfo"]["targetDirectoryForFileRestore"] = target.directory;
    body.erase("shouldUseAlternateTargetLocation");
    body.erase("isNonRecoverable");
    return body;
  }
  body["targetInfo"]["databaseName"] = target.instance + "/" + target.database;
  if (item.workload != Workload::sql) return body;
  body["shouldUseAlternateTargetLocation"] = true;
  body["alternateDirectoryPaths"] = json::array();
  for (const auto& move : target.moves)
    body["alternateDirectoryPaths"].push_back({{"mappingType", move.log ? "Log" : "Data"},
                                               {"sourceLogicalName", move.logical_name},
                                               {"sourcePath", move.source},
                                               {"targetPath", move.target}});
  return body;
}

json RestoreManager::vm_body(const ProtectedItem& item, const ChosenPoint& point, const VmTarget& target,
                             const std::string& region) const {
  json body = {{"objectType", "IaasVMRestoreRequest"},
               {"recoveryPointId", last_segment(point.id)},
               {"sourceResourceId", item.source_id},
               {"region", region},
               {"storageAccountId", target.staging_account_id},
               {"createNewCloudService", false},
               {"originalStorageAccountOption", false},
               {"encryptionDetails", {{"encryptionEnabled", false}}}};
  switch (target.kind) {
    case VmTarget::Kind::disks:
      body["recoveryType"] = "RestoreDisks";
      body["targetResourceGroupId"] = target.group_id;
      if (target.os_disk_only) body["restoreDiskLunList"] = json::array();
      break;
    case VmTarget::Kind::new_vm:
      body["recoveryType"] = "AlternateLocation";
      body["targetVirtualMachineId"] = target.vm_id;
      body["targetResourceGroupId"] = target.group_id;
      body["virtualNetworkId"] = target.network_id;
      body["subnetId"] = target.subnet_id;
      break;
    case VmTarget::Kind::replace:
      body["recoveryType"] = "OriginalLocation";
      break;
  }
  return body;
}

std::string RestoreManager::restore(const ChosenPoint& point, const json& body, std::stop_token stop) {
  return service_.begin_job(vault_, "POST", point.id + "/restore", {{"properties", body}},
                            "restore " + point.text, stop);
}

std::string RestoreManager::restore_secondary(const ChosenPoint& point, const json& body,
                                              const std::string& region, std::stop_token stop) {
  const std::string doing = "restore from the secondary region";
  const json identity = service_.get(region + "/backupAadProperties", doing, kSecondaryVersion, stop);
  const json token =
      service_.send("POST", point.id + "/accessToken", identity, doing, kSecondaryVersion, stop);
  const json request = {{"crossRegionRestoreAccessDetails", at(token, "properties")},
                        {"restoreRequest", body}};
  return service_.begin_region_job(region, region + "/backupCrossRegionRestore", request, doing, stop);
}

}  // namespace azlin::vault
