// azlin platform: the resources around the VMs.
#include "cli/cmd_platform.hpp"

namespace azlin::cli {

void add_platform_commands(CLI::App& root, Job& chosen) {
  CLI::App* group =
      add_group(root, "platform", "Cosmos DB, Storage, Key Vault, App Configuration: protect and restore");
  add_assess_commands(*group, chosen);
  add_keyvault_commands(*group, chosen);
  add_appconfig_commands(*group, chosen);
  add_storage_commands(*group, chosen);
  add_cosmos_commands(*group, chosen);
  add_recovery_commands(root, chosen);
}

}  // namespace azlin::cli
