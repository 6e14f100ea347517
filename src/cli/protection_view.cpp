#include "cli/protection_view.hpp"

#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "cli/backup_view.hpp"

namespace azlin::cli {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostNamed = 20;  // of VMs that are not in the file

ordered_json json_of(const std::optional<std::string>& text) {
  return text ? ordered_json(*text) : ordered_json(nullptr);
}

ordered_json json_of(const protection::Change& change) {
  return {{"setting", change.setting}, {"before", json_of(change.before)}, {"after", json_of(change.after)}};
}

std::string line_of(Console& console, const protection::Change& change) {
  if (!change.before) return fmt::format("  {} {}: {}", console.green("+"), change.setting, *change.after);
  if (!change.after) return fmt::format("  {} {}: {}", console.red("-"), change.setting, *change.before);
  return fmt::format("  {} {}: {} -> {}", console.yellow("~"), change.setting, *change.before, *change.after);
}

void print_vm(Console& console, const protection::VmPlan& vm) {
  console.line();
  console.line(fmt::format("{} ({}){}", console.bold(vm.now.vm.name), vm.now.vm.resource_group,
                           vm.rule.empty() ? "" : ", rule " + vm.rule));
  for (const auto& change : vm.changes) console.line(line_of(console, change));
  if (!vm.problem.empty()) console.line(fmt::format("  {} {}", console.red("✗"), vm.problem));
  for (const auto& lost : vm.lost) {
    console.line(fmt::format("  {} {}  {}  {}  {}", console.red("-"), lost.point.name,
                             core::to_display_minutes(lost.point.created), lost.point.region, lost.reason));
  }
}

void print_rest(Console& console, const protection::Plan& plan) {
  if (!plan.alerts.empty() || plan.alerts_text) {
    console.line();
    console.line(console.bold("alerts.yaml"));
    for (const auto& change : plan.alerts) console.line(line_of(console, change));
  }
  if (!plan.not_in_file.empty()) {
    std::string names;
    for (std::size_t i = 0; i < plan.not_in_file.size() && i < kMostNamed; ++i)
      names += (i == 0 ? "" : ", ") + plan.not_in_file[i].name;
    if (plan.not_in_file.size() > kMostNamed)
      names += fmt::format(" and {} more", plan.not_in_file.size() - kMostNamed);
    console.line();
    console.line("Not in the file, left as they are: " + names);
  }
  for (const auto& warning : plan.warnings) console.warn(warning);
}

}  // namespace

protection::ProtectionManager open_protection(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.home() + "/alerts.yaml"};
}

void print_plan(Console& console, const protection::Plan& plan) {
  const auto todo = plan.to_change();
  console.line(fmt::format("Plan for {}: {} selected, {} to change", plan.file,
                           core::counted(plan.vms.size(), "VM"), todo.size()));
  for (const auto* vm : todo) print_vm(console, *vm);
  print_rest(console, plan);
  console.line();
  if (!plan.drift()) return console.line("✓ Nothing to change");
  console.line(fmt::format(
      "{} to change; {}", core::counted(todo.size(), "VM"),
      plan.loses()
          ? console.red(fmt::format("{} would be lost", core::counted(plan.lost_points(), "recovery point")))
          : "no recovery point would be lost"));
}

ordered_json to_json(const protection::Plan& plan) {
  ordered_json json = {{"file", plan.file},
                       {"hash", plan.hash},
                       {"drift", plan.drift()},
                       {"selected", plan.vms.size()},
                       {"lostPoints", plan.lost_points()},
                       {"vms", ordered_json::array()},
                       {"alerts", ordered_json::array()},
                       {"notInFile", ordered_json::array()},
                       {"warnings", plan.warnings}};
  for (const auto* vm : plan.to_change()) {
    ordered_json row = {{"vm", vm->now.vm.name},
                        {"resourceGroup", vm->now.vm.resource_group},
                        {"rule", vm->rule.empty() ? ordered_json(nullptr) : ordered_json(vm->rule)},
                        {"problem", vm->problem.empty() ? ordered_json(nullptr) : ordered_json(vm->problem)},
                        {"changes", ordered_json::array()},
                        {"tags", ordered_json::array()},
                        {"lost", ordered_json::array()}};
    for (const auto& change : vm->changes) row["changes"].push_back(json_of(change));
    for (const auto& tag : vm->tags)
      row["tags"].push_back(
          {{"name", tag.name}, {"before", json_of(tag.before)}, {"after", json_of(tag.after)}});
    for (const auto& lost : vm->lost) {
      row["lost"].push_back({{"name", lost.point.name},
                             {"createdAt", core::to_iso8601(lost.point.created)},
                             {"tier", backup::to_string(lost.point.tier)},
                             {"region", lost.point.region},
                             {"replica", lost.point.replica},
                             {"reason", lost.reason}});
    }
    json["vms"].push_back(std::move(row));
  }
  for (const auto& change : plan.alerts) json["alerts"].push_back(json_of(change));
  for (const auto& vm : plan.not_in_file)
    json["notInFile"].push_back({{"vm", vm.name}, {"resourceGroup", vm.resource_group}});
  return json;
}

}  // namespace azlin::cli
