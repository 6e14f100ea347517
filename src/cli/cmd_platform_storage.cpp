// azlin platform storage: protection, replication, failover and point-in-time restore of accounts.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/platform/storage.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct ProtectionShowOptions {
  ResourceArgument account;
};
struct ProtectionSetOptions {
  ResourceArgument account;
  std::optional<std::string> versioning, change_feed;
  std::optional<int> blob_days, container_days, point_in_time;
  bool recommended = false, allow_lower = false;
};
struct ReplicationShowOptions {
  ResourceArgument account;
};
struct ReplicationSetOptions {
  ResourceArgument account;
  std::string sku;
  bool migrate = false;
};
struct StorageFailoverOptions {
  ResourceArgument account;
  bool planned = false;
};
struct StorageRestoreOptions {
  ResourceArgument account;
  std::string at;
  std::vector<std::string> ranges;
};

ordered_json to_json(const platform::BlobProtection& protection) {
  ordered_json out = {{"versioning", protection.versioning},
                      {"blobSoftDeleteDays", protection.blob_delete_days},
                      {"containerSoftDeleteDays", protection.container_delete_days},
                      {"changeFeed", protection.change_feed},
                      {"pointInTimeDays", protection.point_in_time_days},
                      {"earliestRestore", nullptr}};
  if (protection.earliest_restore) out["earliestRestore"] = core::to_iso8601(*protection.earliest_restore);
  return out;
}

std::string days_text(int days) {
  return days == 0 ? "off" : fmt::format("{} days", days);
}

void print_protection(Console& console, const std::string& name, const platform::BlobProtection& protection) {
  console.line(console.bold(name));
  console.line(fmt::format("  Versioning:                {}", protection.versioning ? "on" : "off"));
  console.line(fmt::format("  Soft delete of blobs:      {}", days_text(protection.blob_delete_days)));
  console.line(fmt::format("  Soft delete of containers: {}", days_text(protection.container_delete_days)));
  console.line(fmt::format("  Change feed:               {}", protection.change_feed ? "on" : "off"));
  console.line(fmt::format("  Point-in-time restore:     {}", days_text(protection.point_in_time_days)));
}

void bind(CLI::App& command, ProtectionShowOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.footer(
      "Example: azlin platform storage protection show stagingstorage01\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ProtectionShowOptions& options) {
  PlatformSession session(runtime);
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto protection = platform::read_protection(session.service(), account, session.stop());
  print_protection(runtime.console(), account.name, protection);
  auto json = to_json(protection);
  json["account"] = account.name;
  runtime.console().result(json);
  return 0;
}

void bind(CLI::App& command, ProtectionSetOptions& options) {
  bind_resource(command, options.account, "Storage account");
  const auto on_off = CLI::IsMember({"on", "off"});
  command.add_option("--versioning", options.versioning, "on or off")->check(on_off);
  command.add_option("--change-feed", options.change_feed, "on or off")->check(on_off);
  command.add_option("--blob-soft-delete-days", options.blob_days, "1-365; 0 is off");
  command.add_option("--container-soft-delete-days", options.container_days, "1-365; 0 is off");
  command.add_option("--point-in-time-days", options.point_in_time,
                     "Less than soft delete of blobs; 0 is off");
  command.add_flag("--recommended", options.recommended,
                   "Versioning, change feed, both soft deletes 30 days; what is longer stays");
  command.add_flag("--allow-lower", options.allow_lower, "Also turn off, or keep for fewer days");
  command.footer(
      "What is not stated stays as it is.\n"
      "Example: azlin platform storage protection set stagingstorage01 --recommended\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

int run(Runtime& runtime, const ProtectionSetOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto now = platform::read_protection(session.service(), account, session.stop());
  platform::ProtectionChange change;
  change.allow_lower = options.allow_lower;
  if (options.recommended) {
    change.versioning = change.change_feed = true;
    change.blob_delete_days = std::max(now.blob_delete_days, 30);
    change.container_delete_days = std::max(now.container_delete_days, 30);
  }
  if (options.versioning) change.versioning = *options.versioning == "on";
  if (options.change_feed) change.change_feed = *options.change_feed == "on";
  if (options.blob_days) change.blob_delete_days = options.blob_days;
  if (options.container_days) change.container_delete_days = options.container_days;
  if (options.point_in_time) change.point_in_time_days = options.point_in_time;
  const auto wanted = platform::plan_protection(now, change, account);
  print_protection(console, account.name, wanted);
  const bool lower = options.allow_lower && !session.dry_run();
  if (lower && !console.confirm("lowering the protection of " + account.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  platform::BlobProtection after;
  session.change(
      "storage.protection", account.id,
      {{"before", to_json(now)},
       {"after", to_json(wanted)},
       {"look", account.id},
       {"lookVersion", platform::kStorageVersion}},
      [&] { after = platform::set_protection(session.service(), account, wanted, session.stop()); });
  if (session.dry_run()) return session.print_planned({{"account", account.name}});
  console.line("✓ Set; read back as shown");
  auto json = to_json(after);
  json["account"] = account.name;
  console.result(json);
  return 0;
}

ordered_json to_json(const platform::Replication& replication) {
  ordered_json out = {{"sku", replication.sku},
                      {"primary", replication.primary},
                      {"secondary", replication.secondary},
                      {"status", replication.status},
                      {"lastSync", nullptr},
                      {"canFailover", replication.can_failover}};
  if (replication.last_sync) out["lastSync"] = core::to_iso8601(*replication.last_sync);
  return out;
}

void bind(CLI::App& command, ReplicationShowOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.footer(
      "Example: azlin platform storage replication show prodstorage01\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ReplicationShowOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto now = platform::read_replication(session.service(), account, session.stop());
  console.line(console.bold(account.name) + "  " + now.sku);
  console.line("  Primary:   " + now.primary);
  console.line("  Secondary: " + (now.secondary.empty() ? "none" : now.secondary + " (" + now.status + ")"));
  auto json = to_json(now);
  json["account"] = account.name;
  if (now.last_sync) {
    const auto lag = runtime.clock().now() - *now.last_sync;
    console.line(fmt::format("  Copied up to: {} UTC ({} ago would be lost by a failover now)",
                             core::to_display(*now.last_sync), core::to_display(lag)));
    json["lossSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(lag).count();
  }
  const auto migration = now.status == "Unavailable"
                             ? "not known"
                             : platform::migration_status(session.service(), account, session.stop());
  if (!migration.empty()) console.line("  Migration: " + migration);
  json["migration"] = migration;
  console.result(json);
  return 0;
}

void bind(CLI::App& command, ReplicationSetOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.add_option("sku", options.sku, "Standard_LRS, Standard_ZRS, Standard_GRS, Standard_RAGRS, …")
      ->required();
  command.add_flag("--migrate", options.migrate, "Also order a migration, which may begin within 72 hours");
  command.footer(
      "LRS: 3 copies in one datacenter; ZRS: across zones; GRS: 6 copies in two regions; RA-GRS: the second "
      "is readable.\n"
      "Zones need a migration; what Azure refuses is explained before anything is sent.\n"
      "Example: azlin platform storage replication set stagingstorage01 Standard_GRS\n"
      "Exit codes: 0, 1, 2 refused, 3, 5, 7");
}

int run(Runtime& runtime, const ReplicationSetOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto from = account.body.value("/sku/name"_json_pointer, "");
  const auto plan = platform::plan_sku(from, options.sku, account.body.value("kind", ""),
                                       account.body.value("/properties/isNfsV3Enabled"_json_pointer, false));
  if (!plan.refusal.empty())
    throw Error(ErrorKind::usage, fmt::format("{} cannot go from {} to {}", account.name, from, options.sku),
                plan.refusal);
  ordered_json json = {
      {"account", account.name}, {"from", from}, {"to", options.sku}, {"steps", ordered_json::array()}};
  bool migrates = false;
  for (const auto& step : plan.steps) {
    const bool migration = step.how == platform::SkuStep::How::migrate;
    migrates = migrates || migration;
    console.line(fmt::format("  {} to {}", migration ? "migrate" : "change", step.sku));
    json["steps"].push_back({{"how", migration ? "migrate" : "patch"}, {"sku", step.sku}});
  }
  if (plan.steps.empty()) {
    console.line(fmt::format("✓ {} is {} already", account.name, from));
    console.result(json, "steps");
    return 0;
  }
  if (migrates && !options.migrate && !session.dry_run())
    throw Error(ErrorKind::usage,
                "this needs a migration: it may begin within 72 hours and cannot be called off",
                "say --migrate if that is meant");
  if (migrates && plan.steps.size() > 1 && plan.steps.back().how == platform::SkuStep::How::migrate &&
      plan.steps.front().how == platform::SkuStep::How::migrate)
    console.warn("two migrations: run this again when the first has ended");
  if (!session.dry_run() && !console.confirm("changing the replication of " + account.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("storage.replication", account.id,
                 {{"from", from},
                  {"to", options.sku},
                  {"look", account.id},
                  {"lookVersion", platform::kStorageVersion},
                  {"again", "run it again: what is done already is not done again"}},
                 [&] {
                   for (const auto& step : plan.steps) {
                     platform::make_sku_step(session.service(), account, step, session.stop());
                     if (step.how == platform::SkuStep::How::migrate && !session.dry_run()) break;
                   }
                 });
  if (session.dry_run()) return session.print_planned(json);
  console.line(migrates ? "✓ Ordered; `azlin platform storage replication show` tells how far it is"
                        : fmt::format("✓ {} is {}", account.name, options.sku));
  console.result(json, "steps");
  return 0;
}

void bind(CLI::App& command, StorageFailoverOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.add_flag("--planned", options.planned,
                   "Swap the regions with nothing lost; both must be up (a drill)");
  command.footer(
      "Without --planned the account becomes locally redundant in the other region, and what was not copied "
      "yet is lost.\n"
      "Example: azlin platform storage failover prodstorage01\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

int run(Runtime& runtime, const StorageFailoverOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto now = platform::read_replication(session.service(), account, session.stop());
  if (now.secondary.empty())
    throw Error(ErrorKind::usage, fmt::format("{} ({}) has no copy in another region", account.name, now.sku),
                "`azlin platform storage replication set … Standard_GRS` makes one");
  if (!now.can_failover && !options.planned)
    throw Error(ErrorKind::usage,
                fmt::format("Azure says that {} cannot fail over now (copy: {})", account.name, now.status));
  const auto lag =
      now.last_sync ? core::to_display(runtime.clock().now() - *now.last_sync) : std::string("unknown");
  console.line(fmt::format("{}: {} -> {}", account.name, now.primary, now.secondary));
  if (!options.planned)
    console.warn(
        fmt::format("Writes of the last {} are lost; the account becomes locally redundant (LRS); "
                    "point-in-time restore begins anew. This cannot be taken back.",
                    lag));
  if (!session.dry_run() && !console.confirm("failing over " + account.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("storage.failover", account.id,
                 {{"planned", options.planned},
                  {"from", now.primary},
                  {"to", now.secondary},
                  {"look", account.id},
                  {"lookVersion", platform::kStorageVersion},
                  {"again", "look at `azlin platform storage replication show` before running it again"}},
                 [&] {
                   platform::fail_over(session.service(), account, options.planned, session.stop(),
                                       [&](const std::string& status, std::optional<double>) {
                                         console.note("failover: " + status);
                                       });
                 });
  if (session.dry_run()) return session.print_planned({{"account", account.name}});
  const auto after = platform::read_replication(session.service(), account, session.stop());
  console.line(fmt::format("✓ {} is in {} now, {}", account.name, after.primary, after.sku));
  if (!options.planned)
    console.line(fmt::format("  Next: azlin platform storage replication set {} Standard_GRS", account.name));
  auto json = to_json(after);
  json["account"] = account.name;
  console.result(json);
  return 0;
}

void bind(CLI::App& command, StorageRestoreOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.add_option("--at", options.at, "Back to how the block blobs were then")->required();
  command
      .add_option("--range", options.ranges,
                  "FROM..TO (container/blob, TO exclusive); at most 10; default all")
      ->allow_extra_args(false);
  command.footer(
      "All or nothing; what is restored is blocked meanwhile, and it cannot be called off.\n"
      "Example: azlin platform storage restore prodstorage01 --at 2025-12-01T08:00:00Z\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

int run(Runtime& runtime, const StorageRestoreOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  const auto at = time_of(options.at);
  const auto ranges = parse_ranges(options.ranges);
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto protection = platform::read_protection(session.service(), account, session.stop());
  platform::check_point_in_time(protection, at, runtime.clock().now(), ranges);
  console.line(fmt::format("{}: {} back to {} UTC", account.name,
                           ranges.empty() ? "all block blobs" : fmt::format("{} ranges", ranges.size()),
                           core::to_display(at)));
  if (!session.dry_run()) {
    console.warn("What was written since is undone. This cannot be called off.");
    if (!console.confirm("restoring " + account.name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change(
      "storage.restore", account.id,
      {{"at", core::to_iso8601(at)}, {"look", account.id}, {"lookVersion", platform::kStorageVersion}}, [&] {
        platform::restore_point_in_time(
            session.service(), account, at, ranges, session.stop(),
            [&](const std::string& status, std::optional<double>) { console.note("restore: " + status); });
      });
  if (session.dry_run()) return session.print_planned({{"account", account.name}});
  console.line("✓ Restored");
  console.result({{"account", account.name}, {"at", core::to_iso8601(at)}, {"ranges", ranges.size()}});
  return 0;
}

}  // namespace

std::vector<platform::BlobRange> parse_ranges(const std::vector<std::string>& texts) {
  std::vector<platform::BlobRange> out;
  for (const auto& text : texts) {
    const auto dots = text.find("..");
    if (dots == std::string::npos) throw Error(ErrorKind::usage, "'" + text + "' is no range", "FROM..TO");
    out.push_back({text.substr(0, dots), text.substr(dots + 2)});
  }
  return out;
}

void add_storage_commands(CLI::App& platform, Job& chosen) {
  CLI::App* group = add_group(platform, "storage", "Storage accounts: protection, replication, blobs");
  CLI::App* protection = add_group(*group, "protection", "Versioning, soft delete, point-in-time restore");
  add_command<ProtectionShowOptions>(*protection, "show", "What protects the blobs", chosen);
  add_command<ProtectionSetOptions>(*protection, "set", "Protect them; never less unless told", chosen);
  CLI::App* replication = add_group(*group, "replication", "Copies in zones and regions");
  add_command<ReplicationShowOptions>(*replication, "show", "Where the copies are and how old", chosen);
  add_command<ReplicationSetOptions>(*replication, "set", "Change the redundancy", chosen);
  add_command<StorageFailoverOptions>(*group, "failover", "To the other region", chosen);
  add_command<StorageRestoreOptions>(*group, "restore", "Block blobs back to a time", chosen);
  add_blob_commands(*group, chosen);
  add_blob_backup_commands(*group, chosen);
}

}  // namespace azlin::cli
