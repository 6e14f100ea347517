#pragma once
// Recovery points of an item, log chains, and the schedule that makes new ones.
#include <optional>
#include <string>
#include <vector>

#include "simulator/recovery.hpp"

namespace azlin::simulator {

// The id of the item that protects this database in this container.
std::string item_id_of(const RecoveryObject& container, const RecoveryObject& database);
// The database of an item; nullopt for VMs and for a database that is gone.
std::optional<RecoveryObject> database_of(Recovery& recovery, const RecoveryObject& item);

struct TimeRange {
  core::TimePoint start{}, end{};
};
// Where the logs reach, newest first: from a full backup on, until the last log backup.
std::vector<TimeRange> log_ranges(const Recovery& recovery, const RecoveryObject& item);
// Ends the open log chain.
void close_chain(RecoveryObject& item, core::TimePoint now);

// The points that retention has not let go, newest first; removes the others. Log ranges are not among them.
std::vector<RecoveryObject> visible_points(Recovery& recovery, const RecoveryObject& item);
// Those that have reached the paired region.
std::vector<RecoveryObject> secondary_points(Recovery& recovery, const RecoveryObject& item);
void erase_point(Recovery& recovery, const RecoveryObject& point);

// Has the item's next backup by its policy happen when its time comes.
void schedule_next_backup(Recovery& recovery, const RecoveryObject& item);
void cancel_scheduled_backups(Recovery& recovery, const RecoveryObject& item);

}  // namespace azlin::simulator
