#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/guest_disk.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// A POST on a VM: what it is called while it runs, where it ends, how long it takes.
struct Action {
  const char* verb;
  const char* meanwhile;  // null: the power state stays
  core::Millis demo, realistic;
};

const std::vector<Action> kActions = {
    {"start", "starting", core::Millis{1'500}, core::Millis{45'000}},
    {"powerOff", "stopping", core::Millis{800}, core::Millis{30'000}},
    {"deallocate", "deallocating", core::Millis{1'200}, core::Millis{60'000}},
    {"restart", "starting", core::Millis{1'000}, core::Millis{40'000}},
    {"redeploy", "starting", core::Millis{2'000}, core::Millis{180'000}},
    {"reapply", nullptr, core::Millis{500}, core::Millis{15'000}},
};

std::int64_t to_unix_ms(core::TimePoint time) {
  return time.time_since_epoch().count();
}

void set_power(Resource& vm, const std::string& power) {
  vm.hidden["power"] = power;
}

void shut_down(Context& context, Resource& vm, const char* power) {
  set_power(vm, power);
  set_disk_states(context, vm);
  describe_disks(context, vm);
}

void finish_action(Context& context, Resource& vm, const std::string& verb, const std::string& before) {
  if (verb == "start") {
    if (before == "deallocated") allocate(context, vm);
    if (before == "running")
      set_power(vm, before);
    else
      boot(context, vm);
  } else if (verb == "powerOff") {
    if (before == "deallocated")
      set_power(vm, before);
    else
      shut_down(context, vm, "stopped");
  } else if (verb == "deallocate") {
    shut_down(context, vm, "deallocated");
  } else if (verb == "restart" || verb == "redeploy") {
    boot(context, vm);
  }
}

// A disk that is read through a SAS cannot be used by a VM until the access ends.
void check_disks_free(Context& context, const Resource& vm) {
  for (const auto& id : disk_ids(vm.body)) {
    const auto disk = context.state.find(id);
    if (disk && disk_state(*disk) == "ActiveSAS")
      throw ApiError(409, "OperationNotAllowed",
                     fmt::format("There is an active shared access signature outstanding for disk {}. Call "
                                 "EndGetAccess before starting VM {}.",
                                 disk->name, vm.name));
  }
}

Reply act(Context& context, Request& request, const Action& action) {
  auto vm = require(context, request.target.id);
  check_vm_idle(context, vm);
  const std::string verb = action.verb, before = power_of(vm);
  if (flag_at(vm.hidden, "/generalized", false) && (verb == "start" || verb == "restart"))
    throw ApiError(
        409, "OperationNotAllowed",
        fmt::format("Operation '{}' is not allowed on VM '{}' since the VM is generalized.", verb, vm.name));
  // A machine that has no host cannot be restarted or moved to another one.
  if ((verb == "restart" || verb == "redeploy") && before != "running")
    throw ApiError(
        409, "OperationNotAllowed",
        fmt::format("Cannot {} VM '{}' because it is not running. Start it first.", verb, vm.name));
  if (verb == "start") check_disks_free(context, vm);
  if (action.meanwhile != nullptr) set_power(vm, action.meanwhile);
  vm.body["properties"]["provisioningState"] = "Updating";
  context.save(vm);
  const Work work{
      "vm.power", vm.id, {{"id", vm.id}, {"verb", verb}, {"before", before}}, action.demo, action.realistic};
  return context.operations.start(request, LroShape::vm, vm.location, work, 202);
}

Json power_effect(Context& context, const Json& data) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return nullptr;
  finish_action(context, *vm, text_at(data, "/verb"), text_at(data, "/before"));
  vm->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*vm);
  return nullptr;
}

void power_failed(Context& context, const Json& data, const ApiError&) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return;
  set_power(*vm, text_at(data, "/before"));
  vm->body["properties"]["provisioningState"] = "Failed";
  context.save(*vm);
}

}  // namespace

std::string power_of(const Resource& vm) {
  return text_at(vm.hidden, "/power");
}

void allocate(Context& context, const Resource& vm) {
  const auto zone = text_at(vm.body, "/zones/0"),
             size = text_at(vm.body, "/properties/hardwareProfile/vmSize");
  if (has_capacity(context, vm.location, zone, size)) return;
  throw ApiError(
      409, zone.empty() ? "AllocationFailed" : "ZonalAllocationFailed",
      fmt::format(
          "Allocation failed. We do not have sufficient capacity for the requested VM size in this {}. "
          "Read more about improving likelihood of allocation success at "
          "http://aka.ms/allocation-guidance",
          zone.empty() ? "region" : "zone"));
}

void boot(Context& context, Resource& vm) {
  const auto now = context.now();
  set_power(vm, "running");
  vm.hidden["booted_at"] = to_unix_ms(now);
  vm.hidden["agent_at"] = to_unix_ms(now + context.delay(core::Millis{700}, core::Millis{25'000}));
  const auto disk = context.state.find(disk_ids(vm.body).front());
  BootCheck check{"the OS disk is missing", ""};
  if (disk && volume_of(*disk) != 0) {
    const auto volume = volume_of(*disk);
    const auto size = contents(context).size(volume);
    check = check_boot(size, [&](std::uint64_t offset, std::uint64_t length) {
      return contents(context).read(volume, offset, length);
    });
  }
  vm.hidden["fault"] = check.fault;
  // A VM made of an image was given its name by the platform; an attached disk brings its own.
  const auto given = text_at(vm.body, "/properties/osProfile/computerName");
  vm.hidden["host"] = !given.empty() ? given : check.hostname.empty() ? vm.name : check.hostname;
  set_disk_states(context, vm);
  describe_disks(context, vm);
}

void register_vm_power(Router& router, Context& context) {
  context.operations.on("vm.power", power_effect, power_failed);
  for (const auto& action : kActions)
    router.arm("POST", group_path(kVmType) + "/{name}/" + action.verb, kVmType,
               [&context, action](Request& request) { return act(context, request, action); });
}

}  // namespace azlin::simulator
