#include "cli/evidence_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/report/evidence.hpp"
#include "azlin/report/render.hpp"
#include "azlin/runbook/scheduler.hpp"
#include "azlin/store/correlation.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/replication_view.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct EvidenceVerifyOptions {
  std::string dir;
  std::optional<std::string> key, previous;
};

ordered_json time_json(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}

// JSON text as JSON; text that is none stays text.
ordered_json data_json(const std::string& text) {
  auto parsed = ordered_json::parse(text, nullptr, false);
  return parsed.is_discarded() ? ordered_json(text) : parsed;
}

std::string dumped(const ordered_json& json) {
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json backup_rows(const report::Report& report) {
  ordered_json rows = ordered_json::array();
  for (const auto& backup : report.facts.backups) {
    ordered_json replicas = ordered_json::array();
    for (const auto& replica : backup.replicas)
      replicas.push_back(
          {{"region", replica.region}, {"complete", replica.complete}, {"percent", replica.percent}});
    rows.push_back({{"name", backup.name},
                    {"vm", backup.vm_name},
                    {"resourceGroup", backup.resource_group},
                    {"region", backup.region},
                    {"tier", backup::to_string(backup.tier)},
                    {"created", core::to_iso8601(backup.created)},
                    {"complete", backup.complete},
                    {"disks", backup.disks},
                    {"sizeGb", backup.size_gb},
                    {"verifiedAt", time_json(backup.verified_at)},
                    {"verifiedLevel", backup.verified_level},
                    {"onHold", backup.hold.has_value()},
                    {"replicas", replicas}});
  }
  return rows;
}

// With each step, and with the ids by which the service's activity log knows the calls.
ordered_json operation_rows(Runtime& runtime, const report::Report& report) {
  const auto correlations = store::correlation_ids(runtime.journal_path());
  ordered_json rows = ordered_json::array();
  for (const auto& each : report.facts.operations) {
    const auto operation = runtime.journal().find(each.id);
    if (!operation) continue;
    ordered_json steps = ordered_json::array();
    for (const auto& step : operation->steps)
      steps.push_back({{"name", step.name},
                       {"state", step.state},
                       {"at", core::to_iso8601(step.at)},
                       {"data", data_json(step.data)},
                       {"error", step.error}});
    const auto ids = correlations.find(operation->id);
    rows.push_back({{"id", operation->id},
                    {"kind", operation->kind},
                    {"target", operation->target},
                    {"state", operation->state},
                    {"startedAt", core::to_iso8601(operation->started_at)},
                    {"endedAt", time_json(operation->ended_at)},
                    {"user", operation->user},
                    {"host", operation->host},
                    {"error", operation->error},
                    {"correlationIds", ids == correlations.end() ? std::vector<std::string>() : ids->second},
                    {"steps", steps}});
  }
  return rows;
}

ordered_json replication_rows(Runtime& runtime, const report::Report& report) {
  const auto manager = open_replication(runtime);
  ordered_json rows = ordered_json::array();
  for (const auto& job : report.facts.replications) {
    ordered_json attempts = ordered_json::array();
    for (const auto& attempt : manager->attempts(job.id))
      attempts.push_back({{"lun", attempt.lun},
                          {"number", attempt.number},
                          {"startedAt", core::to_iso8601(attempt.started_at)},
                          {"endedAt", time_json(attempt.ended_at)},
                          {"error", attempt.error}});
    rows.push_back({{"id", job.id},
                    {"operation", job.operation},
                    {"vm", job.vm_name},
                    {"backup", job.set},
                    {"sourceRegion", job.source_region},
                    {"targetRegion", job.target_region},
                    {"status", replication::to_string(job.status)},
                    {"queuedAt", core::to_iso8601(job.queued_at)},
                    {"completedAt", time_json(job.completed_at)},
                    {"dataTime", core::to_iso8601(job.data_time)},
                    {"error", job.error},
                    {"attempts", attempts}});
  }
  return rows;
}

ordered_json verification_rows(const report::Report& report) {
  ordered_json rows = ordered_json::array();
  for (const auto& run : report.facts.verifications)
    rows.push_back({{"id", run.id},
                    {"operation", run.operation},
                    {"backup", run.backup},
                    {"vm", run.vm},
                    {"region", run.region},
                    {"endedAt", core::to_iso8601(run.at)},
                    {"seconds", seconds_of(run.duration)},
                    {"levelAsked", verification::to_string(run.asked)},
                    {"level", verification::to_string(run.reached)},
                    {"outcome", verification::to_string(run.outcome)},
                    {"error", run.error},
                    {"cleanupError", run.cleanup_error},
                    {"probes", data_json(run.evidence)}});
  return rows;
}

ordered_json drill_rows(const report::Report& report) {
  ordered_json rows = ordered_json::array();
  for (const auto& drill : report.facts.drills) {
    auto row = to_json(drill);
    row["bootLog"] = drill.boot_log;
    row["operation"] = drill.operation;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string machine() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

ordered_json predicate_of(const report::Report& report) {
  ordered_json controls = ordered_json::array();
  for (const auto& control : report::controls())
    controls.push_back({{"part", control.part}, {"controls", control.controls}});
  const auto& facts = report.facts;
  return {{"generatedAt", core::to_iso8601(facts.now)},
          {"from", core::to_iso8601(report.from)},
          {"to", core::to_iso8601(facts.now)},
          {"subscription", facts.subscription},
          {"simulated", facts.simulated},
          {"vm", facts.vm.empty() ? ordered_json(nullptr) : ordered_json(facts.vm)},
          {"host", machine()},
          {"tool", {{"name", "azlin"}, {"version", facts.version}, {"commit", source_commit()}}},
          {"controls", controls}};
}

void bind(CLI::App& command, EvidenceVerifyOptions& options) {
  command.add_option("dir", options.dir, "Folder of the bundle")->required()->type_name("DIR");
  command
      .add_option("--key", options.key,
                  "The key that must have signed it: a PEM file, or its fingerprint. Without it the bundle's "
                  "own key is taken, which shows that it is whole, not who made it")
      ->type_name("FILE|FINGERPRINT");
  command.add_option("--previous", options.previous, "The bundle that must come right before it")
      ->type_name("DIR");
  command.footer(
      "Works offline.\n"
      "Example: azlin report verify ./evidence\n"
      "Exit codes: 0 every byte is as it was signed, 2, 3, 6 something is not");
}

int run(Runtime& runtime, const EvidenceVerifyOptions& options) {
  Console& console = runtime.console();
  auto checked = report::check_bundle(options.dir, options.key);
  if (options.previous) {
    const auto broken = report::check_link(checked, *options.previous);
    if (!broken.empty()) checked.problems.push_back(broken);
  }
  for (const auto& problem : checked.problems) console.line("✗ " + problem);
  const auto& predicate = checked.predicate;
  if (checked.problems.empty()) {
    console.line(fmt::format("✓ {} as signed on {}",
                             core::counted(static_cast<std::size_t>(checked.files), "file"),
                             predicate.value("generatedAt", "")));
    console.line(fmt::format("  Window: {} to {}, subscription {}", predicate.value("from", ""),
                             predicate.value("to", ""), predicate.value("subscription", "")));
    console.line(fmt::format("  Number {} of its chain", predicate.value("sequence", 0)));
  }
  if (!checked.fingerprint.empty())
    console.line(fmt::format("  Key: {}{}", checked.fingerprint,
                             options.key ? " (compared with --key)" : " (its own: compare it)"));
  console.result({{"valid", checked.problems.empty()},
                  {"problems", checked.problems},
                  {"files", checked.files},
                  {"fingerprint", checked.fingerprint},
                  {"trusted", options.key.has_value() && checked.problems.empty()},
                  {"predicate", predicate}});
  return checked.problems.empty() ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

int write_evidence(Runtime& runtime, const report::Report& report, const std::string& dir,
                   const std::optional<std::string>& key_file) {
  Console& console = runtime.console();
  const auto own_key = runtime.home() + "/evidence-key.pem", chain = runtime.home() + "/evidence-chain.json";
  const std::map<std::string, std::string> files = {
      {"report.json", dumped(report::to_json(report))},
      {"report.html", report::to_html(report)},
      {"rows/backups.json", dumped(backup_rows(report))},
      {"rows/operations.json", dumped(operation_rows(runtime, report))},
      {"rows/replications.json", dumped(replication_rows(runtime, report))},
      {"rows/verifications.json", dumped(verification_rows(report))},
      {"rows/drills.json", dumped(drill_rows(report))}};
  if (runtime.dry_run()) {
    for (const auto& [name, text] : files)
      console.line(fmt::format("Would write {}/{} ({} bytes)", dir, name, text.size()));
    console.result({{"dryRun", true}, {"dir", dir}});
    return 0;
  }
  const runbook::RunLock one_at_a_time(runtime.home(), "evidence");  // or two would have the same link
  const auto key =
      key_file ? report::EvidenceKey::load(*key_file) : report::EvidenceKey::load_or_create(own_key);
  const auto link = report::write_bundle(dir, files, predicate_of(report), key, report::read_link(chain));
  report::write_link(chain, link);
  runtime.journal().record("report.evidence", dir, ordered_json{{"sequence", link.sequence}}.dump(), "");
  console.line(
      fmt::format("✓ {} and the signed statement are in {}", core::counted(files.size(), "file"), dir));
  console.line(fmt::format("  Number {} of its chain; key {}", link.sequence, key.fingerprint()));
  console.line("  Check it anywhere: azlin report verify " + dir + " --key " + key.fingerprint());
  console.result({{"dir", dir},
                  {"sequence", link.sequence},
                  {"envelopeSha256", link.envelope_sha256},
                  {"fingerprint", key.fingerprint()}});
  return 0;
}

void add_evidence_command(CLI::App& group, Job& chosen) {
  add_command<EvidenceVerifyOptions>(group, "verify", "Check a bundle that --evidence wrote, offline",
                                     chosen);
}

}  // namespace azlin::cli
