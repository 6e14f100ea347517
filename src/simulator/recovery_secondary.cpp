// The paired region: its access tokens and restores from it. Lists of items and points are with the
// primary's.
#include <fmt/format.h>

#include "simulator/auth.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_restore.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

void check_enabled(const Resource& vault) {
  if (vault.hidden["crr"] != true) throw_invalid_input("Cross region restore is not enabled for the vault.");
}

Reply aad_properties(Request& request) {
  if (find_location(request.param("region")) == nullptr) throw_invalid_input("The region is unknown.");
  return Reply::json(200,
                     {{"id", request.target.id},
                      {"name", "backupAadProperties"},
                      {"type", "Microsoft.RecoveryServices/locations/backupAadProperties"},
                      {"properties",
                       {{"tenantId", kTenant},
                        {"audience", "https://RecoveryServices/IaasCoord/aadmgmt/" + request.param("region")},
                        {"servicePrincipalObjectId", kDefaultPrincipal}}}});
}

// The token names the point that it opens; the restore finds it by that.
Reply access_token(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  check_enabled(vault);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  const Json& body = request.object();
  if (text_at(body, "/properties/servicePrincipalObjectId", text_at(body, "/servicePrincipalObjectId"))
          .empty())
    throw_invalid_input("The body must be what backupAadProperties gave.");
  const bool vm = item->notes["workload"] == "VM";
  const std::string token = base64url_encode(item->id + "\n" + request.param("point"));
  Json properties = {{"objectType", vm ? "CrrAccessToken" : "WorkloadCrrAccessToken"},
                     {"accessTokenString", token},
                     {"subscriptionId", request.param("sub")},
                     {"resourceGroupName", request.param("rg")},
                     {"resourceName", vault.name},
                     {"resourceId", vault.id},
                     {"protectionContainerId", 0},
                     {"recoveryPointId", request.param("point")},
                     {"recoveryPointTime", iso(recovery.now())},
                     {"containerName", item->properties()["containerName"]},
                     {"containerType", vm ? "IaasVMContainer" : "VMAppContainer"},
                     {"backupManagementType", item->properties()["backupManagementType"]},
                     {"datasourceName", item->properties()["friendlyName"]},
                     {"datasourceId", item->properties()["sourceResourceId"]}};
  return Reply::json(200, {{"id", item->id}, {"name", item->name()}, {"properties", properties}});
}

Reply restore(Recovery& recovery, Request& request) {
  Json body = request.object();
  drop_nulls(body);
  const Json access = subtree_at(body, "/crossRegionRestoreAccessDetails"),
             wanted = subtree_at(body, "/restoreRequest");
  if (!access.is_object() || !wanted.is_object())
    throw_invalid_input("crossRegionRestoreAccessDetails and restoreRequest are needed.");
  const std::string token = base64url_decode(text_at(access, "/accessTokenString"));
  const auto line = token.find('\n');
  const auto item = line == std::string::npos ? std::nullopt : recovery.store.find(token.substr(0, line));
  if (!item) throw_invalid_input("The access token is not valid.");
  const auto vault = recovery.context.state.find(item->vault);
  if (!vault) throw_item_not_found();
  check_enabled(*vault);
  const Location* primary = find_location(vault->location);
  if (primary == nullptr || !same(primary->paired, request.param("region")))
    throw_invalid_input("The region is not the one paired with the vault's.");
  const std::string name = begin_restore(recovery, *vault, *item, token.substr(line + 1), wanted, true);
  RecoveryOperation operation;
  operation.base = fmt::format("/subscriptions/{}/providers/Microsoft.RecoveryServices/locations/{}",
                               request.param("sub"), request.param("region"));
  operation.status_part = "backupCrrOperationsStatus";
  operation.result_part = "backupCrrOperationResults";
  operation.data = {{"objectType", "OperationStatusJobExtendedInfo"}, {"jobId", name}};
  operation.demo = operation.realistic = core::Millis{0};
  return recovery.start(request, operation);
}

}  // namespace

void add_recovery_secondary(Router& router, Recovery& recovery) {
  router.arm("GET", kRegionPath + "/backupAadProperties", kSecondaryVersions,
             [](Request& request) { return aad_properties(request); });
  router.arm("POST", kPointPath + "/accessToken", kSecondaryVersions,
             [&recovery](Request& request) { return access_token(recovery, request); });
  router.arm("POST", kRegionPath + "/backupCrossRegionRestore", kSecondaryVersions,
             [&recovery](Request& request) { return restore(recovery, request); });
}

}  // namespace azlin::simulator
