// What drills left behind, found by tag.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "azlin/azure/tagged.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/manager.hpp"
#include "dr/leftovers.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

struct Found {
  DrillMark mark;
  std::vector<std::string> ids;
  std::string group;  // its own, by name; empty: none
};

// An index may list what is gone; removal reads each resource again.
std::map<std::string, Found> find_marked(arm::ArmClient& arm, const std::string& subscription,
                                         std::stop_token stop) {
  std::map<std::string, Found> drills;
  const auto add = [&](const azure::Tags& tags) -> Found* {
    const auto mark = mark_of(tags);
    if (!mark) return nullptr;
    Found& found = drills[mark->id];
    if (found.mark.until < mark->until) found.mark = *mark;
    return &found;
  };
  for (const auto& item : azure::list_tagged(arm, subscription, kDrillTag, stop)) {
    const auto tags = item.tags.empty() ? tags_of(arm, item.id, stop) : item.tags;
    if (Found* found = tags ? add(*tags) : nullptr) found->ids.push_back(item.id);
  }
  for (const auto& group : azure::list_resource_groups(arm, subscription, stop)) {
    if (Found* found = add(group.tags)) found->group = group.name;
  }
  return drills;
}

// Operations whose process is gone.
std::set<std::int64_t> dead_operations(store::Journal& journal) {
  std::set<std::int64_t> dead;
  for (const auto& operation : journal.interrupted()) dead.insert(operation.id);
  return dead;
}

bool runs(store::Journal& journal, const std::set<std::int64_t>& dead, std::int64_t id) {
  if (dead.contains(id)) return false;
  const auto operation = journal.find(id);
  return operation && operation->state == "running";
}

}  // namespace

// Whether the process that wrote the row still runs.
bool DRTestManager::is_alive(const DRTestResult& test) {
  return runs(journal_, dead_operations(journal_), test.operation);
}

std::vector<DRTestResult> DRTestManager::get_test_history(const TestFilter& filter) {
  auto tests = store_.list(filter);
  std::optional<std::set<std::int64_t>> dead;  // looked up once, and only where a row says that it runs
  for (auto& test : tests) {
    if (test.verdict != Verdict::running) continue;
    if (!dead) dead = dead_operations(journal_);
    if (!runs(journal_, *dead, test.operation)) test.verdict = Verdict::interrupted;
  }
  return tests;
}

std::vector<SweptDrill> DRTestManager::find_drills(const std::string& subscription,
                                                   const std::optional<std::string>& drill_id,
                                                   std::stop_token stop) {
  std::vector<SweptDrill> result;
  for (const auto& [id, found] : find_marked(arm_, subscription, stop)) {
    if (drill_id && *drill_id != id) continue;
    SweptDrill drill{id, found.ids, {}, false, {}};
    if (!found.group.empty())
      drill.ids.push_back(fmt::format("/subscriptions/{}/resourceGroups/{}", subscription, found.group));
    const bool over = found.mark.until <= clock_.now();
    const auto rows = store_.list_drill(id);
    const bool alive = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return is_alive(row); });
    const bool kept =
        std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.kept_until.has_value(); });
    const std::string until = core::to_display(found.mark.until);
    if (alive) {
      drill.why = "it runs";
    } else if (kept && !over && !drill_id) {
      drill.why = "kept by --no-cleanup until " + until;
    } else if (!rows.empty()) {
      drill.dead = true;
      drill.why = kept ? "its time is over or it was named" : "it ended and was not cleaned up";
    } else if (over) {
      drill.dead = true;
      drill.why = fmt::format("of {}, its time was over at {}", found.mark.by, until);
    } else {
      drill.why = fmt::format("of {}, which may still use it until {}", found.mark.by, until);
    }
    result.push_back(std::move(drill));
  }
  return result;
}

std::vector<SweptDrill> DRTestManager::cleanup(const std::string& subscription,
                                               const std::optional<std::string>& drill_id,
                                               std::stop_token stop) {
  auto drills = find_drills(subscription, drill_id, stop);
  const std::string groups = fmt::format("/subscriptions/{}/resourceGroups/", subscription);
  for (auto& drill : drills) {
    if (!drill.dead) continue;
    std::vector<std::string> ids;
    std::string group;
    for (const auto& id : drill.ids) {
      const bool is_group = id.find("/providers/") == std::string::npos;
      is_group ? void(group = id.substr(groups.size())) : ids.push_back(id);
    }
    auto operation =
        journal_.start("dr.cleanup", drill.drill_id, nlohmann::json{{"ids", drill.ids}}.dump(), {});
    drill.left = remove_owned(arm_, clock_, drill_owner(drill.drill_id), subscription, ids, group, stop);
    drill.left.empty() ? operation.succeed() : operation.fail(drill.left.front().error);
    for (auto& row : store_.list_drill(drill.drill_id)) note_removal(row, drill.left);
  }
  return drills;
}

void DRTestManager::note_removal(DRTestResult& row, const std::vector<Leftover>& left) {
  row.left = left;
  if (row.verdict == Verdict::running) {
    row.verdict = Verdict::interrupted;
    row.completed_at = clock_.now();
  }
  if (left.empty()) {
    row.kept_until.reset();
    for (auto& phase : row.phases) {
      if (phase.step == Step::cleanup)
        phase = {Step::cleanup, Outcome::passed, clock_.now(), {}, "0 left (dr cleanup)"};
    }
  }
  store_.update(row);
}

}  // namespace azlin::dr
