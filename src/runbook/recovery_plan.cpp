#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/runbook/recovery.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;

namespace {

struct Variables {
  std::map<std::string, std::string> values;
  Unset unset = Unset::refused;
  std::set<std::string>& missing;
};

[[noreturn]] void refuse(const YAML::Node& node, const std::string& file, const std::string& why) {
  throw Error(ErrorKind::usage, fmt::format("{}, line {}: {}", file, node.Mark().line + 1, why),
              "docs/recovery-plans.md describes the file; `azlin recovery plans --print standard` shows one");
}

std::string text_of(const YAML::Node& node, const std::string& file) {
  if (!node.IsScalar()) refuse(node, file, "a text is expected here");
  return node.Scalar();
}

// "${name}" replaced; "$${" stands for "${" itself.
std::string filled(const YAML::Node& node, const std::string& file, const Variables& variables) {
  const auto text = text_of(node, file);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "$${") == 0) {
      out += "${";
      i += 2;
      continue;
    }
    if (text.compare(i, 2, "${") != 0) {
      out += text[i];
      continue;
    }
    const auto end = text.find('}', i);
    if (end == std::string::npos) refuse(node, file, "a variable has no closing brace");
    const auto name = text.substr(i + 2, end - i - 2);
    const auto found = variables.values.find(name);
    if (found == variables.values.end()) refuse(node, file, fmt::format("there is no variable `{}`", name));
    if (found->second.empty()) {
      if (variables.unset == Unset::refused)
        refuse(node, file,
               fmt::format("the variable `{0}` has no value: give it with --set {0}=VALUE", name));
      variables.missing.insert(name);
      out += text.substr(i, end + 1 - i);
    }
    out += found->second;
    i = end;
  }
  return out;
}

void check_keys(const YAML::Node& node, const std::string& file, const std::set<std::string>& known) {
  if (!node.IsMap()) refuse(node, file, "keys are expected here");
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!known.contains(pair.first.Scalar()))
      refuse(pair.first, file, fmt::format("there is no key `{}` here", pair.first.Scalar()));
    if (!seen.insert(pair.first.Scalar()).second)
      refuse(pair.first, file, fmt::format("`{}` is given twice", pair.first.Scalar()));
  }
}

template <class T>
T value_of(const YAML::Node& node, const std::string& file, const char* key, T fallback) {
  const auto value = node[key];
  if (!value) return fallback;
  try {
    return value.template as<T>();
  } catch (const YAML::Exception&) {
    refuse(value, file, fmt::format("the value of `{}` is not of its type", key));
  }
}

PlanStep step_of(const YAML::Node& node, const std::string& file, const Variables& variables) {
  check_keys(node, file,
             {"name", "phase", "what", "run", "hook", "approval", "good_codes", "retries", "time_limit",
              "parallel", "on_failure"});
  PlanStep step;
  if (!node["name"] || !node["phase"]) refuse(node, file, "a step has a name and a phase");
  step.name = text_of(node["name"], file);
  step.phase = text_of(node["phase"], file);
  if (node["what"]) step.what = filled(node["what"], file, variables);
  if (node["approval"]) step.approval = filled(node["approval"], file, variables);
  if (node["run"].IsDefined() == node["hook"].IsDefined())
    refuse(node, file, "a step has either `run` or `hook`");
  step.hook = node["hook"].IsDefined();
  const auto words = step.hook ? node["hook"] : node["run"];
  if (!words.IsSequence() || words.size() == 0) refuse(words, file, "a list of words is expected here");
  for (const auto& word : words) step.command.push_back(filled(word, file, variables));
  step.good_codes = value_of(node, file, "good_codes", std::vector<int>{0});
  step.retries = value_of(node, file, "retries", 0);
  step.parallel = value_of(node, file, "parallel", false);
  if (const auto limit = node["time_limit"]) {
    const auto parsed = core::parse_duration(text_of(limit, file));
    if (!parsed) refuse(limit, file, "a duration such as 30m is expected here");
    step.time_limit = *parsed;
  }
  const auto failure = value_of(node, file, "on_failure", std::string("stop"));
  if (failure != "stop" && failure != "go on")
    refuse(node["on_failure"], file, "`stop` or `go on` is expected here");
  step.go_on = failure == "go on";
  if (step.retries < 0 || step.retries > 10) refuse(node, file, "0 to 10 retries");
  return step;
}

int phase_number(const std::string& phase) {
  for (int i = 0; i < 6; ++i)
    if (phase == kPhases[i]) return i;
  return -1;
}

void check_steps(const YAML::Node& list, const std::vector<PlanStep>& steps, const std::string& file) {
  std::set<std::string> names;
  int before = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int now = phase_number(steps[i].phase);
    if (now < 0) refuse(list[i], file, fmt::format("there is no phase `{}`", steps[i].phase));
    if (now < before)
      refuse(list[i], file, fmt::format("`{}` comes before `{}`", steps[i].phase, steps[i - 1].phase));
    if (!names.insert(steps[i].name).second)
      refuse(list[i], file, fmt::format("two steps are named `{}`", steps[i].name));
    before = now;
  }
}

// Of all that the steps say, after the variables: two plans of one digest do the same.
std::string digest_of(const std::vector<PlanStep>& steps) {
  std::uint64_t hash = 1469598103934665603ULL;  // FNV-1a: to notice a change, not an attack
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xFFU) * 1099511628211ULL;
  };
  for (const auto& step : steps) {
    add(step.name);
    add(step.hook ? "hook" : "run");
    for (const auto& word : step.command) add(word);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace

RecoveryPlan parse_plan(const std::string& yaml, const std::string& file,
                        const std::map<std::string, std::string>& given, Unset unset) {
  YAML::Node root;
  try {
    root = YAML::Load(yaml);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage, fmt::format("{}: {}", file, error.what()));
  }
  if (!root.IsMap()) throw Error(ErrorKind::usage, file + " is no recovery plan");
  check_keys(root, file, {"name", "what", "variables", "steps"});
  RecoveryPlan plan;
  Variables variables{{}, unset, plan.unset};
  if (const auto node = root["variables"]) {
    if (!node.IsMap()) refuse(node, file, "names with values are expected here");
    for (const auto& pair : node)
      variables.values[pair.first.Scalar()] = pair.second.IsNull() ? "" : text_of(pair.second, file);
  }
  for (const auto& [name, value] : given) {
    if (!variables.values.contains(name))
      throw Error(ErrorKind::usage, fmt::format("{} has no variable `{}`", file, name));
    variables.values[name] = value;
  }
  plan.name = root["name"] ? text_of(root["name"], file) : file;
  plan.what = root["what"] ? text_of(root["what"], file) : "";
  const auto list = root["steps"];
  if (!list || !list.IsSequence() || list.size() == 0) throw Error(ErrorKind::usage, file + " has no steps");
  for (const auto& node : list) plan.steps.push_back(step_of(node, file, variables));
  check_steps(list, plan.steps, file);
  plan.digest = digest_of(plan.steps);
  return plan;
}

const std::map<std::string, std::string>& shipped_plans() {
  static const std::map<std::string, std::string> plans = {
      {"standard", R"(# Recovery of the standard deployment: AKS by its templates, the rest by azlin.
# azlin recovery run standard --set group=… --set vault=… (every variable without a value must be given)
name: standard
what: Key Vault, Storage, Cosmos DB and App Configuration in new places, AKS redeployed
variables:
  group:            # resource group of the deployment
  vault:            # key vault that was lost
  new_vault:        # made by the deploy hook, in the same subscription and geography
  vault_backup:     # folder of `platform keyvault backup`
  store_export:     # file of `platform appconfig export`
  new_store:        # made by the deploy hook
  storage:          # storage account (GRS or RA-GRS)
  cosmos:           # Cosmos DB account, live or deleted
  new_cosmos:       # a name that is free
  restore_at:       # time to restore Cosmos DB to, such as 2025-12-01T08:00:00Z
  deploy_hook:      # program that deploys AKS, the vault and the store from your templates
  cutover_hook:     # program that moves DNS or routing
steps:
  - name: assess-resources
    phase: assess
    what: What is affected, and what protects it
    run: [platform, assess, -g, "${group}"]
    good_codes: [0, 6]
  - name: assess-cosmos
    phase: assess
    run: [platform, cosmos, restorable, list, "${cosmos}", --at, "${restore_at}"]
  - name: assess-storage
    phase: assess
    run: [platform, storage, replication, show, "${storage}", -g, "${group}"]
  - name: deploy
    phase: provision
    what: AKS redeployed from templates; a new vault and a new store
    hook: ["${deploy_hook}", "${group}", "${new_vault}", "${new_store}"]
    approval: Deploy new infrastructure in ${group}?
  - name: restore-vault
    phase: restore
    what: First, since the others need its secrets
    run: [platform, keyvault, restore, "${new_vault}", --from, "${vault_backup}"]
    retries: 1
  - name: fail-over-storage
    phase: restore
    run: [platform, storage, failover, "${storage}", -g, "${group}"]
    approval: Fail over ${storage}? Writes that were not copied yet are lost, and it cannot be taken back.
    parallel: true
  - name: restore-cosmos
    phase: restore
    run: [platform, cosmos, restore, "${cosmos}", --at, "${restore_at}", --to, "${new_cosmos}", -g, "${group}"]
    parallel: true
  - name: import-settings
    phase: restore
    what: Last, since it points at the others
    run: [platform, appconfig, import, "${new_store}", --from, "${store_export}", --map-vault, "${vault}=${new_vault}"]
    retries: 1
  - name: protect-storage
    phase: configure
    run: [platform, storage, protection, set, "${storage}", -g, "${group}", --recommended]
  - name: replicate-storage
    phase: configure
    what: A failover leaves the account locally redundant
    run: [platform, storage, replication, set, "${storage}", Standard_GRS, -g, "${group}"]
  - name: cosmos-automatic-failover
    phase: configure
    run: [platform, cosmos, regions, "${new_cosmos}", --automatic-failover, "on"]
  - name: validate-vault
    phase: validate
    what: Every item with its versions is as in the backup
    run: [platform, keyvault, diff, "${new_vault}", --from, "${vault_backup}"]
  - name: validate-settings
    phase: validate
    run: [platform, appconfig, diff, "${new_store}", --file, "${store_export}", --map-vault, "${vault}=${new_vault}"]
  - name: validate-storage
    phase: validate
    run: [platform, storage, replication, show, "${storage}", -g, "${group}"]
  - name: cut-over
    phase: cutover
    hook: ["${cutover_hook}", "${group}"]
    approval: Move the traffic?
)"}};
  return plans;
}

}  // namespace azlin::runbook
