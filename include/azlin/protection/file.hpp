#pragma once
// protection.yaml: how VMs are protected, by rules. The format is docs/protection.md. Pure.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/verification/policy.hpp"

namespace azlin::protection {

struct Place {
  int line = 0, column = 0;  // from 1
};

struct ScheduleSetting {
  bool off = false;
  bool weekly = false, monthly = false;  // daily is always on
};
struct VerificationSetting {
  bool off = false;
  std::optional<verification::Level> level;
  std::optional<core::Millis> every;
};
struct DrillSetting {
  bool off = false;
  std::optional<std::string> region, ssh_user, ssh_key;
  std::optional<core::Millis> every, target_rto;
};

// What is not set is left as it is.
struct Settings {
  std::optional<ScheduleSetting> schedule;
  std::optional<int> daily, weekly, monthly;
  std::optional<std::string> region;  // "": no replication
  std::optional<VerificationSetting> verification;
  std::optional<DrillSetting> drill;
  Place region_place, retention_place, drill_place;
};
// `over` where it is set, else `base`; retention, verification and drill key by key.
Settings merged(const Settings& base, const Settings& over);

// Patterns: '*' stands for any characters, '?' for one.
bool matches(std::string_view pattern, std::string_view text);

struct Selector {
  std::vector<std::string> names, groups;   // any of them, ignoring case; empty: every one
  std::map<std::string, std::string> tags;  // all of them; names ignoring case, values not
  bool selects(const azure::Vm& vm) const;
};

struct Rule {
  std::string name;
  Selector select;
  Settings settings;  // with those of its template
  Place place;
};

struct StageItem {
  std::string name;  // a pattern
  std::optional<std::string> resource_group;
  Place place;
  bool exact() const;  // no pattern, but a name
};
struct Group {
  std::string name;
  std::vector<std::string> resource_groups;        // patterns; empty: every one
  std::vector<std::vector<StageItem>> boot_order;  // stage by stage
};

struct ProtectionFile {
  std::string path;
  std::vector<Rule> rules;
  std::optional<std::vector<Group>> groups;      // nullopt: the file says nothing of groups
  std::optional<nlohmann::ordered_json> alerts;  // as alerts.yaml; nullopt: it says nothing of alerts
};

// Throws core::Error (usage) with every mistake as "file:line:column: text", in the order of the file.
ProtectionFile parse_file(const std::string& text, const std::string& path);
// "-" is standard input. Throws core::Error: not_found when it cannot be read; else as parse_file.
ProtectionFile load_file(const std::string& path);
// "protection.yaml:12:5: text"
std::string at(const ProtectionFile& file, const Place& place, const std::string& text);

// "7d", "36h", "15m", "90s": the largest unit that fits without a rest.
std::string to_short_text(core::Millis time);

// What editors check and complete with.
const std::string& schema_text();

}  // namespace azlin::protection
