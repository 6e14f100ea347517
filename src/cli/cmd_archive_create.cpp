// azlin archive init, create, files, database, containers, vm-snapshot: what makes archives.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "azlin/archive/create.hpp"
#include "azlin/archive/password.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/snapshot/manager.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_lock.hpp"
#include "cli/archive_session.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using archive::CreatePlan;
using archive::CreateRequest;
using archive::CreateResult;
using archive::Service;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

// What all of these commands take.
struct MakeOptions {
  RepositoryArgument repository;
  std::string name;
  bool encrypt = true, compress = true, verify = true;
};
struct ArchiveCreateOptions {
  MakeOptions make;
  std::string type = "config";
  std::vector<std::string> services;
  bool include_data = false;
};
struct ArchiveFilesOptions {
  MakeOptions make;
  std::vector<std::string> paths, excludes;
};
struct ArchiveDatabaseOptions {
  MakeOptions make;
  archive::DatabaseSpec spec;
  std::string service;
};
struct ArchiveContainersOptions {
  MakeOptions make;
  archive::ContainerSpec spec;
};
struct ArchiveVmSnapshotOptions {
  MakeOptions make;
  VmArgument vm;
};
struct ArchiveInitOptions {
  bool force = false;
};

void bind_make(CLI::App& command, MakeOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("--name", options.name, "Name of the archive; its time is added")->type_name("NAME");
  command
      .add_flag(
          "--encrypt", options.encrypt,
          "With a password of yours (default). --encrypt=false: with a key kept on this machine, for the "
          "engine always encrypts")
      ->default_str("true");
  command.add_flag("--compress", options.compress, "Compress (default); --compress=false does not")
      ->default_str("true");
  command.add_flag("--verify", options.verify, "Check the repository before the archive counts (default)")
      ->default_str("true");
}

constexpr const char* kCreateFooter =
    "Exit codes: 0, 1, 2, 3, 4 some files could not be read, 5, 6 made, but something declared is missing, 7";

std::string program(Runtime& runtime) {
  return runtime.env().get_or("AZLIN_RESTIC", "restic");
}

// A service with a repository of its own is archived there; `own` names it.
archive::Engine open_for(Runtime& runtime, const MakeOptions& options, const Service* own) {
  if (!core::is_installed(program(runtime)))
    throw Error(ErrorKind::not_found,
                fmt::format("the archive engine '{}' is not installed", program(runtime)),
                "apt-get install restic");
  if (own == nullptr && options.encrypt) return open_engine(runtime, options.repository);
  const auto settings = archive_settings(runtime);
  if (own == nullptr) {
    runtime.console().warn(
        fmt::format("the engine always encrypts: the key is {}/archive.key on this machine; without "
                    "it nobody can read the archive",
                    runtime.home()));
    return open_engine_with(runtime, options.repository, archive::machine_key(runtime.home()));
  }
  archive::EngineOptions engine;
  engine.password = archive::read_password({}, own->password.empty() ? settings.password : own->password,
                                           own->password.empty() ? runtime.env() : core::Env(),
                                           runtime.home(), runtime.stop());
  engine.cache_dir = runtime.home() + "/archive-cache";
  engine.compression = settings.compression;
  engine.program = program(runtime);
  return {archive::choose_destination(settings, own->destination, runtime.env()), engine};
}

ordered_json to_json(const CreatePlan& plan, const archive::PlanSize& size) {
  ordered_json json = {{"dryRun", true},
                       {"id", plan.id},
                       {"type", plan.type},
                       {"services", plan.services},
                       {"files", size.files},
                       {"bytes", size.bytes},
                       {"paths", ordered_json::array()},
                       {"dumps", ordered_json::array()},
                       {"findings", plan.findings}};
  for (const auto& each : plan.files)
    json["paths"].push_back({{"service", each.service},
                             {"source", each.source},
                             {"path", each.place + each.source},
                             {"data", each.data}});
  for (const auto& each : plan.streams)
    json["dumps"].push_back({{"service", each.service}, {"source", each.source}, {"path", each.path}});
  return json;
}

void print_plan(Runtime& runtime, const CreatePlan& plan, const std::string& where) {
  Console& console = runtime.console();
  const auto size = archive::measure(plan);
  console.line(fmt::format("Would archive {} ({}, {}) to {}:", plan.id, core::counted(size.files, "file"),
                           core::to_size(size.bytes), where));
  for (const auto& each : plan.files)
    console.line(fmt::format("  {} -> {}{}", each.source, each.place, each.source));
  for (const auto& each : plan.streams) console.line(fmt::format("  {} -> {}", each.source, each.path));
  for (const auto& finding : plan.findings) console.line("  ! " + finding);
  for (const auto& each : size.unreadable) console.line("  ! cannot be read: " + each);
  console.result(to_json(plan, size));
}

int report(Runtime& runtime, const CreateResult& made, const archive::Engine& engine, WriteLock& lock) {
  Console& console = runtime.console();
  console.line(fmt::format("{} Archive {}: {}, {} ({} new) in {}", made.unreadable.empty() ? "✓" : "!",
                           made.metadata.id, core::counted(made.files, "file"), core::to_size(made.bytes),
                           core::to_size(made.bytes_added), core::to_display(made.took)));
  console.line("  Destination: " + engine.destination().text);
  for (const auto& finding : made.metadata.findings) console.line("  ! " + finding);
  ordered_json json = {{"id", made.metadata.id},
                       {"name", made.metadata.name},
                       {"type", made.metadata.type},
                       {"destination", engine.destination().text},
                       {"services", made.metadata.services},
                       {"files", made.files},
                       {"bytes", made.bytes},
                       {"bytesAdded", made.bytes_added},
                       {"seconds", static_cast<double>(made.took.count()) / 1000.0},
                       {"unreadable", made.unreadable},
                       {"findings", made.metadata.findings}};
  const bool held = lock.prove(json);
  console.result(json);
  if (!made.unreadable.empty()) return core::exit_code(ErrorKind::partial);
  return made.metadata.findings.empty() && held ? 0 : core::exit_code(ErrorKind::findings);
}

int make(Runtime& runtime, const MakeOptions& options, CreateRequest request, const Service* own = nullptr) {
  archive::Engine engine = open_for(runtime, options, own);
  if (!options.compress) engine.set_compression("off");
  request.name = options.name;
  request.verify = options.verify;
  request.never = {runtime.home() + "/archive-cache", runtime.home() + "/archive-staging",
                   runtime.home() + "/archive.key"};
  if (engine.destination().kind == archive::DestinationKind::local)
    request.never.push_back(engine.destination().url);
  const auto plan = archive::plan_create(request, archive_settings(runtime).services, runtime.clock().now());
  WriteLock lock(runtime, engine.destination());
  if (runtime.dry_run()) {
    lock.require();
    print_plan(runtime, plan, engine.destination().text);
    return 0;
  }
  lock.begin();
  archive::Creator creator(engine, runtime.journal(), runtime.clock(), runtime.home(), AZLIN_VERSION);
  const auto made = creator.create(
      plan, [&](const std::string& line) { runtime.console().note(line); }, runtime.stop());
  return report(runtime, made, engine, lock);
}

// ---- create

void bind(CLI::App& command, ArchiveCreateOptions& options) {
  bind_make(command, options.make);
  command.add_option("--type", options.type, "config, full, service or disaster-recovery")
      ->check(CLI::IsMember({"config", "full", "service", "disaster-recovery"}))
      ->capture_default_str();
  command
      .add_option("--service,--services", options.services, "A service of archive.yaml; repeatable; `all`")
      ->delimiter(',')
      ->type_name("NAME");
  command.add_flag("--include-data", options.include_data,
                   "Data and dumps too (full and disaster-recovery always do)");
  command.footer(
      std::string("What belongs to a service is declared in ~/.azlin/archive.yaml; `azlin archive init` "
                  "proposes one.\nThe password comes from AZLIN_ARCHIVE_PASSWORD, --password-file or "
                  "--password-command.\nExample: azlin archive create --type full --name weekly -d "
                  "/mnt/backup\n") +
      kCreateFooter);
}

int run(Runtime& runtime, const ArchiveCreateOptions& options) {
  const auto settings = archive_settings(runtime);
  CreateRequest request{
      .type = options.type, .services = options.services, .include_data = options.include_data};
  std::vector<std::string> common, own;
  std::vector<std::string> wanted = options.services;
  if (wanted.empty() || wanted == std::vector<std::string>{"all"}) {
    wanted.clear();
    for (const auto& [name, service] : settings.services) wanted.push_back(name);
  }
  for (const auto& name : wanted) {
    const auto found = settings.services.find(name);
    (found != settings.services.end() && !found->second.destination.empty() ? own : common).push_back(name);
  }
  if (own.empty()) return make(runtime, options.make, request);
  int code = 0;
  if (!common.empty() || options.type == "disaster-recovery") {
    request.services = common;
    code = make(runtime, options.make, request);
  }
  for (const auto& name : own) {
    request.services = {name};
    code = std::max(code, make(runtime, options.make, request, &settings.services.at(name)));
  }
  return code;
}

// ---- files, database, containers

void bind(CLI::App& command, ArchiveFilesOptions& options) {
  bind_make(command, options.make);
  command.add_option("paths", options.paths, "Files and folders")->required()->type_name("PATH...");
  command.add_option("--exclude", options.excludes, "File names (*.tmp) or paths to leave out; repeatable");
  command.footer(std::string("Example: azlin archive files /etc --name etc -d /mnt/backup\n") +
                 kCreateFooter);
}

int run(Runtime& runtime, const ArchiveFilesOptions& options) {
  Service given;
  given.name = options.make.name.empty() ? "files" : options.make.name;
  given.place = "services/" + given.name;
  if (std::find(options.paths.begin(), options.paths.end(), "") != options.paths.end())
    throw Error(ErrorKind::usage, "an empty text is no path", "name files and folders");
  for (const auto& path : options.paths)
    given.data.push_back(std::filesystem::absolute(path).lexically_normal().string());
  for (auto& path : given.data) {
    if (path.size() > 1 && path.back() == '/') path.pop_back();
  }
  given.excludes = options.excludes;
  MakeOptions make_options = options.make;
  make_options.name = given.name;
  archive::check_archive_name(given.name);
  return make(runtime, make_options, {.type = "service", .include_data = true, .given = {given}});
}

void bind(CLI::App& command, ArchiveDatabaseOptions& options) {
  bind_make(command, options.make);
  command.add_option("engine", options.spec.engine, "postgresql, mysql, mariadb or mongodb")
      ->required()
      ->check(CLI::IsMember({"postgresql", "mysql", "mariadb", "mongodb"}));
  command
      .add_option("database", options.spec.name,
                  "Its name; with postgresql also `globals`: roles and tablespaces")
      ->required();
  command.add_option("--host", options.spec.host, "Server");
  command.add_option("--port", options.spec.port, "Port");
  command.add_option("--user", options.spec.user, "Login");
  command.add_option("--socket", options.spec.socket, "Socket: a folder (PostgreSQL) or a file (MariaDB)");
  command
      .add_option("--login-password-file", options.spec.password_file,
                  "File with the login's password, mode 0600")
      ->type_name("FILE");
  command.add_option("--run-as", options.spec.run_as, "Account to run the dump as, such as postgres")
      ->type_name("USER");
  command.footer(
      std::string("Example: azlin archive database postgresql shop --run-as postgres -d /mnt/backup\n") +
      kCreateFooter);
}

int run(Runtime& runtime, const ArchiveDatabaseOptions& options) {
  if (options.spec.name.starts_with("-"))
    throw Error(ErrorKind::usage, "a database's name does not begin with '-'");
  if (!options.spec.password_file.empty())
    core::check_input_file(options.spec.password_file, "password file");
  Service given;
  given.name = options.make.name.empty() ? "database" : options.make.name;
  given.place = "services/" + given.name;
  given.databases = {options.spec};
  MakeOptions make_options = options.make;
  make_options.name = given.name;
  archive::check_archive_name(given.name);
  return make(runtime, make_options, {.type = "service", .include_data = true, .given = {given}});
}

void bind(CLI::App& command, ArchiveContainersOptions& options) {
  bind_make(command, options.make);
  command.add_option("--engine", options.spec.engine, "podman or docker")
      ->check(CLI::IsMember({"podman", "docker"}))
      ->capture_default_str();
  command.add_option("--volume", options.spec.volumes, "A volume; repeatable");
  command.add_option("--image", options.spec.images, "An image; repeatable");
  command.footer(
      std::string("Example: azlin archive containers --name shop --volume shop-data -d /mnt/backup\n") +
      kCreateFooter);
}

int run(Runtime& runtime, const ArchiveContainersOptions& options) {
  if (options.spec.volumes.empty() && options.spec.images.empty())
    throw Error(ErrorKind::usage, "no volume and no image was named", "--volume NAME, --image NAME");
  Service given;
  given.name = options.make.name.empty() ? "containers" : options.make.name;
  given.place = "services/" + given.name;
  given.containers = options.spec;
  MakeOptions make_options = options.make;
  make_options.name = given.name;
  archive::check_archive_name(given.name);
  return make(runtime, make_options, {.type = "service", .include_data = true, .given = {given}});
}

// ---- vm-snapshot

void bind(CLI::App& command, ArchiveVmSnapshotOptions& options) {
  bind_vm(command, options.vm);
  bind_make(command, options.make);
  command.footer(std::string("The snapshots stay in Azure; the archive holds what finds and restores "
                             "them.\nExample: azlin archive vm-snapshot prod-db-vm -d /mnt/backup\n") +
                 kCreateFooter);
}

int run(Runtime& runtime, const ArchiveVmSnapshotOptions& options) {
  const auto vm = resolve_vm(runtime, options.vm);
  MakeOptions make_options = options.make;
  if (make_options.name.empty()) make_options.name = "vm-" + vm.name;
  archive::check_archive_name(make_options.name);
  if (runtime.dry_run()) {
    runtime.console().line(fmt::format("Would snapshot the disks of {} and archive their ids as {}", vm.name,
                                       make_options.name));
    runtime.console().result({{"dryRun", true}, {"vm", vm.name}, {"name", make_options.name}});
    return 0;
  }
  // A missing password or object lock is found before a snapshot is made.
  WriteLock(runtime, open_for(runtime, make_options, nullptr).destination()).require();
  snapshot::SnapshotManager snapshots(runtime.arm(), runtime.journal(), runtime.clock());
  const auto set = snapshots.create(vm, runtime.stop());
  ordered_json json = {{"vm", vm.id()},
                       {"set", set.name},
                       {"createdAt", core::to_iso8601(set.created)},
                       {"snapshots", ordered_json::array()}};
  for (const auto& member : set.members) json["snapshots"].push_back(member.snapshot.id);
  const std::string folder = fmt::format("{}/vm-snapshots/{}", runtime.home(), set.name);
  core::write_file(folder + "/" + vm.name + ".json", json.dump(2) + "\n");
  Service given;
  given.name = make_options.name;
  given.place = "infrastructure/vm-snapshots";
  given.config = {folder};
  runtime.console().note(fmt::format("snapshot {} of {} was taken", set.name, vm.name));
  return make(runtime, make_options, {.type = "service", .given = {given}});
}

// ---- init

void bind(CLI::App& command, ArchiveInitOptions& options) {
  command.add_flag("--force", options.force, "Replace an archive.yaml that is there");
  command.footer(
      "Looks what is on this machine and writes ~/.azlin/archive.yaml; --dry-run only prints it.\n"
      "Example: azlin archive init --dry-run\n"
      "Exit codes: 0, 1, 2");
}

int run(Runtime& runtime, const ArchiveInitOptions& options) {
  const auto proposal = archive::propose_settings("/");
  const std::string path = runtime.home() + "/archive.yaml";
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line(proposal.yaml);
  } else {
    if (std::filesystem::exists(path) && !options.force)
      throw Error(ErrorKind::usage, fmt::format("{} is there already", path),
                  "--dry-run prints the proposal; --force replaces the file");
    const std::string draft = fmt::format("{}.{}", path, getpid());
    std::ofstream file(draft);
    std::filesystem::permissions(draft,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    file << proposal.yaml;
    file.close();
    if (!file) throw Error(ErrorKind::failed, "cannot write " + draft);
    std::filesystem::rename(draft, path);
    console.line(
        fmt::format("✓ {} written, with {}:", path, core::counted(proposal.found.size(), "service")));
    for (const auto& each : proposal.found) console.line("  " + each);
  }
  console.result(
      {{"dryRun", runtime.dry_run()}, {"path", path}, {"found", proposal.found}, {"yaml", proposal.yaml}});
  return 0;
}

// What archive.yaml calls the repository that the operation wrote to, else its address.
std::string destination_name(Runtime& runtime, const archive::Settings& settings, const std::string& url) {
  for (const auto& [name, address] : settings.addresses) {
    try {
      if (archive::choose_destination(settings, name, runtime.env()).url == url) return name;
    } catch (const Error&) {  // of another store, whose credentials are not at hand
    }
  }
  return url;
}

}  // namespace

std::vector<std::string> recover_archive_create(Runtime& runtime, const store::OperationRecord& operation) {
  const auto settings = archive_settings(runtime);
  const auto plan = nlohmann::json::parse(operation.plan, nullptr, false);
  const std::string where = destination_name(runtime, settings, plan.value("destination", ""));
  const Service* own = nullptr;
  for (const auto& [name, service] : settings.services) {
    if (!service.destination.empty() && service.destination == where) own = &service;
  }
  MakeOptions options;
  options.repository.destination = where;
  archive::Engine engine = open_for(runtime, options, own);
  archive::Creator creator(engine, runtime.journal(), runtime.clock(), runtime.home(), AZLIN_VERSION);
  std::vector<std::vector<std::string>> after;
  for (const auto& name : plan.value("services", std::vector<std::string>())) {
    const auto found = settings.services.find(name);
    if (found != settings.services.end())
      after.insert(after.end(), found->second.after.begin(), found->second.after.end());
  }
  return creator.recover(operation, after, runtime.stop());
}

void add_archive_create_commands(CLI::App& group, Job& chosen) {
  add_command<ArchiveInitOptions>(group, "init", "Propose archive.yaml from what is on this machine", chosen);
  add_command<ArchiveCreateOptions>(group, "create", "Archive configuration, services or everything", chosen);
  add_command<ArchiveFilesOptions>(group, "files", "Archive files and folders", chosen);
  add_command<ArchiveDatabaseOptions>(group, "database", "Archive a dump of one database", chosen);
  add_command<ArchiveContainersOptions>(group, "containers", "Archive volumes and images of containers",
                                        chosen);
  add_command<ArchiveVmSnapshotOptions>(group, "vm-snapshot",
                                        "Snapshot a VM in Azure and archive what finds it", chosen);
}

}  // namespace azlin::cli
