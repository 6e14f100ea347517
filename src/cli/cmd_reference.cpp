// azlin reference: docs/commands.md, made from the command tree, so that it cannot drift.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "azlin/core/error.hpp"
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

void print_options(const CLI::App& command) {
  std::string rows;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty() || option->check_name("--help") || option->check_name("--version"))
      continue;
    std::string text = option->get_description();
    if (option->get_required()) text += " (required)";
    if (!option->get_default_str().empty()) text += fmt::format(" (default {})", option->get_default_str());
    rows += fmt::format("| `{}` | {} |\n", escaped(flags_of(*option)), escaped(text));
  }
  if (!rows.empty()) std::cout << "\n| | |\n|---|---|\n" << rows;
}

void print_body(const CLI::App& command) {
  print_options(command);
  if (!command.get_footer().empty()) std::cout << "\n```\n" << command.get_footer() << "\n```\n";
}

void print_command(const CLI::App& command, const std::string& path) {
  const auto children =
      command.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
  if (children.empty()) {
    std::cout << fmt::format("\n### `{}`\n\n{}.\n", path, command.get_description());
    print_body(command);
    return;
  }
  std::cout << fmt::format("\n## `{}`\n\n{}.\n", path, command.get_description());
  if (command.get_require_subcommand_min() == 0) print_body(command);  // works alone too: `azlin report`
  for (const CLI::App* child : children) print_command(*child, path + " " + child->get_name());
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw core::Error(core::ErrorKind::failed, "cannot write " + path.string());
}

// The page of a command, and of those under it.
void write_man_pages(const CLI::App& command, const std::string& path, const std::filesystem::path& folder) {
  write_file(folder / man_page_name(path), man_page(command, path, AZLIN_VERSION));
  for (const CLI::App* child :
       command.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
    write_man_pages(*child, path + " " + child->get_name(), folder);
}

void print_markdown(const CLI::App& root) {
  std::cout << "# Commands\n\nMade by `azlin reference` from the command tree; do not edit.\n\n## Every "
               "command\n";
  print_options(root);
  for (const CLI::App* child :
       root.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    print_command(*child, "azlin " + child->get_name());
  }
  std::cout << "\n```\n" << root.get_footer() << "\n```\n";
}

}  // namespace

void add_reference_command(CLI::App& root, Job& chosen) {
  CLI::App* command = root.add_subcommand("reference", "Print the command reference as Markdown");
  command->group("");  // for maintainers and packages: not listed
  auto man = std::make_shared<std::string>();
  command->add_option("--man", *man, "Write manual pages into this folder instead")->type_name("DIR");
  command->callback([&root, &chosen, man] {
    chosen = [&root, man](Runtime&) {
      man->empty() ? print_markdown(root) : write_man_pages(root, "azlin", *man);
      return 0;
    };
  });
}

}  // namespace azlin::cli
