// azlin reference: docs/commands/, the manual pages, the list of examples and the packages' unit files, made
// from the command tree and the table of jobs, so that they cannot drift.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/runbook/schedule.hpp"
#include "cli/command.hpp"
#include "cli/man_page.hpp"

namespace azlin::cli {

namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string flags_of(const CLI::Option& option) {
  std::string text = option.get_name(option.get_positional(), true);
  const std::string type = option.get_type_name();
  return type.empty() || option.get_positional() ? text : text + " " + type;
}

std::vector<const CLI::App*> listed(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
}

std::string options_table(const CLI::App& command) {
  std::string rows;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty() || option->check_name("--help") || option->check_name("--version"))
      continue;
    std::string text = option->get_description();
    if (option->get_required()) text += " (required)";
    if (!option->get_default_str().empty()) text += fmt::format(" (default {})", option->get_default_str());
    rows += fmt::format("| `{}` | {} |\n", escaped(flags_of(*option)), escaped(text));
  }
  return rows.empty() ? "" : "\n| | |\n|---|---|\n" + rows;
}

std::string body_of(const CLI::App& command) {
  const std::string footer = command.get_footer();
  return options_table(command) + (footer.empty() ? "" : "\n```\n" + footer + "\n```\n");
}

// Works alone, not only through what is under it: `azlin report`.
bool runs(const CLI::App& command) {
  return listed(command).empty() || command.get_require_subcommand_min() == 0;
}

std::string section(const CLI::App& command, const std::string& path, int level) {
  std::string text = fmt::format("{} `{}`\n\n{}.\n", std::string(static_cast<std::size_t>(level), '#'), path,
                                 command.get_description());
  if (runs(command)) text += body_of(command);
  for (const CLI::App* child : listed(command))
    text += "\n" + section(*child, path + " " + child->get_name(), listed(*child).empty() ? 3 : 2);
  return text;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw core::Error(core::ErrorKind::failed, "cannot write " + path.string());
}

// The page of a command, and of those under it.
void write_man_pages(const CLI::App& command, const std::string& path, const std::filesystem::path& folder) {
  write_file(folder / man_page_name(path), man_page(command, path, AZLIN_VERSION));
  for (const CLI::App* child : listed(command))
    write_man_pages(*child, path + " " + child->get_name(), folder);
}

constexpr const char* kMade = "Made by `azlin reference` from the command tree; do not edit.\n";

// README.md, and a page for each command or group under `root`.
void write_pages(const CLI::App& root, const std::filesystem::path& folder) {
  std::string index = fmt::format("# Commands\n\n{}\n| | |\n|---|---|\n", kMade);
  for (const CLI::App* child : listed(root)) {
    const std::string name = child->get_name();
    index += fmt::format("| [`azlin {}`]({}.md) | {} |\n", name, name, escaped(child->get_description()));
    write_file(folder / (name + ".md"), section(*child, "azlin " + name, 1) + "\n" + kMade);
  }
  index += "\n## Every command\n" + body_of(root);
  write_file(folder / "README.md", index);
}

// The standard jobs for a machine that has azlin from a package, in $PATH and run by root.
void write_units(const std::filesystem::path& folder) {
  runbook::Installation where;
  where.program = "azlin";
  where.setting = {{"HOME", "/root"}};
  where.env_file = "/etc/default/azlin";
  where.system = true;
  for (const auto& [name, text] : runbook::unit_files(runbook::standard_jobs(), where))
    write_file(
        folder / name,
        "# From azlin's package, and off until enabled; `azlin schedule install` writes units with the\n"
        "# settings of this machine, which come before these.\n" +
            text.substr(text.find('\n') + 1));
}

// The rest of each line of the footer that begins so.
std::vector<std::string> lines_after(const CLI::App& command, const std::string& start) {
  std::vector<std::string> found;
  std::istringstream lines(command.get_footer());
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find(start);
    if (at != std::string::npos) found.push_back(line.substr(at + start.size()));
  }
  return found;
}

// Every command that runs, with its examples and what its help says of exit codes.
void add_commands(const CLI::App& command, const std::string& path, nlohmann::ordered_json& list) {
  if (runs(command) && path != "azlin") {
    const std::string footer = command.get_footer();
    const auto codes = footer.find("Exit code");
    list.push_back({{"command", path},
                    {"help", command.get_description()},
                    {"examples", lines_after(command, "Example: ")},
                    {"exitCodes", codes == std::string::npos ? "" : footer.substr(codes)}});
  }
  for (const CLI::App* child : listed(command)) add_commands(*child, path + " " + child->get_name(), list);
}

struct ReferenceOptions {
  std::string pages;
  std::string man;
  std::string units;
  bool list = false;
};

int write_reference(const CLI::App& root, const ReferenceOptions& options) {
  if (!options.pages.empty()) write_pages(root, options.pages);
  if (!options.man.empty()) write_man_pages(root, "azlin", options.man);
  if (!options.units.empty()) write_units(options.units);
  if (options.list) {
    auto list = nlohmann::ordered_json::array();
    add_commands(root, "azlin", list);
    std::cout << list.dump(2) << '\n';
  } else if (options.pages.empty() && options.man.empty() && options.units.empty()) {
    throw core::Error(core::ErrorKind::usage, "say --pages DIR, --man DIR, --units DIR or --list",
                      "azlin reference --pages docs/commands");
  }
  return 0;
}

}  // namespace

void add_reference_command(CLI::App& root, Job& chosen) {
  CLI::App* command = root.add_subcommand("reference", "Write the command reference");
  command->group("");  // for maintainers and packages: not listed
  auto options = std::make_shared<ReferenceOptions>();
  command->add_option("--pages", options->pages, "Write a Markdown page for each group into this folder")
      ->type_name("DIR");
  command->add_option("--man", options->man, "Write manual pages into this folder")->type_name("DIR");
  command->add_option("--units", options->units, "Write the packages' systemd units into this folder")
      ->type_name("DIR");
  command->add_flag("--list", options->list, "Print every command with its examples and exit codes as JSON");
  command->footer("Example: azlin reference --pages docs/commands\nExit codes: 0, 1, 2");
  command->callback([&root, &chosen, options] {
    chosen = [&root, options](Runtime&) { return write_reference(root, *options); };
  });
}

}  // namespace azlin::cli
