// Run Command: a script in the guest.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool reaches_azure(Context& context, const Resource& vm) {
  const auto nic = context.state.find(text_at(vm.body, "/properties/networkProfile/networkInterfaces/0/id"));
  return nic && outbound_open(context, *nic);
}

// Its own target: a script does not stand in the way of changes to the VM.
std::string run_target(const Resource& vm) {
  return vm.id + "/runCommand";
}

void check_command(const Json& body, const Resource& vm) {
  const auto id = text_at(body, "/commandId");
  if (id.empty()) refuse_missing("commandId");
  const bool windows = text_at(vm.body, "/properties/storageProfile/osDisk/osType") == "Windows";
  const auto known = enum_value(id, {"RunShellScript", "RunPowerShellScript"}, "commandId");
  if ((known == "RunPowerShellScript") != windows)
    throw ApiError(
        400, "BadRequest",
        fmt::format("The command '{}' does not apply to the operating system of VM '{}'.", known, vm.name),
        "commandId");
  const Json script = subtree_at(body, "/script");
  if (!script.is_array() || script.empty()) refuse_missing("script");
}

Reply run_command(Context& context, Request& request) {
  const auto vm = require(context, request.target.id);
  drop_nulls(request.json);
  check_command(request.object(), vm);
  if (power_of(vm) != "running")
    throw ApiError(409, "OperationNotAllowed",
                   "The operation requires the VM to be running (or set to run).");
  if (context.operations.running_on(run_target(vm)))
    throw ApiError(
        409, "Conflict",
        "Run command extension execution is in progress. Please wait for completion before invoking a run "
        "command.");
  const Work work{"vm.run",
                  run_target(vm),
                  {{"id", vm.id}, {"body", request.json}},
                  core::Millis{400},
                  core::Millis{20'000}};
  return context.operations.start(request, LroShape::vm, vm.location, work, 202);
}

std::map<std::string, std::string> parameters_of(const Json& body) {
  std::map<std::string, std::string> all;
  for (const auto& parameter : body.value("parameters", Json::array()))
    all[text_at(parameter, "/name")] = text_at(parameter, "/value");
  return all;
}

// Success is not the script's exit code: the message carries what it printed.
Json run_effect(Context& context, const Json& data) {
  const auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) throw ApiError(404, "NotFound", "The VM was deleted while the command ran.");
  if (!agent_ready(context, *vm) || !reaches_azure(context, *vm))
    throw ApiError(
        409, "VMAgentStatusCommunicationError",
        fmt::format(
            "VM '{}' has not reported status for VM agent or extensions. Verify that the OS is up and "
            "healthy, the VM has a running VM agent, and that it can establish outbound connections to "
            "Azure storage. Please refer to https://aka.ms/vmextensionlinuxtroubleshoot for additional "
            "VM agent troubleshooting information.",
            vm->name));
  const auto& body = data["body"];
  std::vector<std::string> script;
  for (const auto& line : body["script"]) script.push_back(line.get<std::string>());
  const auto result = run_shell(guest_of(context, *vm), script, parameters_of(body));
  if (text_at(vm->body, "/properties/storageProfile/osDisk/osType") == "Windows") {
    const auto item = [](const char* stream, const std::string& text) {
      return Json{{"code", fmt::format("ComponentStatus/{}/succeeded", stream)},
                  {"level", "Info"},
                  {"displayStatus", "Provisioning succeeded"},
                  {"message", text}};
    };
    return {{"value", {item("StdOut", result.out), item("StdErr", result.err)}}};
  }
  return {{"value",
           {{{"code", "ProvisioningState/succeeded"},
             {"level", "Info"},
             {"displayStatus", "Provisioning succeeded"},
             {"message", run_command_message(result)}}}}};
}

}  // namespace

void register_run_command(Router& router, Context& context) {
  context.operations.on("vm.run", run_effect);
  router.arm("POST", group_path(kVmType) + "/{name}/runCommand", kVmType,
             [&context](Request& request) { return run_command(context, request); });
}

}  // namespace azlin::simulator
