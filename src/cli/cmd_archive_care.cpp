// azlin archive prune|compare|key: which archives go, what two of them differ in, and new passwords.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "azlin/archive/config_diff.hpp"
#include "azlin/archive/retention.hpp"
#include "azlin/archive/transfer.hpp"
#include "azlin/core/format.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_lock.hpp"
#include "cli/archive_session.hpp"

namespace azlin::cli {

namespace {

namespace fs = std::filesystem;
using archive::Archive;
using archive::ArchiveManager;
using archive::Engine;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr std::size_t kConfigBytes = 1 << 20;  // a larger file is no configuration that a person edits
constexpr std::size_t kConfigFiles = 200;      // each costs two calls of the engine

struct ArchivePruneOptions {
  RepositoryArgument repository;
  std::string name;
  bool all = false;
  std::optional<std::string> keep;
};
struct ArchiveCompareOptions {
  RepositoryArgument repository;
  std::string a, b;
};
struct ArchiveKeyRotateOptions {
  RepositoryArgument repository;
  RepositoryArgument fresh;  // only its password
};

void bind(CLI::App& command, ArchivePruneOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("name", options.name, "Archives of this name");
  command.add_flag("--all", options.all, "Archives of every name, each name by itself");
  command
      .add_option("--keep", options.keep, "30d, 12w, 12m, 2y (default: what the schedule of that name says)")
      ->type_name("PERIOD");
  command.footer(
      "The period counts back from the newest complete archive of a name, which always stays. Parts that an "
      "interrupted run left go once they are a day old.\n"
      "Example: azlin archive prune weekly --keep 90d -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

archive::Retention retention_of(Runtime& runtime, const ArchivePruneOptions& options) {
  if (options.name.empty() != options.all)
    throw Error(ErrorKind::usage, "say which archives: a name, or --all",
                "`azlin archive list` shows the names");
  if (options.keep) return archive::Retention::parse(*options.keep);
  for (const auto& schedule : open_schedules(runtime).list()) {
    if (schedule.archive == options.name && schedule.retention) return *schedule.retention;
  }
  throw Error(ErrorKind::usage, "how long are archives kept?", "give --keep, such as 30d, 12w or 12m");
}

std::vector<archive::Judged> judged(const std::vector<Archive>& archives, const archive::Retention& retention,
                                    core::TimePoint now) {
  std::vector<archive::Kept> all;
  for (const auto& each : archives) all.push_back({each.set, each.name, each.taken_at, each.complete});
  return archive::judge(std::move(all), retention, now);
}

// What removing means where the bucket holds its objects.
void explain_lock(Console& console, const archive::ObjectLock& lock, ordered_json& json) {
  const std::string text = fmt::format(
      "object lock ({}): what is removed is hidden and still stored until its date has passed and a "
      "lifecycle rule of "
      "the bucket removes old versions; until then it can be brought back by removing the delete markers",
      archive::describe(lock));
  console.line("· " + text);
  json["objectLock"] = {{"mode", lock.mode.empty() ? ordered_json(nullptr) : ordered_json(lock.mode)},
                        {"days", lock.days},
                        {"note", text}};
}

int run(Runtime& runtime, const ArchivePruneOptions& options) {
  const auto retention = retention_of(runtime, options);
  Engine engine = open_engine(runtime, options.repository);
  ArchiveManager manager(engine);
  auto archives = manager.list({.name = options.name}, runtime.stop());
  for (auto& each : manager.list({.name = options.name, .incomplete = true}, runtime.stop()))
    archives.push_back(std::move(each));
  if (archives.empty() && !options.all)
    throw Error(ErrorKind::not_found, fmt::format("there is no archive named {}", options.name),
                "`azlin archive list` shows the names");
  Console& console = runtime.console();
  ordered_json json = {
      {"dryRun", runtime.dry_run()}, {"keep", retention.text()}, {"archives", ordered_json::array()}};
  std::vector<Archive> going;
  for (const auto& verdict : judged(archives, retention, runtime.clock().now())) {
    const auto found = std::find_if(archives.begin(), archives.end(),
                                    [&](const auto& each) { return each.set == verdict.archive.id; });
    console.line(fmt::format("{} {}  {}", verdict.keep ? "keep  " : "remove", found->id, verdict.reason));
    json["archives"].push_back({{"archive", found->id},
                                {"complete", found->complete},
                                {"keep", verdict.keep},
                                {"reason", verdict.reason}});
    if (!verdict.keep) going.push_back(*found);
  }
  if (!going.empty() && !runtime.dry_run()) {
    if (!console.confirm(fmt::format("removing {} for good", core::counted(going.size(), "archive"))))
      throw Error(ErrorKind::failed, "not confirmed: nothing was removed");
    audited(runtime, "archive.prune", engine.destination().text, json, [&] {
      manager.remove(going, runtime.stop());
      engine.prune(runtime.stop());
      return 0;
    });
  }
  if (const auto& lock = engine.destination().object_lock) explain_lock(console, *lock, json);
  console.line(fmt::format("{} {} {}removed, {} kept", runtime.dry_run() ? "·" : "✓",
                           core::counted(going.size(), "archive"), runtime.dry_run() ? "would be " : "",
                           archives.size() - going.size()));
  console.result(json, "archives");
  return 0;
}

// An archive of the repository or a bundle, as a comparison sees it.
struct Side {
  std::string label;
  archive::Manifest manifest;
  std::function<std::string(const std::string&)> read;
};

Side bundle_side(const std::string& folder) {
  auto bundle = archive::open_bundle(fs::absolute(folder).lexically_normal());
  Side out;
  out.label = bundle.folder.string();
  for (auto& file : archive::list_tree(bundle.folder)) {
    if (file.path != "metadata.json" && file.path != "checksums.sha256" && !file.path.starts_with("logs/"))
      out.manifest.files.push_back(std::move(file));
  }
  out.read = [folder = bundle.folder](const std::string& path) {
    std::ifstream in(folder / path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  return out;
}

Side archive_side(Runtime& runtime, Engine& engine, const std::string& name) {
  ArchiveManager manager(engine);
  const auto found = manager.find(name, {}, runtime.stop());
  const auto* data = found.part("data");
  Side out;
  out.label = found.id;
  out.manifest = manager.manifest(found, runtime.stop());
  out.read = [&engine, &runtime, id = data != nullptr ? data->id : ""](const std::string& path) {
    return id.empty() ? "" : engine.dump_text(id, "/" + path, runtime.stop());
  };
  return out;
}

// nullopt: not a configuration, or too large for one.
std::optional<std::vector<archive::KeyChange>> key_changes(const Side& a, const Side& b,
                                                           const std::string& path) {
  if (!archive::read_config_keys(path, "{}") && !archive::read_config_keys(path, ""))
    return std::nullopt;  // its name says no
  const auto before = a.read(path), after = b.read(path);
  if (before.size() > kConfigBytes || after.size() > kConfigBytes) return std::nullopt;
  const auto x = archive::read_config_keys(path, before), y = archive::read_config_keys(path, after);
  if (!x || !y) return std::nullopt;
  return archive::diff_config_keys(*x, *y);
}

const char* word(archive::KeyChange::Kind kind) {
  return kind == archive::KeyChange::Kind::added     ? "added"
         : kind == archive::KeyChange::Kind::removed ? "removed"
                                                     : "changed";
}

void bind(CLI::App& command, ArchiveCompareOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("a", options.a, "An archive (id, beginning, name) or the folder of a bundle")
      ->required();
  command.add_option("b", options.b, "The other one")->required();
  command.footer(
      "Keys of JSON, YAML, INI and env files are named, their values never shown.\n"
      "Example: azlin archive compare weekly etc -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ArchiveCompareOptions& options) {
  std::optional<Engine> engine;
  const auto side = [&](const std::string& text) {
    // An archive may be called as a folder here is: `compare weekly etc`.
    std::error_code error;  // what cannot be looked at is no bundle
    const bool path =
        text.find('/') != std::string::npos || fs::exists(fs::path(text) / "metadata.json", error);
    if (path && fs::is_directory(text, error)) return bundle_side(text);
    if (!engine) engine.emplace(open_engine(runtime, options.repository));
    return archive_side(runtime, *engine, text);
  };
  const Side a = side(options.a), b = side(options.b);
  const auto changes = archive::compare_manifests(a.manifest, b.manifest);
  Console& console = runtime.console();
  ordered_json json = {
      {"a", a.label}, {"b", b.label}, {"identical", changes.empty()}, {"files", ordered_json::array()}};
  std::size_t opened = 0, unopened = 0;
  for (const auto& change : changes) {
    ordered_json entry = {{"path", change.path},
                          {"change", change.change == '+'   ? "added"
                                     : change.change == '-' ? "removed"
                                                            : "changed"}};
    console.line(fmt::format("{} {}", change.change, change.path));
    if (change.change == '~' && opened < kConfigFiles) {
      if (const auto keys = key_changes(a, b, change.path)) {
        ++opened;
        entry["keys"] = ordered_json::array();
        for (const auto& key : *keys) {
          console.line(fmt::format("    {} {}", word(key.kind), key.key));
          entry["keys"].push_back({{"key", key.key}, {"change", word(key.kind)}});
        }
      }
    } else if (change.change == '~') {
      ++unopened;
    }
    json["files"].push_back(std::move(entry));
  }
  if (unopened > 0)
    console.warn(fmt::format("the keys of {} further changed files were not compared", unopened));
  console.line(changes.empty() ? fmt::format("✓ {} and {} hold the same files", a.label, b.label)
                               : fmt::format("{} differ between {} and {}",
                                             core::counted(changes.size(), "file"), a.label, b.label));
  console.result(json, "files");
  return 0;
}

void bind(CLI::App& command, ArchiveKeyRotateOptions& options) {
  bind_repository(command, options.repository);
  command
      .add_option("--new-password-file", options.fresh.password_file,
                  "File with the new password (else AZLIN_ARCHIVE_NEW_PASSWORD)")
      ->type_name("FILE");
  command.add_option("--new-password-command", options.fresh.password_command, "Command that prints it")
      ->type_name("COMMAND");
  command.footer(
      "The old password ends to work; the master key that encrypts the data stays. For a new master key: "
      "`azlin archive migrate --to` a new repository.\n"
      "Example: azlin archive key rotate --new-password-file ~/.archive-password -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

std::string new_password(Runtime& runtime, const RepositoryArgument& fresh) {
  archive::PasswordSource source{.file = fresh.password_file.value_or("")};
  if (fresh.password_command) source.command = archive::split_command(*fresh.password_command);
  if (source.empty()) {
    if (!runtime.env().get("AZLIN_ARCHIVE_NEW_PASSWORD"))
      throw Error(ErrorKind::usage, "which is the new password?",
                  "set AZLIN_ARCHIVE_NEW_PASSWORD, or give --new-password-file or --new-password-command");
    source.variable = "AZLIN_ARCHIVE_NEW_PASSWORD";
  }
  return archive::read_password(source, {}, runtime.env(), runtime.home(), runtime.stop());
}

std::optional<archive::EngineKey> current_key(Engine& engine, const std::stop_token& stop) {
  for (auto& key : engine.keys(stop)) {
    if (key.current) return key;
  }
  return std::nullopt;
}

bool opens(Engine& engine, const std::stop_token& stop) {
  try {
    engine.repository_id(stop);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unauthorized) throw;
    return false;
  }
}

int run(Runtime& runtime, const ArchiveKeyRotateOptions& options) {
  Engine old_engine = open_engine(runtime, options.repository);
  const auto fresh = new_password(runtime, options.fresh);
  Engine new_engine = open_engine_with(runtime, options.repository, fresh);
  const auto old_key = current_key(old_engine, runtime.stop());
  if (!old_key)
    throw Error(ErrorKind::failed, "the repository does not say which key the old password opens");
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line(fmt::format("· would add a key for the new password and remove key {}", old_key->id));
    console.result({{"dryRun", true}, {"removes", old_key->id}});
    return 0;
  }
  const bool there = opens(new_engine, runtime.stop());  // an interrupted rotation added it
  if (there && current_key(new_engine, runtime.stop())->id == old_key->id)
    throw Error(ErrorKind::usage, "the new password is the old one");
  WriteLock lock(runtime, old_engine.destination());
  lock.begin();
  const auto added =
      audited(runtime, "archive.key-rotate", old_engine.destination().text, {{"removes", old_key->id}}, [&] {
        if (!there) old_engine.add_key(fresh, runtime.stop());
        const auto key = current_key(new_engine, runtime.stop());
        if (!key)
          throw Error(ErrorKind::failed,
                      "the new password does not open the repository; the old one still does");
        new_engine.remove_key(old_key->id, runtime.stop());
        return key->id;
      });
  const auto left = new_engine.keys(runtime.stop()).size() - 1;
  console.line(
      fmt::format("✓ Key {} for the new password; key {} of the old one is gone", added, old_key->id));
  if (left > 0)
    console.warn(fmt::format("{} still open{} the repository", core::counted(left, "other key"),
                             left == 1 ? "s" : ""));
  console.line(
      "  The master key is the same: who copied the repository and had the old password can read that copy.");
  console.line("  A new master key: `azlin archive migrate --to NEW-DESTINATION`, then use that one.");
  ordered_json json = {
      {"added", added}, {"removed", old_key->id}, {"otherKeys", left}, {"masterKey", "unchanged"}};
  if (lock)
    console.warn(
        "object lock keeps the old key as an old version in the bucket: whoever can read old versions and "
        "has "
        "the old password can still use it");
  const bool held = lock.prove(json);
  console.result(json);
  return held ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_archive_care_commands(CLI::App& group, Job& chosen) {
  add_command<ArchivePruneOptions>(group, "prune", "Remove archives that are older than they are kept",
                                   chosen);
  add_command<ArchiveCompareOptions>(group, "compare", "Files and configuration keys that differ between two",
                                     chosen);
  CLI::App* key = add_group(group, "key", "Passwords of a repository");
  add_command<ArchiveKeyRotateOptions>(*key, "rotate", "A new password in place of the one in use", chosen);
}

}  // namespace azlin::cli
