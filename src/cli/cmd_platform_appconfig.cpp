// azlin platform appconfig: App Configuration to files, to other stores, and back in time.
#include <fmt/format.h>

#include <map>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/platform/appconfig.hpp"
#include "azlin/platform/text_file.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/config_file_flags.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using platform::KeyChange;
using platform::KeyValue;

namespace {

struct FilterFlags {
  std::string key = "*";
  std::optional<std::string> label;
  bool no_label = false;
};
struct SourceFlags {
  std::string file, store;
  std::optional<std::string> at;
};
struct StoreArgument {
  ResourceArgument store;
  AuthArgument auth;
};
struct AppConfigExportOptions {
  StoreArgument store;
  FilterFlags filter;
  ConfigFileFlags layout;
  std::string to;
  std::optional<std::string> at;
};
struct AppConfigImportOptions {
  StoreArgument store;
  FilterFlags filter;
  SourceFlags source;
  ConfigFileFlags layout;
  std::vector<std::string> vault_map;
  bool strict = false, unlock = false, no_locks = false;
};
struct AppConfigDiffOptions {
  StoreArgument store;
  FilterFlags filter;
  SourceFlags source;
  ConfigFileFlags layout;
  std::vector<std::string> vault_map;
  bool values = false;
};
struct AppConfigRollbackOptions {
  StoreArgument store;
  FilterFlags filter;
  SourceFlags source;
  bool unlock = false, allow_empty = false;
};

void bind_store(CLI::App& command, StoreArgument& argument) {
  bind_resource(command, argument.store, "App Configuration store");
  bind_auth(command, argument.auth);
}

void bind_filter(CLI::App& command, FilterFlags& filter) {
  command.add_option("--key", filter.key, "Only keys like this: app/*")->capture_default_str();
  auto* label = command.add_option("--label", filter.label, "Only this label (default: every label)");
  command.add_flag("--no-label", filter.no_label, "Only items without a label")->excludes(label);
}

platform::KeyFilter filter_of(const FilterFlags& flags) {
  platform::KeyFilter filter;
  filter.key = flags.key;
  filter.label = flags.no_label ? "" : flags.label.value_or("*");
  return filter;
}

// A store with its client.
struct OpenStore {
  platform::Resource resource;
  std::unique_ptr<platform::DataPlane> data;
  std::unique_ptr<platform::AppConfigClient> client;
};
OpenStore open_store(PlatformSession& session, const StoreArgument& argument) {
  OpenStore out;
  out.resource = session.resource(platform::Kind::app_configuration, argument.store);
  out.data = session.store_data(out.resource, argument.auth);
  out.client = std::make_unique<platform::AppConfigClient>(*out.data);
  return out;
}

// A read before its history begins would come back empty: 7 days on Free, 30 on the others.
void check_history(PlatformSession& session, const OpenStore& store, core::TimePoint at) {
  const auto now = session.runtime().clock().now();
  const auto sku = store.resource.body.value("/sku/name"_json_pointer, "");
  const std::chrono::days kept{sku == "free" || sku == "Free" ? 7 : 30};
  if (at > now) throw Error(ErrorKind::usage, core::to_iso8601(at) + " has not come yet");
  if (now - at >= kept)
    throw Error(ErrorKind::usage,
                fmt::format("{} keeps its history for {} days ({})", store.resource.name, kept.count(), sku),
                "use an export: `appconfig rollback --file`");
}

// A json, yaml or properties file is about one label: the one that is named, or none.
FilterFlags filter_for(const FilterFlags& flags, const SourceFlags& source, const ConfigFileFlags& layout) {
  auto out = flags;
  if (!source.file.empty() && !layout.is_kvset() && !flags.label) out.no_label = true;
  return out;
}

void check_source(const SourceFlags& source, const ConfigFileFlags& layout, const FilterFlags& flags) {
  const int said = (source.file.empty() ? 0 : 1) + (source.store.empty() ? 0 : 1) + (source.at ? 1 : 0);
  if (said != 1) throw Error(ErrorKind::usage, "say exactly one source", "see --help");
  check_file_flags(layout);
  if (source.file.empty() && !layout.is_kvset())
    throw Error(ErrorKind::usage, "--format is of a file, and the source is none");
  const bool chooses = flags.key != "*" || (layout.is_kvset() && (flags.label || flags.no_label));
  if (!source.file.empty() && chooses)
    throw Error(ErrorKind::usage, "--key and --label choose items of a store, not of a file");
  if (!layout.is_kvset() && flags.label && flags.label->find_first_of("*,") != std::string::npos)
    throw Error(ErrorKind::usage, "the items of a file get one label: --label without * and commas");
}

// The items of the store that the source is about.
std::vector<KeyValue> read_current(PlatformSession& session, const OpenStore& store, const FilterFlags& flags,
                                   const ConfigFileFlags& layout) {
  auto items = store.client->list(filter_of(flags), session.stop());
  std::erase_if(items, [&](const auto& item) { return !file_speaks_of(layout, item); });
  return items;
}

// What the source flags name: a file, another store, or the same store at another time.
std::vector<KeyValue> read_source(PlatformSession& session, const OpenStore& store, const SourceFlags& source,
                                  const StoreArgument& argument, const FilterFlags& flags,
                                  const ConfigFileFlags& layout, const std::vector<KeyValue>& current) {
  auto filter = filter_of(flags);
  if (!source.file.empty()) return read_config_file(source.file, layout, flags.label.value_or(""), current);
  if (!source.store.empty()) {
    StoreArgument other = argument;
    other.store = {source.store, std::nullopt};
    return open_store(session, other).client->list(filter, session.stop());
  }
  filter.at = time_of(*source.at);
  check_history(session, store, *filter.at);
  return store.client->list(filter, session.stop());
}

ordered_json change_json(const KeyChange& change, bool values) {
  const auto& item = change.what == KeyChange::What::remove ? change.before : change.after;
  ordered_json out = {{"change", platform::to_string(change.what)},
                      {"key", item.key},
                      {"label", item.label},
                      {"fields", change.fields},
                      {"locked", change.before.locked}};
  if (values) {
    out["before"] = change.what == KeyChange::What::add ? ordered_json() : ordered_json(change.before.value);
    out["after"] = change.what == KeyChange::What::remove ? ordered_json() : ordered_json(change.after.value);
  }
  return out;
}

ordered_json changes_json(const std::vector<KeyChange>& changes, bool values) {
  ordered_json out = ordered_json::array();
  for (const auto& change : changes) out.push_back(change_json(change, values));
  return out;
}

void print_changes(Console& console, const std::vector<KeyChange>& changes, bool values) {
  for (const auto& change : changes) {
    const auto& item = change.what == KeyChange::What::remove ? change.before : change.after;
    std::string fields;
    for (const auto& field : change.fields) fields += (fields.empty() ? "  " : ", ") + field;
    console.line(fmt::format("  {:6} {}{}{}{}", platform::to_string(change.what), item.key,
                             item.label.empty() ? "" : " (" + item.label + ")", fields,
                             change.before.locked ? "  [locked]" : ""));
    if (!values) continue;
    if (change.what != KeyChange::What::add) console.line("      - " + change.before.value);
    if (change.what != KeyChange::What::remove) console.line("      + " + change.after.value);
  }
}

// Shows, asks, changes, and reads back.
struct Work {
  std::string kind;  // "appconfig.import"
  std::vector<KeyValue> wanted;
  bool strict = false, locks = true, unlock = false;
};
int make_like(PlatformSession& session, OpenStore& store, const Work& work, const FilterFlags& flags,
              const ConfigFileFlags& layout, const std::vector<KeyValue>& current) {
  Console& console = session.console();
  const auto changes = platform::compare(current, work.wanted, work.strict, work.locks);
  print_changes(console, changes, false);
  ordered_json json = {{"store", store.resource.name},
                       {"dryRun", session.dry_run()},
                       {"items", work.wanted.size()},
                       {"changes", changes_json(changes, false)}};
  if (session.dry_run() || changes.empty()) {
    console.line(changes.empty() ? "✓ Nothing to change" : "Dry run: nothing was changed.");
    console.result(json, "changes");
    return 0;
  }
  const auto before = session.runtime().clock().now();
  if (!console.confirm(
          fmt::format("making {} in {}", core::counted(changes.size(), "change"), store.resource.name)))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  std::vector<platform::KeyFailure> failures;
  std::vector<KeyChange> left;
  session.change(work.kind, store.resource.id,
                 {{"store", store.resource.id},
                  {"changes", changes.size()},
                  {"before", core::to_iso8601(before)},
                  {"again", "run the command again: it makes the changes that are left"}},
                 [&] {
                   ProgressLine progress(console, "changes");
                   failures = platform::apply_changes(
                       *store.client, changes, work.unlock, 4,
                       [&](std::size_t done, std::size_t all) { progress.update(done, all); },
                       session.stop());
                   left = platform::compare(read_current(session, store, flags, layout), work.wanted,
                                            work.strict, work.locks);
                 });
  for (const auto& failure : failures)
    console.line(fmt::format("✗ {}{}: {}", failure.key,
                             failure.label.empty() ? "" : " (" + failure.label + ")", failure.error));
  json["failures"] = ordered_json::array();
  for (const auto& failure : failures)
    json["failures"].push_back({{"key", failure.key}, {"label", failure.label}, {"error", failure.error}});
  json["left"] = left.size();
  json["rollbackTo"] = core::to_iso8601(before);
  console.line(fmt::format("{} {} made in {}, read back: {} left to make", left.empty() ? "✓" : "✗",
                           core::counted(changes.size() - failures.size(), "change"), store.resource.name,
                           left.size()));
  console.line(fmt::format("  Back to how it was: azlin platform appconfig rollback {} --at {}",
                           store.resource.name, core::to_iso8601(before)));
  console.result(json, "changes");
  if (left.empty()) return 0;
  return core::exit_code(left.size() == changes.size() ? ErrorKind::failed : ErrorKind::partial);
}

void bind_vault_map(CLI::App& command, std::vector<std::string>& pairs) {
  command.add_option("--map-vault", pairs, "OLD=NEW: Key Vault references to vault OLD point at NEW")
      ->allow_extra_args(false);
}

void map_vaults(Console& console, std::vector<KeyValue>& items, const std::vector<std::string>& pairs) {
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
      throw Error(ErrorKind::usage, "'" + pair + "' is not OLD=NEW");
    const auto count = platform::rewrite_references(items, pair.substr(0, equals), pair.substr(equals + 1));
    console.note(fmt::format("{} rewritten: {}", core::counted(count, "Key Vault reference"), pair));
  }
}

void bind(CLI::App& command, AppConfigExportOptions& options) {
  bind_store(command, options.store);
  bind_filter(command, options.filter);
  bind_file_flags(command, options.layout, true);
  command.add_option("--to", options.to, "File (mode 0600)")->required();
  command.add_option("--at", options.at, "The store as it was then (7 days of history on Free, else 30)");
  command.footer(
      "Example: azlin platform appconfig export prod-config --to config-backup.json\n"
      "`az appconfig kv import --source file --format json --profile appconfig/kvset` reads it.\n"
      "json, yaml and properties are what az writes without a profile: no labels, tags, locks; no backup.\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

// Of json, yaml and properties: one label. Says what stays behind.
std::vector<KeyValue> of_one_label(Console& console, std::vector<KeyValue> items,
                                   const AppConfigExportOptions& options) {
  const auto all = items.size();
  if (!options.filter.label) std::erase_if(items, [](const auto& item) { return !item.label.empty(); });
  const auto left = all - items.size();
  console.warn(fmt::format(
      "{} keeps no labels, tags and locks{}: for a backup use --format kvset.", options.layout.format,
      left == 0 ? "" : fmt::format("; {} with a label left out", core::counted(left, "item"))));
  return items;
}

int run(Runtime& runtime, const AppConfigExportOptions& options) {
  check_file_flags(options.layout);
  core::check_output_file(options.to, "export");
  PlatformSession session(runtime);
  auto store = open_store(session, options.store);
  auto filter = filter_of(options.filter);
  if (options.at) {
    filter.at = time_of(*options.at);
    check_history(session, store, *filter.at);
  }
  const bool kvset = options.layout.is_kvset();
  auto items = store.client->list(filter, session.stop());
  if (!kvset) items = of_one_label(runtime.console(), std::move(items), options);
  std::erase_if(items, [&](const auto& item) { return !file_speaks_of(options.layout, item); });
  const auto content =
      kvset ? platform::to_kvset(items) : platform::to_config_file(items, options.layout.layout());
  std::size_t flags = 0, references = 0;
  for (const auto& item : items) {
    flags += item.is_feature_flag() ? 1 : 0;
    references += item.is_vault_reference() ? 1 : 0;
  }
  if (!session.dry_run()) {
    session.change("appconfig.export", store.resource.id, {{"file", options.to}, {"items", items.size()}},
                   [&] {
                     platform::write_text_file(options.to, content);
                     const bool whole = kvset && options.filter.key == "*" && !options.filter.label &&
                                        !options.filter.no_label && !options.at;
                     if (whole)
                       session.log().record({store.resource.id, "appconfig export", runtime.clock().now(),
                                             options.to, static_cast<std::int64_t>(items.size())});
                   });
  }
  Console& console = runtime.console();
  console.line(fmt::format("{} {} of {} to {}: {}, {}", session.dry_run() ? "Would export" : "✓ Exported",
                           core::counted(items.size(), "item"), store.resource.name, options.to,
                           core::counted(flags, "feature flag"),
                           core::counted(references, "Key Vault reference")));
  console.result({{"store", store.resource.name},
                  {"file", options.to},
                  {"format", options.layout.format},
                  {"items", items.size()},
                  {"featureFlags", flags},
                  {"vaultReferences", references},
                  {"dryRun", session.dry_run()}});
  return 0;
}

void bind(CLI::App& command, AppConfigImportOptions& options) {
  bind_store(command, options.store);
  bind_filter(command, options.filter);
  bind_file_flags(command, options.layout, false);
  auto* file = command.add_option("--from", options.source.file, "File of the format");
  command.add_option("--from-store", options.source.store, "Another store: its name or id")->excludes(file);
  bind_vault_map(command, options.vault_map);
  command.add_flag("--strict", options.strict, "Remove what the source does not have");
  command.add_flag("--unlock", options.unlock, "Change locked items, too, and lock them again");
  command.add_flag("--no-locks", options.no_locks, "Leave lock states as they are");
  command.footer(
      "Example: azlin platform appconfig import dr-config --from config-backup.json --map-vault "
      "prod-kv=dr-kv\n"
      "What is there already is not written again; the store is read back and compared.\n"
      "Exit codes: 0, 1, 2, 3, 4 some changes were not made, 5, 7, 130");
}

int run(Runtime& runtime, const AppConfigImportOptions& options) {
  check_source(options.source, options.layout, options.filter);
  PlatformSession session(runtime);
  auto store = open_store(session, options.store);
  const auto filter = filter_for(options.filter, options.source, options.layout);
  const auto current = read_current(session, store, filter, options.layout);
  Work work{"appconfig.import",
            read_source(session, store, options.source, options.store, filter, options.layout, current),
            options.strict, !options.no_locks, options.unlock};
  map_vaults(runtime.console(), work.wanted, options.vault_map);
  return make_like(session, store, work, filter, options.layout, current);
}

void bind(CLI::App& command, AppConfigDiffOptions& options) {
  bind_store(command, options.store);
  bind_filter(command, options.filter);
  bind_file_flags(command, options.layout, false);
  command.add_option("--file", options.source.file, "Compare with this export");
  command.add_option("--store", options.source.store, "Compare with another store");
  command.add_option("--at", options.source.at, "Compare with the same store as it was then");
  bind_vault_map(command, options.vault_map);
  command.add_flag("--show-values", options.values, "Print the values, too");
  command.footer(
      "Says what would make the store like the other: + add, - remove.\n"
      "Example: azlin platform appconfig diff prod-config --file config-backup.json\n"
      "Exit codes: 0 no difference, 1, 2, 3, 5, 6 they differ");
}

int run(Runtime& runtime, const AppConfigDiffOptions& options) {
  check_source(options.source, options.layout, options.filter);
  PlatformSession session(runtime);
  auto store = open_store(session, options.store);
  const auto filter = filter_for(options.filter, options.source, options.layout);
  const auto current = read_current(session, store, filter, options.layout);
  auto wanted = read_source(session, store, options.source, options.store, filter, options.layout, current);
  map_vaults(runtime.console(), wanted, options.vault_map);
  const auto changes = platform::compare(current, wanted, true, true);
  print_changes(runtime.console(), changes, options.values);
  runtime.console().line(changes.empty() ? "✓ No difference" : core::counted(changes.size(), "difference"));
  runtime.console().result(
      {{"store", store.resource.name}, {"differences", changes_json(changes, options.values)}},
      "differences");
  return changes.empty() ? 0 : core::exit_code(ErrorKind::findings);
}

void bind(CLI::App& command, AppConfigRollbackOptions& options) {
  bind_store(command, options.store);
  bind_filter(command, options.filter);
  command.add_option("--at", options.source.at, "Back to how the store was then");
  command.add_option("--file", options.source.file, "Back to an export or a checkpoint's file");
  command.add_flag("--unlock", options.unlock, "Change locked items, too, and lock them again");
  command.add_flag("--allow-empty", options.allow_empty, "Also when nothing was there then");
  command.footer(
      "Adds, changes and removes; shows it and asks first.\n"
      "Example: azlin platform appconfig rollback prod-config --file config-backup.json\n"
      "Exit codes: 0, 1, 2, 3, 4 some changes were not made, 5, 7, 130");
}

int run(Runtime& runtime, const AppConfigRollbackOptions& options) {
  const ConfigFileFlags kvset;
  check_source(options.source, kvset, options.filter);
  PlatformSession session(runtime);
  auto store = open_store(session, options.store);
  const auto current = read_current(session, store, options.filter, kvset);
  Work work{"appconfig.rollback",
            read_source(session, store, options.source, options.store, options.filter, kvset, current), true,
            true, options.unlock};
  if (work.wanted.empty() && !options.allow_empty)
    throw Error(ErrorKind::usage, "nothing was there then: everything would be removed",
                "say --allow-empty if that is meant");
  return make_like(session, store, work, options.filter, kvset, current);
}

}  // namespace

void add_appconfig_commands(CLI::App& platform, Job& chosen) {
  CLI::App* group = add_group(platform, "appconfig", "App Configuration: export, import, compare, roll back");
  add_command<AppConfigExportOptions>(*group, "export", "All or some items into a file", chosen);
  add_command<AppConfigImportOptions>(*group, "import", "A file, or another store, into the store", chosen);
  add_command<AppConfigDiffOptions>(*group, "diff", "The store against a file, a store, or a time", chosen);
  add_command<AppConfigRollbackOptions>(*group, "rollback", "Back to a time or a file", chosen);
}

}  // namespace azlin::cli
