#include "azlin/dr/recovery_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/core/yaml_reader.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

// Reads one file and collects what is wrong with it.
class Reader {
 public:
  explicit Reader(const std::string& file)
      : yaml_(file, "the format is in docs/dr.md; nothing was changed") {}

  RecoveryPlan read(const std::string& text) {
    auto plan = read_plan(yaml_.load(text));
    yaml_.finish();
    return plan;
  }

 private:
  void mistake(const YAML::Mark& mark, const std::string& text) { yaml_.mistake(mark, text); }

  // "" after a mistake.
  std::string text(const YAML::Node& node, const std::string& what) {
    return yaml_.text(node, what).value_or("");
  }

  // A text that `check` takes.
  std::string name(const YAML::Node& node, const std::string& what,
                   const std::function<void(const std::string&)>& check) {
    const std::string value = text(node, what);
    if (value.empty()) return value;
    try {
      check(value);
    } catch (const Error& error) {
      mistake(node.Mark(), error.what());
    }
    return value;
  }

  std::string region(const YAML::Node& node) {
    const std::string value = text(node, "region");
    if (value.empty()) return value;
    try {
      return core::normalize_region(value);
    } catch (const Error& error) {
      mistake(node.Mark(), error.what());
    }
    return {};
  }

  PlanVm read_vm(const YAML::Node& node) {
    PlanVm vm;
    if (node.IsScalar()) {  // the name alone
      vm.name = name(node, "a VM", core::check_vm_name);
      return vm;
    }
    const auto group = [](const std::string& value) { core::check_resource_group(value); };
    const auto backup = [](const std::string& value) { core::check_compute_name(value, "backup"); };
    const auto subnet = [](const std::string& value) { core::ResourceId::parse(value); };
    yaml_.mapping(node, "a VM",
                  {{"name", [&](const auto& value) { vm.name = name(value, "name", core::check_vm_name); }},
                   {"resource_group",
                    [&](const auto& value) { vm.resource_group = name(value, "resource_group", group); }},
                   {"backup", [&](const auto& value) { vm.backup = name(value, "backup", backup); }},
                   {"size", [&](const auto& value) { vm.size = text(value, "size"); }},
                   {"subnet", [&](const auto& value) { vm.subnet_id = name(value, "subnet", subnet); }},
                   {"check", [&](const auto& value) { vm.check = text(value, "check"); }}});
    if (node.IsMap() && !node["name"]) mistake(node.Mark(), "a VM needs a name");
    return vm;
  }

  void add_vms(const YAML::Node& node, PlanGroup& group) {
    if (!node.IsSequence() || node.size() == 0) return mistake(node.Mark(), "vms must be a list of VMs");
    for (const auto& item : node) {
      PlanVm vm = read_vm(item);
      const std::string key = core::to_lower(vm.resource_group.value_or("") + "/" + vm.name);
      if (!vm.name.empty() && !vms_.insert(key).second)
        mistake(item.Mark(), fmt::format("the VM {} is there twice", vm.name));
      group.vms.push_back(std::move(vm));
    }
  }

  PlanGroup read_group(const YAML::Node& node) {
    PlanGroup group;
    yaml_.mapping(node, "a group",
                  {{"name", [&](const auto& value) { group.name = text(value, "name"); }},
                   {"vms", [&](const auto& value) { add_vms(value, group); }},
                   {"hook", [&](const auto& value) { group.hook = text(value, "hook"); }},
                   {"drill_hook", [&](const auto& value) { group.drill_hook = text(value, "drill_hook"); }}});
    if (!node.IsMap()) return group;
    for (const char* key : {"name", "vms"}) {
      if (!node[key]) mistake(node.Mark(), fmt::format("a group needs '{}'", key));
    }
    return group;
  }

  void add_groups(const YAML::Node& node, RecoveryPlan& plan) {
    if (!node.IsSequence() || node.size() == 0)
      return mistake(node.Mark(), "groups must be a list of groups");
    for (const auto& item : node) {
      PlanGroup group = read_group(item);
      const bool twice = std::any_of(plan.groups.begin(), plan.groups.end(), [&](const PlanGroup& other) {
        return !group.name.empty() && other.name == group.name;
      });
      if (twice) mistake(item.Mark(), fmt::format("the group {} is there twice", group.name));
      plan.groups.push_back(std::move(group));
    }
  }

  RecoveryPlan read_plan(const YAML::Node& root) {
    RecoveryPlan plan;
    if (root.IsNull()) {
      mistake(YAML::Mark(), "the plan is empty");
      return plan;
    }
    const auto group = [](const std::string& value) { core::check_resource_group(value); };
    yaml_.mapping(root, "the plan",
                  {{"name", [&](const auto& value) { plan.name = text(value, "name"); }},
                   {"region", [&](const auto& value) { plan.region = region(value); }},
                   {"resource_group",
                    [&](const auto& value) { plan.resource_group = name(value, "resource_group", group); }},
                   {"groups", [&](const auto& value) { add_groups(value, plan); }}});
    if (!root.IsMap()) return plan;
    for (const char* key : {"name", "region", "groups"}) {
      if (!root[key]) mistake(root.Mark(), fmt::format("the plan needs '{}'", key));
    }
    return plan;
  }

  core::YamlReader yaml_;
  std::set<std::string> vms_;
};

GroupOutcome run_group(const PlanGroup& group, core::Clock& clock, const PlanActions& actions,
                       std::stop_token stop) {
  GroupOutcome out;
  out.name = group.name;
  out.ran = true;
  out.vms.resize(group.vms.size());
  const core::TimePoint started = clock.now();
  const auto work = [&](std::size_t i) {
    out.vms[i] = actions.bring_up(group.vms[i]);
    out.vms[i].ran = true;
    if (actions.vm_ended) actions.vm_ended(out.vms[i]);
  };
  const auto ends = core::run_parallel(group.vms.size(), actions.max_parallel, stop, work);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    out.vms[i].vm = group.vms[i].name;
    if (ends[i]) out.vms[i].error = "not brought up: interrupted";
  }
  out.passed = std::all_of(out.vms.begin(), out.vms.end(), [](const VmOutcome& vm) { return vm.passed; });
  if (const auto hook = out.passed ? actions.hook(group) : std::nullopt) {
    out.hook_passed = hook->first;
    out.hook_output = hook->second;
    out.passed = hook->first;
  }
  out.took = clock.now() - started;
  return out;
}

}  // namespace

RecoveryPlan parse_plan(const std::string& yaml, const std::string& file) {
  return Reader(file).read(yaml);
}

RecoveryPlan load_plan(const std::string& path) {
  return parse_plan(core::read_input_file(path, "plan file"), path);
}

PlanOutcome run_plan(const RecoveryPlan& plan, core::Clock& clock, const PlanActions& actions,
                     std::stop_token stop) {
  PlanOutcome out;
  const core::TimePoint started = clock.now();
  out.passed = true;
  for (const auto& group : plan.groups) {
    if (!out.passed || stop.stop_requested()) {
      GroupOutcome skipped;
      skipped.name = group.name;
      for (const auto& vm : group.vms) skipped.vms.push_back({vm.name, false, false, {}, {}, {}, {}, {}});
      out.groups.push_back(std::move(skipped));
      out.passed = false;
      continue;
    }
    if (actions.begun) actions.begun(group);
    out.groups.push_back(run_group(group, clock, actions, stop));
    out.passed = out.groups.back().passed;
  }
  out.took = clock.now() - started;
  return out;
}

}  // namespace azlin::dr
