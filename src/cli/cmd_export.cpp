// azlin export.
#include <fmt/format.h>

#include <filesystem>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "cli/protection_view.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

struct ExportOptions {
  std::optional<std::string> file, group;
};

void bind(CLI::App& command, ExportOptions& options) {
  command.add_option("-f,--file", options.file, "Where it is written (default: standard output)")
      ->type_name("FILE");
  command.add_option("-g,--resource-group", options.group, "Only VMs of this group")->type_name("GROUP");
  command.footer(
      "`azlin plan` of the file shows no difference. With -o json it is JSON, which plan and apply read as "
      "well.\n"
      "Example: azlin export -f protection.yaml\n"
      "Exit codes: 0, 1, 2, 4 some VMs were left out, 5");
}

int run(Runtime& runtime, const ExportOptions& options) {
  Console& console = runtime.console();
  if (options.file) core::check_output_file(*options.file, "protection file");
  const auto exported =
      open_protection(runtime).export_all(runtime.subscription(), options.group, runtime.stop());
  const auto text = console.text() ? protection::to_yaml_file(exported.tree) : exported.tree.dump(2) + "\n";
  if (!options.file) {
    console.raw(text);
  } else if (runtime.dry_run()) {
    console.note("would write " + *options.file);
  } else {
    if (std::filesystem::exists(*options.file) && !console.confirm("replacing " + *options.file))
      throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
    core::write_file(*options.file, text, 0644);
    console.line("✓ Written to " + *options.file);
    console.result({{"file", *options.file}});
  }
  for (const auto& each : exported.left_out) console.warn("left out: " + each);
  return exported.left_out.empty() ? 0 : core::exit_code(ErrorKind::partial);
}

}  // namespace

void add_export_command(CLI::App& root, Job& chosen) {
  add_command<ExportOptions>(root, "export", "Write the protection file of what is there", chosen);
}

}  // namespace azlin::cli
