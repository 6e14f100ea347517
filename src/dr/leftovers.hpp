#pragma once
// What a drill or a failover made, and how it goes away again.
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
  std::string drill_id, subscription, mark;  // mark: the value of the owner's tag
  std::vector<std::string> ids;              // in any order
  std::string group;                         // its own; empty: none
  std::vector<std::string> snapshots;        // marked azlin:in-use
  std::string in_use;                        // the mark's value
};
// Of the VMs of one drill, by `holder`; at least one.
DrillRecord record_of(const std::vector<DrillPlan>& plans, const std::string& holder);
std::string to_json(const DrillRecord& record);
// Throws core::Error (failed) when the text is not one.
DrillRecord parse_record(const std::string& json);

// nullopt: the resource is gone.
std::optional<azure::Tags> tags_of(arm::ArmClient& arm, const std::string& id, std::stop_token stop);

// Whose a resource is: its tag `tag` begins with the word `id`.
struct Owner {
  std::string tag, id;
};
inline Owner drill_owner(const std::string& drill_id) {
  return {kDrillTag, drill_id};
}
bool is_owned(const azure::Tags& tags, const Owner& owner);

// Removes those of `ids` that are the owner's, VM first, then the group when it is named, is the owner's and
// holds nothing else; looks whether each is gone. Waits for NICs that Azure holds for 180 s after a VM.
// Returns what is left.
std::vector<Leftover> remove_owned(arm::ArmClient& arm, core::Clock& clock, const Owner& owner,
                                   const std::string& subscription, std::vector<std::string> ids,
                                   const std::string& group, std::stop_token stop);

// Takes this record's azlin:in-use marks off; those of others stay.
void unmark(arm::ArmClient& arm, const DrillRecord& record);

}  // namespace azlin::dr
