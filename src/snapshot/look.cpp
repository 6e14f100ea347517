// Which sets a VM has, also while a region does not answer.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/azure/tagged.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/snapshot/vm_command.hpp"
#include "snapshot/region_reads.hpp"
#include "snapshot/undo.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kSnapshotType = "Microsoft.Compute/snapshots";
constexpr std::size_t kNamesShown = 3;
constexpr core::Millis kIndexLag = std::chrono::minutes{15};
constexpr int kOperationsSeen = 1000;

std::vector<Located> located(arm::ArmClient& arm, const std::string& subscription, const char* tag,
                             const std::string& value, std::stop_token stop) {
  std::vector<Located> out;
  for (const auto& each : azure::list_tagged(arm, subscription, tag, value, stop)) {
    if (core::equal_ignoring_case(each.type, kSnapshotType)) out.push_back({each.id, each.location});
  }
  return out;
}

std::string value_of(const azure::Tags& tags, const char* name) {
  const auto found = tags.find(name);
  return found == tags.end() ? std::string() : found->second;
}

// The index gives no tags when it is asked by a tag.
std::map<std::string, azure::Tags> tags_in_index(arm::ArmClient& arm, const std::string& subscription,
                                                 std::stop_token stop) {
  std::map<std::string, azure::Tags> out;
  for (auto& each : azure::list_of_type(arm, subscription, kSnapshotType, stop))
    out[core::to_lower(each.id)] = std::move(each.tags);
  return out;
}

std::vector<UnreadableSet> unreadable_of(const std::vector<Located>& snapshots,
                                         const std::map<std::string, std::string>& errors,
                                         const std::map<std::string, azure::Tags>& index) {
  std::map<std::pair<std::string, std::string>, UnreadableSet> sets;  // region, name
  for (const auto& each : snapshots) {
    const auto error = errors.find(each.region);
    if (error == errors.end()) continue;
    const auto known = index.find(core::to_lower(each.id));
    const azure::Tags tags = known == index.end() ? azure::Tags{} : known->second;
    std::string name = value_of(tags, kSetTag);
    if (name.empty()) name = core::ResourceId::parse(each.id).name;
    sets[{each.region, name}] = {name, each.region, value_of(tags, kTierTag),
                                 !value_of(tags, kReplicaOfTag).empty(), error->second};
  }
  std::vector<UnreadableSet> out;
  for (auto& [key, set] : sets) out.push_back(std::move(set));
  return out;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : "; ") + text;
  return out;
}

}  // namespace

std::vector<std::string> unreadable_texts(const std::vector<UnreadableSet>& unreadable) {
  std::map<std::string, std::vector<std::string>> by_region;
  for (const auto& set : unreadable) by_region[set.region].push_back(set.name);
  std::vector<std::string> texts;
  for (const auto& [region, names] : by_region) {
    std::string shown;
    for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i)
      shown += (i == 0 ? "" : ", ") + names[i];
    texts.push_back(fmt::format("{} not readable: {} does not answer ({}{})",
                                names.size() == 1 ? "1 set is" : fmt::format("{} sets are", names.size()),
                                region.empty() ? "its region" : "region " + region, shown,
                                names.size() > kNamesShown ? ", …" : ""));
  }
  return texts;
}

void require_readable(const std::vector<UnreadableSet>& unreadable, const std::string& refused) {
  if (unreadable.empty()) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("{}: {} [{}]", refused, joined(unreadable_texts(unreadable)), unreadable.front().error),
      "try again when it answers");
}

void require_one_vm(const std::string& set, const std::set<std::string>& vms) {
  if (vms.size() < 2) return;
  throw Error(ErrorKind::usage,
              fmt::format("several VMs have a backup named {}: {}", set, fmt::join(vms, ", ")),
              "say whose with -g/--resource-group");
}

Listing SnapshotManager::look(const VmRef& vm, std::stop_token stop, const std::vector<std::string>& also) {
  auto snapshots = located(arm_, vm.subscription, kVmTag, vm.key(), stop);
  std::set<std::string> seen;
  for (const auto& each : snapshots) seen.insert(core::to_lower(each.id));
  for (const auto& id : also) {
    if (seen.insert(core::to_lower(id)).second) snapshots.push_back({id, {}});
  }
  auto reads = read_by_region(arm_, clock_, *outages_, snapshots, stop);
  Listing listing;
  listing.sets = group_sets(std::move(reads.found));
  std::erase_if(listing.sets, [&](const SnapshotSet& set) { return set.vm_key != vm.key(); });
  if (!reads.errors.empty())
    listing.unreadable = unreadable_of(snapshots, reads.errors, tags_in_index(arm_, vm.subscription, stop));
  return listing;
}

std::vector<SnapshotSet> SnapshotManager::list(const VmRef& vm, std::stop_token stop,
                                               const std::vector<std::string>& also) {
  auto listing = look(vm, stop, also);
  require_readable(listing.unreadable, "the snapshots of " + vm.name + " cannot be listed");
  return std::move(listing.sets);
}

std::vector<std::string> SnapshotManager::made_lately(const VmRef& vm) {
  std::vector<std::string> ids;
  const auto since = clock_.now() - kIndexLag;
  for (const auto& operation : journal_.list(kOperationsSeen)) {  // newest first
    if (operation.started_at < since) break;
    if (!settles(operation.kind) || !core::equal_ignoring_case(operation.target, vm.id())) continue;
    const auto record = journal_.find(operation.id);
    for (const auto& step : record ? record->steps : std::vector<store::StepRecord>()) {
      if (step.name == kCreateStep && step.state == "done") ids.push_back(parse_create_step(step.data).id);
    }
  }
  return ids;
}

std::optional<std::string> SnapshotManager::vm_of_set(const std::string& subscription, const std::string& set,
                                                      std::stop_token stop) {
  const auto snapshots = located(arm_, subscription, kSetTag, set, stop);
  const auto reads = read_by_region(arm_, clock_, *outages_, snapshots, stop);
  std::set<std::string> vms;
  for (const auto& snapshot : reads.found) vms.insert(value_of(snapshot.tags, kVmTag));
  vms.erase("");
  require_one_vm(set, vms);
  if (!vms.empty()) return *vms.begin();
  if (!reads.errors.empty())
    require_readable(unreadable_of(snapshots, reads.errors, {}), set + " cannot be read");
  return std::nullopt;
}

}  // namespace azlin::snapshot
