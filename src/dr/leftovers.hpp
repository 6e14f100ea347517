#pragma once
// What a drill made, and how it goes away again.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/dr/drill.hpp"

namespace azlin::dr {

// The value of azlin:drill.
struct DrillMark {
  std::string id;  // "d-…"; other ids are not drills
  core::TimePoint until;
  std::string by;  // host and home
};
std::string to_tag(const DrillMark& mark);
std::optional<DrillMark> parse_mark(const std::string& value);
std::optional<DrillMark> mark_of(const azure::Tags& tags);

// Written to the journal before anything is made.
struct DrillRecord {
  std::string drill_id, subscription, mark;
  std::vector<std::string> ids;        // in any order
  std::string group;                   // its own; empty: none
  std::vector<std::string> snapshots;  // marked azlin:in-use
  std::string in_use;                  // the mark's value
};
DrillRecord record_of(const DrillPlan& plan, const std::string& mark, const std::string& in_use);
std::string to_json(const DrillRecord& record);
// Throws core::Error (failed) when the text is not one.
DrillRecord parse_record(const std::string& json);

// Removes those of `ids` that bear the drill's mark, VM first, then the group when it is named, bears the
// mark and holds nothing else; looks whether each is gone. Waits for NICs that Azure holds for 180 s after a
// VM. Returns what is left.
std::vector<Leftover> remove_drill(arm::ArmClient& arm, core::Clock& clock, const std::string& drill_id,
                                   const std::string& subscription, std::vector<std::string> ids,
                                   const std::string& group, std::stop_token stop);

// Takes this drill's azlin:in-use marks off; those of others stay.
void unmark(arm::ArmClient& arm, const DrillRecord& record);

}  // namespace azlin::dr
