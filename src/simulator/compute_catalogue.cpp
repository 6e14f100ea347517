// Lists that describe Compute: what it can do, VMs of one region, ready-made run commands, and shared or
// community galleries (none).
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kLocations = "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/";

Reply list_vms_of_region(Context& context, const Request& request) {
  const auto region = check_location(request.param("location"), "locations");
  ListFilter filter;
  filter.subscription = request.target.subscription;
  filter.type = kVmType;
  Json value = Json::array();
  for (const auto& vm : context.state.list(filter))
    if (vm.location == region) value.push_back(vm.body);
  return Reply::json(200, {{"value", value}});
}

struct Command {
  const char *id, *os, *label, *description;
};
// The two that run a script of the caller's; the rest of Azure's list repairs Windows.
constexpr Command kCommands[] = {{"RunPowerShellScript", "Windows", "Executes a PowerShell script",
                                  "Custom multiline PowerShell script should be defined in script property. "
                                  "Optional parameters can be set in "
                                  "parameters property."},
                                 {"RunShellScript", "Linux", "Executes a Linux shell script",
                                  "Custom multiline shell script should be defined in script property. "
                                  "Optional parameters can be set in parameters "
                                  "property."}};

Json command_body(const Command& command) {
  return {{"$schema", "http://schema.management.azure.com/schemas/2016-11-17/runcommands.json"},
          {"id", command.id},
          {"osType", command.os},
          {"label", command.label},
          {"description", command.description}};
}

Reply list_commands(const Request& request) {
  check_location(request.param("location"), "locations");
  Json value = Json::array();
  for (const auto& command : kCommands) value.push_back(command_body(command));
  return Reply::json(200, {{"value", value}});
}

Reply get_command(const Request& request) {
  check_location(request.param("location"), "locations");
  for (const auto& command : kCommands) {
    if (!same(command.id, request.param("command"))) continue;
    Json body = command_body(command);
    body["script"] = {same(command.os, "Linux") ? "echo $arg1" : "param([string]$arg1)"};
    body["parameters"] = {
        {{"name", "arg1"}, {"type", "string"}, {"defaultValue", "hello"}, {"required", false}}};
    return Reply::json(200, body);
  }
  throw ApiError(404, "NotFound",
                 fmt::format("The entity was not found. Run command '{}'.", request.param("command")));
}

}  // namespace

void register_compute_catalogue(Router& router, Context& context) {
  const std::string locations = kLocations;
  router.arm("GET", locations + "virtualMachines", kVmType,
             [&context](Request& request) { return list_vms_of_region(context, request); });
  router.arm("GET", locations + "runCommands", kVmType,
             [](Request& request) { return list_commands(request); });
  router.arm("GET", locations + "runCommands/{command}", kVmType,
             [](Request& request) { return get_command(request); });
  const auto none = [](Request& request) {
    check_location(request.param("location"), "locations");
    return Reply::json(200, {{"value", Json::array()}});
  };
  router.arm("GET", locations + "virtualMachineScaleSets", kVmType, none);
  for (const char* kind : {"sharedGalleries", "communityGalleries"})
    router.arm("GET", locations + kind, "Microsoft.Compute/galleries", none);
}

}  // namespace azlin::simulator
