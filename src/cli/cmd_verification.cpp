// azlin backup verify, verify-all, verification-report.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/snapshot/vm_tags.hpp"
#include "azlin/verification/manager.hpp"
#include "azlin/verification/policy.hpp"
#include "cli/alerts.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/vault_engine.hpp"
#include "cli/verification_view.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::SnapshotSet;
using snapshot::VmRef;
using verification::Due;
using verification::Level;
using verification::Outcome;
using verification::Verification;
using verification::VerificationManager;

struct VerifyCliOptions {
  std::string backup, level = "content";
  std::optional<std::string> group, region;
};
struct VerifyAllOptions {
  VmsArgument vms;
  std::optional<std::string> level;  // else as the VM's tag says, or content
  std::optional<std::string> region;
  int max_parallel = 2;
  bool reverify = false;
};
struct ReportOptions {
  std::optional<std::string> vm, resource_group;
  int days = 7;
};

// One backup, or its replica, that is to be verified.
struct Item {
  VmRef vm;
  std::string backup;
  SnapshotSet set;
  Due due = Due::no;
  Level level = Level::content;
  std::optional<Verification> result;
  std::string error;  // it was not even begun
  ErrorKind error_kind = ErrorKind::failed;
};

std::unique_ptr<VerificationManager> manager(Runtime& runtime) {
  return std::make_unique<VerificationManager>(runtime.arm(), runtime.journal(), runtime.clock(),
                                               runtime.home() + "/verification.db");
}

template <class Text>
CLI::Option* bind_level(CLI::App& command, Text& level) {
  return command
      .add_option(
          "--level", level,
          "disk: a disk can be made of it; content: partition table and file systems are read as well; "
          "full: every block is read and compared")
      ->check(CLI::IsMember({"disk", "content", "full"}));
}

void bind(CLI::App& command, VerifyCliOptions& options) {
  command.add_option("backup", options.backup, "Name of the backup, or a beginning of it")->required();
  bind_backup_group(command, options.group);
  bind_level(command, options.level)->capture_default_str();
  command.add_option("--region", options.region, "Its replica in this region")->type_name("REGION");
  command.footer(
      "The VM is not touched. What could not be checked is printed as not checked.\n"
      "Example: azlin backup verify prod-db-vm-backup-daily-20251201-0800\n"
      "Exit codes: 0, 1 could not be checked, 2, 3, 4 verified but something was left behind, 5, 6 the "
      "backup "
      "failed, 7");
}

SnapshotSet choose_set(const backup::BackupInfo& backup, const std::optional<std::string>& region) {
  if (!region) return backup.set;
  const auto wanted = core::normalize_region(*region);
  std::string known;
  for (const auto& replica : backup.replicas) {
    if (core::equal_ignoring_case(replica.region, wanted)) return replica.set;
    known += (known.empty() ? "" : ", ") + replica.region;
  }
  if (!backup.replica_only && core::equal_ignoring_case(backup.region, wanted)) return backup.set;
  throw Error(ErrorKind::not_found, fmt::format("{} has no replica in {}", backup.name, wanted),
              known.empty() ? "it has none at all" : "it has replicas in: " + known);
}

alert::AlertEvent event_of(const Verification& run) {
  const std::string place = run.replica ? fmt::format(" (replica in {})", run.region) : "";
  const std::string detail = run.backup + (run.replica ? " in " + run.region : "");
  const alert::Subject vm(run.vm, run.resource_group);
  constexpr auto kRule = alert::Rule::verification_failure;
  auto event =
      run.outcome == Outcome::passed
          ? alert::all_clear(kRule, vm, "verified " + run.backup + place, detail)
          : alert::problem(
                kRule, vm,
                run.outcome == Outcome::failed ? fmt::format("Verification of {}{} failed", run.backup, place)
                                               : fmt::format("{}{} could not be verified", run.backup, place),
                run.error + "\n" + run.action,
                {{"Backup", run.backup}, {"Region", run.region}, {"Level", to_string(run.asked)}}, detail);
  // Keys of replicas once held "backup@region".
  if (run.replica)
    event.former_keys.push_back(alert::alert_key(kRule, run.vm, run.backup + "@" + run.region));
  return event;
}

std::vector<alert::AlertEvent> events_of(const Verification& run) {
  std::vector<alert::AlertEvent> events = {event_of(run)};
  if (run.cleanup_error.empty()) return events;
  events.push_back(alert::problem(alert::Rule::retention_violation, {run.vm, run.resource_group},
                                  fmt::format("Verification of {} left something behind", run.backup),
                                  run.cleanup_error + "\nazlin recover tries again", {},
                                  "verify " + run.backup));
  return events;
}

// Disks that earlier runs left, from any machine.
void sweep(Runtime& runtime, VerificationManager& verifications) {
  for (const auto& removal : verifications.remove_expired(runtime.subscription(), runtime.stop())) {
    if (removal.error.empty()) {
      runtime.console().note("deleted a test disk that an earlier verification left: " + removal.name);
    } else {
      runtime.console().warn(
          fmt::format("a test disk of an earlier verification stays: {}: {}", removal.name, removal.error));
    }
  }
}

int exit_code_of(const Verification& run) {
  if (run.outcome == Outcome::failed) return core::exit_code(ErrorKind::findings);
  if (run.outcome == Outcome::inconclusive) return core::exit_code(run.error_kind);
  return run.cleanup_error.empty() ? 0 : core::exit_code(ErrorKind::partial);
}

void add_calls(std::vector<PlannedCall>& calls, const SnapshotSet& set, Level level) {
  for (const auto& step : VerificationManager::plan(set, level))
    calls.push_back({step.method, step.path, {}});
}

// The level that is taken; a note where it is not the one that was asked for.
Level level_to_take(Console& console, VerificationManager& verifications, const VmRef& vm,
                    const SnapshotSet& set, Level asked) {
  const Level level = verifications.level_to_take(vm, set, asked);
  if (level != asked)
    console.note(fmt::format("{}: it failed at level {} before, so it is verified at that level", set.name,
                             to_string(level)));
  return level;
}

int run(Runtime& runtime, const VerifyCliOptions& options) {
  const auto level = *verification::parse_level(options.level);
  refuse_vaulted_point(runtime, options.backup, PointVerb::verify);
  if (options.region) check_known_region(runtime, core::normalize_region(*options.region));
  const auto found = resolve_backup(runtime, options.backup, options.group);
  const auto set = choose_set(found.backup, options.region);
  Console& console = runtime.console();
  const auto verifications = manager(runtime);
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    add_calls(calls, set, level_to_take(console, *verifications, found.vm, set, level));
    print_dry_run(console, calls, {{"backup", found.backup.name}});
    return 0;
  }
  sweep(runtime, *verifications);
  console.line(fmt::format("Verifying backup {}{}...", found.backup.name,
                           set.replica() ? fmt::format(" (replica in {})", set.location) : ""));
  verification::VerifyOptions settings;
  settings.level = level;
  settings.notify = [&](const std::string& line) { console.note("  " + line); };
  const auto result = verifications->verify(found.vm, set, settings, runtime.stop());
  print_verification(console, result, runtime.options().verbose);
  if (!result.cleanup_error.empty()) console.warn(result.cleanup_error + "\n  → `azlin recover` tries again");
  console.result(to_json(result));
  report_events(runtime, events_of(result));
  return exit_code_of(result);
}

void bind(CLI::App& command, VerifyAllOptions& options) {
  bind_vms(command, options.vms, "Backups of every VM");
  bind_level(command, options.level);
  command.add_option("--region", options.region, "Their replicas in this region")->type_name("REGION");
  command.add_option("--max-parallel", options.max_parallel, "Backups at a time")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command.add_flag("--reverify", options.reverify, "Also those that are not due");
  command.footer(
      "Takes what was never verified or is overdue: backups of the last 7 days are due daily, older ones "
      "weekly,\nat level content; or as the VM's tag azlin:verification says (docs/protection.md).\nExample: "
      "azlin backup verify-all prod-db-vm --max-parallel 2\n"
      "Exit codes: 0, 1, 2, 3, 4 some could not be checked, 5, 6 a backup failed, 130");
}

std::optional<core::TimePoint> verified_at(const SnapshotSet& set) {
  const auto mark = set.verified();
  return mark ? std::optional(mark->at) : std::nullopt;
}

// Points in a vault cannot be read without a restore: nothing is claimed of them.
void note_vaulted(Runtime& runtime, const VmRef& vm) {
  if (const auto vault = indexed_engine(runtime, vm))
    runtime.console().warn(
        fmt::format("the points of {} in vault {} are not checked: Azure Backup lets nobody read them "
                    "without a restore",
                    vm.name, vault->name));
}

// By azlin:vm. While the VMs cannot be listed, backups are verified as if none had a policy.
std::map<std::string, verification::VerificationPolicy> policies(Runtime& runtime) {
  std::map<std::string, verification::VerificationPolicy> out;
  try {
    for (const auto& vm :
         azure::list_vms(runtime.arm(), runtime.subscription(), std::nullopt, runtime.stop())) {
      const auto* tag = snapshot::find_tag(vm.tags, verification::kVerificationTag);
      if (tag == nullptr) continue;
      try {
        out[snapshot::vm_key(vm.resource_group, vm.name)] = verification::parse_verification(*tag, vm.name);
      } catch (const Error& error) {
        runtime.console().warn(error.what());
      }
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    runtime.console().warn(fmt::format("how often VMs want to be verified is not known: {}", error.what()));
  }
  return out;
}

// When and at which level, by the VM's policy if it has one. One that is off counts with --all alone.
void set_due(Item& item, const backup::BackupInfo& info, const VerifyAllOptions& options,
             const std::map<std::string, verification::VerificationPolicy>& known, core::TimePoint now) {
  const auto found = known.find(item.set.vm_key);
  const bool counts = found != known.end() && (found->second.enabled || options.vms.all);
  if (!counts) {
    item.level = *verification::parse_level(options.level.value_or("content"));
    item.due = verification::due(info.created, verified_at(item.set), now);
    return;
  }
  auto policy = found->second;
  if (options.level) policy.level = *verification::parse_level(*options.level);
  item.level = policy.level;
  item.due = verification::due(policy, item.set.verified(), now);
}

std::vector<Item> due_items(Runtime& runtime, VerificationManager& verifications,
                            const VerifyAllOptions& options) {
  snapshot::SnapshotManager snapshots(runtime.arm(), runtime.journal(), runtime.clock());
  std::vector<SnapshotSet> sets;
  if (options.vms.all) {
    sets = snapshots.list_all(runtime.subscription(), runtime.stop());
  } else {
    const auto vm = resolve_vm(runtime, {*options.vms.name, options.vms.resource_group});
    note_vaulted(runtime, vm);
    auto listing = snapshots.look(vm, runtime.stop());
    warn_unreadable(runtime.console(), listing.unreadable);
    sets = std::move(listing.sets);
  }
  const auto now = runtime.clock().now();
  const auto known = policies(runtime);
  std::vector<Item> items;
  for (const auto& info : backup::to_backups(sets, now)) {
    std::vector<const SnapshotSet*> chosen;
    if (!options.region) chosen.push_back(&info.set);
    for (const auto& replica : info.replicas) {
      if (options.region &&
          core::equal_ignoring_case(replica.region, core::normalize_region(*options.region)))
        chosen.push_back(&replica.set);
    }
    for (const auto* set : chosen) {
      const auto group = set->vm_key.substr(0, set->vm_key.find('/'));
      if (options.vms.all && options.vms.resource_group &&
          !core::equal_ignoring_case(group, *options.vms.resource_group))
        continue;
      Item item{
          {set->subscription, group, set->vm_name}, info.name, *set, Due::no, Level::content, {}, {}, {}};
      set_due(item, info, options, known, now);
      if (item.due == Due::no && !options.reverify) continue;
      if (const auto use = set->in_use(now); !use.empty()) {
        runtime.console().note(fmt::format("{} is left out: {}", info.name, use));
        continue;
      }
      item.level = level_to_take(runtime.console(), verifications, item.vm, item.set, item.level);
      items.push_back(std::move(item));
    }
  }
  // Of one disk each snapshot but the first is then read only where it changed.
  if (std::any_of(items.begin(), items.end(), [](const Item& item) { return item.level == Level::full; }))
    std::reverse(items.begin(), items.end());
  return items;
}

// "daily-20251201-0800" of "prod-db-vm-backup-daily-20251201-0800" where one VM is looked at.
std::string short_name(const Item& item, bool one_vm) {
  const std::string start = item.vm.name + "-backup-";
  return one_vm && core::to_lower(item.backup).rfind(core::to_lower(start), 0) == 0
             ? item.backup.substr(start.size())
             : item.backup;
}

std::string heading(const std::vector<Item>& items, const VerifyAllOptions& options) {
  const auto never = static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const Item& item) { return item.due == Due::never; }));
  const auto overdue = static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const Item& item) { return item.due == Due::overdue; }));
  const auto rest = items.size() - never - overdue;
  std::string text;
  if (never > 0 || (overdue == 0 && rest == 0)) text = fmt::format("{} unverified", never);
  if (overdue > 0) text += fmt::format("{}{} overdue", text.empty() ? "" : " and ", overdue);
  if (rest > 0) text += fmt::format("{}{} verified", text.empty() ? "" : " and ", rest);
  return fmt::format("Found {} {} for {}", text, items.size() == 1 ? "backup" : "backups",
                     options.vms.all ? "all VMs" : *options.vms.name);
}

std::string state_of(const Item& item) {
  if (!item.result) return "✗  " + item.error;
  const auto& run = *item.result;
  const auto time = core::to_display(run.duration);
  if (run.outcome != Outcome::passed)
    return fmt::format("✗  {}  {}{}", time, run.outcome == Outcome::inconclusive ? "not checked: " : "",
                       run.error);
  return fmt::format("✓  {}{}", time,
                     run.reached == run.asked ? "" : fmt::format("  (level {})", to_string(run.reached)));
}

void run_items(Runtime& runtime, VerificationManager& verifications, std::vector<Item>& items,
               const VerifyAllOptions& options) {
  std::mutex mutex;  // of the lines
  std::size_t ended = 0;
  const auto work = [&](std::size_t i) {
    Item& item = items[i];
    try {
      verification::VerifyOptions settings;
      settings.level = item.level;
      item.result = verifications.verify(item.vm, item.set, settings, runtime.stop());
    } catch (const Error& error) {
      item.error = error.what();
      item.error_kind = error.kind();
    }
    const std::lock_guard lock(mutex);
    runtime.console().line(fmt::format("  [{}/{}] {}  {}", ++ended, items.size(),
                                       short_name(item, !options.vms.all), state_of(item)));
  };
  const auto results = core::run_parallel(items.size(), options.max_parallel, runtime.stop(), work);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] && items[i].error.empty()) items[i].error = "it was not begun";
  }
}

struct Tally {
  int passed = 0, failed = 0, unknown = 0, left = 0;
};

Tally tally(const std::vector<Item>& items) {
  Tally tally;
  for (const auto& item : items) {
    if (!item.result || item.result->outcome == Outcome::inconclusive) {
      ++tally.unknown;
    } else {
      ++(item.result->outcome == Outcome::passed ? tally.passed : tally.failed);
    }
    tally.left += item.result && !item.result->cleanup_error.empty() ? 1 : 0;
  }
  return tally;
}

int report_all(Runtime& runtime, const std::vector<Item>& items, core::Millis time) {
  Console& console = runtime.console();
  const auto count = tally(items);
  const auto all = static_cast<int>(items.size());
  const std::optional<double> rate =
      count.passed + count.failed == 0 ? std::nullopt
                                       : std::optional(100.0 * count.passed / (count.passed + count.failed));
  console.line();
  if (count.passed == all) {
    console.line(fmt::format("✓ All verifications complete ({}/{} passed)", count.passed, all));
  } else {
    console.line(
        fmt::format("✗ {}/{} passed, {} failed{}", count.passed, all, count.failed,
                    count.unknown > 0 ? fmt::format(", {} could not be checked", count.unknown) : ""));
  }
  console.line("  Total time: " + core::to_display(time));
  console.line("  Success rate: " + percent_text(rate));
  ordered_json json = {{"results", ordered_json::array()},
                       {"passed", count.passed},
                       {"failed", count.failed},
                       {"inconclusive", count.unknown},
                       {"successRate", rate ? ordered_json(*rate) : ordered_json(nullptr)},
                       {"seconds", static_cast<double>(time.count()) / 1000.0}};
  std::vector<alert::AlertEvent> events;
  for (const auto& item : items) {
    if (!item.result) {
      json["results"].push_back({{"backup", item.backup}, {"vm", item.vm.name}, {"error", item.error}});
      continue;
    }
    json["results"].push_back(to_json(*item.result));
    for (auto& event : events_of(*item.result)) events.push_back(std::move(event));
    if (!item.result->cleanup_error.empty())
      console.warn(fmt::format("{}: {}", item.backup, item.result->cleanup_error));
  }
  console.result(json, "results");
  report_events(runtime, events);
  if (count.failed > 0) return core::exit_code(ErrorKind::findings);
  if (count.unknown == all && all > 0) return core::exit_code(ErrorKind::failed);
  return count.unknown + count.left > 0 ? core::exit_code(ErrorKind::partial) : 0;
}

int run(Runtime& runtime, const VerifyAllOptions& options) {
  check(options.vms);
  if (options.region) check_known_region(runtime, core::normalize_region(*options.region));
  Console& console = runtime.console();
  const auto verifications = manager(runtime);
  if (!runtime.dry_run()) {
    for (const auto& note : verifications->settle(runtime.stop()))
      console.note("an earlier verification: " + note);
    sweep(runtime, *verifications);
  }
  auto items = due_items(runtime, *verifications, options);
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    for (const auto& item : items) add_calls(calls, item.set, item.level);
    print_dry_run(console, calls);
    return 0;
  }
  console.line(heading(items, options));
  if (items.empty()) {
    console.line("✓ Nothing is due");
    console.result({{"results", ordered_json::array()}, {"passed", 0}, {"failed", 0}, {"inconclusive", 0}},
                   "results");
    return 0;
  }
  console.line();
  console.line(fmt::format("Verifying in parallel (max {}):", options.max_parallel));
  const auto started = runtime.clock().now();
  run_items(runtime, *verifications, items, options);
  const int code = report_all(runtime, items, runtime.clock().now() - started);
  if (runtime.stop().stop_requested())
    throw Error(ErrorKind::interrupted, "interrupted; what had begun was ended and cleaned up");
  return code;
}

void bind(CLI::App& command, ReportOptions& options) {
  command.add_option("--vm", options.vm, "Only this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.resource_group, "Resource group of the VM")
      ->type_name("GROUP")
      ->needs(command.get_option("--vm"));
  command.add_option("--days", options.days, "How far back")->capture_default_str();
  command.footer("Example: azlin backup verification-report --days 30\nExit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ReportOptions& options) {
  const auto verifications = manager(runtime);
  auto runs = verifications->history(options.days, options.vm);
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  std::vector<backup::BackupInfo> existing;
  if (options.vm) {
    const auto vm = resolve_vm(runtime, {*options.vm, options.resource_group});
    auto listing = backups.look(vm, runtime.stop());
    existing = std::move(listing.backups);
    warn_unreadable(runtime.console(), listing.unreadable);
    std::erase_if(runs, [&](const auto& run) {
      return !core::equal_ignoring_case(run.resource_group, vm.resource_group);
    });
  } else {
    existing = backups.list_all(runtime.subscription(), runtime.stop());
  }
  const auto report = verification::make_report(runs, existing, options.days, runtime.clock().now());
  print_report(runtime.console(), report, options.vm.has_value());
  runtime.console().result(to_json(report), "vms");
  return 0;
}

}  // namespace

void add_verification_commands(CLI::App& group, Job& chosen) {
  add_command<VerifyCliOptions>(group, "verify", "Prove that a backup can be brought back", chosen);
  add_command<VerifyAllOptions>(group, "verify-all", "Verify what was never verified or is overdue", chosen);
  add_command<ReportOptions>(group, "verification-report", "What was verified, and what failed", chosen);
}

}  // namespace azlin::cli
