#pragma once
// Snapshots as the service would list them, for tests.
#include <string>

#include "azlin/snapshot/snapshot_set.hpp"

namespace azlin::snapshot {

inline core::TimePoint at(const std::string& text) {
  return core::parse_time(text).value();
}

// A complete snapshot of the VM production/web: lun -1 is the OS disk.
inline azure::Snapshot made(const std::string& set, int lun, int disks, const std::string& created,
                            const std::string& tier = "daily") {
  azure::Snapshot out;
  out.name = lun < 0 ? set : set + "-lun" + std::to_string(lun);
  out.id =
      "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/"
      "Microsoft.Compute/snapshots/" +
      out.name;
  out.resource_group = "Production";
  out.location = "eastus";
  out.provisioning_state = "Succeeded";
  out.state = "Unattached";
  out.size_gb = 32;
  out.size_bytes = 32ull << 30;
  out.created_at = at(created);
  out.tags = {{kVmTag, "production/web"},
              {kSetTag, set},
              {kLunTag, lun < 0 ? "os" : std::to_string(lun)},
              {kDisksTag, std::to_string(disks)},
              {kTimeTag, core::to_iso8601(at(created))}};
  if (!tier.empty()) out.tags[kTierTag] = tier;
  return out;
}

// The copy of it in westus2, made two days later.
inline azure::Snapshot replica_of(azure::Snapshot source, double percent = 100) {
  source.tags[kReplicaOfTag] = "eastus/production/" + source.name;
  source.tags[kTimeTag] = core::to_iso8601(source.created_at);
  source.name += "-westus2";
  source.id += "-westus2";
  source.location = "westus2";
  source.created_at += std::chrono::days{2};
  source.completion_percent = percent;
  return source;
}

}  // namespace azlin::snapshot
