#include "dr/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/suggest.hpp"

namespace azlin::dr {

using azure::VmSize;
using core::Error;
using core::ErrorKind;

namespace {

const VmSize* find_size(const std::vector<VmSize>& sizes, const std::string& name) {
  const auto found = std::find_if(sizes.begin(), sizes.end(), [&](const VmSize& size) {
    return core::equal_ignoring_case(size.name, name);
  });
  return found == sizes.end() ? nullptr : &*found;
}

// A list that the service did not give excludes nothing.
bool lacks(const std::vector<std::string>& list, const std::string& value) {
  return !list.empty() && !value.empty() && std::none_of(list.begin(), list.end(), [&](const auto& each) {
    return core::equal_ignoring_case(each, value);
  });
}

std::optional<std::string> zone_for(const VmSize& size, const SizeWish& wish) {
  if (!wish.zonal) return std::nullopt;
  for (const auto& zone : size.zones) {
    if (std::find(size.blocked_zones.begin(), size.blocked_zones.end(), zone) == size.blocked_zones.end())
      return zone;
  }
  return std::nullopt;
}

std::string why_unfit(const VmSize& size, const SizeWish& wish, const std::vector<azure::Quota>& quotas) {
  if (lacks(size.generations, wish.generation))
    return fmt::format("{} does not take generation {} disks", size.name, wish.generation);
  if (lacks(size.controllers, wish.controller))
    return fmt::format("{} has no {} disk controller", size.name, wish.controller);
  if (wish.premium && !size.premium) return size.name + " does not take premium disks";
  if (size.max_data_disks > 0 && wish.data_disks > size.max_data_disks)
    return fmt::format("{} takes {} data disks, the backup has {}", size.name, size.max_data_disks,
                       wish.data_disks);
  const auto zone = zone_for(size, wish);
  if (wish.zonal && !zone) return size.name + " is offered in no zone, which its disks need";
  return azure::why_not(size, zone, quotas);
}

bool is_equal(const VmSize& other, const VmSize& wished) {
  return other.vcpus == wished.vcpus && other.memory_gb >= wished.memory_gb &&
         core::equal_ignoring_case(other.architecture, wished.architecture);
}

// The least memory, then the name, so that the choice is the same every time.
const VmSize* smallest_equal(const VmSize& wished, const SizeWish& wish, const std::vector<VmSize>& offered,
                             const std::vector<azure::Quota>& quotas) {
  const VmSize* best = nullptr;
  for (const auto& size : offered) {
    if (!is_equal(size, wished) || !why_unfit(size, wish, quotas).empty()) continue;
    const bool better = best == nullptr || size.memory_gb < best->memory_gb ||
                        (size.memory_gb == best->memory_gb && size.name < best->name);
    if (better) best = &size;
  }
  return best;
}

}  // namespace

void require_size(const std::string& name, const std::vector<VmSize>& offered, const std::string& region) {
  if (find_size(offered, name) != nullptr) return;
  std::vector<std::string> names;
  for (const auto& size : offered) names.push_back(size.name);
  throw Error(
      ErrorKind::usage, fmt::format("{} does not offer {}{}", region, name, core::suggestion(name, names)),
      fmt::format("`az vm list-sizes -l {} -o table` shows what it offers; nothing was changed", region));
}

SizeChoice choose_size(const SizeWish& wish, const std::vector<VmSize>& offered,
                       const std::vector<azure::Quota>& quotas, const std::string& region,
                       const std::function<std::vector<VmSize>()>& original) {
  if (wish.exact) require_size(wish.name, offered, region);
  const VmSize* wished = find_size(offered, wish.name);
  const std::string reason = wished == nullptr ? fmt::format("{} does not offer {}", region, wish.name)
                                               : why_unfit(*wished, wish, quotas);
  if (wished != nullptr && reason.empty())
    return {wished->name, zone_for(*wished, wish), {}, wished->vcpus, wished->family};
  const std::string hint = "choose another with --size, or ask for more quota";
  if (wish.exact) throw Error(ErrorKind::failed, reason, hint);
  const auto elsewhere = wished == nullptr ? original() : std::vector<VmSize>{};
  if (wished == nullptr) wished = find_size(elsewhere, wish.name);
  const VmSize* other = wished == nullptr ? nullptr : smallest_equal(*wished, wish, offered, quotas);
  if (other == nullptr)
    throw Error(ErrorKind::failed, fmt::format("{}, and no equal size can be used there", reason), hint);
  return {other->name, zone_for(*other, wish), fmt::format("{}: {} is used", reason, other->name),
          other->vcpus, other->family};
}

bool needs_premium(const std::string& disk_sku) {
  return disk_sku.rfind("Premium", 0) == 0 || disk_sku.rfind("UltraSSD", 0) == 0;
}

bool needs_zone(const std::string& disk_sku) {
  return disk_sku == "PremiumV2_LRS" || disk_sku == "UltraSSD_LRS";
}

std::string offered_sku(const std::string& sku, const std::vector<std::string>& offered,
                        const std::string& region) {
  const auto is_offered = [&](const std::string& name) {
    return offered.empty() || std::find(offered.begin(), offered.end(), name) != offered.end();
  };
  if (sku.empty() || is_offered(sku)) return sku;
  if (sku.ends_with("_ZRS")) {
    const std::string local = sku.substr(0, sku.size() - 4) + "_LRS";
    if (is_offered(local)) return local;
  }
  throw Error(ErrorKind::failed, fmt::format("{} does not offer {} disks", region, sku),
              "drill in another region");
}

}  // namespace azlin::dr
