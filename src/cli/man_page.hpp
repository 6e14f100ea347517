#pragma once
// A manual page of one command, made from the command tree, in the form of man(7).
#include <CLI/CLI.hpp>
#include <string>

namespace azlin::cli {

// `path`: "azlin backup trigger"; its page is azlin-backup-trigger(1).
std::string man_page(const CLI::App& command, const std::string& path, const std::string& version);

// "azlin-backup-trigger.1"
std::string man_page_name(const std::string& path);

}  // namespace azlin::cli
