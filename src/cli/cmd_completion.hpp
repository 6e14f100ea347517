#pragma once
// Completion of half-typed command lines.
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace azlin::cli {

void add_completion_commands(CLI::App& root, Job& chosen);

// What `azlin __complete WORD...` does, before the line is parsed since it is not whole: one candidate a
// line, "v<TAB>value<TAB>help", and "f" where files may stand. Never waits for the network. Returns the exit
// code.
int print_completions(const CLI::App& root, const std::vector<std::string>& words);

}  // namespace azlin::cli
