#include "cli/verification_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"

namespace azlin::cli {

using nlohmann::ordered_json;
using verification::DiskCheck;
using verification::Level;
using verification::Outcome;
using verification::ReportPart;
using verification::Verification;
using verification::VerificationReport;

namespace {

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json time_or_null(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}

std::string disk_name(const DiskCheck& disk) {
  return disk.lun < 0 ? "OS disk" : fmt::format("Disk at LUN {}", disk.lun);
}

const char* mark(bool good) {
  return good ? "✓" : "✗";
}

void print_disk(Console& console, const DiskCheck& disk, bool verbose) {
  if (!disk.contents.empty()) console.line(fmt::format("  - {}: {}", disk_name(disk), disk.contents));
  const auto lines = [&](const char* word, const std::vector<std::string>& texts) {
    for (const auto& text : texts) console.line(fmt::format("    {}: {}: {}", word, disk_name(disk), text));
  };
  lines("FAILED", disk.failures);
  lines("not checked", disk.not_checked);
  if (verbose) lines("note", disk.notes);
  if (verbose) lines("checked", disk.checked);
  if (!disk.root.empty()) console.line(fmt::format("    root: {}", disk.root));
}

bool is_ready(const DiskCheck& disk) {
  return std::find(disk.checked.begin(), disk.checked.end(), "state") != disk.checked.end();
}

void print_steps(Console& console, const Verification& run, bool verbose) {
  console.line(fmt::format("Creating test disk{} from snapshot...  {}", run.disks.size() > 1 ? "s" : "",
                           mark(run.test_disk_created)));
  if (run.test_disk_created) {
    const bool good = run.size_matches.value_or(false) && run.outcome != Outcome::failed;
    console.line(fmt::format("Verifying disk properties...          {}", mark(good)));
    console.line(fmt::format("  - Size matches: {}", run.size_matches.value_or(false)
                                                         ? fmt::format("{} GB", run.size_gb)
                                                         : std::string("NO")));
    console.line(fmt::format(
        "  - Status: {}", std::all_of(run.disks.begin(), run.disks.end(), is_ready) ? "Ready" : "NOT ready"));
    console.line(fmt::format("  - Readable: {}", run.readable               ? (*run.readable ? "Yes" : "No")
                                                 : run.asked == Level::disk ? "Not checked (level disk)"
                                                                            : "Not checked"));
  }
  for (const auto& disk : run.disks) print_disk(console, disk, verbose);
  if (run.test_disk_created)
    console.line(fmt::format("Deleting test disk{}...                 {}", run.disks.size() > 1 ? "s" : "",
                             mark(run.test_disk_deleted)));
}

std::string percent_of(int count, const std::optional<double>& percent) {
  return fmt::format("{} ({})", count, percent_text(percent));
}

std::string rate_text(const ReportPart& part) {
  const auto rate = part.success_rate();
  return rate ? fmt::format("{} ({}/{} passed)", percent_text(rate), part.passed, part.checked) : "no data";
}

void print_part(Console& console, const ReportPart& part, bool has_namesake) {
  console.line();
  console.line("VM: " + part.vm + (has_namesake ? " (" + part.group + ")" : ""));
  console.line(fmt::format("  Total backups: {}", part.total));
  console.line("  Verified: " + percent_of(part.verified, part.verified_percent()));
  console.line("  Success rate: " + rate_text(part));
  console.line("  Last verified: " + (part.last ? core::to_display(*part.last) + " UTC" : "no data"));
  console.line();
  console.line(fmt::format("  Failed verifications: {}", part.checked - part.passed));
  if (part.inconclusive > 0) console.line(fmt::format("  Could not be checked: {}", part.inconclusive));
  console.line(fmt::format("  Unverified backups: {}", part.unverified.size()));
  for (const auto& each : part.unverified)
    console.line(
        fmt::format("    {}  {}", each.backup,
                    each.last ? "last verified " + core::to_display_minutes(*each.last) : "never verified"));
}

void print_failures(Console& console, const VerificationReport& report) {
  bool first = true;
  for (const auto& run : report.failures) {
    if (first) {
      console.line();
      console.line("Failed Verifications:");
    }
    first = false;
    console.line("  " + run.backup + (run.replica ? " (replica in " + run.region + ")" : ""));
    console.line(fmt::format("    {}: {}", run.outcome == Outcome::failed ? "Error" : "Could not be checked",
                             run.error));
    console.line("    Action required: " + run.action);
  }
}

ordered_json to_json(const ReportPart& part) {
  ordered_json json = {{"vm", text_or_null(part.vm)},
                       {"resourceGroup", text_or_null(part.group)},
                       {"totalBackups", part.total},
                       {"verified", part.verified},
                       {"verifiedPercent", or_null(part.verified_percent())},
                       {"checked", part.checked},
                       {"passed", part.passed},
                       {"successRate", or_null(part.success_rate())},
                       {"inconclusive", part.inconclusive},
                       {"lastVerified", time_or_null(part.last)},
                       {"unverified", ordered_json::array()}};
  for (const auto& each : part.unverified)
    json["unverified"].push_back({{"backup", each.backup}, {"lastVerified", time_or_null(each.last)}});
  return json;
}

}  // namespace

std::string percent_text(const std::optional<double>& percent) {
  if (!percent) return "no data";
  const double cut = std::floor(*percent * 10 + 1e-9) / 10;
  return cut == std::floor(cut) ? fmt::format("{:.0f}%", cut) : fmt::format("{:.1f}%", cut);
}

ordered_json to_json(const Verification& run) {
  return {{"backup", run.backup},
          {"vm", run.vm},
          {"resourceGroup", run.resource_group},
          {"region", run.region},
          {"replica", run.replica},
          {"verifiedAt", core::to_iso8601(run.at)},
          {"outcome", to_string(run.outcome)},
          {"success", run.outcome == Outcome::passed},
          {"levelAsked", to_string(run.asked)},
          {"level", to_string(run.reached)},
          {"testDiskCreated", run.test_disk_created},
          {"testDiskDeleted", run.test_disk_deleted},
          {"sizeMatches", or_null(run.size_matches)},
          {"readable", or_null(run.readable)},
          {"seconds", static_cast<double>(run.duration.count()) / 1000.0},
          {"error", text_or_null(run.error)},
          {"action", text_or_null(run.action)},
          {"cleanupError", text_or_null(run.cleanup_error)},
          {"operation", run.operation},
          {"disks", ordered_json::parse(verification::evidence_json(run))}};
}

ordered_json to_json(const VerificationReport& report) {
  ordered_json json = {{"days", report.days},
                       {"vms", ordered_json::array()},
                       {"overall", to_json(report.overall)},
                       {"failures", ordered_json::array()},
                       {"leftBehind", ordered_json::array()}};
  json["overall"].erase("vm");
  json["overall"].erase("resourceGroup");
  json["overall"].erase("unverified");
  for (const auto& part : report.vms) json["vms"].push_back(to_json(part));
  for (const auto& run : report.failures)
    json["failures"].push_back({{"backup", run.backup},
                                {"vm", run.vm},
                                {"region", run.region},
                                {"replica", run.replica},
                                {"outcome", to_string(run.outcome)},
                                {"level", to_string(run.asked)},
                                {"verifiedAt", core::to_iso8601(run.at)},
                                {"error", run.error},
                                {"action", run.action}});
  for (const auto& run : report.leaks)
    json["leftBehind"].push_back(
        {{"backup", run.backup}, {"operation", run.operation}, {"error", run.cleanup_error}});
  return json;
}

void print_verification(Console& console, const Verification& run, bool verbose) {
  console.line();
  print_steps(console, run, verbose);
  console.line();
  switch (run.outcome) {
    case Outcome::passed:
      console.line("✓ Backup verified successfully");
      console.line("  Verification time: " + core::to_display(run.duration));
      console.line(
          fmt::format("  Level: {}{}", to_string(run.reached),
                      run.reached == run.asked ? "" : fmt::format(" (asked for: {})", to_string(run.asked))));
      console.line(run.reached == run.asked
                       ? "  Result: PASS - backup is restorable"
                       : "  Result: PASS at this level - the rest is not checked, for the reasons above");
      break;
    case Outcome::failed:
      console.line("✗ Backup verification failed");
      console.line("  Verification time: " + core::to_display(run.duration));
      console.line("  Error: " + run.error);
      console.line("  Result: FAIL - do not rely on this backup");
      console.line("  Action required: " + run.action);
      break;
    case Outcome::inconclusive:
      console.line("✗ Backup could not be checked");
      console.line("  Error: " + run.error);
      console.line("  Result: NOT CHECKED - this says nothing about the backup");
      console.line("  Action required: " + run.action);
      break;
  }
}

void print_report(Console& console, const VerificationReport& report, bool one_vm) {
  console.line(fmt::format("Backup Verification Report (Last {})",
                           report.days == 1 ? std::string("Day") : fmt::format("{} Days", report.days)));
  for (const auto& part : report.vms) {
    const auto same = std::count_if(report.vms.begin(), report.vms.end(), [&](const auto& other) {
      return !other.group.empty() && core::equal_ignoring_case(other.vm, part.vm);
    });
    print_part(console, part, !part.group.empty() && same > 1);
  }
  if (report.vms.empty()) {
    console.line();
    console.line("There are no backups, and none was verified.");
  } else if (!one_vm) {
    console.line();
    console.line("Overall Statistics:");
    console.line(fmt::format("  Total backups across all VMs: {}", report.overall.total));
    console.line("  Verified: " + percent_of(report.overall.verified, report.overall.verified_percent()));
    console.line("  Success rate: " + rate_text(report.overall));
  }
  print_failures(console, report);
  for (const auto& run : report.leaks)
    console.warn(fmt::format("{}: {} (azlin recover tries again)", run.backup, run.cleanup_error));
}

}  // namespace azlin::cli
