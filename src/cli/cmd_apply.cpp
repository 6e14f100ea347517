// azlin apply.
#include <fmt/format.h>

#include <mutex>

#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "cli/dry_run.hpp"
#include "cli/protection_view.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using protection::Applied;

namespace {

struct ProtectOptions {
  std::string file;
  std::optional<std::string> hash;
  int max_parallel = 8;
};

void bind(CLI::App& command, ProtectOptions& options) {
  command.add_option("-f,--file", options.file, "The protection file, or - for standard input")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--hash", options.hash,
                  "Only if the plan is still the one that `azlin plan` printed with this hash")
      ->type_name("HASH");
  command.add_option("--max-parallel", options.max_parallel, "VMs at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.footer(
      "A plan that loses recovery points is carried out only with --hash. A VM that somebody changed\n"
      "meanwhile is refused; the others go on. Run again, it finds nothing to do.\n"
      "Example: azlin apply -f protection.yaml --yes\n"
      "Exit codes: 0, 1, 2 the file is not valid, 3, 4 some VMs failed, 5, 130");
}

void check_hash(const protection::Plan& plan, const ProtectOptions& options) {
  if (options.hash && *options.hash != plan.hash)
    throw Error(
        ErrorKind::failed,
        fmt::format("the plan is no longer the one of hash {}: it is {} now, because the file, a VM or "
                    "its backups changed",
                    *options.hash, plan.hash),
        fmt::format("nothing was changed; look at it again: azlin plan -f {}", options.file));
  if (plan.loses() && !options.hash)
    throw Error(ErrorKind::usage,
                fmt::format("this would lose {}: it is carried out with the plan's hash only",
                            core::counted(plan.lost_points(), "recovery point")),
                fmt::format("nothing was changed; if it is meant: azlin apply -f {} --hash {}", options.file,
                            plan.hash));
}

int print_calls(Runtime& runtime, const protection::Plan& plan) {
  std::vector<PlannedCall> calls;
  for (const auto* vm : plan.to_change()) {
    if (!vm->problem.empty()) continue;
    std::string note;
    for (const auto& tag : vm->tags)
      note += fmt::format("{}{}={}", note.empty() ? "" : " ", tag.name, tag.after.value_or("(removed)"));
    calls.push_back({"PATCH", vm->now.vm.id, note});
  }
  print_dry_run(runtime.console(), calls, {{"hash", plan.hash}});
  return 0;
}

int report(Runtime& runtime, const protection::Plan& plan, const protection::ApplyResult& result) {
  Console& console = runtime.console();
  ordered_json json = {{"hash", plan.hash}, {"results", ordered_json::array()}};
  for (const auto& vm : result.vms) {
    json["results"].push_back({{"vm", vm.vm.name},
                               {"resourceGroup", vm.vm.resource_group},
                               {"state", protection::to_string(vm.state)},
                               {"error", vm.error.empty() ? ordered_json(nullptr) : ordered_json(vm.error)}});
  }
  json["alerts"] = result.alerts_written;
  json["changed"] = result.changed();
  json["failed"] = result.failed();
  if (result.alerts_written) console.line("✓ alerts.yaml");
  if (!result.alerts_error.empty()) console.line("✗ alerts.yaml: " + result.alerts_error);
  console.line(fmt::format("{} {} changed{}", result.failed() == 0 ? "✓" : "✗",
                           core::counted(result.changed(), "VM"),
                           result.failed() == 0 ? "" : fmt::format(", {} not", result.failed())));
  console.result(json, "results");
  if (runtime.stop().stop_requested())
    throw Error(ErrorKind::interrupted, "interrupted; what had begun was finished",
                "run it again for the rest");
  if (result.failed() == 0) return 0;
  return core::exit_code(result.changed() > 0 || result.alerts_written ? ErrorKind::partial
                                                                       : ErrorKind::failed);
}

int run(Runtime& runtime, const ProtectOptions& options) {
  Console& console = runtime.console();
  const auto file = protection::load_file(options.file);
  auto manager = open_protection(runtime);
  const auto plan = manager.plan(file, runtime.subscription(), runtime.stop());
  print_plan(console, plan);
  if (!plan.drift()) return report(runtime, plan, {});  // done before, whatever the hash
  check_hash(plan, options);
  if (runtime.dry_run()) return print_calls(runtime, plan);
  if (!console.confirm("carrying out the plan"))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  console.line();
  std::mutex printing;
  const auto ended = [&](const Applied& vm) {
    const std::lock_guard lock(printing);
    console.line(fmt::format("{} {}{}", vm.error.empty() ? console.green("✓") : console.red("✗"), vm.vm.name,
                             vm.error.empty() ? "" : ": " + vm.error));
    if (!vm.hint.empty()) console.line("    → " + vm.hint);
  };
  return report(runtime, plan, manager.apply(plan, options.max_parallel, ended, runtime.stop()));
}

}  // namespace

void add_apply_command(CLI::App& root, Job& chosen) {
  add_command<ProtectOptions>(root, "apply", "Make VMs protected as a protection file says", chosen);
}

}  // namespace azlin::cli
