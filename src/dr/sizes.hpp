#pragma once
// Which VM size and which disk SKUs a drill can have in a region. Pure.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "azlin/azure/capacity.hpp"

namespace azlin::dr {

struct SizeWish {
  std::string name;                    // of the size
  bool exact = false;                  // no other one will do
  std::string generation, controller;  // of the disk; empty: any
  int data_disks = 0;
  bool premium = false;  // a disk needs a size with premium storage
  bool zonal = false;    // a disk needs a zone
};

struct SizeChoice {
  std::string name;
  std::optional<std::string> zone;
  std::string note;  // why it is not the one that was wished; empty: it is
  int vcpus = 0;
  std::string family;
};

// The wished size, else an equal one: as many vCPUs, at least as much memory, the same architecture; of
// several the smallest. `original` lists the sizes of the VM's own region and is asked only when the drill's
// region does not know the size. Throws core::Error (failed) with the reason when none will do.
SizeChoice choose_size(const SizeWish& wish, const std::vector<azure::VmSize>& offered,
                       const std::vector<azure::Quota>& quotas, const std::string& region,
                       const std::function<std::vector<azure::VmSize>()>& original);

// Throws core::Error (usage), with the nearest name, when none of that name is offered.
void require_size(const std::string& name, const std::vector<azure::VmSize>& offered,
                  const std::string& region);

bool needs_premium(const std::string& disk_sku);
bool needs_zone(const std::string& disk_sku);

// The SKU itself, or the locally redundant one of its kind where the region has no zone-redundant disks.
// Throws core::Error (failed) when neither is offered. An empty list says nothing, so all is taken as
// offered.
std::string offered_sku(const std::string& sku, const std::vector<std::string>& offered,
                        const std::string& region);

}  // namespace azlin::dr
