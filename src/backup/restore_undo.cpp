#include "backup/restore_undo.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/azure/network.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

namespace {

bool begun(const store::OperationRecord& found, const char* step) {
  return std::any_of(found.steps.begin(), found.steps.end(),
                     [&](const auto& each) { return each.name == step; });
}

bool done(const store::OperationRecord& found, const char* step) {
  return std::any_of(found.steps.begin(), found.steps.end(),
                     [&](const auto& each) { return each.name == step && each.state == "done"; });
}

bool is_marked(arm::ArmClient& arm, const std::string& snapshot_id, const std::string& mark,
               std::stop_token stop) {
  const auto tags = azure::get_tags(arm, snapshot_id, stop);
  const auto tag = tags.find(snapshot::kInUseTag);
  return tag != tags.end() && tag->second == mark;
}

bool has_new_disk(const azure::Vm& vm, const RestoreRecord& record) {
  const auto is_new = [&](const std::string& id) {
    return std::any_of(record.disks.begin(), record.disks.end(),
                       [&](const auto& disk) { return core::equal_ignoring_case(disk.new_id, id); });
  };
  return is_new(vm.os_disk.disk_id) || std::any_of(vm.data_disks.begin(), vm.data_disks.end(),
                                                   [&](const auto& disk) { return is_new(disk.disk_id); });
}

void put_old_disks_back(arm::ArmClient& arm, const store::OperationRecord& found,
                        const RestoreRecord& record) {
  if (!begun(found, "stop")) return;  // the VM was not touched yet
  auto vm = azure::get_vm(arm, record.vm_id, true);
  if (has_new_disk(vm, record)) {
    if (vm.power_state != "deallocated") azure::deallocate_vm(arm, record.vm_id);
    std::map<int, std::string> old;
    for (const auto& disk : record.disks) old[disk.lun] = disk.old_id;
    azure::replace_disks(arm, record.vm_id, old);
    vm.power_state = "deallocated";
  }
  if (record.power_before != "running" || vm.power_state == "running") return;
  azure::start_vm(arm, record.vm_id);
  const auto started = azure::get_vm(arm, record.vm_id, true);
  if (started.power_state != "running")
    throw Error(ErrorKind::failed,
                fmt::format("{} was told to start, but it is {}", started.name, started.power_state));
}

void remove_new_vm(arm::ArmClient& arm, const store::OperationRecord& found, const RestoreRecord& record,
                   const std::string& mark) {
  const auto vm = begun(found, "create-vm") ? azure::find_vm(arm, record.vm_id, false) : std::nullopt;
  if (vm && has_new_disk(*vm, record)) azure::delete_vm(arm, record.vm_id);  // else another's of that name
  if (!begun(found, "create-nic")) return;
  const auto nic = azure::find_nic(arm, record.nic_id);
  const auto tag = nic ? nic->tags.find("azlin:restored-from") : azure::Tags::const_iterator{};
  if (nic && tag != nic->tags.end() && tag->second == mark)
    azure::delete_network_resource(arm, record.nic_id);
}

// Only disks that bear this operation's mark: a disk of the same name that is not ours stays.
void remove_new_disks(arm::ArmClient& arm, const RestoreRecord& record, const std::string& mark) {
  for (const auto& planned : record.disks) {
    const auto disk = azure::find_disk(arm, planned.new_id);
    if (!disk) continue;
    const auto tag = disk->tags.find("azlin:restored-from");
    if (tag == disk->tags.end() || tag->second != mark) continue;
    if (!disk->managed_by.empty()) {
      throw Error(ErrorKind::failed,
                  fmt::format("disk {} is still attached to {}", disk->name, disk->managed_by));
    }
    azure::delete_disk(arm, planned.new_id);
  }
}

// Tags a replaced disk azlin:kept, or deletes it, as the record says. False: it is attached again, and was
// left alone. One that is gone is settled.
bool settle_old_disk(arm::ArmClient& arm, const RestoreRecord& record, const std::string& disk_id,
                     std::int64_t operation) {
  const auto disk = azure::find_disk(arm, disk_id);
  if (!disk) return true;
  if (!disk->managed_by.empty()) return false;
  if (!record.keep_old) {
    azure::delete_disk(arm, disk_id);
    return true;
  }
  const std::string value =
      fmt::format("{} {} {}", core::to_iso8601(std::chrono::floor<std::chrono::seconds>(record.keep_until)),
                  operation, record.vm_key);
  azure::merge_tags(arm, disk_id, {{snapshot::kKeptTag, value}});
  return true;
}

// A lock, a policy, a missing right, no room for a tag: asking again gets the same answer.
bool refused_for_good(const Error& error) {
  const auto* reply = dynamic_cast<const arm::ArmError*>(&error);
  if (reply == nullptr) return false;
  if (reply->code() == "ScopeLocked" || reply->code() == "RequestDisallowedByPolicy") return true;
  return reply->status() == 400 || reply->status() == 403;
}

}  // namespace

std::string undo_restore(arm::ArmClient& arm, const store::OperationRecord& found,
                         store::Operation& operation, std::optional<VmLease>& lease,
                         const std::string& reason) {
  try {
    const RestoreRecord record = parse_restore_record(found.plan);
    const std::string mark = restored_from(record.backup, found.id);
    record.in_place ? put_old_disks_back(arm, found, record) : remove_new_vm(arm, found, record, mark);
    remove_new_disks(arm, record, mark);
    unmark(arm, record, done(found, "mark") ? Marked::surely : Marked::perhaps, {});
    lease.reset();
    operation.rolled_back(reason);
    if (!record.in_place) return "Nothing was left behind.";
    if (!begun(found, "stop")) return "The VM was not touched.";
    return std::string(begun(found, "swap") ? "The old disks are back in place" : "The VM keeps its disks") +
           (record.power_before == "running" ? " and it was started again." : ".");
  } catch (const Error& error) {
    operation.interrupt(fmt::format("{}; undoing it: {}", core::without_full_stop(reason), error.what()));
    return fmt::format("It could NOT be undone just now ({}): run `azlin recover` to put things back.",
                       error.what());
  }
}

OldDisks settle_old_disks(arm::ArmClient& arm, const RestoreRecord& record, std::int64_t operation) {
  OldDisks out;
  for (const auto& disk : record.disks) {
    if (disk.old_id.empty()) continue;
    const std::string name = core::ResourceId::parse(disk.old_id).name;
    try {
      if (settle_old_disk(arm, record, disk.old_id, operation))
        out.settled.push_back(disk.old_id);
      else
        out.warnings.push_back(fmt::format("the old disk {} is attached again: left as it is", name));
    } catch (const Error& error) {
      out.warnings.push_back(fmt::format("the old disk {} could not be {}: {}", name,
                                         record.keep_old ? "tagged" : "deleted", error.what()));
      if (!refused_for_good(error)) out.open = out.warnings.back();
    }
  }
  return out;
}

void unmark(arm::ArmClient& arm, const RestoreRecord& record, Marked marked, std::stop_token stop) {
  for (const auto& id : record.snapshots) {
    try {
      if (marked == Marked::perhaps && !is_marked(arm, id, record.mark, stop)) continue;
      azure::remove_tags(arm, id, {{snapshot::kInUseTag, record.mark}}, stop);
    } catch (const arm::ArmError& error) {
      if (error.status() != 404) throw;  // a snapshot that is gone needs no mark
    }
  }
}

}  // namespace azlin::backup
