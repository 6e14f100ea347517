// azlin plan.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "cli/protection_view.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

struct PlanOptions {
  std::string file;
  bool detailed_exit_code = false, schema = false;
};

void bind(CLI::App& command, PlanOptions& options) {
  command.add_option("-f,--file", options.file, "The protection file, or - for standard input")
      ->type_name("FILE");
  command.add_flag("--detailed-exitcode", options.detailed_exit_code,
                   "End with 6 when something differs, so that a pipeline sees it");
  command.add_flag("--schema", options.schema, "Print the JSON Schema of protection files instead");
  command.footer(
      "Changes nothing. Points that a lower retention would lose are named; the hash is for `azlin apply`.\n"
      "Example: azlin plan -f protection.yaml --detailed-exitcode\n"
      "Exit codes: 0, 1, 2 the file is not valid, 3, 5, 6 something differs (--detailed-exitcode)");
}

int run(Runtime& runtime, const PlanOptions& options) {
  Console& console = runtime.console();
  if (options.schema) {
    console.raw(protection::schema_text());
    return 0;
  }
  if (options.file.empty())
    throw Error(ErrorKind::usage, "which file? give -f FILE", "`azlin export -f protection.yaml` writes one");
  const auto file = protection::load_file(options.file);
  const auto plan = open_protection(runtime).plan(file, runtime.subscription(), runtime.stop());
  print_plan(console, plan);
  console.line("Hash: " + plan.hash);
  if (plan.drift())
    console.line(
        fmt::format("  → azlin apply -f {}{}", options.file, plan.loses() ? " --hash " + plan.hash : ""));
  console.result(to_json(plan), "vms");
  return plan.drift() && options.detailed_exit_code ? core::exit_code(ErrorKind::findings) : 0;
}

}  // namespace

void add_plan_command(CLI::App& root, Job& chosen) {
  add_command<PlanOptions>(root, "plan", "What a protection file would change, and what that would lose",
                           chosen);
}

}  // namespace azlin::cli
