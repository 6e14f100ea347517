#pragma once
// How a command is wired: an options struct, bind() declares its flags, run() does the work after parsing has
// ended.
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/runtime.hpp"

namespace azlin::cli {

// Parsing only chooses the job; run_main runs it after parse() has returned.
using Job = std::function<int(Runtime&)>;

template <class Options>
CLI::App* add_command(CLI::App& group, const char* name, const char* help, Job& chosen) {
  auto options = std::make_shared<Options>();  // CLI11 keeps references into it
  CLI::App* command = group.add_subcommand(name, help);
  bind(*command, *options);
  command->callback(
      [options, &chosen] { chosen = [options](Runtime& runtime) { return run(runtime, *options); }; });
  return command;
}

// A group that needs one of its commands.
CLI::App* add_group(CLI::App& root, const char* name, const char* help);

// Every command, by name, one function a group.
void add_auth_commands(CLI::App& root, Job& chosen);
void add_backup_commands(CLI::App& root, Job& chosen);
void add_policy_commands(CLI::App& root, Job& chosen);
void add_vault_commands(CLI::App& root, Job& chosen);
void add_mcp_command(CLI::App& root, Job& chosen);
void add_operations_commands(CLI::App& root, Job& chosen);
void add_reference_command(CLI::App& root, Job& chosen);
void add_simulator_commands(CLI::App& root, Job& chosen);
void add_snapshot_commands(CLI::App& root, Job& chosen);
void add_state_commands(CLI::App& root, Job& chosen);
void add_system_commands(CLI::App& root, Job& chosen);  // recover, doctor, version
void add_doctor_command(CLI::App& root, Job& chosen);

}  // namespace azlin::cli
