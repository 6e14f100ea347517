#include "cli/group_plan.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "azlin/azure/tagged.hpp"
#include "azlin/backup/group.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/policy.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::cli {

using backup::GroupMember;
using core::Error;
using core::ErrorKind;

namespace {

constexpr int kAtOnce = 8;

std::vector<azure::Vm> indexed_vms(Runtime& runtime) {
  std::vector<azure::Vm> vms;
  for (const auto& found : azure::list_of_type(runtime.arm(), runtime.subscription(),
                                               "Microsoft.Compute/virtualMachines", runtime.stop())) {
    const auto id = core::ResourceId::parse(found.id);
    azure::Vm vm;
    vm.id = found.id;
    vm.name = id.name;
    vm.resource_group = id.resource_group;
    vm.subscription = id.subscription;
    vm.location = found.location;
    vm.tags = found.tags;
    vms.push_back(std::move(vm));
  }
  return vms;
}

// Where a VM is drilled: by its tag, or by a schedule that replicates.
std::string drill_region(const azure::Vm& vm) {
  std::optional<dr::DrPolicy> stated;
  std::optional<backup::BackupSchedule> schedule;
  if (const auto* tag = snapshot::find_tag(vm.tags, dr::kPolicyTag)) stated = dr::parse_policy(*tag, vm.name);
  if (const auto* tag = snapshot::find_tag(vm.tags, backup::kScheduleTag))
    schedule = backup::parse_schedule(*tag, vm.name);
  const auto policy = dr::effective(stated, schedule);
  return policy ? policy->region : "";
}

std::string region_of(const std::vector<azure::Vm>& vms, const std::vector<GroupMember>& members,
                      const std::optional<std::string>& given) {
  if (given) return core::normalize_region(*given);
  std::set<std::string> regions;
  for (const auto& vm : vms) {
    for (const auto& member : members) {
      if (core::equal_ignoring_case(member.vm.id(), vm.id)) regions.insert(drill_region(vm));
    }
  }
  if (regions.size() == 1 && !regions.begin()->empty()) return *regions.begin();
  throw Error(ErrorKind::usage, "in which region? its VMs do not all name the same one",
              "give --test-region, or state `region` or `drill` in the protection file");
}

// Backups with a complete copy in the region, by the run that they belong to.
using Copies = std::map<std::string, std::string>;

std::vector<snapshot::UnreadableSet> copies_in(std::vector<snapshot::UnreadableSet> sets,
                                               const std::string& region) {
  std::erase_if(sets, [&](const auto& set) {
    return !set.region.empty() && !core::equal_ignoring_case(set.region, region);
  });
  return sets;
}

Copies copies_of(Runtime& runtime, const GroupMember& member, const std::string& group,
                 const std::string& region) {
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  Copies copies;
  const auto listing = backups.look(member.vm, runtime.stop());
  // A newer run may lie among them.
  snapshot::require_readable(copies_in(listing.unreadable, region),
                             "the copies of " + member.vm.name + " cannot be read");
  for (const auto& info : listing.backups) {
    for (const auto& replica : info.replicas) {
      const auto run = backup::group_run_of(replica.set);
      if (run && replica.complete && core::equal_ignoring_case(replica.region, region) && run->group == group)
        copies[run->id] = info.name;
    }
  }
  return copies;
}

// Empty: none. Ids are times, so that their order is that of time.
std::string newest_run(const std::vector<Copies>& copies) {
  for (auto run = copies.front().rbegin(); run != copies.front().rend(); ++run) {
    const bool whole = std::all_of(copies.begin(), copies.end(),
                                   [&](const Copies& each) { return each.contains(run->first); });
    if (whole) return run->first;
  }
  return {};
}

}  // namespace

dr::RecoveryPlan plan_of_group(Runtime& runtime, const std::string& group,
                               const std::optional<std::string>& region) {
  const auto vms = indexed_vms(runtime);
  const auto members = backup::members_of(vms, group);
  dr::RecoveryPlan plan;
  plan.name = group;
  plan.region = region_of(vms, members, region);
  runtime.journal();  // opened before the threads that use it
  std::vector<Copies> copies(members.size());
  const auto ends = core::run_parallel(members.size(), kAtOnce, runtime.stop(), [&](std::size_t i) {
    copies[i] = copies_of(runtime, members[i], group, plan.region);
  });
  for (const auto& end : ends) {
    if (end) std::rethrow_exception(end);
  }
  const auto run = newest_run(copies);
  if (run.empty())
    runtime.console().warn(
        fmt::format("no run of group {} is complete in {}: each VM comes from its own newest copy there",
                    group, plan.region));
  else
    runtime.console().note(fmt::format("From run {} of group {}", run, group));
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string stage = "stage " + std::to_string(members[i].stage);
    if (plan.groups.empty() || plan.groups.back().name != stage) plan.groups.push_back({stage, {}, {}, {}});
    dr::PlanVm vm;
    vm.name = members[i].vm.name;
    vm.resource_group = members[i].vm.resource_group;
    if (!run.empty()) vm.backup = copies[i].at(run);
    plan.groups.back().vms.push_back(std::move(vm));
  }
  return plan;
}

}  // namespace azlin::cli
