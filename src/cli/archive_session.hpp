#pragma once
// What every archive command needs: which repository, its password, and a line in the audit trail.
#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "azlin/archive/engine.hpp"
#include "azlin/archive/schedule.hpp"
#include "azlin/archive/services.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

// A password comes from a flag that names a file or a command, else from AZLIN_ARCHIVE_PASSWORD,
// _PASSWORD_FILE or _PASSWORD_COMMAND, else from where archive.yaml says; never from an argument.
struct RepositoryArgument {
  std::optional<std::string> destination;  // nullopt: AZLIN_ARCHIVE_DESTINATION, else that of archive.yaml
  std::optional<std::string> password_file, password_command;
};

// -d/--destination, --password-file, --password-command.
void bind_repository(CLI::App& command, RepositoryArgument& repository);
// --to, --to-password-file, --to-password-command; variables AZLIN_ARCHIVE_TO_PASSWORD…; without any of them
// the first repository's password.
void bind_second_repository(CLI::App& command, RepositoryArgument& repository);

archive::Settings archive_settings(Runtime& runtime);
// A name of archive.yaml or an address. Throws core::Error (usage).
archive::Destination resolve_destination(Runtime& runtime, const std::string& text);
// nullopt: neither flag, variable nor archive.yaml names one.
std::optional<std::string> destination_of(Runtime& runtime, const RepositoryArgument& repository);

// The store is not asked yet. Throws core::Error (usage): no destination, no password.
archive::Engine open_engine(Runtime& runtime, const RepositoryArgument& repository);
archive::Engine open_second_engine(Runtime& runtime, const RepositoryArgument& second,
                                   const RepositoryArgument& first);
// The same repository with another password.
archive::Engine open_engine_with(Runtime& runtime, const RepositoryArgument& repository,
                                 std::string password);

archive::ScheduleStore open_schedules(Runtime& runtime);

// Runs `work` as one operation of the audit trail: who, when, how long, and how it ended.
template <class Work>
auto audited(Runtime& runtime, const std::string& kind, const std::string& target,
             const nlohmann::ordered_json& plan, Work work) {
  auto operation = runtime.journal().start(kind, target, plan.dump(), "");
  try {
    auto result = work();
    operation.succeed();
    return result;
  } catch (const std::exception& error) {
    operation.fail(error.what());
    throw;
  }
}

// Operations of `audited` that a crash interrupted: nothing half of theirs can be seen, so they are closed.
bool recovers_archive(const std::string& kind);
std::vector<std::string> recover_archive(Runtime& runtime, const store::OperationRecord& operation);

}  // namespace azlin::cli
