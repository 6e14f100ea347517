#include "azlin/protection/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::protection {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kMostRaces = 5;

azure::Tags changed_tags(const azure::Vm& vm, const VmPlan& plan) {
  azure::Tags tags = vm.tags;
  for (const auto& change : plan.tags) {
    std::erase_if(tags, [&](const auto& tag) { return core::equal_ignoring_case(tag.first, change.name); });
    if (change.after) tags[change.name] = *change.after;
  }
  return tags;
}

// The write was done although the reply was lost: its repetition is then refused like a lost race.
bool is_done(const azure::Vm& vm, const VmPlan& plan) {
  return vm.vm_id == plan.now.vm.vm_id && changed_tags(vm, plan) == vm.tags;
}

std::string journal_text(const VmPlan& plan) {
  nlohmann::ordered_json tags = nlohmann::ordered_json::object();
  for (const auto& change : plan.tags)
    tags[change.name] = change.after ? nlohmann::ordered_json(*change.after) : nlohmann::ordered_json();
  return nlohmann::ordered_json{{"rule", plan.rule}, {"tags", tags}}.dump();
}

}  // namespace

const char* to_string(Applied::State state) {
  if (state == Applied::State::changed) return "changed";
  return state == Applied::State::refused ? "refused" : "failed";
}

std::size_t ApplyResult::changed() const {
  return static_cast<std::size_t>(std::count_if(
      vms.begin(), vms.end(), [](const Applied& vm) { return vm.state == Applied::State::changed; }));
}

std::size_t ApplyResult::failed() const {
  return vms.size() - changed() + (alerts_error.empty() ? 0 : 1);
}

ProtectionManager::ProtectionManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                                     std::string alerts_path)
    : arm_(arm), journal_(journal), clock_(clock), alerts_path_(std::move(alerts_path)) {}

AlertsState ProtectionManager::read_alerts() const {
  return parse_alerts(core::read_file(alerts_path_).value_or(""), alerts_path_);
}

namespace {

std::vector<std::string> regions_of(const ProtectionFile& file) {
  std::set<std::string> regions;
  for (const auto& rule : file.rules) {
    const auto& drill = rule.settings.drill;
    for (const auto& region : {rule.settings.region, drill ? drill->region : std::nullopt})
      if (region && !region->empty()) regions.insert(*region);
  }
  return {regions.begin(), regions.end()};
}

}  // namespace

Plan ProtectionManager::plan(const ProtectionFile& file, const std::string& subscription,
                             std::stop_token stop) {
  backup::check_regions(arm_, subscription, regions_of(file), stop);
  auto plan = make_plan(file, azure::list_vms(arm_, subscription, std::nullopt, stop), read_alerts());
  if (plan.touches_retention()) {
    backup::BackupManager backups(arm_, journal_, clock_, journal_.path());
    add_losses(plan, backups.list_all(subscription, stop), clock_.now());
  }
  add_hash(plan);
  return plan;
}

// A lease of another command comes and goes between reading and writing: that is no change of the VM.
Applied ProtectionManager::write(const VmPlan& plan, std::stop_token stop) {
  Applied out{plan.ref(), Applied::State::refused, {}, {}};
  for (int race = 0; race <= kMostRaces; ++race) {
    const auto vm = azure::get_vm(arm_, plan.now.vm.id, false, stop);
    if (race > 0 && is_done(vm, plan)) {  // also the last write, whose reply may have been lost
      out.state = Applied::State::changed;
      return out;
    }
    if (race == kMostRaces) break;
    if (const auto changed = difference(plan.now.vm, vm); !changed.empty()) {
      out.error = fmt::format("{} has changed since the plan was made: {}", vm.name, changed);
      out.hint = "look at a new plan; nothing of this VM was changed";
      return out;
    }
    if (snapshot::write_tags_if_unchanged(arm_, vm, changed_tags(vm, plan), stop)) {
      out.state = Applied::State::changed;
      return out;
    }
  }
  out.error = fmt::format("{} is being changed by others all the time", plan.now.vm.name);
  out.hint = "try again in a minute";
  return out;
}

ApplyResult ProtectionManager::apply(const Plan& plan, int max_parallel,
                                     const std::function<void(const Applied&)>& ended, std::stop_token stop) {
  const auto todo = plan.to_change();
  ApplyResult result;
  result.vms.resize(todo.size());
  const auto work = [&](std::size_t i) {
    const auto& vm = *todo[i];
    Applied& out = result.vms[i];
    try {
      if (!vm.problem.empty()) throw Error(ErrorKind::failed, vm.problem);
      out = write(vm, stop);
    } catch (const Error& error) {
      out = {vm.ref(), Applied::State::failed, error.what(), error.hint()};
    }
    journal_.record("protection.apply", vm.now.vm.id, journal_text(vm), out.error);
    if (ended) ended(out);
  };
  const auto ends = core::run_parallel(todo.size(), max_parallel, stop, work);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i]) result.vms[i] = {todo[i]->ref(), Applied::State::failed, "not begun: interrupted", {}};
  }
  if (plan.alerts_text && !stop.stop_requested()) write_alerts(plan, result);
  return result;
}

void ProtectionManager::write_alerts(const Plan& plan, ApplyResult& result) {
  try {
    if (core::read_file(alerts_path_).value_or("") != plan.alerts_before.text)
      throw Error(ErrorKind::failed, alerts_path_ + " has changed since the plan was made");
    if (!plan.alerts_before.text.empty()) core::write_file(alerts_path_ + ".before", plan.alerts_before.text);
    core::write_file(alerts_path_, *plan.alerts_text);
    result.alerts_written = true;
  } catch (const Error& error) {
    result.alerts_error = error.what();
  }
  journal_.record("protection.apply", alerts_path_, "{}", result.alerts_error);
}

Exported ProtectionManager::export_all(const std::string& subscription,
                                       const std::optional<std::string>& group, std::stop_token stop) {
  return export_file(azure::list_vms(arm_, subscription, group, stop), group, read_alerts());
}

}  // namespace azlin::protection
