// The disks that restores replaced.
#include <fmt/format.h>

#include <sstream>

#include "azlin/backup/restore.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::backup {

namespace {

// "{until} {operation} {vm key}"; nullopt: not of that form.
std::optional<KeptDisk> parse_kept(const azure::Disk& disk, const std::string& value, core::TimePoint now) {
  std::istringstream stream(value);
  std::string until;
  KeptDisk kept;
  if (!(stream >> until >> kept.operation)) return std::nullopt;
  stream >> kept.vm_key;
  const auto time = core::parse_time(until);
  if (!time) return std::nullopt;
  kept.id = disk.id;
  kept.until = *time;
  kept.size_gb = disk.size_gb;
  kept.expired = *time <= now;
  return kept;
}

}  // namespace

std::vector<KeptDisk> RestoreManager::kept_disks(const std::string& subscription, std::stop_token stop) {
  std::vector<KeptDisk> result;
  for (const auto& disk : azure::list_disks(arm_, subscription, {}, stop)) {
    const auto tag = disk.tags.find(snapshot::kKeptTag);
    if (tag == disk.tags.end() || !disk.managed_by.empty()) continue;
    if (auto kept = parse_kept(disk, tag->second, clock_.now())) result.push_back(std::move(*kept));
  }
  return result;
}

std::vector<snapshot::Removal> RestoreManager::remove_kept_disks(const std::string& subscription, bool all,
                                                                 std::stop_token stop) {
  std::vector<snapshot::Removal> removals;
  for (const auto& kept : kept_disks(subscription, stop)) {
    if (!kept.expired && !all) continue;
    snapshot::Removal removal{core::ResourceId::parse(kept.id).name, {}};
    try {
      azure::delete_disk(arm_, kept.id, stop);
    } catch (const core::Error& error) {
      if (error.kind() == core::ErrorKind::interrupted) throw;
      removal.error = error.what();
    }
    journal_.record("backup.remove-kept-disk", kept.id, "{}", removal.error);
    removals.push_back(std::move(removal));
  }
  return removals;
}

}  // namespace azlin::backup
