#include "azlin/protection/plan.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/drill.hpp"
#include "azlin/snapshot/lease.hpp"
#include "azlin/snapshot/vm_tags.hpp"
#include "protection/alert_changes.hpp"
#include "protection/settings.hpp"

namespace azlin::protection {

using core::Error;
using core::ErrorKind;
using snapshot::find_tag;
using snapshot::VmRef;

namespace {

void add(VmPlan& plan, const char* setting, std::optional<std::string> before,
         std::optional<std::string> after) {
  if (before != after) plan.changes.push_back({setting, std::move(before), std::move(after)});
}

void add_tag(VmPlan& plan, const char* name, std::optional<std::string> after) {
  const auto* before = find_tag(plan.now.vm.tags, name);
  plan.tags.push_back({name, before == nullptr ? std::nullopt : std::optional(*before), std::move(after)});
}

template <class Value>
std::optional<std::string> tag_of(const std::optional<Value>& value) {
  return value ? std::optional(to_tag(*value)) : std::nullopt;
}

void add_schedule(VmPlan& plan) {
  const auto &before = plan.now.schedule, &after = plan.schedule;
  if (before == after) return;
  const auto of = [](const auto& schedule, const auto& text) {
    return schedule ? std::optional<std::string>(text(*schedule)) : std::nullopt;
  };
  const auto both = [&](const char* setting, const auto& text) {
    add(plan, setting, of(before, text), of(after, text));
  };
  both("schedule", [](const auto& each) { return schedule_text(each); });
  for (const auto tier : {backup::Tier::daily, backup::Tier::weekly, backup::Tier::monthly}) {
    const std::string setting = std::string("retention ") + backup::to_string(tier);
    both(setting.c_str(), [&](const auto& each) { return each.retention_text(tier); });
  }
  both("region", [](const auto& each) { return each.target_region.value_or("none"); });
  add_tag(plan, backup::kScheduleTag, tag_of(after));
}

template <class Value>
void add_policy(VmPlan& plan, const char* setting, const char* tag, const std::optional<Value>& before,
                const std::optional<Value>& after) {
  if (before == after) return;
  add(plan, setting, before ? std::optional(text_of(*before)) : std::nullopt,
      after ? std::optional(text_of(*after)) : std::nullopt);
  add_tag(plan, tag, tag_of(after));
}

// The place in the file that a refusal of `part` is about.
Place place_of(const Rule& rule, const Place& part) {
  return part.line > 0 ? part : rule.place;
}

// Notes what the VM cannot follow in `mistakes`.
void follow(VmPlan& plan, const ProtectionFile& file, const Rule& rule, std::vector<std::string>& mistakes) {
  const auto& settings = rule.settings;
  Place place = place_of(rule, settings.region ? settings.region_place : settings.retention_place);
  try {
    plan.schedule = wanted_schedule(plan.now, settings);
    add_schedule(plan);
    place = place_of(rule, settings.drill_place);
    add_policy(plan, "drill", dr::kPolicyTag, plan.now.drill,
               wanted_drill(plan.now, settings, plan.schedule));
    add_policy(plan, "verification", verification::kVerificationTag, plan.now.verification,
               wanted_verification(plan.now, settings));
  } catch (const Error& error) {
    mistakes.push_back(
        at(file, place, fmt::format("rule '{}', VM {}: {}", rule.name, plan.now.vm.name, error.what())));
  }
}

const Rule* rule_for(const ProtectionFile& file, const azure::Vm& vm) {
  const auto found = std::find_if(file.rules.begin(), file.rules.end(),
                                  [&](const Rule& rule) { return rule.select.selects(vm); });
  return found == file.rules.end() ? nullptr : &*found;
}

bool means(const Group& group, const StageItem& item, const azure::Vm& vm) {
  Selector select{{item.name}, group.resource_groups, {}};
  if (item.resource_group) select.groups = {*item.resource_group};
  return select.selects(vm);
}

// Where the groups of the file put each VM. Throws core::Error: usage for a VM in two places, not_found.
std::map<std::string, backup::GroupMark> group_marks(const ProtectionFile& file,
                                                     const std::vector<azure::Vm>& vms,
                                                     std::vector<std::string>& warnings) {
  std::map<std::string, backup::GroupMark> marks;
  std::vector<std::string> mistakes, missing;
  for (const auto& group : file.groups.value_or(std::vector<Group>{})) {
    int stage = 0;
    for (const auto& items : group.boot_order) {
      ++stage;
      for (const auto& item : items) {
        bool found = false;
        for (const auto& vm : vms) {
          if (!means(group, item, vm)) continue;
          found = true;
          const auto [known, fresh] = marks.try_emplace(vm.id, backup::GroupMark{group.name, stage});
          if (fresh || known->second == backup::GroupMark{group.name, stage}) continue;
          mistakes.push_back(at(file, item.place,
                                fmt::format("VM {} is in group '{}', stage {} already", vm.name,
                                            known->second.name, known->second.stage)));
        }
        if (found) continue;
        const auto text = fmt::format("group '{}': no VM is '{}'", group.name, item.name);
        item.exact() ? missing.push_back(at(file, item.place, text)) : warnings.push_back(text);
      }
    }
  }
  if (!mistakes.empty())
    throw Error(ErrorKind::usage, fmt::format("{}", fmt::join(mistakes, "\n")), "nothing was changed");
  if (!missing.empty())
    throw Error(ErrorKind::not_found, fmt::format("{}", fmt::join(missing, "\n")), "nothing was changed");
  return marks;
}

void add_group(VmPlan& plan, const ProtectionFile& file,
               const std::map<std::string, backup::GroupMark>& marks) {
  if (!file.groups) return;
  const auto mark = marks.find(plan.now.vm.id);
  const auto after = mark == marks.end() ? std::nullopt : std::optional(mark->second);
  add_policy(plan, "group", backup::kGroupTag, plan.now.group, after);
}

// Drills make VMs, too; they are nobody's to protect.
bool is_drill(const azure::Vm& vm) {
  return find_tag(vm.tags, dr::kDrillTag) != nullptr;
}

VmPlan plan_vm(const ProtectionFile& file, const azure::Vm& vm, const Rule* rule,
               const std::map<std::string, backup::GroupMark>& marks, std::vector<std::string>& mistakes) {
  VmPlan plan;
  plan.now = read_state(vm);
  plan.schedule = plan.now.schedule;
  if (rule != nullptr) plan.rule = rule->name;
  if (!plan.now.error.empty()) {
    plan.problem = plan.now.error;
    return plan;
  }
  if (rule != nullptr) follow(plan, file, *rule, mistakes);
  add_group(plan, file, marks);
  return plan;
}

void add_warnings(Plan& plan, const ProtectionFile& file, const std::map<std::string, int>& uses) {
  for (const auto& rule : file.rules) {
    if (!uses.contains(rule.name))
      plan.warnings.push_back(
          fmt::format("rule '{}' selects no VM that an earlier rule does not", rule.name));
  }
}

}  // namespace

VmState read_state(const azure::Vm& vm) {
  VmState state;
  state.vm = vm;
  const auto* engine = find_tag(vm.tags, snapshot::kEngineTag);
  state.vaulted = engine != nullptr && engine->starts_with("azure-backup:");
  try {
    if (const auto* tag = find_tag(vm.tags, backup::kScheduleTag))
      state.schedule = backup::parse_schedule(*tag, vm.name);
    if (const auto* tag = find_tag(vm.tags, dr::kPolicyTag)) state.drill = dr::parse_policy(*tag, vm.name);
    if (const auto* tag = find_tag(vm.tags, verification::kVerificationTag))
      state.verification = verification::parse_verification(*tag, vm.name);
    state.group = backup::group_of(vm);
  } catch (const Error& error) {
    state.error = error.what();
  }
  return state;
}

bool Plan::drift() const {
  return !alerts.empty() || !to_change().empty();
}

bool Plan::loses() const {
  return lost_points() > 0;
}

std::size_t Plan::lost_points() const {
  std::size_t count = 0;
  for (const auto& vm : vms) count += vm.lost.size();
  return count;
}

std::vector<const VmPlan*> Plan::to_change() const {
  std::vector<const VmPlan*> out;
  for (const auto& vm : vms) {
    if (vm.differs()) out.push_back(&vm);
  }
  return out;
}

bool Plan::touches_retention() const {
  return std::any_of(vms.begin(), vms.end(),
                     [](const VmPlan& vm) { return vm.schedule && vm.schedule != vm.now.schedule; });
}

Plan make_plan(const ProtectionFile& file, const std::vector<azure::Vm>& all, const AlertsState& alerts) {
  Plan plan;
  plan.file = file.path;
  plan.alerts_before = alerts;
  std::vector<azure::Vm> vms;
  std::copy_if(all.begin(), all.end(), std::back_inserter(vms), [](const auto& vm) { return !is_drill(vm); });
  std::sort(vms.begin(), vms.end(), [](const azure::Vm& a, const azure::Vm& b) {
    return std::tuple(core::to_lower(a.resource_group), core::to_lower(a.name)) <
           std::tuple(core::to_lower(b.resource_group), core::to_lower(b.name));
  });
  const auto marks = group_marks(file, vms, plan.warnings);
  std::vector<std::string> mistakes;
  std::map<std::string, int> uses;
  for (const auto& vm : vms) {
    const Rule* rule = rule_for(file, vm);
    if (rule != nullptr) ++uses[rule->name];
    auto each = plan_vm(file, vm, rule, marks, mistakes);
    if (each.now.vaulted && (rule != nullptr || marks.contains(vm.id))) {
      plan.warnings.push_back(fmt::format(
          "{} is left alone: its backups are in a vault, whose policy rules them (`azlin policy`)", vm.name));
      continue;
    }
    if (rule != nullptr || marks.contains(vm.id) || (each.differs() && each.problem.empty()))
      plan.vms.push_back(std::move(each));
    else if (each.now.is_protected())
      plan.not_in_file.push_back(each.ref());
  }
  if (!mistakes.empty())
    throw Error(ErrorKind::usage, fmt::format("{}", fmt::join(mistakes, "\n")), "nothing was changed");
  add_warnings(plan, file, uses);
  add_alert_changes(plan, file);
  return plan;
}

void add_losses(Plan& plan, const std::vector<backup::BackupInfo>& backups, core::TimePoint now) {
  std::map<std::string, std::vector<backup::BackupInfo>> by_vm;
  for (const auto& each : backups) by_vm[each.vm_key].push_back(each);
  for (auto& vm : plan.vms) {
    if (!vm.schedule || vm.schedule == vm.now.schedule) continue;
    const auto found = by_vm.find(vm.ref().key());
    if (found != by_vm.end()) vm.lost = backup::losses(vm.now.schedule, *vm.schedule, found->second, now);
  }
}

void add_hash(Plan& plan) {
  // JSON keeps the parts apart whatever they hold.
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& vm : plan.vms) {
    nlohmann::ordered_json row = {vm.now.vm.id, vm.now.vm.vm_id, vm.now.vm.location, vm.problem};
    for (const auto& [name, value] : vm.now.vm.tags) {
      if (!core::equal_ignoring_case(name, snapshot::kLeaseTag)) row.push_back({name, value});
    }
    for (const auto& tag : vm.tags)
      row.push_back({"->", tag.name, tag.after.value_or(""), tag.after.has_value()});
    for (const auto& lost : vm.lost) row.push_back({"-", lost.point.name, lost.point.region});
    all.push_back(std::move(row));
  }
  all.push_back({plan.alerts_before.text, plan.alerts_text.value_or(""), plan.alerts_text.has_value()});
  const std::string text = all.dump();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  plan.hash.clear();
  for (std::size_t i = 0; i < 8; ++i) plan.hash += fmt::format("{:02x}", digest[i]);
}

std::string difference(const azure::Vm& planned, const azure::Vm& vm) {
  if (planned.vm_id != vm.vm_id) return "it is another VM of that name";
  const auto is_lease = [](const auto& tag) {
    return core::equal_ignoring_case(tag.first, snapshot::kLeaseTag);
  };
  for (const auto& tag : planned.tags) {
    if (is_lease(tag)) continue;
    const auto* value = find_tag(vm.tags, tag.first);
    if (value == nullptr) return fmt::format("the tag {} is gone", tag.first);
    if (*value != tag.second) return fmt::format("the tag {} has another value", tag.first);
  }
  for (const auto& tag : vm.tags) {
    if (!is_lease(tag) && find_tag(planned.tags, tag.first) == nullptr)
      return fmt::format("the tag {} is new", tag.first);
  }
  return {};
}

}  // namespace azlin::protection
