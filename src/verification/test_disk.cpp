#include "verification/test_disk.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/tags.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;

namespace {

std::string id_beside(const std::string& snapshot_id, const std::string& name) {
  const auto id = core::ResourceId::parse(snapshot_id);
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/disks/{}",
                     id.subscription, id.resource_group, name);
}

// These can be restored to their own kind only; all others to the cheapest.
bool keeps_its_sku(const std::string& sku) {
  return sku == "PremiumV2_LRS" || sku == "UltraSSD_LRS";
}

void compare(DiskCheck& out, const char* what, const std::string& expected, const std::string& found) {
  if (core::equal_ignoring_case(expected, found)) {
    out.checked.emplace_back(what);
  } else {
    out.failures.push_back(fmt::format("{} mismatch (expected {}, got {})", what,
                                       expected.empty() ? "none" : expected, found.empty() ? "none" : found));
  }
}

std::string security(const std::string& type) {
  return type.empty() ? "Standard" : type;
}

void check_size(const azure::Disk& disk, const snapshot::Member& member, DiskCheck& out) {
  const auto spec = snapshot::disk_spec(member.snapshot.tags);
  const int expected = spec ? spec->size_gb : member.snapshot.size_gb;
  out.size_matches = disk.size_gb == expected && disk.size_bytes == member.snapshot.size_bytes;
  if (!spec) out.not_checked.emplace_back("size at backup time: the snapshot has no azlin:disk-spec");
  if (disk.size_gb != expected) {
    out.failures.push_back(
        fmt::format("Disk size mismatch (expected {}GB, got {}GB)", expected, disk.size_gb));
  } else if (disk.size_bytes != member.snapshot.size_bytes) {
    out.failures.push_back(fmt::format("Disk size mismatch (expected {} bytes, got {})",
                                       member.snapshot.size_bytes, disk.size_bytes));
  } else {
    out.checked.emplace_back("size");
  }
}

}  // namespace

std::string to_tag(const DrillMark& mark) {
  return mark.id + " " + core::to_iso8601(std::chrono::floor<std::chrono::seconds>(mark.until));
}

std::optional<DrillMark> parse_drill(const std::string& value) {
  const auto space = value.find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto until = core::parse_time(value.substr(space + 1));
  if (!until) return std::nullopt;
  return DrillMark{value.substr(0, space), *until};
}

std::optional<DrillMark> drill_mark(const azure::Tags& tags) {
  for (const auto& [name, value] : tags) {
    if (core::equal_ignoring_case(name, kDrillTag)) return parse_drill(value);
  }
  return std::nullopt;
}

azure::NewDisk test_disk(const snapshot::Member& member, const DrillMark& mark) {
  azure::NewDisk disk;
  const std::string lun = member.lun < 0 ? "os" : fmt::format("lun{}", member.lun);
  disk.id = id_beside(member.snapshot.id, fmt::format("azlin-verify-{}-{}", mark.id.substr(2), lun));
  disk.location = member.snapshot.location;
  disk.sku = "Standard_LRS";
  disk.snapshot_id = member.snapshot.id;
  disk.encryption_set_id = member.snapshot.encryption_set_id;
  disk.tags = {{kDrillTag, to_tag(mark)}};
  const auto spec = snapshot::disk_spec(member.snapshot.tags);
  if (spec && keeps_its_sku(spec->sku)) {
    disk.sku = spec->sku;
    disk.zone = spec->zone;
  }
  return disk;
}

void check_properties(const azure::Disk& disk, const snapshot::Member& member,
                      const std::optional<snapshot::VmSpec>& vm, DiskCheck& out) {
  check_size(disk, member, out);
  compare(out, "state", "Unattached", disk.state);
  compare(out, "source", member.snapshot.id, disk.source_id);
  compare(out, "encryption", member.snapshot.encryption_type, disk.encryption_type);
  if (!member.snapshot.encryption_set_id.empty())
    compare(out, "disk encryption set", member.snapshot.encryption_set_id, disk.encryption_set_id);
  if (member.lun >= 0) return;
  if (vm) {
    compare(out, "generation", vm->generation, disk.generation);
    compare(out, "security type", security(vm->security_type), security(disk.security_type));
    compare(out, "operating system", vm->os_type, disk.os_type);
  } else {
    out.not_checked.emplace_back(
        "generation, security type and operating system: the snapshot has no azlin:vm-spec");
    compare(out, "generation of the snapshot", member.snapshot.generation, disk.generation);
  }
}

void remove_test_disk(arm::ArmClient& arm, const std::string& disk_id, const std::string& mark_id) {
  const auto disk = azure::find_disk(arm, disk_id);
  if (!disk) return;
  const auto mark = drill_mark(disk->tags);
  if (!mark || mark->id != mark_id) return;
  azure::delete_disk(arm, disk_id);
  if (azure::find_disk(arm, disk_id))
    throw Error(ErrorKind::failed, fmt::format("disk {} was deleted but is still there", disk->name),
                "try again: azlin recover");
}

}  // namespace azlin::verification
