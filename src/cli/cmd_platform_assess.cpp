// azlin platform assess, apply and checkpoint.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/appconfig.hpp"
#include "azlin/platform/assess.hpp"
#include "azlin/platform/seal.hpp"
#include "azlin/platform/text_file.hpp"
#include "azlin/platform/vault_backup.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using State = platform::Finding::State;
using How = platform::Mend::How;

namespace {

struct ScopeFlags {
  std::optional<std::string> group;
  bool all = false;
  std::string expectations;
};
struct AssessOptions {
  ScopeFlags scope;
  std::string html;
  bool print_expectations = false;
};
struct ApplyOptions {
  ScopeFlags scope;
  std::vector<std::string> only;
};
struct CheckpointOptions {
  std::optional<std::string> group;
  std::vector<std::string> vaults, stores;
  std::string folder;
  AuthArgument auth;
  PasswordArgument password;
};

void bind_scope(CLI::App& command, ScopeFlags& scope) {
  auto* group = command.add_option("-g,--resource-group", scope.group, "Only resources of this group");
  command.add_flag("--all", scope.all, "The whole subscription (the default without -g)")->excludes(group);
  command.add_option("--expectations", scope.expectations,
                     "YAML file of what is expected (default: azlin's own)");
}

std::vector<platform::Assessed> look(PlatformSession& session, const ScopeFlags& scope) {
  const auto expected =
      scope.expectations.empty()
          ? platform::parse_expectations(platform::standard_expectations_text(), "the standard expectations")
          : platform::parse_expectations(core::read_input_file(scope.expectations, "file of expectations"),
                                         scope.expectations);
  return platform::assess(session.service(), session.log(), expected, session.runtime().subscription(),
                          scope.group, session.stop());
}

const char* word(State state) {
  return state == State::good ? "ok" : state == State::short_of ? "short" : "unchecked";
}

ordered_json to_json(const platform::Finding& finding) {
  return {{"state", word(finding.state)},
          {"check", finding.check},
          {"expected", finding.expected},
          {"found", finding.found},
          {"command", finding.command},
          {"note", finding.note},
          {"applies", finding.mend.how != How::none}};
}

ordered_json to_json(const platform::Assessed& each) {
  ordered_json out = {
      {"name", each.resource.name},
      {"kind", platform::info(each.resource.kind).word},
      {"resourceGroup", each.resource.resource_group},
      {"location", each.resource.location},
      {"ok", !each.falls_short()},
      {"strategy", each.notes.strategy},
      {"rto", each.notes.rto},
      {"rpo", each.notes.rpo},
      {"compliance", each.notes.compliance},
      {"cost", each.notes.cost},
      {"consistency", each.consistency.empty() ? ordered_json() : ordered_json(each.consistency)},
      {"findings", ordered_json::array()}};
  for (const auto& finding : each.findings) out["findings"].push_back(to_json(finding));
  return out;
}

void print(Console& console, const platform::Assessed& each) {
  console.line(fmt::format("{}  {}{}", console.bold(each.resource.name),
                           platform::info(each.resource.kind).label,
                           each.consistency.empty() ? "" : ", consistency " + each.consistency));
  if (!each.notes.strategy.empty()) console.line("  Recovery:   " + each.notes.strategy);
  if (!each.notes.rto.empty()) console.line("  RTO:        " + each.notes.rto);
  if (!each.notes.rpo.empty()) console.line("  RPO:        " + each.notes.rpo);
  if (!each.notes.compliance.empty()) console.line("  Compliance: " + each.notes.compliance);
  if (!each.notes.cost.empty()) console.line("  Cost:       " + each.notes.cost);
  for (const auto& finding : each.findings) {
    const auto mark = finding.state == State::good       ? console.green("✓")
                      : finding.state == State::short_of ? console.red("✗")
                                                         : console.yellow("?");
    console.line(fmt::format("  {} {}: {}{}", mark, finding.check, finding.found,
                             finding.state == State::good ? "" : "; expected " + finding.expected));
    if (!finding.command.empty()) console.line("      → " + finding.command);
    if (!finding.note.empty()) console.line("      " + finding.note);
  }
}

void bind(CLI::App& command, AssessOptions& options) {
  bind_scope(command, options.scope);
  command.add_option("--html", options.html, "Also write a page to this file; - prints it instead");
  command.add_flag("--print-expectations", options.print_expectations,
                   "Print the expectations that azlin comes with");
  command.footer(
      "Example: azlin platform assess --all --html page.html\n"
      "Exit codes: 0 all is as expected, 1, 2, 5, 6 something falls short or could not be checked");
}

int run(Runtime& runtime, const AssessOptions& options) {
  Console& console = runtime.console();
  if (options.html == "-" && runtime.options().output != "text")
    throw Error(ErrorKind::usage, "--html - prints a page: leave -o out");
  if (options.print_expectations) {
    console.line(platform::standard_expectations_text());
    console.result({{"expectations", platform::standard_expectations_text()}});
    return 0;
  }
  const bool page = options.html == "-";
  if (!page && !options.html.empty()) core::check_output_file(options.html, "page");
  PlatformSession session(runtime);
  const auto all = look(session, options.scope);
  ordered_json json = {{"resources", ordered_json::array()}};
  std::size_t short_of = 0;
  for (const auto& each : all) {
    if (!page) print(console, each);
    json["resources"].push_back(to_json(each));
    short_of += each.falls_short() ? 1 : 0;
  }
  json["fallShort"] = short_of;
  const auto html = options.html.empty() ? "" : platform::assessment_html(all, runtime.clock().now());
  if (page) {
    console.line(html);
    return short_of == 0 ? 0 : core::exit_code(ErrorKind::findings);
  }
  if (!options.html.empty() && !session.dry_run()) platform::write_text_file(options.html, html);
  console.line(fmt::format("{} {}, {} short of what is expected", short_of == 0 ? "✓" : "✗",
                           core::counted(all.size(), "resource"),
                           short_of == 0 ? "none" : std::to_string(short_of)));
  console.result(json, "resources");
  return short_of == 0 ? 0 : core::exit_code(ErrorKind::findings);
}

void bind(CLI::App& command, ApplyOptions& options) {
  bind_scope(command, options.scope);
  command.add_option("--only", options.only, "Only this resource; may be repeated")->allow_extra_args(false);
  command.footer(
      "Shows the plan and asks. What needs a choice (a region, a folder, a migration) stays to be done by "
      "hand.\n"
      "Example: azlin platform apply -g Production\n"
      "Exit codes: 0, 1, 2, 4 some changes failed, 5, 7, 130");
}

struct PlannedMend {
  const platform::Assessed* assessed;
  const platform::Finding* finding;
};

std::vector<PlannedMend> plan_mends(const std::vector<platform::Assessed>& all,
                                    const std::vector<std::string>& only, Console& console) {
  std::vector<PlannedMend> out;
  for (const auto& each : all) {
    const bool wanted = only.empty() || std::any_of(only.begin(), only.end(), [&](const auto& name) {
                          return core::equal_ignoring_case(name, each.resource.name);
                        });
    if (!wanted) continue;
    for (const auto& finding : each.findings) {
      if (finding.state != State::short_of) continue;
      if (finding.mend.how == How::none) {
        console.line(fmt::format("  by hand  {}: {}{}", each.resource.name, finding.check,
                                 finding.command.empty() ? "" : "  → " + finding.command));
        continue;
      }
      console.line(
          fmt::format("  change   {}: {} {} -> {}{}{}", each.resource.name, finding.check, finding.found,
                      finding.mend.how == How::storage_sku ? finding.mend.value : finding.expected,
                      finding.mend.for_good ? "  [for good]" : "", finding.mend.costs ? "  [costs]" : ""));
      out.push_back({&each, &finding});
    }
  }
  return out;
}

int run(Runtime& runtime, const ApplyOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto all = look(session, options.scope);
  const auto plan = plan_mends(all, options.only, console);
  if (plan.empty()) {
    console.line("✓ Nothing that azlin can change by itself");
    console.result({{"changes", ordered_json::array()}}, "changes");
    return 0;
  }
  const bool for_good =
      std::any_of(plan.begin(), plan.end(), [](const auto& each) { return each.finding->mend.for_good; });
  if (!session.dry_run()) {
    if (for_good) console.warn("What is marked [for good] cannot be taken back.");
    if (!console.confirm(fmt::format("making {}", core::counted(plan.size(), "change"))))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  ordered_json json = {{"changes", ordered_json::array()}};
  std::size_t failed = 0;
  for (const auto& [assessed, finding] : plan) {
    const auto& resource = assessed->resource;
    std::string error;
    try {
      session.change("apply", resource.id,
                     {{"check", finding->check},
                      {"look", resource.id},
                      {"lookVersion", platform::info(resource.kind).version}},
                     [&] { platform::mend(session.service(), resource, finding->mend, session.stop()); });
      if (!session.dry_run()) console.line(fmt::format("✓ {}: {}", resource.name, finding->check));
    } catch (const Error& refused) {
      if (refused.kind() == ErrorKind::interrupted) throw;
      error = refused.what();
      ++failed;
      console.line(fmt::format("✗ {}: {}: {}", resource.name, finding->check, error));
    }
    json["changes"].push_back({{"resource", resource.name}, {"check", finding->check}, {"error", error}});
  }
  if (session.dry_run()) return session.print_planned();
  console.result(json, "changes");
  if (failed == 0) return 0;
  return core::exit_code(failed == plan.size() ? ErrorKind::failed : ErrorKind::partial);
}

void bind(CLI::App& command, CheckpointOptions& options) {
  command.add_option("-g,--resource-group", options.group, "Every vault and store of this group");
  command.add_option("--vault", options.vaults, "Key vault; may be repeated")->allow_extra_args(false);
  command.add_option("--store", options.stores, "App Configuration store; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--to", options.folder, "Folder; each checkpoint gets one of its own in it")->required();
  bind_auth(command, options.auth);
  bind_password(command, options.password);
  command.footer(
      "Run it before a change: App Configuration stores are exported, key vaults backed up.\n"
      "Back: azlin platform appconfig rollback STORE --file FOLDER/TIME/STORE.kvset.json\n"
      "Example: azlin platform checkpoint -g Production --to ./before --password-file ~/.kv-password\n"
      "Exit codes: 0, 1, 2, 3, 4 some parts failed, 5, 6 disabled items are not in it, 7, 130");
}

// Named ones, or all of the group or subscription.
std::vector<platform::Resource> chosen(PlatformSession& session, platform::Kind kind,
                                       const CheckpointOptions& options,
                                       const std::vector<std::string>& names) {
  std::vector<platform::Resource> out;
  if (options.vaults.empty() && options.stores.empty())
    return session.service().resources(kind, session.runtime().subscription(), options.group, session.stop());
  for (const auto& name : names) out.push_back(session.resource(kind, {name, options.group}));
  return out;
}

std::size_t save_store(PlatformSession& session, const platform::Resource& store,
                       const CheckpointOptions& options, const std::string& path) {
  const auto data = session.store_data(store, options.auth);
  platform::AppConfigClient client(*data);
  const auto items = client.list({}, session.stop());
  platform::write_text_file(path, platform::to_kvset(items));
  session.log().record({store.id, "appconfig export", session.runtime().clock().now(), path,
                        static_cast<std::int64_t>(items.size())});
  return items.size();
}

// `skipped` counts the disabled items, which are in no backup.
std::size_t save_vault(PlatformSession& session, const platform::Resource& vault,
                       const std::optional<std::string>& password, const std::string& path,
                       std::size_t& skipped) {
  const auto data = session.vault_data(vault);
  platform::KeyVaultClient client(*data);
  platform::VaultBackupOptions work;
  work.folder = path;
  work.password = password;
  const auto result = platform::back_up_vault(
      client, {vault.id, vault.name, vault.subscription, vault.location, data->endpoint()},
      session.runtime().clock(), work, {}, session.stop());
  if (!result.failures.empty())
    throw Error(ErrorKind::failed, fmt::format("{} of its items failed, the first: {}",
                                               result.failures.size(), result.failures.front().error));
  session.log().record({vault.id, "keyvault backup", session.runtime().clock().now(), path,
                        static_cast<std::int64_t>(result.manifest.items.size())});
  skipped += result.skipped.size();
  for (const auto& item : result.skipped)
    session.console().warn(
        fmt::format("{} {} of {}: {}", platform::to_string(item.kind), item.name, vault.name, item.error));
  return result.manifest.items.size();
}

int run(Runtime& runtime, const CheckpointOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto stores = chosen(session, platform::Kind::app_configuration, options, options.stores);
  const auto vaults = chosen(session, platform::Kind::key_vault, options, options.vaults);
  if (stores.empty() && vaults.empty())
    throw Error(ErrorKind::not_found, "there is no App Configuration store and no key vault here");
  const auto password = vaults.empty() ? std::nullopt : password_of(runtime, options.password);
  const auto folder = options.folder + "/" + core::to_name_stamp(runtime.clock().now());
  ordered_json json = {{"folder", folder}, {"dryRun", session.dry_run()}, {"parts", ordered_json::array()}};
  std::size_t failed = 0, skipped = 0;
  const auto part = [&](const platform::Resource& resource, const std::string& path, const auto& work) {
    std::string error;
    std::size_t items = 0;
    if (!session.dry_run()) {
      try {
        session.change("checkpoint", resource.id, {{"path", path}, {"again", "run the checkpoint again"}},
                       [&] { items = work(); });
      } catch (const Error& failure) {
        if (failure.kind() == ErrorKind::interrupted) throw;
        error = failure.what();
        ++failed;
      }
    }
    console.line(error.empty() ? fmt::format("{} {}: {} in {}", session.dry_run() ? "·" : "✓", resource.name,
                                             core::counted(items, "item"), path)
                               : fmt::format("✗ {}: {}", resource.name, error));
    json["parts"].push_back({{"resource", resource.name},
                             {"kind", platform::info(resource.kind).word},
                             {"path", path},
                             {"items", items},
                             {"error", error}});
  };
  if (!session.dry_run()) platform::make_private_folder(folder);
  for (const auto& store : stores) {
    const auto path = folder + "/" + store.name + ".kvset.json";
    part(store, path, [&] { return save_store(session, store, options, path); });
  }
  for (const auto& vault : vaults) {
    const auto path = folder + "/" + vault.name + ".keyvault";
    part(vault, path, [&] { return save_vault(session, vault, password, path, skipped); });
  }
  console.result(json, "parts");
  if (failed == 0) return skipped == 0 ? 0 : core::exit_code(ErrorKind::findings);
  return core::exit_code(failed == stores.size() + vaults.size() ? ErrorKind::failed : ErrorKind::partial);
}

}  // namespace

void add_assess_commands(CLI::App& platform, Job& chosen) {
  add_command<AssessOptions>(platform, "assess", "Every resource against what is expected of it", chosen);
  add_command<ApplyOptions>(platform, "apply", "Mend what assess found", chosen);
  add_command<CheckpointOptions>(platform, "checkpoint", "App Configuration and Key Vault, before a change",
                                 chosen);
}

}  // namespace azlin::cli
