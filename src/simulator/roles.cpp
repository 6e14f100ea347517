#include "simulator/roles.hpp"

#include "simulator/text.hpp"

namespace azlin::simulator {

const std::vector<Role>& built_in_roles() {
  static const std::vector<Role> roles = {
      {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", {"*"}, {}},
      {"b24988ac-6180-42a0-ab88-20f7382dd24c",
       "Contributor",
       {"*"},
       {"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action"}},
      {"acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", {"*/read"}, {}},
      {"9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
       "Virtual Machine Contributor",
       {"Microsoft.Authorization/*/read", "Microsoft.Compute/locations/*",
        "Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/disks/write",
        "Microsoft.Compute/disks/read", "Microsoft.Compute/disks/delete",
        "Microsoft.Network/networkInterfaces/*", "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/networkSecurityGroups/read", "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/publicIPAddresses/read", "Microsoft.Network/virtualNetworks/read",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Resources/subscriptions/resourceGroups/read"},
       {}},
      {"7efff54f-a5b4-42b5-a1c5-5411624893ce",
       "Disk Snapshot Contributor",
       {"Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
        "Microsoft.Compute/snapshots/delete", "Microsoft.Compute/snapshots/write",
        "Microsoft.Compute/snapshots/read", "Microsoft.Compute/snapshots/beginGetAccess/action",
        "Microsoft.Compute/snapshots/endGetAccess/action", "Microsoft.Compute/disks/beginGetAccess/action",
        "Microsoft.Storage/storageAccounts/listkeys/action", "Microsoft.Storage/storageAccounts/write",
        "Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/delete"},
       {}},
      {"3e5e47e6-65f7-47ef-90b5-e5dd4d455f24",
       "Disk Backup Reader",
       {"Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
        "Microsoft.Compute/disks/read", "Microsoft.Compute/disks/beginGetAccess/action"},
       {}},
      {"b50d9833-a0cb-478e-945f-707fcc997c13",
       "Disk Restore Operator",
       {"Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
        "Microsoft.Compute/disks/write", "Microsoft.Compute/disks/read"},
       {}},
      {"4a9ae827-6dc8-4573-8ac7-8239d42aa03f",
       "Tag Contributor",
       {"Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
        "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
        "Microsoft.Resources/subscriptions/resources/read", "Microsoft.Resources/tags/*"},
       {}},
  };
  return roles;
}

const Role* find_role(const std::string& role_definition_id) {
  for (const auto& role : built_in_roles()) {
    if (same(role_definition_id.substr(role_definition_id.rfind('/') + 1), role.guid)) return &role;
  }
  return nullptr;
}

}  // namespace azlin::simulator
