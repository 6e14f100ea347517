#include "cli/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace azlin::cli {

namespace {

// Text as roff prints it: no escape, no request at the start of a line, hyphens that can be copied.
std::string plain(const std::string& text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_start = c == '\n';
  }
  return result;
}

std::vector<const CLI::App*> visible_children(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
}

std::string synopsis(const CLI::App& command) {
  std::string text;
  if (!visible_children(command).empty())
    return command.get_require_subcommand_min() == 0 ? " [COMMAND] [OPTIONS]" : " COMMAND [OPTIONS]";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_name(true);
    text += option->get_required() ? " " + name : " [" + name + "]";
    if (option->get_items_expected_max() > 1) text += "...";
  }
  return text + " [OPTIONS]";
}

std::string options(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    const std::string type = option->get_positional() ? "" : option->get_type_name();
    std::string help = option->get_description();
    if (!option->get_default_str().empty()) help += fmt::format(" (default {})", option->get_default_str());
    text += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", plain(option->get_name(option->get_positional(), true)),
                        type.empty() ? "" : " \\fI" + plain(type) + "\\fR", plain(help));
  }
  return text;
}

}  // namespace

std::string man_page_name(const std::string& path) {
  std::string name = path;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name + ".1";
}

std::string man_page(const CLI::App& command, const std::string& path, const std::string& version) {
  std::string title = man_page_name(path);
  title.resize(title.size() - 2);
  std::string upper = title;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  std::string page = fmt::format(
      ".TH {} 1 \"\" \"azlin {}\" \"azlin manual\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n\\fB{}\\fR{}\n",
      plain(upper), version, plain(title), plain(command.get_description()), plain(path),
      plain(synopsis(command)));
  if (const std::string list = options(command); !list.empty()) page += ".SH OPTIONS\n" + list;
  if (const auto children = visible_children(command); !children.empty()) {
    page += ".SH COMMANDS\n";
    for (const CLI::App* child : children) {
      page += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", plain(title + "-" + child->get_name()),
                          plain(child->get_description()));
    }
  }
  if (!command.get_footer().empty()) page += ".SH NOTES\n.nf\n" + plain(command.get_footer()) + "\n.fi\n";
  return page + ".SH SEE ALSO\n\\fBazlin\\fR(1)\n";
}

}  // namespace azlin::cli
