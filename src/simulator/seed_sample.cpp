// The subscription that a newcomer finds: the VMs of the user guide.
#include "simulator/platform_seed.hpp"
#include "simulator/seed_builder.hpp"

namespace azlin::simulator {

void seed_sample(Context& context) {
  seed_group(context, "Production", "eastus", {{"env", "prod"}});
  SeedVm db;
  db.name = "prod-db-vm";
  db.size = "Standard_E4s_v5";
  db.data_disks = {{"", 256, "Premium_LRS", "ReadOnly", 0}, {"", 512, "Premium_LRS", "None", 1}};
  db.tags = {{"env", "prod"}, {"role", "database"}};
  seed_vm(context, db);

  SeedVm app;
  app.name = "prod-app-vm";
  app.size = "Standard_D4s_v5";
  app.public_ip = true;
  app.tags = {{"env", "prod"}, {"role", "application"}};
  seed_vm(context, app);

  SeedVm critical;
  critical.name = "critical-vm";
  critical.size = "Standard_D4s_v5";
  critical.zone = "1";
  critical.security = "TrustedLaunch";
  critical.data_disks = {{"", 128, "Premium_LRS", "ReadOnly", 0}};
  critical.tags = {{"env", "prod"}, {"tier", "critical"}};
  seed_vm(context, critical);

  SeedVm staging;
  staging.name = "staging-vm";
  staging.tags = {{"env", "staging"}};
  seed_vm(context, staging);

  SeedVm mine;
  mine.name = "my-vm";
  mine.size = "Standard_B2s";
  mine.os_sku = "StandardSSD_LRS";
  seed_vm(context, mine);

  SeedVm plain;
  plain.name = "vm1";
  plain.size = "Standard_B2ms";
  plain.generation = "V1";
  plain.os_sku = "Standard_LRS";
  seed_vm(context, plain);

  seed_recovery(context);
  seed_platform(context, sample_platform());
}

}  // namespace azlin::simulator
