#include "dr/fit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/names.hpp"
#include "dr/sizes.hpp"

namespace azlin::dr {

using backup::BackupInfo;

namespace {

// The quotas as they are once these vCPUs are used, too.
std::vector<azure::Quota> less(std::vector<azure::Quota> quotas, const std::map<std::string, int>& taken) {
  for (auto& quota : quotas) {
    for (const auto& [family, vcpus] : taken) {
      if (quota.name == "cores" || core::equal_ignoring_case(quota.name, family)) quota.used += vcpus;
    }
  }
  return quotas;
}

}  // namespace

const snapshot::SnapshotSet* set_in(const BackupInfo& backup, const std::string& region) {
  for (const auto& replica : backup.replicas) {
    if (core::equal_ignoring_case(replica.region, region) && replica.complete) return &replica.set;
  }
  const bool here = core::equal_ignoring_case(backup.region, region) && backup.complete;
  return here && !backup.replica_only ? &backup.set : nullptr;
}

backup::Verified verified_in(const BackupInfo& backup, const std::string& region) {
  for (const auto& replica : backup.replicas) {
    const bool here = core::equal_ignoring_case(replica.region, region) && replica.complete;
    if (here && replica.verified != backup::Verified::unknown) return replica.verified;
  }
  return backup.verified;
}

std::string doubts(const std::vector<BackupInfo>& backups, const BackupInfo& chosen,
                   const std::string& region, bool named) {
  if (verified_in(chosen, region) == backup::Verified::failed)
    return "the last verification of this backup FAILED";
  if (named) return {};
  const auto newest = std::find_if(backups.begin(), backups.end(), [&](const BackupInfo& backup) {
    return set_in(backup, region) != nullptr;
  });
  if (newest == backups.end() || newest->created <= chosen.created ||
      verified_in(*newest, region) != backup::Verified::failed)
    return {};
  return fmt::format("the newer {} is passed over: its last verification FAILED", newest->name);
}

const BackupInfo* newest_in(const std::vector<BackupInfo>& backups, const std::string& region) {
  const BackupInfo* doubtful = nullptr;
  for (const auto& backup : backups) {
    if (set_in(backup, region) == nullptr) continue;
    if (verified_in(backup, region) != backup::Verified::failed) return &backup;
    if (doubtful == nullptr) doubtful = &backup;
  }
  return doubtful;
}

Fit fit_region(arm::ArmClient& arm, const FitRequest& request, std::vector<backup::RestoreDisk>& disks,
               std::stop_token stop) {
  const auto skus = azure::list_disk_skus(arm, request.subscription, request.region, stop);
  Fit fit;
  SizeWish wish;
  wish.name = request.size.value_or(request.spec.size);
  wish.exact = request.size.has_value();
  wish.generation = request.spec.generation;
  wish.controller = request.spec.disk_controller;
  wish.data_disks = static_cast<int>(disks.size()) - 1;
  for (auto& disk : disks) {
    const std::string before = disk.sku;
    disk.sku = offered_sku(disk.sku, skus, request.region);
    if (disk.sku != before)
      fit.warnings.push_back(
          fmt::format("{} does not offer {} disks: {} is used", request.region, before, disk.sku));
    wish.premium = wish.premium || needs_premium(disk.sku);
    wish.zonal = wish.zonal || needs_zone(disk.sku);
  }
  const auto offered = azure::list_vm_sizes(arm, request.subscription, request.region, stop);
  const auto quotas =
      less(azure::list_quotas(arm, request.subscription, request.region, stop), request.taken);
  const auto original = [&] { return request.original ? request.original() : std::vector<azure::VmSize>(); };
  const SizeChoice choice = choose_size(wish, offered, quotas, request.region, original);
  fit.size = choice.name;
  fit.family = choice.family;
  fit.vcpus = choice.vcpus;
  fit.zone = choice.zone;
  if (!choice.note.empty()) fit.warnings.push_back(choice.note);
  for (auto& disk : disks) disk.zone = disk.sku.ends_with("_ZRS") ? std::nullopt : fit.zone;
  return fit;
}

}  // namespace azlin::dr
