#pragma once
// The VM sizes that the simulated Azure offers, in every region: what skus, vmSizes, usages and the VM rules
// read. A sample of the public catalogue, not all of it; the numbers are Azure's published ones.
#include <string>
#include <string_view>
#include <vector>

namespace azlin::simulator {

// A VM size with the capabilities that a client plans by.
struct VmSize {
  const char* name;    // "Standard_D2s_v5"
  const char* family;  // the quota it counts against, as usages names it
  const char* family_display;
  int cores;
  double memory_gb;
  int temp_disk_mb;  // 0: none
  int max_data_disks;
  int max_nics;
  const char* generations;       // "V1,V2": HyperVGenerations
  const char* architecture;      // "x64" | "Arm64"
  const char* disk_controllers;  // "SCSI" | "NVMe" | "SCSI, NVMe"
  bool premium_io;
  bool trusted_launch;
  int uncached_iops;
};

// Why a size may not be used in a region by this subscription. `zone` empty: the whole region.
struct SizeRestriction {
  const char* size;
  const char* region;
  const char* zone;
  const char* reason;  // "NotAvailableForSubscription" | "QuotaId"
};

const std::vector<VmSize>& vm_sizes();
const std::vector<SizeRestriction>& size_restrictions();

// Ignores case; nullptr: there is none.
const VmSize* find_vm_size(std::string_view name);

// Whether `size` may be used in `region` (and there in `zone`, "" = regional).
bool size_offered(const VmSize& size, std::string_view region, std::string_view zone);

}  // namespace azlin::simulator
