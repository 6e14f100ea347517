#pragma once
// What a region offers and a subscription may still use: asked before anything is created.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

struct VmSize {
  std::string name, family;  // "Standard_D2s_v5", "standardDSv5Family"
  int vcpus = 0;
  double memory_gb = 0;
  int max_data_disks = 0;
  bool premium = false;
  std::vector<std::string> generations;    // V1, V2
  std::string architecture;                // x64, Arm64
  std::vector<std::string> controllers;    // SCSI, NVMe; empty: not stated
  std::vector<std::string> zones;          // where it is offered
  std::vector<std::string> blocked_zones;  // restricted for this subscription
  bool blocked = false;                    // restricted in the whole region
  std::string blocked_reason;              // NotAvailableForSubscription, QuotaId
};

// Source: Resource Skus - List (2021-07-01), VM sizes of one region.
std::vector<VmSize> list_vm_sizes(arm::ArmClient& arm, const std::string& subscription,
                                  const std::string& region, std::stop_token stop = {});

// Names of the disk SKUs that the region offers to the subscription. Source: as list_vm_sizes.
std::vector<std::string> list_disk_skus(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& region, std::stop_token stop = {});

struct Quota {
  std::string name;  // "cores", "standardDSv5Family"
  int used = 0, limit = 0;
};
// Source: Usage - List (2024-07-01).
std::vector<Quota> list_quotas(arm::ArmClient& arm, const std::string& subscription,
                               const std::string& region, std::stop_token stop = {});

// Why `size` cannot run in the region (and zone) with these quotas; empty: it can. Pure.
std::string why_not(const VmSize& size, const std::optional<std::string>& zone,
                    const std::vector<Quota>& quotas);

}  // namespace azlin::azure
