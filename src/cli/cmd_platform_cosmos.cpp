// azlin platform cosmos: backup policy, regions, failover, restore to a point in time.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/cosmos.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct CosmosPolicyShowOptions {
  ResourceArgument account;
};
struct CosmosPolicySetOptions {
  ResourceArgument account;
  platform::PolicyChange change;
};
struct CosmosRegionsOptions {
  ResourceArgument account;
  std::string add, remove;
  bool zones = false;
  std::optional<std::string> automatic_failover;
};
struct CosmosFailoverOptions {
  ResourceArgument account;
  std::string to;
};
struct CosmosRestorableOptions {
  std::string name, at, region;
};
struct CosmosRestoreOptions {
  std::string source, at, to, location;
  std::optional<std::string> group;
  std::vector<std::string> only;
};

platform::CosmosAccount account_of(PlatformSession& session, const ResourceArgument& argument) {
  return platform::read_cosmos(session.resource(platform::Kind::cosmos, argument));
}

arm::Progress notes(Console& console, const char* what) {
  return [&console, what, last = std::string()](const std::string& status, std::optional<double>) mutable {
    if (status != last) console.note(fmt::format("{}: {}", what, status));
    last = status;
  };
}

ordered_json to_json(const platform::CosmosAccount& account) {
  ordered_json out = {{"account", account.resource.name},
                      {"api", account.api},
                      {"policy", account.policy.type},
                      {"tier", account.policy.tier},
                      {"intervalMinutes", account.policy.interval_minutes},
                      {"retentionHours", account.policy.retention_hours},
                      {"redundancy", account.policy.redundancy},
                      {"migration", account.policy.migration},
                      {"consistency", account.consistency},
                      {"automaticFailover", account.automatic_failover},
                      {"multipleWriters", account.many_writers},
                      {"regions", ordered_json::array()}};
  for (const auto& region : account.regions)
    out["regions"].push_back({{"name", region.name},
                              {"priority", region.priority},
                              {"zones", region.zones},
                              {"state", region.state}});
  return out;
}

void print_policy(Console& console, const platform::CosmosAccount& account) {
  const auto& policy = account.policy;
  console.line(console.bold(account.resource.name) + "  " + account.api);
  console.line("  Backup: " + policy.type);
  if (policy.type == "Continuous") {
    console.line("  Tier:   " +
                 (policy.tier.empty() ? std::string("not shown by the service") : policy.tier));
  } else {
    console.line(fmt::format("  Every {} minutes, kept for {} hours, {}", policy.interval_minutes,
                             policy.retention_hours, policy.redundancy));
    console.line("  A restore is made by Microsoft's support on a ticket");
  }
  if (!policy.migration.empty()) console.line("  Migration to continuous: " + policy.migration);
}

void bind(CLI::App& command, CosmosPolicyShowOptions& options) {
  bind_resource(command, options.account, "Cosmos DB account");
  command.footer(
      "Example: azlin platform cosmos backup-policy show staging-cosmos\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const CosmosPolicyShowOptions& options) {
  PlatformSession session(runtime);
  const auto account = account_of(session, options.account);
  print_policy(runtime.console(), account);
  runtime.console().result(to_json(account));
  return 0;
}

void bind(CLI::App& command, CosmosPolicySetOptions& options) {
  bind_resource(command, options.account, "Cosmos DB account");
  command.add_option("--type", options.change.type, "Continuous (for good) or Periodic")
      ->check(CLI::IsMember({"Continuous", "Periodic"}));
  command
      .add_option("--tier", options.change.tier, "Of Continuous: Continuous7Days (free) or Continuous30Days")
      ->check(CLI::IsMember({"Continuous7Days", "Continuous30Days"}));
  command.add_option("--interval-minutes", options.change.interval_minutes, "Of Periodic: 60-1440");
  command.add_option("--retention-hours", options.change.retention_hours,
                     "Of Periodic: at least two intervals, at most 720");
  command
      .add_option("--redundancy", options.change.redundancy,
                  "Of Periodic: Geo, Local or Zone; older backups are lost")
      ->check(CLI::IsMember({"Geo", "Local", "Zone"}));
  command.footer(
      "The way to Continuous takes hours and has no way back; restores reach back to its end.\n"
      "Example: azlin platform cosmos backup-policy set staging-cosmos --type Continuous --tier "
      "Continuous30Days\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

int run(Runtime& runtime, const CosmosPolicySetOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto account = account_of(session, options.account);
  std::string loses;
  bool irreversible = false;
  const auto body = platform::plan_policy(account, options.change, loses, irreversible);
  if (irreversible)
    console.warn("Continuous backup cannot be taken back, and the migration cannot be called off.");
  if (!loses.empty()) console.warn("By this change " + loses + ".");
  if (!session.dry_run() && (irreversible || !loses.empty()) &&
      !console.confirm("changing the backup policy of " + account.resource.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("cosmos.backup-policy", account.resource.id,
                 {{"body", body}, {"look", account.resource.id}, {"lookVersion", platform::kCosmosVersion}},
                 [&] {
                   platform::set_policy(session.service(), account, body, session.stop(),
                                        notes(console, "backup policy"));
                 });
  if (session.dry_run()) return session.print_planned({{"account", account.resource.name}});
  const auto after = account_of(session, {account.resource.id, {}});
  print_policy(console, after);
  console.result(to_json(after));
  return 0;
}

void bind(CLI::App& command, CosmosRegionsOptions& options) {
  bind_resource(command, options.account, "Cosmos DB account");
  auto* add = command.add_option("--add", options.add, "Copy the account to this region, too");
  command.add_option("--remove", options.remove, "Give up this region")->excludes(add);
  command.add_flag("--zones", options.zones, "The added region across zones");
  command.add_option("--automatic-failover", options.automatic_failover, "on or off")
      ->check(CLI::IsMember({"on", "off"}));
  command.footer(
      "Without a change: shows the regions.\n"
      "Example: azlin platform cosmos regions staging-cosmos --add westus2\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

void print_regions(Console& console, const platform::CosmosAccount& account) {
  std::vector<std::vector<std::string>> rows = {{"REGION", "PRIORITY", "ZONES", "STATE"}};
  for (const auto& region : account.regions)
    rows.push_back({region.name, region.priority == 0 ? "0 (writes)" : std::to_string(region.priority),
                    region.zones ? "yes" : "no", region.state});
  for (const auto& line : in_columns(rows)) console.line(line);
  console.line(fmt::format("Automatic failover: {}; consistency: {}",
                           account.automatic_failover ? "on" : "off", account.consistency));
}

int run(Runtime& runtime, const CosmosRegionsOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  auto account = account_of(session, options.account);
  const bool changes = !options.add.empty() || !options.remove.empty() || options.automatic_failover;
  if (!changes) {
    print_regions(console, account);
    console.result(to_json(account), "regions");
    return 0;
  }
  nlohmann::json regions;
  if (!options.add.empty())
    regions = platform::plan_added_region(account, session.known_region(options.add), options.zones);
  if (!options.remove.empty()) regions = platform::plan_removed_region(account, options.remove);
  if (!session.dry_run() && !console.confirm("changing the regions of " + account.resource.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("cosmos.regions", account.resource.id,
                 {{"add", options.add},
                  {"remove", options.remove},
                  {"look", account.resource.id},
                  {"lookVersion", platform::kCosmosVersion}},
                 [&] {
                   const auto progress = notes(console, "regions");
                   if (!regions.is_null())
                     platform::set_regions(session.service(), account, regions, session.stop(), progress);
                   if (options.automatic_failover)
                     platform::set_automatic_failover(session.service(), account,
                                                      *options.automatic_failover == "on", session.stop(),
                                                      progress);
                 });
  if (session.dry_run()) return session.print_planned({{"account", account.resource.name}});
  account = account_of(session, {account.resource.id, {}});
  print_regions(console, account);
  console.result(to_json(account), "regions");
  return 0;
}

void bind(CLI::App& command, CosmosFailoverOptions& options) {
  bind_resource(command, options.account, "Cosmos DB account");
  command.add_option("--to", options.to, "Region that writes from then on")->required();
  command.footer(
      "Example: azlin platform cosmos failover prod-cosmos --to westus2\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

int run(Runtime& runtime, const CosmosFailoverOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  auto account = account_of(session, options.account);
  const auto body = platform::plan_failover(account, options.to);
  if (!session.dry_run()) {
    console.warn(fmt::format("{} will write in {}.", account.resource.name, options.to));
    if (!console.confirm("failing over " + account.resource.name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change(
      "cosmos.failover", account.resource.id,
      {{"to", options.to}, {"look", account.resource.id}, {"lookVersion", platform::kCosmosVersion}}, [&] {
        platform::fail_over_cosmos(session.service(), account, body, session.stop(),
                                   notes(console, "failover"));
      });
  if (session.dry_run()) return session.print_planned({{"account", account.resource.name}});
  account = account_of(session, {account.resource.id, {}});
  print_regions(console, account);
  console.result(to_json(account), "regions");
  return 0;
}

ordered_json resources_json(const std::vector<platform::RestorableResource>& resources) {
  ordered_json out = ordered_json::array();
  for (const auto& each : resources)
    out.push_back({{"database", each.database}, {"collections", each.collections}});
  return out;
}

void bind(CLI::App& command, CosmosRestorableOptions& options) {
  command.add_option("name", options.name, "Only accounts of this name, live or deleted");
  command.add_option("--at", options.at, "Also what there was at this time (needs a name)");
  command.add_option("--region", options.region, "Of which region (default: where it wrote)");
  command.footer(
      "Example: azlin platform cosmos restorable list prod-cosmos --at 2025-12-01T08:00:00Z\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const CosmosRestorableOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto all = platform::list_restorable(session.service(), runtime.subscription(), session.stop());
  ordered_json json = {{"accounts", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {
      {"ACCOUNT", "API", "REGION", "MADE", "DELETED", "AT LEAST SINCE"}};
  for (const auto& account : all) {
    if (!options.name.empty() && !core::equal_ignoring_case(options.name, account.name)) continue;
    rows.push_back({account.name, account.api, account.location, core::to_display(account.created),
                    account.deleted ? core::to_display(*account.deleted) : "",
                    core::to_display(account.oldest)});
    json["accounts"].push_back(
        {{"name", account.name},
         {"instance", account.instance},
         {"api", account.api},
         {"location", account.location},
         {"createdAt", core::to_iso8601(account.created)},
         {"deletedAt", account.deleted ? ordered_json(core::to_iso8601(*account.deleted)) : ordered_json()},
         {"oldest", core::to_iso8601(account.oldest)}});
  }
  if (rows.size() == 1) console.line("No accounts with continuous backup");
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) console.line(line);
  if (!options.at.empty()) {
    platform::CosmosRestore wanted;
    wanted.source = options.name;
    wanted.at = time_of(options.at);
    wanted.region = options.region;
    const auto source = platform::choose_restorable(all, wanted, runtime.clock().now());
    const auto resources = platform::restorable_resources(
        session.service(), source, wanted.region.empty() ? source.location : wanted.region, wanted.at,
        session.stop());
    for (const auto& each : resources)
      console.line(
          fmt::format("  {}: {}", each.database, core::counted(each.collections.size(), "collection")));
    json["resources"] = resources_json(resources);
  }
  console.result(json, "accounts");
  return 0;
}

void bind(CLI::App& command, CosmosRestoreOptions& options) {
  command.add_option("name", options.source, "Account to restore, live or deleted")->required();
  command.add_option("--at", options.at, "Time to restore to")->required();
  command.add_option("--to", options.to, "New account; the name must be free")->required();
  command.add_option("-g,--resource-group", options.group,
                     "Group of the new account (default: that of the source)");
  command.add_option("-l,--location", options.location, "Region (one where the source was then)");
  command.add_option("--only", options.only, "DATABASE or DATABASE/COLLECTION; may be repeated")
      ->allow_extra_args(false);
  command.footer(
      "Not restored: network rules, data roles, other regions, stored procedures, triggers, functions; the "
      "keys are new.\n"
      "Example: azlin platform cosmos restore prod-cosmos --at 2025-12-01T08:00:00Z --to prod-cosmos-two\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

std::vector<platform::RestorableResource> parse_only(const std::vector<std::string>& texts) {
  std::vector<platform::RestorableResource> out;
  for (const auto& text : texts) {
    const auto slash = text.find('/');
    const auto database = text.substr(0, slash);
    auto found =
        std::find_if(out.begin(), out.end(), [&](const auto& each) { return each.database == database; });
    if (found == out.end()) {
      out.push_back({database, {}});
      found = out.end() - 1;
    }
    if (slash != std::string::npos) found->collections.push_back(text.substr(slash + 1));
  }
  return out;
}

// The group of the source while it lives; a deleted one has none that Azure tells.
std::string group_for(PlatformSession& session, const CosmosRestoreOptions& options) {
  if (options.group) return *options.group;
  for (const auto& each : session.service().resources(platform::Kind::cosmos,
                                                      session.runtime().subscription(), {}, session.stop()))
    if (core::equal_ignoring_case(each.name, options.source)) return each.resource_group;
  throw Error(ErrorKind::usage,
              fmt::format("{} is gone: say which group the new account goes into", options.source),
              "-g GROUP");
}

int run(Runtime& runtime, const CosmosRestoreOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  platform::CosmosRestore restore;
  restore.source = options.source;
  restore.target = options.to;
  restore.at = time_of(options.at);
  restore.region = options.location;
  restore.only = parse_only(options.only);
  restore.group = group_for(session, options);
  const auto& subscription = runtime.subscription();
  const auto source =
      platform::choose_restorable(platform::list_restorable(session.service(), subscription, session.stop()),
                                  restore, runtime.clock().now());
  const auto region = restore.region.empty() ? source.location : restore.region;
  const auto resources =
      platform::restorable_resources(session.service(), source, region, restore.at, session.stop());
  if (resources.empty())
    throw Error(ErrorKind::usage,
                fmt::format("{} held no databases at {}", source.name, core::to_iso8601(restore.at)));
  console.line(fmt::format("{} ({}) at {} UTC -> {} in {}, {}", source.name, source.api,
                           core::to_display(restore.at), options.to, restore.group, region));
  for (const auto& each : resources)
    console.line(
        fmt::format("  {}: {}", each.database, core::counted(each.collections.size(), "collection")));
  const auto id = fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", subscription,
                              restore.group, platform::info(platform::Kind::cosmos).type, options.to);
  if (!session.dry_run()) {
    console.warn("A restore is billed by the gigabyte, and the new account like any other.");
    if (!console.confirm("restoring " + source.name + " into " + options.to))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change("cosmos.restore", id,
                 {{"source", source.id},
                  {"at", core::to_iso8601(restore.at)},
                  {"look", id},
                  {"lookVersion", platform::kCosmosVersion},
                  {"again", "run the same restore again: it follows the one that was begun"}},
                 [&] {
                   platform::restore_cosmos(session.service(), subscription, source, restore, session.stop(),
                                            notes(console, "restore"));
                 });
  ordered_json json = {{"source", source.name},
                       {"account", options.to},
                       {"id", id},
                       {"at", core::to_iso8601(restore.at)},
                       {"resources", resources_json(resources)}};
  if (session.dry_run()) return session.print_planned(json);
  console.line(fmt::format(
      "✓ {} is there; its keys are new, and network rules, roles, other regions and procedures are "
      "to be set again",
      options.to));
  console.result(json);
  return 0;
}

}  // namespace

void add_cosmos_commands(CLI::App& platform, Job& chosen) {
  CLI::App* group = add_group(platform, "cosmos", "Cosmos DB: backup policy, regions, failover, restore");
  CLI::App* policy = add_group(*group, "backup-policy", "How the account is backed up");
  add_command<CosmosPolicyShowOptions>(*policy, "show", "The backup policy", chosen);
  add_command<CosmosPolicySetOptions>(*policy, "set", "Change it", chosen);
  CLI::App* restorable = add_group(*group, "restorable", "What can be restored");
  add_command<CosmosRestorableOptions>(*restorable, "list", "Accounts, live and deleted", chosen);
  add_command<CosmosRestoreOptions>(*group, "restore", "An account as it was, into a new one", chosen);
  add_command<CosmosRegionsOptions>(*group, "regions", "Show, add or remove regions; automatic failover",
                                    chosen);
  add_command<CosmosFailoverOptions>(*group, "failover", "Let another region write", chosen);
}

}  // namespace azlin::cli
