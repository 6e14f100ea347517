#pragma once
// Which tier a backup run gets. Weeks begin on Sunday; everything is UTC.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::backup {

enum class Tier { daily, weekly, monthly };

const char* to_string(Tier tier);
// "daily", "weekly", "monthly"; nullopt for anything else.
std::optional<Tier> parse_tier(std::string_view text);

// What the choice of a tier needs to know of a backup.
struct TierMark {
  Tier tier = Tier::daily;
  core::TimePoint created;
};

// The highest tier that is due: monthly when this calendar month has no monthly, else weekly when this week
// has no weekly and no monthly, else daily. A tier that is off is never due. `existing` are the VM's complete
// backups, in any order. A backup newer than `now` shows that this machine's clock is behind: its time counts
// as now.
Tier due_tier(bool weekly_on, bool monthly_on, const std::vector<TierMark>& existing, core::TimePoint now);

}  // namespace azlin::backup
