// After a crash, and for what lived too long.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "azlin/core/names.hpp"
#include "azlin/snapshot/tags.hpp"
#include "azlin/verification/manager.hpp"
#include "verification/history.hpp"
#include "verification/plan.hpp"
#include "verification/sas_pool.hpp"
#include "verification/test_disk.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;

namespace {

void revoke_access(arm::ArmClient& arm, const store::OperationRecord& record, std::vector<std::string>& notes,
                   std::stop_token stop) {
  std::map<std::string, bool> granted;  // true: the service may still be at it
  for (const auto& step : record.steps) {
    if (step.name != "grant-access" || step.state == "undone") continue;
    bool& under_way = granted[nlohmann::json::parse(step.data).at("snapshot").get<std::string>()];
    under_way = under_way || step.state == "begun";
  }
  for (const auto& [id, under_way] : granted) {
    const auto snapshot = azure::find_snapshot(arm, id, stop);
    if (!snapshot) continue;
    const bool open = snapshot->state == "ActiveSAS";
    if (!open && !under_way) continue;
    azure::end_access(arm, id, stop);  // waits for a grant that is under way
    if (open) notes.push_back("revoked access to " + snapshot->name);
  }
}

void unmark(arm::ArmClient& arm, const VerifyPlan& plan, std::stop_token stop) {
  for (const auto& disk : plan.disks) {
    const auto snapshot = azure::find_snapshot(arm, disk.snapshot_id, stop);
    if (!snapshot) continue;
    const auto mark = snapshot->tags.find(snapshot::kInUseTag);
    if (mark != snapshot->tags.end() && mark->second == plan.in_use)
      azure::remove_tags(arm, disk.snapshot_id, {*mark}, stop);
  }
}

}  // namespace

bool VerificationManager::recovers(const std::string& kind) {
  return kind == "backup.verify";
}

backup::Recovered VerificationManager::recover(const store::OperationRecord& record, std::stop_token stop) {
  backup::Recovered out{record.id, record.kind, record.target, false, {}};
  auto operation = journal_.resume(record.id);
  try {
    const auto plan = parse_verify_plan(record.plan);
    for (const auto& disk : plan.disks) {
      if (!azure::find_disk(arm_, disk.disk_id, stop)) continue;
      remove_test_disk(arm_, disk.disk_id, plan.mark_id);
      out.notes.push_back("deleted test disk " + disk.disk_id.substr(disk.disk_id.rfind('/') + 1));
    }
    revoke_access(arm_, record, out.notes, stop);
    unmark(arm_, plan, stop);
    history_->mark_cleaned(record.id);
    if (out.notes.empty()) out.notes.emplace_back("nothing was left of it");
    operation.recovered(fmt::format("{}", fmt::join(out.notes, "; ")));
    out.settled = true;
  } catch (const std::exception& error) {
    operation.interrupt(error.what());
    out.notes.emplace_back(error.what());
  }
  return out;
}

std::vector<std::string> VerificationManager::settle(std::stop_token stop) {
  std::vector<std::string> notes;
  for (const auto& record : journal_.interrupted()) {
    if (!recovers(record.kind)) continue;
    for (auto& note : recover(record, stop).notes) notes.push_back(std::move(note));
  }
  return notes;
}

std::vector<snapshot::Removal> VerificationManager::remove_expired(const std::string& subscription,
                                                                   std::stop_token stop) {
  std::vector<snapshot::Removal> removals;
  for (const auto& disk : azure::list_disks(arm_, subscription, {}, stop)) {
    const auto mark = drill_mark(disk.tags);
    if (!mark || mark->id.rfind("v-", 0) != 0 || mark->until >= clock_.now() || !disk.managed_by.empty())
      continue;
    snapshot::Removal removal{disk.name, {}};
    try {
      remove_test_disk(arm_, disk.id, mark->id);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      removal.error = error.what();
    }
    journal_.record("backup.verify-cleanup", disk.id, "{}", removal.error);
    removals.push_back(std::move(removal));
  }
  return removals;
}

}  // namespace azlin::verification
