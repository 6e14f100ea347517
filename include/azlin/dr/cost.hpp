#pragma once
// What drills and leftovers cost: estimates from rough list prices in US dollars (docs/cost.md).
// Pure. What Azure bills stands in the usage report a day later.
#include <string>

#include "azlin/core/clock.hpp"

namespace azlin::dr {

inline constexpr double kSnapshotPrice = 0.05;    // a GiB and month, standard storage
inline constexpr double kPublicIpMonthly = 3.65;  // a static Standard address
inline constexpr double kVcpuHourly = 0.048;      // general-purpose sizes on Linux, for each vCPU
inline constexpr double kHoursAMonth = 730;

// A GiB and month of a managed disk of that SKU ("Premium_LRS"); one that is not known counts as Premium.
double disk_price(const std::string& sku);

struct DrillCost {
  int vcpus = 0;
  double disk_monthly = 0;  // of all its disks
  bool public_ip = false;
  core::Millis lasted{0};  // of the resources, from the first to the last
};
// Compute is billed by the second, disks by the hour begun, at least one.
double estimate(const DrillCost& cost);

}  // namespace azlin::dr
