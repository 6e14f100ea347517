#include "cli/vault_session.hpp"

#include <fmt/format.h>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/recovery.hpp"
#include "azlin/vault/vaults.hpp"
#include "cli/dry_run.hpp"
#include "cli/nearest.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

std::optional<vault::VaultId> among_named(const vault::Settings& settings, const std::string& name) {
  for (const auto& entry : settings.named)
    if (core::equal_ignoring_case(entry.key, name)) return entry.id;
  for (const auto& entry : settings.named)
    if (core::equal_ignoring_case(entry.id.name, name)) return entry.id;
  if (settings.primary && core::equal_ignoring_case(settings.primary->id.name, name))
    return settings.primary->id;
  return std::nullopt;
}

vault::VaultId look_up(Runtime& runtime, const std::string& name, const std::optional<std::string>& group) {
  vault::Service service(runtime.arm());
  std::vector<vault::VaultId> found;
  std::vector<std::string> names;
  for (const auto& vault : vault::VaultManager(service).list(runtime.subscription(), group, runtime.stop())) {
    names.push_back(vault.id.name);
    if (name.empty() || core::equal_ignoring_case(vault.id.name, name)) found.push_back(vault.id);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const auto near = nearest(name, names);
    throw Error(ErrorKind::not_found,
                !name.empty() ? "there is no vault '" + name + "'"
                : group       ? "resource group " + *group + " has no Recovery Services vault"
                              : "the subscription has no Recovery Services vault",
                name.empty()   ? "`azlin vault create` makes one"
                : near.empty() ? "`azlin vault list` shows those that this credential sees"
                               : "did you mean '" + near.front() + "'?");
  }
  std::string listed;
  for (const auto& id : found) listed += fmt::format("\n  {} in {}", id.name, id.resource_group);
  throw Error(ErrorKind::usage, "several vaults could be meant:" + listed,
              "choose one with --vault and --resource-group, `azlin vault use`, or [recovery_services] in "
              "config.toml");
}

vault::VaultId by_id(const std::string& id) try {
  return vault::VaultId::parse(id);
} catch (const Error& error) {
  throw Error(ErrorKind::usage, error.what(), "`azlin vault list -o json` shows the ids of vaults");
}

// What stands in paths is checked before a request is made of it.
vault::VaultId by_name(Runtime& runtime, const vault::Settings& settings, const std::string& name,
                       const std::optional<std::string>& group) {
  if (name.starts_with("/")) return by_id(name);
  if (group) {
    vault::check_vault_name(name);
    return {runtime.subscription(), *group, name};
  }
  if (const auto known = among_named(settings, name)) return *known;
  return look_up(runtime, name, std::nullopt);
}

}  // namespace

void bind_vault(CLI::App& command, VaultArgument& argument) {
  command
      .add_option("--vault", argument.vault, "Vault: a name, a key of [recovery_services.vaults], or an id")
      ->type_name("NAME");
  command.add_option("-g,--resource-group", argument.resource_group, "Resource group of the vault");
}

vault::Settings recovery_settings(Runtime& runtime) {
  const auto subscription = core::setting(runtime.options().subscription, runtime.env(),
                                          "AZURE_SUBSCRIPTION_ID", runtime.config(), "subscription");
  auto settings = vault::read_settings(runtime.config(), subscription.value_or(""));
  vault::check_enabled(settings);
  return settings;
}

vault::VaultId choose_vault(Runtime& runtime, const VaultArgument& argument) {
  const auto& group = argument.resource_group;
  if (group) core::check_resource_group(*group);
  const auto settings = recovery_settings(runtime);
  if (const auto name = argument.vault ? argument.vault : runtime.env().get("AZLIN_VAULT"))
    return by_name(runtime, settings, *name, group);
  const auto fits = [&](const vault::VaultId& id) {
    return !group || core::equal_ignoring_case(id.resource_group, *group);
  };
  if (const auto chosen = vault::read_choice(runtime.home()); chosen && fits(*chosen)) return *chosen;
  if (settings.primary && fits(settings.primary->id)) return settings.primary->id;
  return look_up(runtime, "", group);
}

VaultSession::VaultSession(Runtime& runtime, const VaultArgument& argument)
    : VaultSession(runtime, choose_vault(runtime, argument)) {}

VaultSession::VaultSession(Runtime& runtime, vault::VaultId id)
    : runtime_(runtime),
      id_(std::move(id)),
      service_(runtime.arm(), runtime.dry_run() ? &planned_ : nullptr) {}

int VaultSession::print_planned() {
  std::vector<PlannedCall> calls;
  for (const auto& call : planned_)
    calls.push_back({call.method, call.path, call.body.is_null() ? "" : call.body.dump()});
  print_dry_run(console(), calls, {{"vault", id_.name}});
  return 0;
}

std::optional<vault::Job> VaultSession::change(const Change& change,
                                               const std::function<std::string()>& begin, bool wait) {
  if (dry_run()) {
    begin();
    return std::nullopt;
  }
  const auto wait_for = [&](const std::string& job) { return follow(job, change.label, change.region); };
  return vault::make_change(runtime_.journal(), id_, {change.kind, change.target, change.region}, begin,
                            wait ? std::function<vault::Job(const std::string&)>(wait_for) : nullptr);
}

vault::Job VaultSession::follow(const std::string& job, const std::string& label, const std::string& region) {
  LiveTable table(console(), {label});
  std::string last;
  const auto progress = [&](const vault::Job& now) {
    const std::string text = progress_text(now);
    if (text != last && !console().quiet()) table.update(0, text);
    last = text;
  };
  auto manager = jobs();
  return region.empty() ? manager.wait(job, progress, runtime_.stop())
                        : manager.wait_secondary(region, job, progress, runtime_.stop());
}

std::string progress_text(const vault::Job& job) {
  std::string text = job.operation + " " + job.status;
  if (const auto percent = job.progress(); percent && job.running()) text += fmt::format(" {} %", *percent);
  for (const auto& task : job.tasks) text += fmt::format(", {}: {}", task.name, task.status);
  return text;
}

ordered_json job_json(const vault::Job& job) {
  ordered_json json = {{"id", job.name},
                       {"operation", job.operation},
                       {"status", job.status},
                       {"entity", job.entity},
                       {"workload", job.workload},
                       {"startedAt", core::to_iso8601(job.started)},
                       {"endedAt", nullptr},
                       {"duration", job.duration},
                       {"percent", nullptr},
                       {"cancellable", job.cancellable},
                       {"userTriggered", job.user_triggered},
                       {"tasks", ordered_json::array()},
                       {"properties", job.properties},
                       {"errors", ordered_json::array()}};
  if (job.ended) json["endedAt"] = core::to_iso8601(*job.ended);
  if (const auto percent = job.progress()) json["percent"] = *percent;
  for (const auto& task : job.tasks) json["tasks"].push_back({{"name", task.name}, {"status", task.status}});
  for (const auto& error : job.errors)
    json["errors"].push_back({{"code", error.code},
                              {"title", error.title},
                              {"text", error.text},
                              {"recommendations", error.recommendations}});
  return json;
}

int report_job(VaultSession& session, const std::string& done, const std::string& job_name,
               const std::optional<vault::Job>& job) {
  if (session.dry_run()) return session.print_planned();
  Console& console = session.console();
  if (!job || job->running()) {
    console.line(fmt::format("Job {} begun: `azlin vault job wait {}` follows it", job_name, job_name));
    console.result({{"job", job_name}, {"status", "InProgress"}});
    return 0;
  }
  console.line("✓ " + done);
  ordered_json json = job_json(*job);
  json["job"] = job->name;
  console.result(json);
  return 0;
}

int run_bulk(VaultSession& session, const std::string& verb, const std::vector<vault::ProtectedItem>& items,
             const std::function<std::optional<vault::Job>(const vault::ProtectedItem&)>& work) {
  Console& console = session.console();
  std::vector<BulkOutcome> outcomes;
  for (const auto& item : items) {
    BulkOutcome outcome{item_label(item), item.id, "", "", ""};
    if (session.runtime().stop().stop_requested()) {
      outcome.error = "not begun: interrupted";
      outcomes.push_back(outcome);
      continue;
    }
    try {
      if (const auto job = work(item)) outcome.job = job->name;
      console.note(fmt::format("{}: {}", outcome.label, verb));
    } catch (const Error& error) {
      outcome.error = error.what();
      outcome.hint = error.hint();
    }
    outcomes.push_back(outcome);
  }
  if (session.dry_run()) return session.print_planned();
  std::size_t failed = 0;
  ordered_json json = {{"done", 0}, {"failed", 0}, {"items", ordered_json::array()}};
  for (const auto& outcome : outcomes) {
    const bool bad = !outcome.error.empty();
    failed += bad ? 1 : 0;
    console.line(fmt::format("{} {}: {}", bad ? "✗" : "✓", outcome.label, bad ? outcome.error : verb));
    json["items"].push_back({{"item", outcome.label},
                             {"id", outcome.id},
                             {"ok", !bad},
                             {"job", outcome.job},
                             {"error", outcome.error},
                             {"hint", outcome.hint}});
  }
  json["done"] = outcomes.size() - failed;
  json["failed"] = failed;
  console.line(fmt::format("{} of {} {}{}", outcomes.size() - failed, outcomes.size(), verb,
                           failed == 0 ? "" : fmt::format("; {} failed", failed)));
  console.result(json, "items");
  if (session.runtime().stop().stop_requested()) return core::exit_code(ErrorKind::interrupted);
  if (failed == 0) return 0;
  return core::exit_code(failed == outcomes.size() ? ErrorKind::failed : ErrorKind::partial);
}

std::string item_label(const vault::ProtectedItem& item) {
  return item.parent.empty() ? item.friendly_name
                             : item.parent + "/" + item.friendly_name + " on " + item.server;
}

std::string item_label(const vault::ProtectableItem& item) {
  return item.parent.empty() ? item.friendly_name
                             : item.parent + "/" + item.friendly_name + " on " + item.server;
}

}  // namespace azlin::cli
