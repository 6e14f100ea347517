#include "azlin/dr/recovery_plan.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

// Reads one file and collects what is wrong with it.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  RecoveryPlan read(const std::string& yaml) {
    RecoveryPlan plan;
    try {
      const YAML::Node root = YAML::Load(yaml);
      plan = read_plan(root);
    } catch (const YAML::ParserException& error) {
      mistake(error.mark, error.msg);
    }
    finish();
    return plan;
  }

 private:
  using Keys = std::vector<std::pair<std::string, std::function<void(const YAML::Node&)>>>;

  void mistake(const YAML::Mark& mark, const std::string& text) {
    mistakes_.push_back(
        {mark.line, mark.column, fmt::format("{}:{}:{}: {}", file_, mark.line + 1, mark.column + 1, text)});
  }

  void mapping(const YAML::Node& node, const std::string& what, const Keys& keys) {
    if (!node.IsMap()) return mistake(node.Mark(), what + " must be a mapping of keys and values");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      const auto known =
          std::find_if(keys.begin(), keys.end(), [&](const auto& each) { return each.first == key; });
      if (known == keys.end())
        mistake(entry.first.Mark(), fmt::format("{} has no key '{}'", what, key));
      else if (!seen.insert(key).second)
        mistake(entry.first.Mark(), fmt::format("'{}' is given twice", key));
      else
        known->second(entry.second);
    }
  }

  // "" after a mistake.
  std::string text(const YAML::Node& node, const std::string& what) {
    if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
    mistake(node.Mark(), what + " must be a text");
    return {};
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
    mapping(node, "a VM",
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
    mapping(node, "a group",
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
    mapping(root, "the plan",
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

  void finish() {
    if (mistakes_.empty()) return;
    std::stable_sort(mistakes_.begin(), mistakes_.end(), [](const Mistake& a, const Mistake& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    std::string all;
    for (const auto& each : mistakes_) all += (all.empty() ? "" : "\n") + each.text;
    throw Error(ErrorKind::usage, all, "the format is in docs/dr.md; nothing was changed");
  }

  struct Mistake {
    int line, column;
    std::string text;
  };
  std::string file_;
  std::vector<Mistake> mistakes_;
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
  std::error_code ignored;
  if (std::filesystem::is_character_file(path, ignored) || std::filesystem::is_directory(path, ignored))
    throw Error(ErrorKind::usage, path + " is no file", "give the path of a plan file");
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file)
    throw Error(ErrorKind::not_found, "cannot read the plan " + path, "give the path of a plan file");
  return parse_plan(text.str(), path);
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
