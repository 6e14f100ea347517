#pragma once
// Backups as text and JSON, in one place for every command that shows them.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "cli/console.hpp"

namespace azlin::cli {

nlohmann::ordered_json to_json(const backup::BackupInfo& backup);
nlohmann::ordered_json to_json(const backup::BackupSchedule& schedule);
nlohmann::ordered_json to_json(const backup::Decision& decision);
nlohmann::ordered_json to_json(const backup::CleanupResult& result);
// Sets of regions that do not answer; as text, one warning a region.
nlohmann::ordered_json to_json(const std::vector<snapshot::UnreadableSet>& unreadable);
void warn_unreadable(Console& console, const std::vector<snapshot::UnreadableSet>& unreadable);

// "verified ✓", "verification FAILED", "not verified".
std::string verified_text(const backup::BackupInfo& backup);
// "replicated ✓", "replicating 45 %", "not replicated".
std::string replicated_text(const backup::BackupInfo& backup);
// What else is worth a word: incomplete, hold, in use, replica only. May be empty.
std::string remarks(const backup::BackupInfo& backup);

// The lines "  Daily retention: 7 days" …
void print_schedule(Console& console, const backup::BackupSchedule& schedule);
// What a cleanup did or would do; one line a decision with `all`, else the deletions alone.
void print_cleanup(Console& console, const backup::CleanupResult& result, bool all);

}  // namespace azlin::cli
