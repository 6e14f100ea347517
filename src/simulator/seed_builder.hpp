#pragma once
// What seeds are made of. Everything is ready at once: no operations run.
#include <optional>
#include <string>
#include <vector>

#include "simulator/context.hpp"

namespace azlin::simulator {

struct SeedDisk {
  std::string name;  // "" : {vm}_DataDisk_{lun}
  std::int64_t gb = 64;
  std::string sku = "Premium_LRS", caching = "None";
  int lun = 0;
  bool empty = false;  // no partition table and file system
};

struct SeedVm {
  std::string name, group = "Production", location = "eastus", size = "Standard_D2s_v5";
  std::string zone, security;  // "1"; "TrustedLaunch"
  std::string generation = "V2";
  std::int64_t os_gb = 128;
  std::string os_sku = "Premium_LRS";
  std::vector<SeedDisk> data_disks;
  bool public_ip = false, running = true;
  Json tags;
};

// Everything is made in the sample subscription.
std::string seed_group_id(const std::string& group);
void seed_group(Context& context, const std::string& name, const std::string& location,
                const Json& tags = nullptr);
// A network, a subnet "default" with a security group that lets SSH in; made once a group.
std::string seed_subnet(Context& context, const std::string& group, const std::string& location);
// Group, network, NIC, disks and the VM itself, which was booted `age` ago.
void seed_vm(Context& context, const SeedVm& vm, core::Millis age = core::Millis{3'600'000});
// A disk of its own. `image` is "os", "data" or "empty".
Resource seed_disk(Context& context, const std::string& id, const std::string& location, const SeedDisk& disk,
                   const std::string& zone, const std::string& image, const Json& tags);
// An incremental snapshot of the disk, taken at `taken`.
void seed_snapshot(Context& context, const Resource& disk, const std::string& name, const Json& tags,
                   core::TimePoint taken);

void seed_sample(Context& context);
// Databases in the sample's VMs, and its vault.
void seed_recovery(Context& context);
// {"type": "SAPHana"|"SQL", "instance", "names": [name or {"name", "model", "readOnly"}]} inside a VM.
void seed_databases(Context& context, const std::string& group, const std::string& vm, const Json& databases);
void seed_vault(Context& context, const std::string& group, const std::string& name,
                const std::string& location);
// "1000x20": VMs vm-0001… in the group Fleet, each with so many daily backup sets behind it, tagged as
// docs/tags.md says. Throws core::Error (usage).
void seed_fleet(Context& context, const std::string& size);
void check_fleet(const std::string& size);  // the same refusal
// docs/simulator-seeds.md. Throws core::Error (usage) for what it does not understand.
void seed_file(Context& context, const std::string& path);

}  // namespace azlin::simulator
