#pragma once
// Virtual machines: the model and its rules, disks and NICs they hold, power, the guest. Split over
// compute_vm*.cpp. All of it is used under Context::mutex.
//
// In Resource::hidden of a VM:
//   model       counts changes of the model: the ETag
//   power       "running", "stopped", "deallocated", or "starting", "stopping", "deallocating", "creating"
//   meanwhile booted_at   Unix ms of the last boot; agent_at when the guest agent of that boot reports fault
//   why the guest did not come up at the last boot; empty: it did host        the guest's name generation
//   "V1" | "V2", the OS disk's when the VM was made
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/guest.hpp"
#include "simulator/router.hpp"
#include "simulator/vm_sizes.hpp"

namespace azlin::simulator {

inline constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";

// A managed disk that the VM's own request makes.
struct DiskWanted {
  std::string id, sku;
  std::int64_t gb = 0;
  bool os = false;
  std::string os_type, generation, security_type, host;
  Json image;  // imageReference, for the OS disk
};

// What a PUT or PATCH does to a VM: worked out first, with every refusal, then applied as a whole.
struct VmPlan {
  Json body;
  std::vector<DiskWanted> make;
  std::vector<std::string> attach, detach;  // disk ids
  std::vector<std::string> nics_added, nics_removed;
  std::string generation;
  bool restart = false;  // the size of a running VM changes
};

// What the rules on disks need to know of the VM.
struct VmFacts {
  std::string id, name, location, zone;
  const VmSize* size = nullptr;
  std::string security;  // "" = standard
  std::string power;     // "" while it is being made
};
VmFacts facts_of(const Resource& vm);

// --- compute_vm_model.cpp ---
// The plan of a new VM. `fresh` is make_resource()'s. Throws ApiError for all that Azure refuses at once.
VmPlan plan_create(Context& context, const Json& wanted, const Resource& fresh);
// The plan of a change. With `put`, tags that are not stated go away.
VmPlan plan_update(Context& context, const Resource& vm, const Json& wanted, bool put);
// Makes and claims disks and NICs, frees those given up, sets and saves the body.
void apply_plan(Context& context, Resource& vm, const VmPlan& plan);
// Saves with a new ETag (model) or without (state).
void save_model(Context& context, Resource& vm);
// One of two clients that write at the same time: 409 Conflict.
void check_vm_idle(Context& context, const Resource& vm);

// --- compute_vm_disks.cpp ---
// Fills plan.body's storageProfile from `wanted`'s for a new VM.
void plan_new_storage(Context& context, const VmFacts& facts, const Json& wanted, VmPlan& plan);
// The same for a change: `present` is the storageProfile as it is.
void plan_storage_change(Context& context, const VmFacts& facts, const Json& present, const Json& wanted,
                         const std::string& generation, VmPlan& plan);
// The rules by which a data disk may be attached; `id` must exist.
Resource check_attachable(Context& context, const VmFacts& facts, const std::string& id,
                          const std::string& property);
// Throws ApiError 409 OperationNotAllowed over the size's MaxDataDiskCount.
void check_disk_count(const VmSize& size, std::size_t count);
// Writes sizes and skus of the disks into the storageProfile as they are now; without them while deallocated.
void describe_disks(Context& context, Resource& vm);
// diskState of everything attached: "Attached", or "Reserved" while deallocated.
void set_disk_states(Context& context, const Resource& vm);
std::vector<std::string> disk_ids(const Json& vm_body);  // OS disk first
void claim_disk(Context& context, const std::string& id, const std::string& vm_id, bool deallocated);
void free_disk(Context& context, const std::string& id, const std::string& vm_id);

// --- compute_vm_power.cpp ---
void register_vm_power(Router& router, Context& context);
std::string power_of(const Resource& vm);
// Looks at the OS disk and brings the guest up, or not.
void boot(Context& context, Resource& vm);
// An allocation fails where no capacity is left: throws ApiError 409 AllocationFailed or
// ZonalAllocationFailed.
void allocate(Context& context, const Resource& vm);

// --- compute_vm_view.cpp ---
Json instance_view(Context& context, const Resource& vm);
bool agent_ready(Context& context, const Resource& vm);
Guest guest_of(Context& context, const Resource& vm);

// --- compute_vm_guest.cpp, compute_vm_diagnostics.cpp ---
void register_run_command(Router& router, Context& context);
void register_boot_diagnostics(Router& router, Context& context);

// --- compute_capacity.cpp ---
// Throws ApiError: 400 InvalidParameter for an unknown size, 409 SkuNotAvailable where it is restricted.
const VmSize& check_size(const std::string& name, const std::string& location, const std::string& zone);
// Throws ApiError 409 OperationNotAllowed when `added` cores more would pass the regional or the family's
// quota.
void check_quota(Context& context, const std::string& subscription, const std::string& location,
                 const VmSize& size, int added);
void register_capacity(Router& router, Context& context);
Json size_body(const VmSize& size);  // as lists of sizes show it
// --- compute_vm_extras.cpp, compute_catalogue.cpp ---
void register_vm_extras(Router& router, Context& context);
void register_compute_catalogue(Router& router, Context& context);
// Sets a quota ("cores" or a family) of a region.
void set_quota(Context& context, const std::string& location, const std::string& name, std::int64_t limit);
std::int64_t quota(Context& context, const std::string& location, const std::string& name);
// Whether new VMs of the size find room there.
bool has_capacity(Context& context, const std::string& location, const std::string& zone,
                  const std::string& size);

// Seeds: a VM that runs since `booted_at`, with its disks and NIC claimed. `properties` is what a create
// would state.
void add_seed_vm(Context& context, const std::string& id, const Json& body, core::TimePoint booted_at);

}  // namespace azlin::simulator
