// What seeds have for Recovery Services: databases inside VMs, and vaults.
#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

void seed_recovery(Context& context) {
  seed_databases(context, "Production", "prod-db-vm",
                 {{"type", "SAPHana"}, {"instance", "HXE"}, {"names", {"SYSTEMDB", "HXE"}}});
  seed_databases(context, "Production", "critical-vm",
                 {{"type", "SAPHana"}, {"instance", "HXE"}, {"names", {"SYSTEMDB"}}});
  seed_databases(context, "Production", "prod-app-vm",
                 {{"type", "SQL"}, {"instance", "MSSQLSERVER"}, {"names", {"master", "sales", "orders"}}});
  seed_databases(context, "Production", "staging-vm",
                 {{"type", "SQL"}, {"instance", "MSSQLSERVER"}, {"names", {"master", "legacy", "reports"}}});
  seed_vault(context, "Production", "my-vault", "eastus");
}

void seed_databases(Context& context, const std::string& group, const std::string& vm,
                    const Json& databases) {
  const std::string id = seed_group_id(group) + "/providers/Microsoft.Compute/virtualMachines/" + vm;
  add_workload(recovery_of(context), id, same(text_at(databases, "/type"), "SAPHana"),
               text_at(databases, "/instance"), subtree_at(databases, "/names"));
}

void seed_vault(Context& context, const std::string& group, const std::string& name,
                const std::string& location) {
  seed_group(context, group, location);
  make_recovery_vault(recovery_of(context),
                      seed_group_id(group) + "/providers/Microsoft.RecoveryServices/vaults/" + name,
                      location);
}

}  // namespace azlin::simulator
