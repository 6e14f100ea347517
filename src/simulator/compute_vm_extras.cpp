// What hangs on a VM beside its power: sizes to resize to, generalizing, extensions, managed run commands.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kExtension = "Microsoft.Compute/virtualMachines/extensions";
constexpr const char* kRunCommand = "Microsoft.Compute/virtualMachines/runCommands";

// --- az vm list-vm-resize-options ---

// A running VM stays on its hardware, which is not modelled: every size that is offered there and takes its
// disks.
Reply list_resize_options(Context& context, const Request& request) {
  const auto vm = require(context, request.target.id);
  const auto zone = text_at(vm.body, "/zones/0");
  const auto generation = text_at(vm.hidden, "/generation", "V1");
  const auto disks = disk_ids(vm.body).size() - 1;
  Json value = Json::array();
  for (const auto& size : vm_sizes()) {
    const bool fits = static_cast<std::size_t>(size.max_data_disks) >= disks &&
                      std::string_view(size.generations).find(generation) != std::string_view::npos;
    if (fits && size_offered(size, vm.location, zone)) value.push_back(size_body(size));
  }
  return Reply::json(200, {{"value", value}});
}

// --- generalize ---

// For good: the VM can be captured as an image then, and never be started again.
Reply generalize(Context& context, const Request& request) {
  auto vm = require(context, request.target.id);
  check_vm_idle(context, vm);
  if (power_of(vm) == "running")
    throw ApiError(409, "OperationNotAllowed",
                   "Please power off the Virtual Machine before setting the state to generalized.");
  vm.hidden["generalized"] = true;
  context.save(vm);
  return Reply::empty(200);
}

// --- actions that Azure refuses for VMs like ours ---

struct Refusal {
  const char *verb, *message;  // {}: the VM's name
};

// All VMs here have managed disks, no automatic upgrades and no maintenance that waits for them.
constexpr Refusal kRefusals[] = {
    {"convertToManagedDisks", "The operation is not allowed since VM '{}' is already using managed disks."},
    {"capture", "Capture operation on VM '{}' is not allowed since the VM has managed disks."},
    {"reimage",
     "The Reimage and OSUpgrade Virtual Machine actions require that the virtual machine '{}' has Automatic "
     "OS Upgrades enabled."},
    {"performMaintenance",
     "Operation 'performMaintenance' is not allowed on VM '{}' since the Subscription of this VM is not "
     "eligible."}};

Reply refuse(Context& context, const Request& request, const Refusal& refusal) {
  const auto vm = require(context, request.target.id);
  throw ApiError(409, "OperationNotAllowed", fmt::format(fmt::runtime(refusal.message), vm.name));
}

// --- patches: the guest is up to date ---

Reply assess_patches(Context& context, const Request& request) {
  const auto vm = require(context, request.target.id);
  check_vm_idle(context, vm);
  if (power_of(vm) != "running")
    throw ApiError(409, "OperationNotAllowed",
                   "Cannot modify extensions in the VM when the VM is not running.");
  const Work work{"vm.assess", vm.id, {{"id", vm.id}}, core::Millis{400}, core::Millis{30'000}};
  return context.operations.start(request, LroShape::vm, vm.location, work, 202);
}

Json assess_effect(Context& context, const Json& data) {
  return {{"status", "Succeeded"},
          {"assessmentActivityId", guid_from(text_at(data, "/id") + to_azure_time(context.now()))},
          {"rebootPending", false},
          {"criticalAndSecurityPatchCount", 0},
          {"otherPatchCount", 0},
          {"startDateTime", to_azure_time(context.now())},
          {"availablePatches", Json::array()}};
}

void register_actions(Router& router, Context& context) {
  const std::string one = group_path(kVmType) + "/{name}/";
  for (const auto& refusal : kRefusals)
    router.arm("POST", one + refusal.verb, kVmType,
               [&context, refusal](Request& r) { return refuse(context, r, refusal); });
  context.operations.on("vm.assess", assess_effect);
  router.arm("POST", one + "assessPatches", kVmType,
             [&context](Request& r) { return assess_patches(context, r); });
}

// --- extensions: kept, and nothing runs in the guest ---

void complete_extension(Context&, const Request&, Resource& fresh, const std::optional<Resource>&) {
  auto& properties = fresh.body["properties"];
  for (const char* member : {"publisher", "type", "typeHandlerVersion"})
    if (text_at(properties, std::string("/") + member).empty()) refuse_missing(member);
  if (!properties.contains("autoUpgradeMinorVersion")) properties["autoUpgradeMinorVersion"] = false;
  properties.erase("protectedSettings");  // never given out
  properties.erase("instanceView");
}

// --- managed run commands ---

Json ran(Context& context, const Resource& vm, const Json& properties) {
  const auto stamp = to_azure_time(context.now());
  Json view = {{"executionState", "Failed"},
               {"executionMessage", ""},
               {"exitCode", 0},
               {"output", ""},
               {"error", ""},
               {"startTime", stamp},
               {"endTime", stamp},
               {"statuses", Json::array()}};
  if (!agent_ready(context, vm)) {
    view["executionMessage"] = "The guest agent of the VM is not ready.";
    return view;
  }
  std::map<std::string, std::string> parameters;
  for (const auto& parameter : properties.value("parameters", Json::array()))
    parameters[text_at(parameter, "/name")] = text_at(parameter, "/value");
  const auto result =
      run_shell(guest_of(context, vm), split(text_at(properties, "/source/script"), '\n'), parameters);
  view["executionState"] = result.exit_code == 0 ? "Succeeded" : "Failed";
  view["exitCode"] = result.exit_code;
  view["output"] = result.out;
  view["error"] = result.err;
  return view;
}

std::string vm_of(const std::string& id) {
  return id.substr(0, lower(id).rfind("/runcommands/"));
}

Reply put_run_command(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto vm = require(context, vm_of(request.target.id));
  if (power_of(vm) != "running")
    throw ApiError(409, "OperationNotAllowed",
                   "The operation requires the VM to be running (or set to run).");
  const auto existing = context.state.find(request.target.id);
  Resource command = make_resource(context, request, kRunCommand);
  command.body["properties"] = subtree_at(request.json, "/properties");
  auto& properties = command.body["properties"];
  const bool known = subtree_at(properties, "/source/commandId").is_string() ||
                     subtree_at(properties, "/source/scriptUri").is_string();
  if (text_at(properties, "/source/script").empty()) {
    if (known)
      throw ApiError(400, "InvalidParameter", "Only scripts that are stated are run in the simulated guest.",
                     "source");
    refuse_missing("source");
  }
  properties.erase("protectedParameters");
  properties["provisioningState"] = existing ? "Updating" : "Creating";
  context.save(command);
  const Work work{
      "vm.managed_run", command.id, {{"id", command.id}}, core::Millis{400}, core::Millis{20'000}};
  return context.operations.start(request, LroShape::vm, vm.location, work, existing ? 200 : 201,
                                  command.body, false);
}

Json run_effect(Context& context, const Json& data) {
  auto command = context.state.find(text_at(data, "/id"));
  if (!command) return nullptr;
  const auto vm = context.state.find(vm_of(command->id));
  if (!vm) return nullptr;
  auto& properties = command->body["properties"];
  command->hidden["view"] = ran(context, *vm, properties);
  const bool failed = command->hidden["view"]["executionState"] == "Failed";
  // Whether a failed script fails the deployment is the client's choice; by default it does not.
  properties["provisioningState"] =
      failed && flag_at(properties, "/treatFailureAsDeploymentFailure", false) ? "Failed" : "Succeeded";
  context.save(*command);
  return nullptr;
}

Reply get_run_command(Context& context, const Request& request) {
  auto command = require(context, request.target.id);
  if (same(request.query_or("$expand", ""), "instanceView") && command.hidden.contains("view"))
    command.body["properties"]["instanceView"] = command.hidden["view"];
  return Reply::json(200, command.body);
}

Reply list_children(Context& context, const Request& request, const char* type) {
  const auto vm = require(context, request.target.id);
  ListFilter filter;
  filter.type = type;
  filter.id_prefix = lower(vm.id) + "/";
  return page_reply(request, context.state.page(filter, page_start(request), 1'000, {}));
}

Reply delete_run_command(Context& context, const Request& request) {
  const auto command = context.state.find(request.target.id);
  if (!command) return Reply::empty(204);
  const Work work{"plain.delete", command->id, {{"id", command->id}}, core::Millis{300}, core::Millis{5'000}};
  return context.operations.start(request, LroShape::vm, command->location, work, 202);
}

void register_managed_run(Router& router, Context& context) {
  context.operations.on("vm.managed_run", run_effect);
  const std::string path = group_path(kVmType) + "/{vm}/runCommands", one = path + "/{name}";
  router.arm("PUT", one, kRunCommand, [&context](Request& r) { return put_run_command(context, r); });
  router.arm("GET", one, kRunCommand, [&context](Request& r) { return get_run_command(context, r); });
  router.arm("DELETE", one, kRunCommand, [&context](Request& r) { return delete_run_command(context, r); });
  router.arm("GET", path, kRunCommand,
             [&context](Request& r) { return list_children(context, r, kRunCommand); });
}

void register_extensions(Router& router, Context& context) {
  PlainType type{.type = kExtension, .versions = kExtension, .complete = complete_extension};
  register_plain_type(router, context, type);
}

}  // namespace

void register_vm_extras(Router& router, Context& context) {
  const std::string one = group_path(kVmType) + "/{name}";
  router.arm("GET", one + "/vmSizes", kVmType,
             [&context](Request& r) { return list_resize_options(context, r); });
  router.arm("POST", one + "/generalize", kVmType, [&context](Request& r) { return generalize(context, r); });
  register_actions(router, context);
  register_extensions(router, context);
  register_managed_run(router, context);
}

}  // namespace azlin::simulator
