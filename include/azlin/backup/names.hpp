#pragma once
// Names of backups.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/backup/tier.hpp"

namespace azlin::backup {

// "{vm}-backup-{tier}-{yyyymmdd-hhmm}", made to fit as snapshot::set_name does; `attempt` 2 and over adds
// "-2", … for a name that is taken.
std::string set_name(std::string_view vm, Tier tier, core::TimePoint time, int attempt = 1);

// The index of the one name equal to `text`, or else beginning with it (ignoring case). Throws core::Error:
// not_found; usage when several begin with it (they are listed). `what` is "backup" or "snapshot".
std::size_t find_by_prefix(const std::vector<std::string>& names, std::string_view text,
                           std::string_view what);

// 1 to 200 characters, counted as Azure counts those of a tag, in UTF-16 units. Throws core::Error (usage).
void check_hold_reason(std::string_view reason);

}  // namespace azlin::backup
