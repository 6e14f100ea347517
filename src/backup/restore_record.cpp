#include "backup/restore_record.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::backup {

using nlohmann::json;

std::string to_json(const RestoreRecord& record) {
  json disks = json::array();
  for (const auto& disk : record.disks)
    disks.push_back({{"lun", disk.lun}, {"new", disk.new_id}, {"old", disk.old_id}});
  return json{{"inPlace", record.in_place},
              {"vm", record.vm_id},
              {"vmKey", record.vm_key},
              {"backup", record.backup},
              {"powerBefore", record.power_before},
              {"disks", disks},
              {"snapshots", record.snapshots},
              {"mark", record.mark},
              {"nic", record.nic_id},
              {"keepOld", record.keep_old},
              {"keepUntil", core::to_iso8601(record.keep_until)}}
      .dump();
}

RestoreRecord parse_restore_record(const std::string& text) {
  try {
    const json body = json::parse(text);
    RestoreRecord record;
    record.in_place = body.at("inPlace");
    record.vm_id = body.at("vm");
    record.vm_key = body.at("vmKey");
    record.backup = body.at("backup");
    record.power_before = body.at("powerBefore");
    for (const json& disk : body.at("disks"))
      record.disks.push_back({disk.at("lun"), disk.at("new"), disk.at("old")});
    record.snapshots = body.at("snapshots").get<std::vector<std::string>>();
    record.mark = body.at("mark");
    record.nic_id = body.at("nic");
    record.keep_old = body.at("keepOld");
    record.keep_until = core::parse_time(body.at("keepUntil").get<std::string>()).value();
    return record;
  } catch (const std::exception& error) {
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("the journal's record of a restore cannot be read: {}", error.what()));
  }
}

std::string restored_from(const std::string& backup, std::int64_t operation) {
  return fmt::format("{} {}", backup, operation);
}

}  // namespace azlin::backup
