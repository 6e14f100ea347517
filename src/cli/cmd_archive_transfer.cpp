// azlin archive download|migrate|encrypt|sync: archives as files, as bundles, and in another repository.
#include <fmt/format.h>

#include <filesystem>

#include "azlin/archive/package.hpp"
#include "azlin/archive/paths.hpp"
#include "azlin/archive/scratch_folder.hpp"
#include "azlin/archive/transfer.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
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

struct ArchiveDownloadOptions {
  RepositoryArgument repository;
  std::string archive, format = "zip", output = ".";
  std::optional<std::string> package_password_file;
  bool hide_names = false, force = false, encrypt = false;
};
struct ArchiveMigrateOptions {
  RepositoryArgument repository, to;
  std::vector<std::string> archives;
  std::string to_bundle, bundle;
  std::optional<std::string> package_password_file;
};
struct ArchiveEncryptOptions {
  RepositoryArgument repository;
  std::string bundle;
  bool delete_plain = false;
};
struct ArchiveSyncOptions {
  RepositoryArgument repository, to;
  std::vector<std::string> archives;
  bool verify = false;
};

// The places that a download cannot go to, each by name.
void refuse_remote(const std::string& output) {
  const auto scheme = output.substr(0, output.find(':'));
  if (scheme == output || output.find('/') < output.find(':')) return;
  if (scheme == "http" || scheme == "https")
    throw Error(ErrorKind::usage, "azlin has no web server to offer downloads from",
                "download to a file and put that behind your own web server, or copy it with scp");
  if (scheme == "smb" || scheme == "nfs" || scheme == "cifs")
    throw Error(ErrorKind::usage,
                fmt::format("{} shares are reached as mounted folders only", core::to_lower(scheme)),
                "mount the share and give its path");
  throw Error(ErrorKind::usage, fmt::format("a download goes to a file, not to {}:", scheme),
              "`azlin archive sync --to` copies archives to another store");
}

std::string package_password(Runtime& runtime, const std::optional<std::string>& file) {
  if (file) return archive::read_password({.file = *file}, {}, runtime.env(), runtime.home(), runtime.stop());
  return runtime.env().get_or("AZLIN_PACKAGE_PASSWORD", "");
}

void bind_package_password(CLI::App& command, std::optional<std::string>& file) {
  command
      .add_option("--package-password-file", file,
                  "File with the zip's password (else AZLIN_PACKAGE_PASSWORD)")
      ->type_name("FILE");
}

void bind(CLI::App& command, ArchiveDownloadOptions& options) {
  bind_repository(command, options.repository);
  command
      .add_option("archive,--backup", options.archive,
                  "Its id, a beginning of it, or a name: then the newest")
      ->required();
  command.add_option("--format", options.format, "Kind of file")
      ->check(CLI::IsMember({"zip", "tar.gz", "tar.xz", "encrypted-zip"}))
      ->capture_default_str();
  command.add_flag("--encrypt", options.encrypt, "With format zip the same as encrypted-zip");
  command.add_option("--output,--download-path", options.output, "File, or a folder to put it in")
      ->type_name("PATH")
      ->capture_default_str();
  bind_package_password(command, options.package_password_file);
  command.add_flag("--hide-names", options.hide_names,
                   "encrypted-zip: file names are secret, too (one tar inside the zip)");
  command.add_flag("--force", options.force, "Replace an existing file");
  command.footer(
      "All but encrypted-zip are plain: keep them where only you can read. AES-256 zips open with 7-Zip, not "
      "with unzip.\n"
      "Example: azlin archive download weekly --format tar.gz --output weekly.tar.gz -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

fs::path output_file(const ArchiveDownloadOptions& options, const Archive& found,
                     archive::PackageFormat format) {
  const fs::path given = fs::absolute(options.output).lexically_normal();
  const fs::path file = archive::is_folder(given) ? given / (found.id + archive::suffix(format)) : given;
  core::check_output_file(file.string(), "download");
  if (!archive::is_there(file)) return file;
  if (!fs::is_regular_file(file))
    throw Error(ErrorKind::usage, fmt::format("{} is no file that a download could replace", file.string()),
                "name a file or a folder");
  if (!options.force)
    throw Error(ErrorKind::usage, fmt::format("{} is there already", file.string()), "--force replaces it");
  return file;
}

int run(Runtime& runtime, const ArchiveDownloadOptions& options) {
  refuse_remote(options.output);
  if (options.encrypt && options.format != "zip" && options.format != "encrypted-zip")
    throw Error(ErrorKind::usage, fmt::format("a {} cannot be encrypted", options.format),
                "use --format encrypted-zip, or encrypt the file with a tool of your own");
  const auto format = options.encrypt ? archive::PackageFormat::encrypted_zip
                                      : archive::parse_package_format(options.format).value();
  const bool encrypted = format == archive::PackageFormat::encrypted_zip;
  archive::PackageOptions package{
      format, encrypted ? package_password(runtime, options.package_password_file) : "", options.hide_names};
  if (encrypted && package.passphrase.empty())
    throw Error(ErrorKind::usage, "an encrypted zip needs a password",
                "set AZLIN_PACKAGE_PASSWORD or give --package-password-file");
  Engine engine = open_engine(runtime, options.repository);
  const auto found = ArchiveManager(engine).find(options.archive, {}, runtime.stop());
  const auto file = output_file(options, found, format);
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line(fmt::format("· would write {} ({} in {} files)", file.string(), core::to_size(found.bytes),
                             found.files));
    console.result({{"dryRun", true}, {"archive", found.id}, {"file", file.string()}});
    return 0;
  }
  const ordered_json noted = {{"file", file.string()}, {"scratch", file.parent_path().string()}};
  const auto written = audited(runtime, "archive.download", found.id, noted, [&] {
    const archive::ScratchFolder scratch(file.parent_path());
    console.note("reading " + found.id);
    const auto bundle = export_bundle(engine, found, scratch.path(), runtime.clock().now(), runtime.stop());
    console.note("packing");
    return write_package(bundle.folder, found.id, file, package, runtime.stop());
  });
  console.line(fmt::format("✓ {} ({}, {})", file.string(), core::to_size(written.bytes),
                           core::counted(written.entries, "entry")));
  if (!encrypted) console.warn("this file is not encrypted: it holds all secrets of the archive");
  console.result({{"archive", found.id},
                  {"file", file.string()},
                  {"format", encrypted ? "encrypted-zip" : options.format},
                  {"bytes", written.bytes},
                  {"entries", written.entries},
                  {"encrypted", encrypted}});
  return 0;
}

std::vector<Archive> choose(Engine& engine, const std::vector<std::string>& wanted,
                            const std::stop_token& stop) {
  ArchiveManager manager(engine);
  if (wanted.empty()) return manager.list({}, stop);
  std::vector<Archive> out;
  for (const auto& each : wanted) out.push_back(manager.find(each, {}, stop));
  return out;
}

std::vector<std::string> ids_of(const std::vector<Archive>& archives) {
  std::vector<std::string> out;
  for (const auto& each : archives) out.push_back(each.id);
  return out;
}

std::vector<std::string> sets_of(const std::vector<Archive>& archives) {
  std::vector<std::string> out;
  for (const auto& each : archives) out.push_back(each.set);
  return out;
}

void bind(CLI::App& command, ArchiveMigrateOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("archives", options.archives, "Which ones (default: all)");
  bind_second_repository(command, options.to);
  command.add_option("--to-bundle", options.to_bundle, "Write plain bundles into this folder")
      ->type_name("FOLDER");
  command.add_option("--bundle", options.bundle, "Take this bundle (folder, tar or zip) into the repository")
      ->type_name("PATH");
  bind_package_password(command, options.package_password_file);
  command.footer(
      "--to copies into another repository, with a master key of its own. Nothing is removed at the source.\n"
      "Example: azlin archive migrate weekly --to-bundle /mnt/bundles -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int migrate_to_bundles(Runtime& runtime, const ArchiveMigrateOptions& options) {
  Engine engine = open_engine(runtime, options.repository);
  Console& console = runtime.console();
  ordered_json json = {{"dryRun", runtime.dry_run()}, {"bundles", ordered_json::array()}};
  for (const auto& each : choose(engine, options.archives, runtime.stop())) {
    const fs::path folder = fs::path(options.to_bundle) / each.id;
    const bool there = archive::is_there(folder);
    if (there && !same_files(engine, each, archive::open_bundle(folder), runtime.stop()))
      throw Error(ErrorKind::failed,
                  fmt::format("{} is there already and holds other files than {} (set {}, from {})",
                              folder.string(), each.id, each.set, each.host),
                  fmt::format("give another folder: azlin archive migrate {} --to-bundle FOLDER", each.set));
    if (!there && !runtime.dry_run()) {
      const ordered_json noted = {{"toBundle", folder.string()}, {"scratch", options.to_bundle}};
      audited(runtime, "archive.migrate", each.id, noted, [&] {
        return export_bundle(engine, each, options.to_bundle, runtime.clock().now(), runtime.stop());
      });
    }
    console.line(
        fmt::format("{} {}{}", runtime.dry_run() ? "·" : "✓", folder.string(), there ? " (was there)" : ""));
    json["bundles"].push_back({{"archive", each.id}, {"folder", folder.string()}, {"wasThere", there}});
  }
  console.warn("bundles are not encrypted: they hold all secrets of their archives");
  console.result(json, "bundles");
  return 0;
}

// The bundle inside an unpacked package: its only folder.
fs::path only_folder(const fs::path& where, const std::string& file) {
  std::vector<fs::path> found;
  for (const auto& each : fs::directory_iterator(where)) found.push_back(each.path());
  if (found.size() != 1 || !fs::is_directory(found[0]))
    throw Error(ErrorKind::failed, fmt::format("{} does not hold one bundle", file));
  return found[0];
}

archive::ImportResult take_in(Runtime& runtime, Engine& engine, const archive::Bundle& bundle) {
  const ordered_json noted = {{"bundle", bundle.folder.string()}, {"scratch", archive::scratch_parent()}};
  return audited(runtime, "archive.import", bundle.name, noted, [&] {
    if (!engine.exists(runtime.stop())) engine.init(runtime.stop());
    return import_bundle(engine, bundle, runtime.stop());
  });
}

int report_import(Runtime& runtime, const archive::ImportResult& taken, WriteLock& lock, ordered_json more) {
  runtime.console().line(fmt::format("✓ {} {} ({} files, taken {} UTC)", taken.archive.id,
                                     taken.was_there ? "was there already" : "is in the repository",
                                     taken.archive.files, core::to_display(taken.archive.taken_at)));
  more["archive"] = taken.archive.id;
  more["wasThere"] = taken.was_there;
  const bool held = lock.prove(more);
  runtime.console().result(more);
  return held ? 0 : core::exit_code(ErrorKind::findings);
}

int migrate_from_bundle(Runtime& runtime, const ArchiveMigrateOptions& options) {
  const fs::path source = fs::absolute(options.bundle);
  std::optional<archive::ScratchFolder> scratch;
  fs::path folder = source;
  if (archive::is_there(source) && !archive::is_folder(source)) {
    core::check_input_file(source.string(), "package");
    scratch.emplace(archive::scratch_parent());
    archive::read_package(source, scratch->path(), package_password(runtime, options.package_password_file),
                          runtime.stop());
    folder = only_folder(scratch->path(), source.string());
  }
  const auto bundle = archive::open_bundle(folder);
  if (runtime.dry_run()) {
    runtime.console().line(fmt::format("· would take {} into the repository", source.string()));
    runtime.console().result({{"dryRun", true}, {"bundle", source.string()}, {"name", bundle.name}});
    return 0;
  }
  Engine engine = open_engine(runtime, options.repository);
  WriteLock lock(runtime, engine.destination());
  lock.begin();
  const auto taken = take_in(runtime, engine, bundle);
  return report_import(runtime, taken, lock, {{"bundle", source.string()}});
}

// Shared by sync and migrate --to.
int copy_over(Runtime& runtime, const char* kind, const RepositoryArgument& first,
              const RepositoryArgument& second, const std::vector<std::string>& wanted, bool verify) {
  Engine from = open_engine(runtime, first);
  Engine to = open_second_engine(runtime, second, first);
  Console& console = runtime.console();
  std::vector<Archive> chosen;
  if (!wanted.empty()) chosen = choose(from, wanted, runtime.stop());
  WriteLock lock(runtime, to.destination());
  if (runtime.dry_run()) {
    lock.require();
    std::vector<std::string> there;
    if (to.exists(runtime.stop())) there = sets_of(choose(to, {}, runtime.stop()));
    ordered_json json = {
        {"dryRun", true}, {"to", to.destination().text}, {"archives", ordered_json::array()}};
    for (const auto& each : wanted.empty() ? choose(from, {}, runtime.stop()) : chosen) {
      if (std::find(there.begin(), there.end(), each.set) != there.end()) continue;
      console.line("· would copy " + each.id);
      json["archives"].push_back({{"archive", each.id}});
    }
    console.result(json, "archives");
    return 0;
  }
  const auto plan =
      ordered_json{{"from", from.destination().text}, {"archives", ids_of(chosen)}, {"verify", verify}};
  lock.begin();
  const auto done = audited(runtime, kind, to.destination().text, plan, [&] {
    auto result = sync_archives(
        from, to, sets_of(chosen), [&](const std::string& text) { console.note(text); }, runtime.stop());
    if (!verify) return result;
    console.note("reading all of " + to.destination().text);
    const auto check = to.check({.read_data = true}, runtime.stop());
    if (!check.sound)
      throw Error(ErrorKind::findings,
                  fmt::format("{} is damaged: {}", to.destination().text,
                              check.problems.empty() ? "restic check failed" : check.problems.front()),
                  "the first destination is untouched; `azlin archive verify` says more");
    return result;
  });
  ordered_json json = {{"to", to.destination().text},
                       {"copied", ids_of(done.copied)},
                       {"wereThere", done.were_there},
                       {"madeRepository", done.made_repository},
                       {"verified", verify ? ordered_json(true) : ordered_json(nullptr)}};
  for (const auto& each : done.copied) console.line("✓ copied " + each.id);
  console.line(fmt::format(
      "✓ {}: {} copied, {} were there{}", to.destination().text, done.copied.size(), done.were_there,
      verify ? ", every byte read and sound" : "; not verified (--verify reads every byte)"));
  const bool held = lock.prove(json);
  console.result(json);
  return held ? 0 : core::exit_code(ErrorKind::findings);
}

int run(Runtime& runtime, const ArchiveMigrateOptions& options) {
  const int ways = (options.to.destination ? 1 : 0) + (options.to_bundle.empty() ? 0 : 1) +
                   (options.bundle.empty() ? 0 : 1);
  if (ways != 1)
    throw Error(
        ErrorKind::usage, "say where to: one of --to, --to-bundle and --bundle",
        "--to DESTINATION: another repository; --to-bundle FOLDER: plain folders; --bundle PATH: into the "
        "repository");
  if (!options.to_bundle.empty()) return migrate_to_bundles(runtime, options);
  if (!options.bundle.empty()) return migrate_from_bundle(runtime, options);
  return copy_over(runtime, "archive.migrate", options.repository, options.to, options.archives, true);
}

void bind(CLI::App& command, ArchiveEncryptOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("bundle", options.bundle, "Folder of the plain bundle")->required();
  command.add_flag("--delete-plain", options.delete_plain, "Then delete the plain folder");
  command.footer(
      "The archive keeps its date. Every byte of the repository is read before anything is deleted. Deleting "
      "does not overwrite the disk.\n"
      "Example: azlin archive encrypt /mnt/bundles/weekly -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 6");
}

void remove_plain(const fs::path& folder, const std::string& id) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error)
    throw Error(
        ErrorKind::failed,
        fmt::format("{} is in the repository and sound, but the plain folder {} could not be deleted: {}", id,
                    folder.string(), error.message()),
        "delete what is left of it by hand");
}

int run(Runtime& runtime, const ArchiveEncryptOptions& options) {
  const auto bundle = archive::open_bundle(fs::absolute(options.bundle).lexically_normal());
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line(fmt::format("· would encrypt {}{}", bundle.folder.string(),
                             options.delete_plain ? " and delete the plain folder" : ""));
    console.result(
        {{"dryRun", true}, {"bundle", bundle.folder.string()}, {"deletePlain", options.delete_plain}});
    return 0;
  }
  if (options.delete_plain && !console.confirm("deleting the plain folder " + bundle.folder.string()))
    throw Error(ErrorKind::failed, "not confirmed: nothing was done");
  Engine engine = open_engine(runtime, options.repository);
  WriteLock lock(runtime, engine.destination());
  lock.begin();
  const auto taken = take_in(runtime, engine, bundle);
  console.note("reading all of " + engine.destination().text);
  const auto check = engine.check({.read_data = true}, runtime.stop());
  if (!check.sound)
    throw Error(ErrorKind::findings,
                fmt::format("{} is damaged: {}", engine.destination().text,
                            check.problems.empty() ? "restic check failed" : check.problems.front()),
                "the plain folder is untouched");
  if (options.delete_plain)
    remove_plain(bundle.folder, taken.archive.id);
  else
    console.note("the plain folder is still there; --delete-plain removes it");
  return report_import(
      runtime, taken, lock,
      {{"bundle", bundle.folder.string()}, {"verified", true}, {"plainDeleted", options.delete_plain}});
}

void bind(CLI::App& command, ArchiveSyncOptions& options) {
  bind_repository(command, options.repository);
  bind_second_repository(command, options.to);
  command.add_option("archives", options.archives, "Which ones (default: all that are missing there)");
  command.add_flag("--verify", options.verify, "Read every byte of the second destination afterwards");
  command.footer(
      "Archives that were removed at the source stay at --to.\n"
      "Example: azlin archive sync --to /mnt/second --verify -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 6");
}

int run(Runtime& runtime, const ArchiveSyncOptions& options) {
  return copy_over(runtime, "archive.sync", options.repository, options.to, options.archives, options.verify);
}

}  // namespace

void add_archive_transfer_commands(CLI::App& group, Job& chosen) {
  add_command<ArchiveDownloadOptions>(group, "download",
                                      "An archive as one file: zip, tar.gz, tar.xz, encrypted zip", chosen);
  add_command<ArchiveMigrateOptions>(group, "migrate",
                                     "Between repositories, and between repository and plain bundle", chosen);
  add_command<ArchiveEncryptOptions>(group, "encrypt", "A plain bundle into a repository", chosen);
  add_command<ArchiveSyncOptions>(group, "sync", "Copy what a second destination lacks", chosen);
}

}  // namespace azlin::cli
