#include "snapshot/undo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/snapshot/lease.hpp"
#include "azlin/snapshot/manager.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

std::string tag(const azure::Tags& tags, const char* name) {
  const auto found = tags.find(name);
  return found == tags.end() ? std::string() : found->second;
}

json target_json(const std::string& id, const azure::Tags& tags, const std::string& unique_id) {
  return {{"id", id}, {"vm", tag(tags, kVmTag)}, {"set", tag(tags, kSetTag)}, {"uniqueId", unique_id}};
}

StepTarget to_target(const json& object, const std::string& data) {
  if (!object.is_object() || !object.contains("id")) {
    throw Error(ErrorKind::failed, "a journal step does not say which snapshot it is about: " + data);
  }
  return {object.value("id", ""), object.value("vm", ""), object.value("set", ""),
          object.value("uniqueId", "")};
}

bool settled(const store::StepRecord& step) {
  return step.state == "undone" || step.state == "failed";
}

// The snapshots of the interrupted take that exist now.
std::vector<azure::Snapshot> find_made(arm::ArmClient& arm,
                                       const std::vector<const store::StepRecord*>& steps,
                                       std::stop_token stop) {
  std::vector<azure::Snapshot> made;
  for (const auto* step : steps) {
    const auto target = parse_create_step(step->data);
    auto found = azure::find_snapshot(arm, target.id, stop);
    if (found && tag(found->tags, kVmTag) == target.vm && tag(found->tags, kSetTag) == target.set) {
      made.push_back(std::move(*found));
    }
  }
  return made;
}

}  // namespace

std::string create_step(const azure::NewSnapshot& wanted) {
  return target_json(wanted.id, wanted.tags, {}).dump();
}

std::string delete_step(const std::vector<const azure::Snapshot*>& snapshots) {
  json targets = json::array();
  for (const auto* each : snapshots) targets.push_back(target_json(each->id, each->tags, each->unique_id));
  return targets.dump();
}

StepTarget parse_create_step(const std::string& data) {
  return to_target(json::parse(data, nullptr, false), data);
}

std::vector<StepTarget> parse_delete_step(const std::string& data) {
  std::vector<StepTarget> targets;
  const json all = json::parse(data, nullptr, false);
  if (!all.is_array()) to_target(all, data);
  for (const auto& each : all) targets.push_back(to_target(each, data));
  return targets;
}

std::string why_kept(const azure::Snapshot& snapshot, core::TimePoint now) {
  SnapshotSet alone;
  alone.members.push_back({-1, snapshot});
  if (const auto hold = alone.hold()) return "on hold: " + *hold;
  return alone.in_use(now);
}

bool delete_if_ours(arm::ArmClient& arm, const std::string& id, const std::string& vm, const std::string& set,
                    std::stop_token stop) {
  const auto found = azure::find_snapshot(arm, id, stop);
  if (!found || tag(found->tags, kVmTag) != vm || tag(found->tags, kSetTag) != set) return false;
  azure::delete_snapshot(arm, id, stop);
  return true;
}

void rethrow_first(const std::vector<std::exception_ptr>& errors) {
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

std::vector<std::string> SnapshotManager::recover(const store::OperationRecord& record,
                                                  store::Operation& operation, std::stop_token stop) {
  std::vector<std::string> notes;
  std::optional<VmLease> lease;
  try {
    lease.emplace(arm_, record.target, record.kind, lease_holder(journal_.path()), clock_.now() + kLeaseTime,
                  stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    notes.emplace_back("the VM is gone");
  }
  finish_removals(record, operation, notes, stop);
  settle_creates(record, operation, notes, stop);
  return notes;
}

void SnapshotManager::finish_removals(const store::OperationRecord& record, store::Operation& operation,
                                      std::vector<std::string>& notes, std::stop_token stop) {
  for (const auto& step : record.steps) {
    if (step.name != kDeleteStep || step.state != "begun") continue;
    std::string against;  // the rest of the set stays with the first that must
    for (const auto& target : parse_delete_step(step.data)) {
      const auto found = azure::find_snapshot(arm_, target.id, stop);
      if (!found || found->unique_id != target.unique_id) continue;
      if (against.empty()) against = why_kept(*found, clock_.now());
      if (against.empty()) azure::delete_snapshot(arm_, target.id, stop);
      notes.push_back(against.empty() ? "deleted " + target.id
                                      : fmt::format("{} stays: {}", target.id, against));
    }
    against.empty() ? operation.done(step.seq) : operation.failed(step.seq, against);
  }
}

void SnapshotManager::settle_creates(const store::OperationRecord& record, store::Operation& operation,
                                     std::vector<std::string>& notes, std::stop_token stop) {
  std::vector<const store::StepRecord*> creates;
  for (const auto& step : record.steps) {
    if (step.name == kCreateStep && !settled(step)) creates.push_back(&step);
  }
  const auto sets = group_sets(find_made(arm_, creates, stop));
  if (sets.size() == 1 && sets.front().complete()) {
    for (const auto* step : creates) operation.done(step->seq);
    notes.push_back(fmt::format("{} is complete and stays", sets.front().name));
    return;
  }
  for (const auto* step : creates) {
    const auto target = parse_create_step(step->data);
    if (delete_if_ours(arm_, target.id, target.vm, target.set, stop)) {
      notes.push_back(fmt::format("deleted {}, part of a set that was not finished", target.id));
    }
    operation.undone(step->seq);
  }
}

}  // namespace azlin::snapshot
