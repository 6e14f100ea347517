// azlin doctor: each prerequisite, checked, with what to do about a failure.
#include <fmt/format.h>

#include <filesystem>

#include "azlin/backup/doctor.hpp"
#include "cli/command.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using backup::Check;
using backup::CheckState;

struct DoctorOptions {
  std::optional<std::string> vm, resource_group;
};

const char* mark(CheckState state) {
  switch (state) {
    case CheckState::ok:
      return "✓";
    case CheckState::warning:
      return "⚠";
    case CheckState::failed:
      return "✗";
    case CheckState::skipped:
      return "·";
  }
  return "?";
}

const char* word(CheckState state) {
  switch (state) {
    case CheckState::ok:
      return "ok";
    case CheckState::warning:
      return "warning";
    case CheckState::failed:
      return "failed";
    case CheckState::skipped:
      return "skipped";
  }
  return "?";
}

void bind(CLI::App& command, DoctorOptions& options) {
  command.add_option("--vm", options.vm, "Also check this VM: locks, quota, snapshot counts of its disks")
      ->type_name("NAME");
  command
      .add_option("-g,--resource-group", options.resource_group, "Check the permissions on this group only")
      ->type_name("GROUP");
  command.footer(
      "Example: azlin doctor --vm prod-db-vm\nExit codes: 0 all well, 2, 6 something needs attention");
}

void add(std::vector<Check>& to, std::vector<Check> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

backup::DoctorInput make_input(Runtime& runtime, const DoctorOptions& options) {
  backup::DoctorInput input;
  input.home = runtime.home();
  input.resource_group = options.resource_group;
  input.login_program = runtime.env().get_or("AZLIN_AZ", "az");
  for (const auto& source : runtime.credentials().status()) {
    if (!source.applies) continue;
    input.needs_azure_cli = source.source == "azure cli";
    break;
  }
  return input;
}

// One that a newer azlin wrote is sound, and of no use.
void check_journal(Runtime& runtime, std::vector<Check>& checks) {
  try {
    static_cast<void>(runtime.journal());
  } catch (const core::Error& error) {
    checks.push_back({"journal", CheckState::failed, error.what(), error.hint()});
  }
}

// Checks of the machine never stop for a failure of the service.
std::vector<Check> all_checks(Runtime& runtime, const DoctorOptions& options) {
  auto input = make_input(runtime, options);
  auto checks = backup::check_machine(input, runtime.processes(), runtime.stop());
  if (std::filesystem::exists(runtime.journal_path())) check_journal(runtime, checks);
  try {
    input.subscription = runtime.subscription();
  } catch (const core::Error& error) {
    if (error.kind() == core::ErrorKind::interrupted) throw;
    checks.push_back({"subscription", CheckState::failed, error.what(), error.hint()});
  }
  add(checks, backup::check_service(input, runtime.arm(), runtime.credentials(), runtime.stop()));
  if (!options.vm) return checks;
  try {
    const auto vm_id = find_vm_id(runtime, *options.vm, options.resource_group);
    add(checks, backup::check_vm(vm_id, runtime.arm(), runtime.stop()));
  } catch (const core::Error& error) {
    if (error.kind() == core::ErrorKind::interrupted || error.kind() == core::ErrorKind::usage) throw;
    checks.push_back({"VM " + *options.vm, CheckState::failed, error.what(), error.hint()});
  }
  return checks;
}

int run(Runtime& runtime, const DoctorOptions& options) {
  Console& console = runtime.console();
  nlohmann::ordered_json json = {{"checks", nlohmann::ordered_json::array()}};
  bool findings = false;
  for (const auto& check : all_checks(runtime, options)) {
    findings = findings || check.state == CheckState::failed || check.state == CheckState::warning;
    console.line(fmt::format("{} {}: {}", mark(check.state), check.name, check.detail));
    if (!check.remedy.empty()) console.line("    → " + check.remedy);
    json["checks"].push_back({{"name", check.name},
                              {"state", word(check.state)},
                              {"detail", check.detail},
                              {"remedy", check.remedy}});
  }
  json["ready"] = !findings;
  json["actions"] = nlohmann::ordered_json::array();
  for (const auto& needed : backup::needed_actions()) json["actions"].push_back(needed.action);
  console.line();
  console.line(findings ? "Something needs attention (see → above)" : "✓ Ready");
  console.result(json, "checks");
  return findings ? core::exit_code(core::ErrorKind::findings) : 0;
}

}  // namespace

void add_doctor_command(CLI::App& root, Job& chosen) {
  add_command<DoctorOptions>(root, "doctor", "Check everything that azlin needs, with what to do", chosen);
}

}  // namespace azlin::cli
