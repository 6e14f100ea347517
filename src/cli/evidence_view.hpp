#pragma once
// azlin report --evidence, azlin report verify.
#include "azlin/report/report.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

// The exit code.
int write_evidence(Runtime& runtime, const report::Report& report, const std::string& dir,
                   const std::optional<std::string>& key_file);

void add_evidence_command(CLI::App& group, Job& chosen);

}  // namespace azlin::cli
