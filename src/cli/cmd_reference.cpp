// azlin reference: docs/commands.md, made from the command tree, so that it cannot drift.
#include <fmt/format.h>

#include <iostream>

#include "cli/command.hpp"

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

void print_command(const CLI::App& command, const std::string& path) {
  const auto children =
      command.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
  if (children.empty()) {
    std::cout << fmt::format("\n### `{}`\n\n{}.\n", path, command.get_description());
    print_options(command);
    if (!command.get_footer().empty()) std::cout << "\n```\n" << command.get_footer() << "\n```\n";
    return;
  }
  std::cout << fmt::format("\n## `{}`\n\n{}.\n", path, command.get_description());
  for (const CLI::App* child : children) print_command(*child, path + " " + child->get_name());
}

}  // namespace

void add_reference_command(CLI::App& root, Job& chosen) {
  CLI::App* command = root.add_subcommand("reference", "Print the command reference as Markdown");
  command->group("");  // for maintainers: not listed
  command->callback([&root, &chosen] {
    chosen = [&root](Runtime&) {
      std::cout << "# Commands\n\nMade by `azlin reference` from the command tree; do not edit.\n\n## Every "
                   "command\n";
      print_options(root);
      for (const CLI::App* child :
           root.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
        print_command(*child, "azlin " + child->get_name());
      }
      std::cout << "\n"
                << "```\n"
                << root.get_footer() << "\n```\n";
      return 0;
    };
  });
}

}  // namespace azlin::cli
