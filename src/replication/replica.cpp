#include "azlin/replication/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::replication {

using backup::BackupInfo;
using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr std::size_t kLongestName = 80;

// FNV-1a: tells two long names apart, guards nothing.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

std::string snapshot_id(const std::string& subscription, const std::string& group, const std::string& name) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/snapshots/{}",
                     subscription, group, name);
}

void check_copyable(const BackupInfo& backup, const Target& target) {
  if (backup.replica_only) {
    throw Error(ErrorKind::failed,
                fmt::format("of {} only a replica is left, in {}", backup.name, backup.region),
                "only backups whose source is still there are copied");
  }
  if (core::equal_ignoring_case(backup.region, target.region)) {
    throw Error(ErrorKind::usage, fmt::format("{} is in {} already", backup.name, backup.region),
                "choose another --target-region: a copy in the same region survives nothing more");
  }
  if (!backup.complete) {
    throw Error(ErrorKind::failed, fmt::format("{} is not complete ({} of {} disks)", backup.name,
                                               backup.disks, backup.expected_disks));
  }
  for (const auto& member : backup.set.members) {
    const auto& source = member.snapshot;
    if (!source.incremental) {
      throw Error(ErrorKind::usage, fmt::format("{} is a full snapshot", source.name),
                  "Azure copies only incremental snapshots to another region");
    }
    if (!source.encryption_set_id.empty() && target.encryption_set_id.empty()) {
      throw Error(
          ErrorKind::usage,
          fmt::format("{} is encrypted with a customer key, and its disk encryption set does not reach {}",
                      source.name, target.region),
          fmt::format("name one of that region with --target-disk-encryption-set (or the setting "
                      "replication.disk_encryption_set.{})",
                      target.region));
    }
  }
}

// Source snapshots (their ids) with their family.
std::map<std::string, std::string> families(const std::vector<BackupInfo>& all) {
  std::map<std::string, std::string> out;
  for (const auto& backup : all) {
    if (backup.replica_only) continue;
    for (const auto& member : backup.set.members)
      out[core::to_lower(member.snapshot.id)] = family_of(member.snapshot);
  }
  return out;
}

bool failed(const azure::Snapshot& snapshot) {
  return !snapshot.copy_error.empty() || snapshot.provisioning_state == "Failed";
}

// The copies of a chain go in the order of creation: one that is older than what is there comes too late.
void check_order(const BackupInfo& backup, const std::vector<BackupInfo>& all, const Target& target) {
  const auto known = families(all);
  for (const auto& other : all) {
    const auto* replica = replica_in(other, target.region);
    if (replica == nullptr || other.created <= backup.created) continue;
    for (const auto& copy : replica->set.members) {
      const auto family = known.find(core::to_lower(copy.snapshot.source_id));
      if (family == known.end() || failed(copy.snapshot)) continue;
      for (const auto& member : backup.set.members) {
        if (family_of(member.snapshot) != family->second) continue;
        throw Error(ErrorKind::failed,
                    fmt::format("{} can no longer be copied to {}: {}, of the same disk and newer, is there",
                                member.snapshot.name, target.region, copy.snapshot.name),
                    "Azure takes the snapshots of a disk in the order of their creation");
      }
    }
  }
}

const azure::Snapshot* find_copy(const BackupInfo& backup, const azure::Snapshot& source,
                                 const std::string& region) {
  for (const auto& replica : backup.replicas) {
    if (!core::equal_ignoring_case(replica.region, region)) continue;
    for (const auto& member : replica.set.members) {
      if (is_replica_of(member.snapshot, source.id, source.unique_id) && !failed(member.snapshot))
        return &member.snapshot;
    }
  }
  return nullptr;
}

Copy plan_copy(const BackupInfo& backup, const snapshot::Member& member, const Target& target) {
  const auto& source = member.snapshot;
  const std::string group = target.resource_group.value_or(source.resource_group);
  const bool same_group = core::equal_ignoring_case(group, source.resource_group);
  Copy copy;
  copy.lun = member.lun;
  copy.source_id = source.id;
  copy.target_id =
      snapshot_id(backup.subscription, group, replica_name(source.name, target.region, same_group));
  copy.family = family_of(source);
  copy.expected = expected_of(source, target.encryption_set_id);
  if (const auto* existing = find_copy(backup, source, target.region)) {
    copy.target_id = existing->id;
    copy.adopted = true;
  }
  return copy;
}

void warn_of_older(Plan& plan, const std::vector<BackupInfo>& all, const Target& target) {
  std::size_t shut_out = 0;
  for (const auto& other : all) {
    const auto* replica = replica_in(other, target.region);
    const bool there = replica != nullptr && replica->complete;
    if (other.replica_only || there || !other.complete || other.created >= plan.backup.created) continue;
    try {
      check_order(other, all, target);  // one that is too late already is not shut out by this
      ++shut_out;
    } catch (const Error&) {
      continue;
    }
  }
  if (shut_out == 0) return;
  plan.warnings.push_back(
      fmt::format("{} older backup(s) of {} are not in {}; once this one is copied Azure takes them no more "
                  "(`azlin backup replicate-all {} --target-region {}` copies all, in order)",
                  shut_out, plan.backup.vm_name, target.region, plan.backup.vm_name, target.region));
}

// A capability that the source has and the copy does not, or with another value.
bool lacks_capability(const std::string& wanted_text, const std::string& found_text) {
  const json wanted = json::parse(wanted_text, nullptr, false);
  const json found = json::parse(found_text.empty() ? "{}" : found_text, nullptr, false);
  if (!wanted.is_object()) return false;
  if (!found.is_object()) return true;
  return std::any_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
    return !item.value().is_null() && (!found.contains(item.key()) || found[item.key()] != item.value());
  });
}

}  // namespace

Target make_target(const std::string& region, const std::optional<std::string>& resource_group,
                   const std::string& encryption_set_id) {
  Target target;
  if (region.empty())
    throw Error(ErrorKind::usage, "the target region is empty", "name one: --target-region westus2");
  target.region = core::normalize_region(region);
  if (resource_group) core::check_resource_group(*resource_group);
  target.resource_group = resource_group;
  if (!encryption_set_id.empty()) {
    try {
      const auto id = core::ResourceId::parse(encryption_set_id);
      if (!core::equal_ignoring_case(id.type, "Microsoft.Compute/diskEncryptionSets"))
        throw Error(ErrorKind::failed, "a resource of another type");
    } catch (const Error& error) {
      throw Error(
          ErrorKind::usage,
          fmt::format("'{}' is not the id of a disk encryption set: {}", encryption_set_id, error.what()),
          "/subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/diskEncryptionSets/…");
    }
  }
  target.encryption_set_id = encryption_set_id;
  return target;
}

std::string replica_name(const std::string& source, const std::string& region, bool same_group) {
  if (!same_group) return source;
  const std::string tail = "-" + region;
  if (source.size() + tail.size() <= kLongestName) return source + tail;
  const std::string hash = fmt::format("-{:08x}", hash_of(core::to_lower(source)));
  return source.substr(0, kLongestName - tail.size() - hash.size()) + hash + tail;
}

std::string replica_of(const azure::Snapshot& source) {
  return fmt::format("{}/{}/{}", source.location, core::to_lower(source.resource_group), source.name);
}

bool is_replica_of(const azure::Snapshot& candidate, const std::string& source_id,
                   const std::string& source_unique_id) {
  if (!core::equal_ignoring_case(candidate.source_id, source_id)) return false;
  return candidate.source_unique_id.empty() || source_unique_id.empty() ||
         core::equal_ignoring_case(candidate.source_unique_id, source_unique_id);
}

azure::NewSnapshot replica_request(const azure::Snapshot& source, const std::string& target_id,
                                   const std::string& region, const std::string& encryption_set_id) {
  azure::NewSnapshot wanted;
  wanted.id = target_id;
  wanted.location = region;
  wanted.source_id = source.id;
  wanted.copy_start = true;
  wanted.encryption_set_id = encryption_set_id;
  wanted.os_type = source.os_type;
  wanted.generation = source.generation;
  wanted.security_type = source.security_type;
  wanted.capabilities = source.capabilities;
  wanted.tags = source.tags;
  wanted.tags.erase(snapshot::kVerifiedTag);  // nobody has read the copy yet
  wanted.tags.erase(snapshot::kInUseTag);
  wanted.tags[snapshot::kReplicaOfTag] = replica_of(source);
  wanted.tags[snapshot::kTimeTag] =
      core::to_iso8601(std::chrono::floor<std::chrono::seconds>(source.created_at));
  return wanted;
}

Expected expected_of(const azure::Snapshot& source, const std::string& encryption_set_id) {
  return {source.unique_id,  source.size_bytes,    source.size_gb,      source.os_type,
          source.generation, source.security_type, source.capabilities, encryption_set_id};
}

std::vector<std::string> differences(const Expected& expected, const azure::Snapshot& copy) {
  std::vector<std::string> out;
  const auto compare = [&](const char* what, const std::string& wanted, const std::string& found) {
    if (core::equal_ignoring_case(wanted, found)) return;
    out.push_back(fmt::format("{} is {}, expected {}", what, found.empty() ? "not set" : found,
                              wanted.empty() ? "none" : wanted));
  };
  if (copy.size_bytes != expected.size_bytes)
    out.push_back(fmt::format("size is {} bytes, its source has {}", copy.size_bytes, expected.size_bytes));
  if (!expected.os_type.empty()) compare("OS type", expected.os_type, copy.os_type);
  if (!expected.generation.empty()) compare("generation", expected.generation, copy.generation);
  compare("security type", expected.security_type, copy.security_type);
  if (!expected.encryption_set_id.empty())
    compare("disk encryption set", expected.encryption_set_id, copy.encryption_set_id);
  if (!expected.capabilities.empty() && lacks_capability(expected.capabilities, copy.capabilities))
    out.push_back(fmt::format("capabilities are {}, its source has {}",
                              copy.capabilities.empty() ? "not set" : copy.capabilities,
                              expected.capabilities));
  if (!copy.incremental) out.emplace_back("it is not incremental");
  return out;
}

std::string family_of(const azure::Snapshot& snapshot) {
  return core::to_lower(snapshot.family_id.empty() ? snapshot.source_id : snapshot.family_id);
}

const backup::ReplicaInfo* replica_in(const BackupInfo& backup, const std::string& region) {
  for (const auto& replica : backup.replicas) {
    if (core::equal_ignoring_case(replica.region, region)) return &replica;
  }
  return nullptr;
}

Plan plan_replica(const BackupInfo& backup, const std::vector<BackupInfo>& all, const Target& target) {
  check_copyable(backup, target);
  Plan plan;
  plan.backup = backup;
  const auto* existing = replica_in(backup, target.region);
  plan.replicated = existing != nullptr && existing->complete;
  for (const auto& member : backup.set.members) plan.job.copies.push_back(plan_copy(backup, member, target));
  const bool begun = std::any_of(plan.job.copies.begin(), plan.job.copies.end(),
                                 [](const Copy& copy) { return copy.adopted; });
  if (!begun) check_order(backup, all, target);
  if (!plan.replicated) warn_of_older(plan, all, target);

  Job& job = plan.job;
  const auto& first = backup.set.members.front().snapshot;
  const auto to = core::ResourceId::parse(job.copies.front().target_id);
  job.subscription = backup.subscription;
  job.vm_key = backup.set.vm_key;
  job.vm_name = backup.vm_name;
  job.set = backup.name;
  job.source_snapshot = first.name;
  job.target_snapshot = to.name;
  job.source_region = backup.region;
  job.target_region = target.region;
  job.source_group = first.resource_group;
  job.target_group = to.resource_group;
  job.data_time = backup.created;
  return plan;
}

}  // namespace azlin::replication
