#pragma once
// Microsoft.Compute as plain structs: VMs (ComputeRP 2024-07-01), managed disks and snapshots (DiskRP
// 2023-10-02). Every call blocks until the service is done, throws arm::ArmError for the service's refusals,
// and takes a stop token. What azlin does not interpret of a resource is kept in `raw` (JSON text), so that
// nothing is lost on the way back.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/resources.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::azure {

// ---- Virtual machines
// --------------------------------------------------------------------------------------------

struct AttachedDisk {
  int lun = -1;  // -1: the OS disk
  std::string name;
  std::string disk_id;  // empty: not a managed disk
  std::string caching;  // None, ReadOnly, ReadWrite
  std::string create_option;
  std::string delete_option;  // Delete, Detach, or empty
  std::string sku;            // as the VM states it; may be empty
};

struct Vm {
  std::string id, name, resource_group, subscription, location;
  std::string etag;   // for If-Match
  std::string vm_id;  // properties.vmId: tells a re-created VM of the same name apart
  std::string size;
  std::optional<std::string> zone;
  std::string security_type;  // "", "Standard", "TrustedLaunch", "ConfidentialVM"
  std::string os_type;        // Linux, Windows
  AttachedDisk os_disk;
  std::vector<AttachedDisk> data_disks;  // by LUN
  std::vector<std::string> nic_ids;
  Tags tags;
  std::string provisioning_state;
  std::string power_state;          // running, deallocated, …; empty unless asked with instance view
  std::optional<bool> agent_ready;  // the guest agent's word; nullopt: not asked, or none
  std::string generation;           // instance view's hyperVGeneration; may be empty
  std::string raw;
};

// Source: Virtual Machines - List All / List. Without a group: the whole subscription.
std::vector<Vm> list_vms(arm::ArmClient& arm, const std::string& subscription,
                         const std::optional<std::string>& resource_group, std::stop_token stop = {});
// nullopt: there is none. Throws for a missing group or subscription.
std::optional<Vm> find_vm(arm::ArmClient& arm, const std::string& id, bool instance_view,
                          std::stop_token stop = {});
// find_vm, but throws core::Error (not_found) that names it.
Vm get_vm(arm::ArmClient& arm, const std::string& id, bool instance_view, std::stop_token stop = {});
Vm parse_vm(const std::string& json);

void start_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
void deallocate_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
// Removes the VM; its disks and NICs go or stay by their deleteOption. A VM that is not there is no error.
void delete_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
// PUT of a whole VM body.
Vm create_vm(arm::ArmClient& arm, const std::string& id, const std::string& body, std::stop_token stop = {});

// Puts other disks in place of the VM's: every entry keeps its LUN, caching and create option and takes the
// new id and name. Entries without a replacement stay as they are. `new_disks` is keyed by LUN, -1 for the OS
// disk, and gives disk ids. The VM is read before and after, and the ids compared: throws core::Error
// (failed) when the service said yes and changed nothing. Source: "Swap OS disk", reference of VM PATCH.
void replace_disks(arm::ArmClient& arm, const std::string& vm_id, const std::map<int, std::string>& new_disks,
                   std::stop_token stop = {});

// Runs a shell script in the guest; needs a running VM with its agent. The service's success says nothing of
// the script: exit_code comes from a marker that is printed at its end, and is nullopt when the marker did
// not arrive.
struct ScriptResult {
  std::optional<int> exit_code;
  std::string out, err;  // the last 4,096 bytes
};
ScriptResult run_script(arm::ArmClient& arm, const std::string& vm_id, const std::vector<std::string>& lines,
                        std::stop_token stop = {});

// ---- Managed disks
// -----------------------------------------------------------------------------------------------

struct Disk {
  std::string id, name, resource_group, location, sku, unique_id;
  std::optional<std::string> zone;
  std::uint64_t size_bytes = 0;
  int size_gb = 0;
  std::string state;       // Unattached, Attached, Reserved, …
  std::string managed_by;  // VM id; empty when unattached
  std::string os_type;     // empty: a data disk
  std::string generation;  // V1, V2 or empty
  std::string security_type;
  std::string encryption_type, encryption_set_id;
  std::string network_policy;
  std::string source_id;  // creationData.sourceResourceId
  std::string provisioning_state;
  core::TimePoint created_at;
  Tags tags;
};

struct NewDisk {
  std::string id;  // where it goes
  std::string location;
  std::string sku;  // empty: the service's default
  std::optional<std::string> zone;
  std::string snapshot_id;  // in the same region
  std::string encryption_set_id;
  std::optional<int> size_gb;
  Tags tags;
};

std::optional<Disk> find_disk(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
std::vector<Disk> list_disks(arm::ArmClient& arm, const std::string& subscription,
                             const std::optional<std::string>& resource_group, std::stop_token stop = {});
Disk create_disk(arm::ArmClient& arm, const NewDisk& disk, std::stop_token stop = {});
// A disk that is not there is no error.
void delete_disk(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});

// ---- Snapshots
// ---------------------------------------------------------------------------------------------------

struct Snapshot {
  std::string id, name, resource_group, location, sku, unique_id;
  bool incremental = false;
  std::string create_option;     // Copy, CopyStart, …
  std::string source_id;         // a disk, or a snapshot for a copy
  std::string source_unique_id;  // of that disk or snapshot
  std::string family_id;         // incrementalSnapshotFamilyId
  std::uint64_t size_bytes = 0;  // provisioned, never what is billed
  int size_gb = 0;
  std::string os_type, generation, security_type;
  std::string capabilities;  // supportedCapabilities as JSON text; empty when there are none
  std::string encryption_type, encryption_set_id;
  std::string network_policy;
  std::string state;                         // Unattached, ActiveSAS, …
  std::string provisioning_state;            // Succeeded, Updating, Failed, …
  std::optional<double> completion_percent;  // only for copies (and Ultra, Premium SSD v2)
  std::string copy_error;                    // copyCompletionError: code and message
  core::TimePoint created_at;
  Tags tags;
  // Readable, restorable: provisioned, and copied to the end where it is a copy.
  bool complete() const {
    return provisioning_state == "Succeeded" && copy_error.empty() &&
           completion_percent.value_or(100.0) >= 100.0;
  }
};

struct NewSnapshot {
  std::string id;
  std::string location;
  std::string source_id;  // a disk (Copy), or a snapshot of another region (CopyStart)
  bool copy_start = false;
  std::string sku;  // empty: the service's default
  std::string encryption_set_id;
  std::string os_type, generation, security_type,
      capabilities;  // CopyStart loses them unless they are stated
  Tags tags;
};

// `outage_attempts`: as in arm::Call.
std::optional<Snapshot> find_snapshot(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {},
                                      std::optional<int> outage_attempts = {});
// Calls `item` for each until it returns false. Without a group: the whole subscription.
void list_snapshots(arm::ArmClient& arm, const std::string& subscription,
                    const std::optional<std::string>& resource_group,
                    const std::function<bool(Snapshot&&)>& item, std::stop_token stop = {});
// An incremental snapshot. The service has no "create only": look with find_snapshot first. For a CopyStart
// the result comes when the copy has *started*; watch completion_percent.
Snapshot create_snapshot(arm::ArmClient& arm, const NewSnapshot& snapshot, std::stop_token stop = {});
// A snapshot that is not there is no error.
void delete_snapshot(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
Snapshot parse_snapshot(const nlohmann::json& body);

// A read SAS for a disk or snapshot: a secret. Revoke it in every case.
std::string begin_access(arm::ArmClient& arm, const std::string& id, core::Millis duration,
                         std::stop_token stop = {});
void end_access(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});

}  // namespace azlin::azure
