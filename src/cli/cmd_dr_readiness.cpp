// azlin dr readiness.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/readiness.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr int kParallelVms = 8;

struct ReadinessOptions {
  VmsArgument vms;
};

void bind(CLI::App& command, ReadinessOptions& options) {
  bind_vms(command, options.vms,
           "Every VM of the subscription (or group) with a backup schedule or DR tests (default)");
  command.footer(
      "Not ready: no schedule, a backup or copy older than 24 h, no verification in 7 days, no drill in "
      "time, or a\n"
      "recovery that takes longer than its target, or no size, quota, disk kind, key or permission to "
      "restore it with now. Drills are those that this machine ran.\n"
      "Example: azlin dr readiness --all\n"
      "Exit codes: 0 all are ready, 3, 5, 6 one is not");
}

// Size, quota, disk SKUs, keys and permissions, as a drill would find them now.
std::string obstacle_of(Runtime& runtime, dr::DRTestManager& drills, const dr::ReadinessFacts& facts) {
  if (!facts.policy || !facts.policy->enabled) return {};
  dr::DRTestConfig config;
  config.vm = facts.vm;
  config.test_region = facts.policy->region;
  try {
    drills.plan(config, runtime.stop());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    if (error.kind() != ErrorKind::not_found) return error.what();  // no copy there is a gap of its own
  }
  return {};
}

// A VM whose region is lost is judged by what can still be read of it.
dr::ReadinessFacts facts_of(Runtime& runtime, dr::DRTestManager& drills, const snapshot::VmRef& vm) {
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  dr::ReadinessFacts facts;
  facts.vm = vm;
  auto listing = backups.look(vm, runtime.stop());
  facts.backups = std::move(listing.backups);
  facts.not_seen = snapshot::unreadable_texts(listing.unreadable);
  try {
    facts.schedule = backups.show(vm, runtime.stop()).schedule;
    const auto view = drills.show(vm, runtime.stop());
    facts.policy = view.policy;
    facts.unreadable = view.error;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    facts.unreadable = error.what();
    facts.gone = error.kind() == ErrorKind::not_found;
  }
  facts.copies_unknown =
      std::any_of(listing.unreadable.begin(), listing.unreadable.end(), [&](const auto& set) {
        return set.region.empty() || !facts.policy ||
               core::equal_ignoring_case(set.region, facts.policy->region);
      });
  facts.obstacle = obstacle_of(runtime, drills, facts);
  facts.drills = drills.get_test_history(
      {.vm = vm.name, .resource_group = vm.resource_group, .subscription = vm.subscription, .since = {}});
  facts.restores = dr::past_restores(runtime.journal(), vm);
  return facts;
}

std::vector<snapshot::VmRef> vms_of(Runtime& runtime, dr::DRTestManager& drills,
                                    const VmsArgument& argument) {
  if (argument.name) return {resolve_vm(runtime, {*argument.name, argument.resource_group})};
  if (argument.resource_group) core::check_resource_group(*argument.resource_group);
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  std::map<std::string, snapshot::VmRef> found;
  for (const auto& each :
       backups.scheduled_vms(runtime.subscription(), argument.resource_group, runtime.stop()))
    found[each.vm.key()] = each.vm;
  for (const auto& each : drills.policies(runtime.subscription(), argument.resource_group, runtime.stop()))
    found[each.vm.key()] = each.vm;
  std::vector<snapshot::VmRef> vms;
  for (const auto& [key, vm] : found) vms.push_back(vm);
  return vms;
}

void print(Console& console, const dr::Readiness& ready, const dr::ReadinessFacts& facts) {
  console.line(fmt::format("{} {}: {}", ready.ready() ? console.green("✓") : console.red("✗"), ready.vm.name,
                           ready.ready() ? "READY" : "NOT READY"));
  console.line("  Newest backup: " + (ready.newest != nullptr
                                          ? fmt::format("{} ({})", ready.newest->name,
                                                        core::to_display_minutes(ready.newest->created))
                                          : std::string("none")));
  const bool has_region = facts.policy && facts.policy->enabled;
  console.line("  Newest copy: " + (ready.copied != nullptr
                                        ? fmt::format("{} in {} (RPO {})", ready.copied->name,
                                                      ready.copy_region, core::to_display(*ready.rpo))
                                    : has_region ? "none in " + facts.policy->region
                                                 : std::string("none in another region")));
  console.line("  Newest verification: " +
               (ready.verified != nullptr
                    ? fmt::format("{} ({})", ready.verified->name, ready.verified->verified_level)
                    : std::string("none")));
  console.line("  Newest drill: " +
               (ready.drill != nullptr
                    ? fmt::format("{} {}", core::to_display_minutes(ready.drill->started_at),
                                  dr::to_string(ready.drill->verdict))
                    : std::string("none")));
  if (ready.rto) {
    console.line(
        fmt::format("  Predicted RTO: P50 {}, P90 {} (from {}{}{})", core::to_display(ready.rto->p50),
                    core::to_display(ready.rto->p90), core::counted(ready.rto->drills, "drill"),
                    ready.rto->restores == 0 ? "" : " and " + core::counted(ready.rto->restores, "restore"),
                    ready.rto->judged == 0 ? ""
                                           : fmt::format("; {} of {} stayed within the P90 before them",
                                                         ready.rto->inside, ready.rto->judged)));
  } else {
    console.line("  Predicted RTO: no data");
  }
  for (const auto& gap : ready.gaps) console.line(fmt::format("  - {}\n      → {}", gap.text, gap.command));
}

ordered_json json_of(const dr::Readiness& ready) {
  const auto name = [](const backup::BackupInfo* backup) {
    return backup == nullptr ? ordered_json(nullptr) : ordered_json(backup->name);
  };
  ordered_json json = {
      {"vm", ready.vm.name},
      {"resourceGroup", ready.vm.resource_group},
      {"ready", ready.ready()},
      {"newestBackup", name(ready.newest)},
      {"newestCopy", name(ready.copied)},
      {"newestCopyRegion", ready.copied == nullptr ? ordered_json(nullptr) : ordered_json(ready.copy_region)},
      {"newestVerified", name(ready.verified)},
      {"verifiedLevel", nullptr},
      {"newestDrill", nullptr},
      {"rpoSeconds", nullptr},
      {"rto", nullptr},
      {"gaps", ordered_json::array()}};
  if (ready.verified != nullptr) json["verifiedLevel"] = ready.verified->verified_level;
  if (ready.drill != nullptr) json["newestDrill"] = to_json(*ready.drill);
  if (ready.rpo) json["rpoSeconds"] = seconds_of(*ready.rpo);
  if (ready.rto)
    json["rto"] = {{"p50Seconds", seconds_of(ready.rto->p50)},
                   {"p90Seconds", seconds_of(ready.rto->p90)},
                   {"drills", ready.rto->drills},
                   {"restores", ready.rto->restores},
                   {"insideP90", ready.rto->inside},
                   {"judged", ready.rto->judged}};
  for (const auto& gap : ready.gaps) json["gaps"].push_back({{"text", gap.text}, {"command", gap.command}});
  return json;
}

int run(Runtime& runtime, const ReadinessOptions& options) {
  if (options.vms.all && options.vms.name)
    throw Error(ErrorKind::usage, "give a VM or --all, not both", "without either it is --all");
  Console& console = runtime.console();
  auto drills = open_drills(runtime);
  const auto vms = vms_of(runtime, drills, options.vms);
  runtime.journal();  // opened before the threads that use it
  std::vector<dr::ReadinessFacts> facts(vms.size());
  const auto ends = core::run_parallel(vms.size(), kParallelVms, runtime.stop(),
                                       [&](std::size_t i) { facts[i] = facts_of(runtime, drills, vms[i]); });
  for (const auto& end : ends) {
    if (end) std::rethrow_exception(end);
  }
  ordered_json rows = ordered_json::array();
  std::size_t ready = 0;
  for (const auto& each : facts) {
    const auto judged = dr::judge(each, runtime.clock().now());
    print(console, judged, each);
    rows.push_back(json_of(judged));
    ready += judged.ready() ? 1 : 0;
  }
  console.line();
  console.line(vms.empty() ? "No VM has a backup schedule or DR tests: azlin backup configure VM"
                           : fmt::format("{} of {} ready", ready, vms.size()));
  console.result({{"ready", ready}, {"total", vms.size()}, {"vms", rows}}, "vms");
  return !vms.empty() && ready == vms.size() ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_dr_readiness_command(CLI::App& group, Job& chosen) {
  add_command<ReadinessOptions>(group, "readiness", "Can it be brought back now? What is missing", chosen);
}

}  // namespace azlin::cli
