#pragma once
// What of a restore is written to the journal, so that any later run can finish or undo it.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/restore.hpp"

namespace azlin::backup {

struct RecordedDisk {
  int lun = -1;
  std::string new_id, old_id;
};

struct RestoreRecord {
  bool in_place = true;
  std::string vm_id;   // of the target
  std::string vm_key;  // azlin:vm of the target
  std::string backup;
  std::string power_before;
  std::vector<RecordedDisk> disks;
  std::vector<std::string> snapshots;  // marked azlin:in-use
  std::string mark;                    // the value of that tag: this restore's own
  std::string nic_id;
  bool keep_old = true;
  core::TimePoint keep_until;
};

std::string to_json(const RestoreRecord& record);
// Throws core::Error (failed) when the text is not one.
RestoreRecord parse_restore_record(const std::string& json);

// The value of azlin:restored-from, by which a disk of this operation is known.
std::string restored_from(const std::string& backup, std::int64_t operation);

}  // namespace azlin::backup
