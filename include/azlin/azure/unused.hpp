#pragma once
// Lists of what can lie about unused, and since when.
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/network.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::azure {

struct PublicIp {
  std::string id, name, location;
  std::string used_by;  // an IP configuration or a NAT gateway; empty: nothing
  Tags tags;
};

// Source: Network Interfaces - List All, Public IP Addresses - List All (2023-09-01).
std::vector<Nic> list_nics(arm::ArmClient& arm, const std::string& subscription, std::stop_token stop = {});
std::vector<PublicIp> list_public_ips(arm::ArmClient& arm, const std::string& subscription,
                                      std::stop_token stop = {});

using TimesById = std::map<std::string, core::TimePoint>;  // ids in lower case
// When each disk was last attached or let go of; disks that never were are left out. Source: Disks - List
// (2023-10-02), LastOwnershipUpdateTime.
TimesById disk_ownership_times(arm::ArmClient& arm, const std::string& subscription,
                               std::stop_token stop = {});
// When the resources of a type were made. An index. Source: Resources - List with $expand=createdTime
// (2021-04-01).
TimesById created_times(arm::ArmClient& arm, const std::string& subscription, const std::string& type,
                        std::stop_token stop = {});

}  // namespace azlin::azure
