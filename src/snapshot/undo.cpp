#include "snapshot/undo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/parallel.hpp"
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

std::string step_json(const std::string& id, const azure::Tags& tags) {
  return json{{"id", id}, {"vm", tag(tags, kVmTag)}, {"set", tag(tags, kSetTag)}}.dump();
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
    const auto target = parse_step(step->data);
    auto found = azure::find_snapshot(arm, target.id, stop);
    if (found && tag(found->tags, kVmTag) == target.vm && tag(found->tags, kSetTag) == target.set) {
      made.push_back(std::move(*found));
    }
  }
  return made;
}

}  // namespace

std::string create_step(const azure::NewSnapshot& wanted) {
  return step_json(wanted.id, wanted.tags);
}

std::string delete_step(const azure::Snapshot& snapshot) {
  return step_json(snapshot.id, snapshot.tags);
}

StepTarget parse_step(const std::string& data) {
  const json object = json::parse(data, nullptr, false);
  if (!object.is_object() || !object.contains("id")) {
    throw Error(ErrorKind::failed, "a journal step does not say which snapshot it is about: " + data);
  }
  return {object.value("id", ""), object.value("vm", ""), object.value("set", "")};
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
  std::vector<const store::StepRecord*> creates;
  for (const auto& step : record.steps) {
    if (step.name == kCreateStep && !settled(step)) creates.push_back(&step);
    if (step.name != kDeleteStep || step.state != "begun") continue;
    const auto target = parse_step(step.data);
    const auto found = azure::find_snapshot(arm_, target.id, stop);
    const std::string against = found ? why_kept(*found, clock_.now()) : std::string();
    if (!against.empty()) {
      notes.push_back(fmt::format("{} stays: {}", target.id, against));
      operation.failed(step.seq, against);
      continue;
    }
    if (delete_if_ours(arm_, target.id, target.vm, target.set, stop)) notes.push_back("deleted " + target.id);
    operation.done(step.seq);
  }
  const auto sets = group_sets(find_made(arm_, creates, stop));
  if (sets.size() == 1 && sets.front().complete()) {
    for (const auto* step : creates) operation.done(step->seq);
    notes.push_back(fmt::format("{} is complete and stays", sets.front().name));
    return notes;
  }
  for (const auto* step : creates) {
    const auto target = parse_step(step->data);
    if (delete_if_ours(arm_, target.id, target.vm, target.set, stop)) {
      notes.push_back(fmt::format("deleted {}, part of a set that was not finished", target.id));
    }
    operation.undone(step->seq);
  }
  return notes;
}

}  // namespace azlin::snapshot
