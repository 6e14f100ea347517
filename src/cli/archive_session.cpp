#include "cli/archive_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "azlin/archive/scratch_folder.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"

namespace azlin::cli {

namespace {

using archive::PasswordSource;
using core::Error;
using core::ErrorKind;

// Kinds of the operations of this group that leave nothing half visible, and what is left to do after a
// crash.
constexpr std::array kRepeatable = {
    "archive.download", "archive.migrate",    "archive.import", "archive.sync",         "archive.prune",
    "archive.encrypt",  "archive.key-rotate", "archive.verify", "archive.test-restore", "archive.restore"};

// What flags say, else the variables <prefix>_PASSWORD_FILE and _COMMAND, else `<prefix>_PASSWORD` by name.
PasswordSource source_of(const core::Env& env, const RepositoryArgument& repository,
                         const std::string& prefix) {
  if (repository.password_file && repository.password_command)
    throw Error(ErrorKind::usage, "a password comes from a file or from a command, not from both");
  PasswordSource out;
  if (repository.password_file) out.file = *repository.password_file;
  if (repository.password_command) out.command = archive::split_command(*repository.password_command);
  if (!out.empty()) return out;
  if (env.get(prefix + "_PASSWORD")) {
    out.variable = prefix + "_PASSWORD";
  } else if (const auto file = env.get(prefix + "_PASSWORD_FILE")) {
    out.file = *file;
  } else if (const auto command = env.get(prefix + "_PASSWORD_COMMAND")) {
    out.command = archive::split_command(*command);
  }
  return out;
}

std::string first_password(Runtime& runtime, const RepositoryArgument& repository,
                           const archive::Settings& settings) {
  return archive::read_password(source_of(runtime.env(), repository, "AZLIN_ARCHIVE"), settings.password,
                                runtime.env(), runtime.home(), runtime.stop());
}

archive::Engine make_engine(Runtime& runtime, const archive::Settings& settings,
                            const std::string& destination, std::string password) {
  archive::EngineOptions options;
  options.password = std::move(password);
  options.cache_dir = runtime.home() + "/archive-cache";
  options.compression = settings.compression;
  options.program = runtime.env().get_or("AZLIN_RESTIC", "restic");
  return {archive::choose_destination(settings, destination, runtime.env()), options};
}

std::string required_destination(Runtime& runtime, const RepositoryArgument& repository) {
  if (auto found = destination_of(runtime, repository)) return *found;
  throw Error(
      ErrorKind::usage, "where are the archives?",
      "give --destination, set AZLIN_ARCHIVE_DESTINATION, or `destination:` in archive.yaml: a folder, "
      "s3:, azure:, gs: or sftp:");
}

}  // namespace

void bind_repository(CLI::App& command, RepositoryArgument& repository) {
  command
      .add_option("-d,--destination", repository.destination,
                  "Folder, s3:, azure:, gs: or sftp: address, or a name of archive.yaml")
      ->type_name("DESTINATION");
  command.add_option("--password-file", repository.password_file, "File whose first line is the password")
      ->type_name("FILE");
  command.add_option("--password-command", repository.password_command, "Command that prints the password")
      ->type_name("COMMAND");
}

void bind_second_repository(CLI::App& command, RepositoryArgument& repository) {
  command.add_option("--to", repository.destination, "The other destination")->type_name("DESTINATION");
  command.add_option("--to-password-file", repository.password_file, "File with the password of --to")
      ->type_name("FILE");
  command
      .add_option("--to-password-command", repository.password_command,
                  "Command that prints the password of --to")
      ->type_name("COMMAND");
}

archive::Settings archive_settings(Runtime& runtime) {
  return archive::load_settings(runtime.home() + "/archive.yaml");
}

archive::Destination resolve_destination(Runtime& runtime, const std::string& text) {
  return archive::choose_destination(archive_settings(runtime), text, runtime.env());
}

std::optional<std::string> destination_of(Runtime& runtime, const RepositoryArgument& repository) {
  if (repository.destination) return repository.destination;
  if (auto value = runtime.env().get("AZLIN_ARCHIVE_DESTINATION")) return value;
  const auto settings = archive_settings(runtime);
  return settings.destination.empty() ? std::nullopt : std::optional(settings.destination);
}

archive::Engine open_engine(Runtime& runtime, const RepositoryArgument& repository) {
  const auto settings = archive_settings(runtime);
  const auto destination = required_destination(runtime, repository);
  return make_engine(runtime, settings, destination, first_password(runtime, repository, settings));
}

archive::Engine open_second_engine(Runtime& runtime, const RepositoryArgument& second,
                                   const RepositoryArgument& first) {
  if (!second.destination) throw Error(ErrorKind::usage, "which is the other destination?", "give --to");
  const auto settings = archive_settings(runtime);
  const auto own = source_of(runtime.env(), second, "AZLIN_ARCHIVE_TO");
  auto password = own.empty()
                      ? first_password(runtime, first, settings)
                      : archive::read_password(own, {}, runtime.env(), runtime.home(), runtime.stop());
  return make_engine(runtime, settings, *second.destination, std::move(password));
}

archive::Engine open_engine_with(Runtime& runtime, const RepositoryArgument& repository,
                                 std::string password) {
  return make_engine(runtime, archive_settings(runtime), required_destination(runtime, repository),
                     std::move(password));
}

archive::ScheduleStore open_schedules(Runtime& runtime) {
  return archive::ScheduleStore(runtime.home() + "/archive.db");
}

bool recovers_archive(const std::string& kind) {
  return std::find(kRepeatable.begin(), kRepeatable.end(), kind) != kRepeatable.end();
}

std::vector<std::string> recover_archive(Runtime& runtime, const store::OperationRecord& operation) {
  const auto plan = nlohmann::json::parse(operation.plan, nullptr, false);
  const std::string scratch = plan.is_object() ? plan.value("scratch", "") : "";
  const auto removed = scratch.empty() ? 0 : archive::ScratchFolder::remove_left_ones(scratch);
  runtime.journal().resume(operation.id).recovered("interrupted; nothing half can be seen");
  std::vector<std::string> out;
  if (removed > 0)
    out.push_back(fmt::format("removed {} in {}", core::counted(removed, "scratch folder"), scratch));
  std::string command = operation.kind.substr(operation.kind.find('.') + 1);
  if (command == "import") command = "migrate --bundle";
  if (command == "key-rotate") command = "key rotate";
  if (command == "test-restore") command = "verify --deep";
  out.push_back(fmt::format("no half archive can be seen; run `azlin archive {}` again to finish", command));
  return out;
}

}  // namespace azlin::cli
