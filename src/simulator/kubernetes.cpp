#include "simulator/kubernetes.hpp"

#include <fmt/format.h>

#include "simulator/auth.hpp"
#include "simulator/platform.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

void register_kubernetes(Router& router, Context& context) {
  const auto list = [&context](Request& request) { return list_resources(context, request, kClusterType); };
  router.arm("GET", group_path(kClusterType), kClusterType, list);
  router.arm("GET", subscription_path(kClusterType), kClusterType, list);
  router.arm("GET", group_path(kClusterType) + "/{cluster}", kClusterType,
             [&context](Request& request) { return get_resource(context, request); });
}

void seed_cluster(Context& context, const std::string& group, const std::string& name,
                  const std::string& location, const std::string& version, const Json& tags) {
  seed_group(context, group, location);
  Resource cluster;
  cluster.id = fmt::format("{}/providers/{}/{}", seed_group_id(group), kClusterType, name);
  cluster.type = kClusterType;
  cluster.name = name;
  cluster.location = location;
  const Json pool = {{"name", "system"},
                     {"count", 3},
                     {"vmSize", "Standard_D4s_v5"},
                     {"mode", "System"},
                     {"osType", "Linux"},
                     {"osDiskSizeGB", 128},
                     {"type", "VirtualMachineScaleSets"},
                     {"orchestratorVersion", version},
                     {"provisioningState", "Succeeded"},
                     {"powerState", {{"code", "Running"}}}};
  cluster.body = {
      {"id", cluster.id},
      {"name", name},
      {"type", kClusterType},
      {"location", location},
      {"sku", {{"name", "Base"}, {"tier", "Standard"}}},
      {"identity", {{"type", "SystemAssigned"}, {"principalId", new_guid()}, {"tenantId", kTenant}}},
      {"properties",
       {{"provisioningState", "Succeeded"},
        {"powerState", {{"code", "Running"}}},
        {"kubernetesVersion", version},
        {"dnsPrefix", name},
        {"fqdn", fmt::format("{}-dns.hcp.{}.azmk8s.io", name, location)},
        {"enableRBAC", true},
        {"servicePrincipalProfile", {{"clientId", "msi"}}},  // az reads it in any case
        {"networkProfile", {{"networkPlugin", "azure"}, {"loadBalancerSku", "standard"}}},
        {"nodeResourceGroup", fmt::format("MC_{}_{}_{}", group, name, location)},
        {"agentPoolProfiles", {pool}}}}};
  if (tags.is_object()) cluster.body["tags"] = tags;
  context.save(cluster);
}

}  // namespace azlin::simulator
