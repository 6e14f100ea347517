#include "dr/checks.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "azlin/azure/access.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr const char* kNeeded[] = {"Microsoft.Compute/disks/write",
                                   "Microsoft.Compute/virtualMachines/write",
                                   "Microsoft.Compute/virtualMachines/runCommand/action",
                                   "Microsoft.Compute/virtualMachines/delete",
                                   "Microsoft.Compute/disks/delete",
                                   "Microsoft.Network/networkSecurityGroups/write",
                                   "Microsoft.Network/virtualNetworks/write",
                                   "Microsoft.Network/virtualNetworks/subnets/join/action",
                                   "Microsoft.Network/networkInterfaces/write",
                                   "Microsoft.Network/networkInterfaces/join/action"};

json get(arm::ArmClient& arm, const std::string& id, const char* version, const std::string& what,
         std::stop_token stop) {
  arm::Call call;
  call.path = id;
  call.api_version = version;
  const auto reply = arm.find(call, stop);
  if (!reply)
    throw Error(ErrorKind::failed, fmt::format("{} {} does not exist", what, id),
                "the disks cannot be decrypted without it");
  return reply->json();
}

void check_set(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const json body = get(arm, id, "2023-10-02", "the disk encryption set", stop);
  const json properties = body.value("properties", json::object());
  const std::string state = properties.value("provisioningState", "");
  if (state != "Succeeded")
    throw Error(ErrorKind::failed, fmt::format("the disk encryption set {} is {}", id, state),
                "the disks cannot be decrypted with it now");
  const auto error = properties.find("autoKeyRotationError");
  if (error != properties.end() && error->is_object())
    throw Error(ErrorKind::failed,
                fmt::format("the disk encryption set {} cannot reach its key: {}", id,
                            error->value("message", error->dump())),
                "look at the key and at the set's access to its vault");
  const auto vault = properties.value(json::json_pointer("/activeKey/sourceVault/id"), std::string());
  if (!vault.empty()) get(arm, vault, "2023-07-01", "the key vault of the disk encryption set", stop);
}

}  // namespace

void check_keys(arm::ArmClient& arm, const std::vector<backup::RestoreDisk>& disks, std::stop_token stop) {
  std::set<std::string> seen;
  for (const auto& disk : disks) {
    const std::string& id = disk.encryption_set_id;
    if (!id.empty() && seen.insert(core::to_lower(id)).second) check_set(arm, id, stop);
  }
}

void check_permissions(arm::ArmClient& arm, const std::string& subscription,
                       const std::optional<std::string>& group, std::stop_token stop) {
  if (!group) return;
  const std::string scope = fmt::format("/subscriptions/{}/resourceGroups/{}", subscription, *group);
  std::vector<azure::Permission> granted;
  try {
    granted = azure::list_permissions(arm, scope, stop);
  } catch (const arm::ArmError&) {
    return;
  }
  std::string missing;
  for (const char* action : kNeeded) {
    if (!azure::is_granted(granted, action)) missing += std::string(missing.empty() ? "" : ", ") + action;
  }
  if (!missing.empty())
    throw Error(ErrorKind::unauthorized, fmt::format("not granted in {}: {}", *group, missing),
                "assign Contributor, or the custom role in docs/security.md, on the resource group");
}

}  // namespace azlin::dr
