#include "azlin/dr/cost.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace azlin::dr {

double disk_price(const std::string& sku) {
  // Meters S, E, P (LRS) by the GiB of a mid-size disk; ZRS costs half as much again.
  static constexpr std::array<std::pair<const char*, double>, 5> kPrices = {{{"Standard_", 0.045},
                                                                             {"StandardSSD_", 0.075},
                                                                             {"PremiumV2_", 0.081},
                                                                             {"Premium_", 0.132},
                                                                             {"UltraSSD_", 0.12}}};
  for (const auto& [prefix, price] : kPrices) {
    if (sku.starts_with(prefix)) return sku.ends_with("_ZRS") ? price * 1.5 : price;
  }
  return 0.132;
}

double estimate(const DrillCost& cost) {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(cost.lasted).count();
  const auto whole = std::chrono::ceil<std::chrono::hours>(cost.lasted).count();
  const double begun = static_cast<double>(std::max<decltype(whole)>(whole, 1));
  const double disks = cost.disk_monthly / kHoursAMonth * begun;
  const double address = cost.public_ip ? kPublicIpMonthly / kHoursAMonth * begun : 0;
  return cost.vcpus * kVcpuHourly * hours + disks + address;
}

}  // namespace azlin::dr
