#include <fmt/format.h>

#include <optional>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/yaml_reader.hpp"
#include "azlin/runbook/recovery.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;

namespace {

// Reads one plan and notes every mistake. Order matters where a value stands for another: the variables come
// before the steps.
class Parser {
 public:
  Parser(core::YamlReader& reader, Unset unset, RecoveryPlan& plan)
      : reader_(reader), unset_(unset), plan_(plan) {}

  void read_variables(const YAML::Node& node) {
    reader_.entries(
        node, "variables", [&](const std::string& name, const YAML::Node&, const YAML::Node& value) {
          if (!value.IsNull() && !value.IsScalar())
            reader_.mistake(value.Mark(), fmt::format("the variable `{}` must be a text, or empty", name));
          variables_[name] = value.IsScalar() ? value.Scalar() : "";
        });
  }

  // Throws core::Error (usage) for a variable that the file does not have.
  void give(const std::map<std::string, std::string>& values, const std::string& file) {
    for (const auto& [name, value] : values) {
      if (!variables_.contains(name))
        throw Error(ErrorKind::usage, fmt::format("{} has no variable `{}`", file, name));
      variables_[name] = value;
    }
  }

  void read_steps(const YAML::Node& list) {
    if (!list.IsSequence() || list.size() == 0)
      return reader_.mistake(list.Mark(), "`steps` must be a list of at least one step");
    for (const auto& node : list) plan_.steps.push_back(step_of(node));
    check_order(list);
  }

 private:
  std::string filled(const YAML::Node& node, const std::string& what);
  void fill_variable(const YAML::Node& node, const std::string& name, std::string& out);
  PlanStep step_of(const YAML::Node& node);
  void read_command(const YAML::Node& node, const char* what, bool hook, PlanStep& step);
  void check_order(const YAML::Node& list);

  core::YamlReader& reader_;
  Unset unset_;
  RecoveryPlan& plan_;
  std::map<std::string, std::string> variables_;
};

void Parser::fill_variable(const YAML::Node& node, const std::string& name, std::string& out) {
  const auto found = variables_.find(name);
  if (found == variables_.end())
    return reader_.mistake(node.Mark(), fmt::format("there is no variable `{}`", name));
  if (!found->second.empty()) {
    out += found->second;
  } else if (unset_ == Unset::refused) {
    reader_.mistake(node.Mark(),
                    fmt::format("the variable `{0}` has no value: give it with --set {0}=VALUE", name));
  } else {
    plan_.unset.insert(name);
    out += "${" + name + "}";
  }
}

// "${name}" replaced; "$${" stands for "${" itself.
std::string Parser::filled(const YAML::Node& node, const std::string& what) {
  if (!node.IsScalar()) {
    reader_.mistake(node.Mark(), what + " needs a text");
    return "";
  }
  const auto& text = node.Scalar();
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "$${") == 0) {
      out += "${";
      i += 2;
    } else if (text.compare(i, 2, "${") != 0) {
      out += text[i];
    } else if (const auto end = text.find('}', i); end == std::string::npos) {
      reader_.mistake(node.Mark(), "a variable has no closing brace");
      return "";
    } else {
      fill_variable(node, text.substr(i + 2, end - i - 2), out);
      i = end;
    }
  }
  return out;
}

void Parser::read_command(const YAML::Node& node, const char* what, bool hook, PlanStep& step) {
  if (!step.command.empty()) reader_.mistake(node.Mark(), "a step has either `run` or `hook`");
  step.hook = hook;
  if (!node.IsSequence() || node.size() == 0)
    return reader_.mistake(node.Mark(), fmt::format("{} must be a list of words", what));
  for (const auto& word : node) step.command.push_back(filled(word, what));
}

PlanStep Parser::step_of(const YAML::Node& node) {
  PlanStep step;
  bool has_command = false;
  const auto text = [&](std::string& to, const char* what) {
    return [&, what](const YAML::Node& value) { to = reader_.text(value, what).value_or(""); };
  };
  const auto command = [&](const char* what, bool hook) {
    return [&, what, hook](const YAML::Node& value) {
      has_command = true;
      read_command(value, what, hook, step);
    };
  };
  const auto duration = [&](const YAML::Node& value) {
    const auto limit = core::parse_duration(value.IsScalar() ? value.Scalar() : "");
    if (!limit) reader_.mistake(value.Mark(), "time_limit must be a duration such as 30m");
    step.time_limit = limit.value_or(step.time_limit);
  };
  const auto codes = [&](const YAML::Node& value) {
    if (!value.IsSequence()) return reader_.mistake(value.Mark(), "good_codes must be a list of exit codes");
    step.good_codes.clear();
    for (const auto& code : value)
      if (const auto number = reader_.whole(code, "an exit code", 0, 255)) step.good_codes.push_back(*number);
  };
  const auto on_failure = [&](const YAML::Node& value) {
    const std::string word = value.IsScalar() ? value.Scalar() : "";
    if (word != "stop" && word != "go on")
      reader_.mistake(value.Mark(), "on_failure must be `stop` or `go on`");
    step.go_on = word == "go on";
  };
  reader_.mapping(
      node, "a step",
      {{"name", text(step.name, "name")},
       {"phase", text(step.phase, "phase")},
       {"what", [&](const auto& value) { step.what = filled(value, "what"); }},
       {"approval", [&](const auto& value) { step.approval = filled(value, "approval"); }},
       {"run", command("run", false)},
       {"hook", command("hook", true)},
       {"good_codes", codes},
       {"retries",
        [&](const auto& value) { step.retries = reader_.whole(value, "retries", 0, 10).value_or(0); }},
       {"time_limit", duration},
       {"parallel",
        [&](const auto& value) { step.parallel = reader_.boolean(value, "parallel").value_or(false); }},
       {"on_failure", on_failure}});
  if (node.IsMap() && (step.name.empty() || step.phase.empty()))
    reader_.mistake(node.Mark(), "a step has a name and a phase");
  if (node.IsMap() && !has_command) reader_.mistake(node.Mark(), "a step has either `run` or `hook`");
  return step;
}

int phase_number(const std::string& phase) {
  for (int i = 0; i < 6; ++i)
    if (phase == kPhases[i]) return i;
  return -1;
}

void Parser::check_order(const YAML::Node& list) {
  std::set<std::string> names;
  const PlanStep* before = nullptr;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& step = plan_.steps[i];
    if (!step.name.empty() && !names.insert(step.name).second)
      reader_.mistake(list[i].Mark(), fmt::format("two steps are named `{}`", step.name));
    if (step.phase.empty()) continue;
    const int now = phase_number(step.phase);
    if (now < 0) reader_.mistake(list[i].Mark(), fmt::format("there is no phase `{}`", step.phase));
    if (before != nullptr && now >= 0 && now < phase_number(before->phase))
      reader_.mistake(list[i].Mark(), fmt::format("`{}` comes before `{}`", step.phase, before->phase));
    if (now >= 0) before = &step;
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
  core::YamlReader reader(
      file,
      "docs/recovery-plans.md describes the file; `azlin recovery plans --print standard` "
      "shows one");
  const auto root = reader.load(yaml);
  RecoveryPlan plan;
  plan.name = file;
  std::optional<YAML::Node> variables, steps;
  reader.mapping(root, "a recovery plan",
                 {{"name", [&](const auto& value) { plan.name = reader.text(value, "name").value_or(""); }},
                  {"what", [&](const auto& value) { plan.what = reader.text(value, "what").value_or(""); }},
                  {"variables", [&](const auto& value) { variables = value; }},
                  {"steps", [&](const auto& value) { steps = value; }}});
  if (root.IsMap() && !steps) reader.mistake(root.Mark(), "a recovery plan needs `steps`");
  Parser parser(reader, unset, plan);
  if (variables) parser.read_variables(*variables);
  reader.finish();
  parser.give(given, file);
  parser.read_steps(*steps);
  reader.finish();
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
