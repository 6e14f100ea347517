// Azure Monitor and Resource Health beside the activity log: what a VM's availability is, and that there are
// no metrics, alerts or diagnostic settings here.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kHealth = "Microsoft.ResourceHealth/availabilityStatuses";
constexpr const char* kMetrics = "Microsoft.Insights/metrics";

// Wording of the service: https://learn.microsoft.com/azure/service-health/resource-health-overview
Json status_body(Context& context, const Resource& resource) {
  const bool down = context.faults.region_down(resource.location);
  const auto power = same(resource.type, kVmType) ? power_of(resource) : "running";
  const bool off = power != "running" && power != "starting";
  const auto now = to_azure_time(context.now());
  Json properties = {{"availabilityState", down || off ? "Unavailable" : "Available"},
                     {"title", down || off ? "Unavailable" : "Available"},
                     {"summary", "There aren't any known Azure platform problems affecting this resource."},
                     {"reasonType", ""},
                     {"occuredTime", to_azure_time(resource.changed)},
                     {"reasonChronicity", "Persistent"},
                     {"reportedTime", now}};
  if (off) {
    properties["summary"] =
        "This virtual machine is stopping or stopped as requested by an authorized user or process.";
    properties["reasonType"] = "Customer Initiated";
  }
  if (down) {
    properties["summary"] = "This resource is unavailable because of a problem of the Azure platform.";
    properties["reasonType"] = "Unplanned";
  }
  return {{"id", fmt::format("{}/providers/{}/current", resource.id, kHealth)},
          {"name", "current"},
          {"type", kHealth},
          {"location", resource.location},
          {"properties", properties}};
}

Resource require_scope(Context& context, const Request& request) {
  auto found = context.state.find(request.param("scope"));
  if (!found) throw_not_found(request.param("scope"));
  return std::move(*found);
}

// Of the VMs in a subscription or group.
Reply list_statuses(Context& context, const Request& request) {
  const auto scope = parse_target("GET", split_path(request.target.parent));
  ListFilter filter;
  filter.subscription = scope.subscription;
  filter.group = scope.group;
  filter.type = kVmType;
  Json value = Json::array();
  for (const auto& vm : context.state.list(filter)) value.push_back(status_body(context, vm));
  return Reply::json(200, {{"value", value}});
}

Reply none(const Request&) {
  return Reply::json(200, {{"value", Json::array()}});
}

void register_health(Router& router, Context& context) {
  const std::string above = "/{*scope}/providers/" + std::string(kHealth);
  const auto list = [&context](Request& r) { return list_statuses(context, r); };
  router.arm("GET", subscription_path(kHealth), kHealth, list);
  router.arm("GET", group_path(kHealth), kHealth, list);
  router.arm("GET", above + "/current", kHealth, [&context](Request& r) {
    return Reply::json(200, status_body(context, require_scope(context, r)));
  });
  router.arm("GET", above, kHealth, [&context](Request& r) {
    return Reply::json(200, {{"value", {status_body(context, require_scope(context, r))}}});
  });
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.ResourceHealth/events", kHealth, none);
}

void register_metrics(Router& router, Context& context) {
  const std::string scope = "/{*scope}/providers/Microsoft.Insights/";
  router.arm("GET", scope + "metrics", kMetrics, [&context](Request& r) {
    const auto resource = require_scope(context, r);
    return Reply::json(200, {{"cost", 0},
                             {"timespan", r.query_or("timespan", "")},
                             {"interval", r.query_or("interval", "PT1M")},
                             {"namespace", resource.type},
                             {"resourceregion", resource.location},
                             {"value", Json::array()}});
  });
  for (const char* list : {"metricDefinitions", "metricNamespaces", "diagnosticSettings"})
    router.arm("GET", scope + list, kMetrics, none);
}

}  // namespace

void register_monitoring(Router& router, Context& context) {
  register_health(router, context);
  register_metrics(router, context);
}

}  // namespace azlin::simulator
