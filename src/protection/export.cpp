// The file for what is there.
#include <algorithm>
#include <map>
#include <tuple>

#include "azlin/core/names.hpp"
#include "azlin/dr/drill.hpp"
#include "azlin/protection/plan.hpp"
#include "azlin/snapshot/vm_tags.hpp"
#include "protection/yaml_tree.hpp"

namespace azlin::protection {

using nlohmann::ordered_json;

namespace {

constexpr const char* kHead = "# yaml-language-server: $schema=/usr/share/azlin/protection.schema.json\n";

ordered_json schedule_json(const backup::BackupSchedule& schedule) {
  if (!schedule.enabled) return "off";
  ordered_json tiers = {"daily"};
  if (schedule.weekly_on) tiers.push_back("weekly");
  if (schedule.monthly_on) tiers.push_back("monthly");
  return tiers;
}

ordered_json drill_json(const dr::DrPolicy& policy) {
  if (!policy.enabled) return "off";
  ordered_json out = {{"every", to_short_text(policy.every)},
                      {"target_rto", to_short_text(policy.target_rto)},
                      {"region", policy.region}};
  if (!policy.ssh_user.empty()) out["ssh_user"] = policy.ssh_user;
  if (!policy.ssh_key.empty()) out["ssh_key"] = policy.ssh_key;
  return out;
}

ordered_json settings_json(const VmState& state) {
  ordered_json out = ordered_json::object();
  if (state.schedule) {
    const auto& schedule = *state.schedule;
    out["schedule"] = schedule_json(schedule);
    out["retention"] = {
        {"daily", schedule.daily}, {"weekly", schedule.weekly}, {"monthly", schedule.monthly}};
    out["region"] = schedule.target_region.value_or("none");
  }
  if (state.verification)
    out["verification"] = state.verification->enabled
                              ? ordered_json{{"level", verification::to_string(state.verification->level)},
                                             {"every", to_short_text(state.verification->every)}}
                              : ordered_json("off");
  if (state.drill) out["drill"] = drill_json(*state.drill);
  return out;
}

// VMs of one resource group that are protected alike.
struct Alike {
  std::string resource_group;
  ordered_json settings, names = ordered_json::array();
};

ordered_json rules_json(const std::vector<VmState>& states) {
  std::map<std::pair<std::string, std::string>, Alike> alike;
  for (const auto& state : states) {
    const auto settings = settings_json(state);
    if (settings.empty() || state.vaulted) continue;
    auto& rule = alike[{core::to_lower(state.vm.resource_group), settings.dump()}];
    rule.resource_group = state.vm.resource_group;
    rule.settings = settings;
    rule.names.push_back(state.vm.name);
  }
  ordered_json rules = ordered_json::array();
  std::map<std::string, int> numbers;
  for (const auto& [key, each] : alike) {
    ordered_json rule = {{"name", each.resource_group + " " + std::to_string(++numbers[key.first])},
                         {"select", {{"resource_group", each.resource_group}, {"name", each.names}}}};
    rule.update(each.settings);
    rules.push_back(std::move(rule));
  }
  return rules;
}

ordered_json group_json(const std::vector<const VmState*>& members) {
  const auto& first = members.front()->vm.resource_group;
  const bool one = std::all_of(members.begin(), members.end(), [&](const auto* each) {
    return core::equal_ignoring_case(each->vm.resource_group, first);
  });
  ordered_json out = ordered_json::object();
  if (one) out["resource_group"] = first;
  ordered_json stages = ordered_json::array();
  for (const auto* each : members) {
    while (static_cast<int>(stages.size()) < each->group->stage) stages.push_back(ordered_json::array());
    auto& stage = stages[static_cast<std::size_t>(each->group->stage) - 1];
    stage.push_back(one ? ordered_json(each->vm.name)
                        : ordered_json{{"name", each->vm.name}, {"resource_group", each->vm.resource_group}});
  }
  out["boot_order"] = std::move(stages);
  return out;
}

ordered_json groups_json(const std::vector<VmState>& states) {
  std::map<std::string, std::vector<const VmState*>> members;
  for (const auto& state : states) {
    if (state.group && !state.vaulted) members[state.group->name].push_back(&state);
  }
  ordered_json out = ordered_json::object();
  for (const auto& [name, vms] : members) out[name] = group_json(vms);
  return out;
}

}  // namespace

Exported export_file(const std::vector<azure::Vm>& vms, const std::optional<std::string>& group,
                     const AlertsState& alerts) {
  Exported out;
  std::vector<VmState> states;
  for (const auto& vm : vms) {
    if (group && !core::equal_ignoring_case(vm.resource_group, *group)) continue;
    if (snapshot::find_tag(vm.tags, dr::kDrillTag) != nullptr) continue;
    auto state = read_state(vm);
    if (!state.error.empty())
      out.left_out.push_back(state.error);
    else
      states.push_back(std::move(state));
  }
  std::sort(states.begin(), states.end(), [](const VmState& a, const VmState& b) {
    return std::tuple(core::to_lower(a.vm.resource_group), core::to_lower(a.vm.name)) <
           std::tuple(core::to_lower(b.vm.resource_group), core::to_lower(b.vm.name));
  });
  out.tree = {{"version", 1}, {"rules", rules_json(states)}};
  if (auto groups = groups_json(states); !groups.empty()) out.tree["groups"] = std::move(groups);
  if (!alerts.tree.empty()) out.tree["alerts"] = alerts.tree;
  if (!alerts.error.empty()) out.left_out.push_back("alerts.yaml: " + alerts.error);
  return out;
}

std::string to_yaml_file(const ordered_json& tree) {
  return kHead + to_yaml(tree);
}

}  // namespace azlin::protection
