// Operations of a vault: every one can be asked for under any of the vault's status paths, since clients take
// the last segment of a header and ask elsewhere.
#include <fmt/format.h>

#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kWork = "recovery.operation";
constexpr const char* kNoTime = "0001-01-01T00:00:00";

std::string operation_id(const std::string& vault, const std::string& name) {
  return lower(vault) + "/operations/" + lower(name);
}

void finish(Recovery& recovery, const Json& data) {
  auto operation = recovery.store.find(data.at("id").get<std::string>());
  if (!operation || operation->body["status"] != "InProgress") return;
  std::string failure_code, failure_text;
  Json shown = operation->notes["data"];
  try {
    const Json& fail = operation->notes["fail"];
    if (!fail.is_null())
      throw ApiError(400, fail["code"].get<std::string>(), fail["message"].get<std::string>());
    const std::string effect = operation->notes["effect"];
    if (!effect.empty()) shown = recovery.effects.at(effect)(recovery, operation->notes["data"]);
  } catch (const ApiError& error) {
    failure_code = error.code;
    failure_text = error.message;
    operation->notes["errorStatus"] = error.status;
  } catch (const std::exception& error) {
    failure_code = "InternalServerError";
    failure_text = error.what();
    operation->notes["errorStatus"] = 500;
  }
  operation->body["endTime"] = operation->body["startTime"];  // as recorded from the service
  if (failure_code.empty()) {
    operation->body["status"] = "Succeeded";
    if (shown.is_object() && shown.contains("objectType")) operation->body["properties"] = shown;
  } else {
    operation->body["status"] = "Failed";
    operation->body["error"] = {{"code", failure_code}, {"message", failure_text}};
  }
  recovery.store.save(*operation);
}

// The vault of the path, which may be deleted meanwhile; of a cross-region restore, its region.
std::string vault_of(const Request& request) {
  if (request.params.count("vault") == 0)
    return fmt::format("/subscriptions/{}/providers/Microsoft.RecoveryServices/locations/{}",
                       request.param("sub"), request.param("region"));
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.RecoveryServices/vaults/{}",
                     request.param("sub"), request.param("rg"), request.param("vault"));
}

RecoveryObject require_operation(Recovery& recovery, const std::string& vault, const std::string& name) {
  auto operation = recovery.store.find(operation_id(vault, name));
  if (!operation) throw_recovery(404, "ResourceNotFound", "The operation '" + name + "' is not known.");
  return std::move(*operation);
}

Reply status_of(Recovery& recovery, const std::string& vault, const std::string& name) {
  const auto operation = require_operation(recovery, vault, name);
  Reply reply = Reply::json(200, operation.body);
  if (operation.body["status"] == "InProgress") reply.with("Retry-After", recovery.context.retry_after());
  return reply;
}

Reply result_of(Recovery& recovery, const Request& request, const std::string& vault,
                const std::string& name) {
  const auto operation = require_operation(recovery, vault, name);
  if (operation.body["status"] == "InProgress") {
    return Reply::json(202, Json::object())
        .with("Location", request.base_url + request.path + "?" + request.raw_query)
        .with("Retry-After", recovery.context.retry_after());
  }
  if (operation.body["status"] == "Failed")
    return Reply::json(operation.notes.value("errorStatus", 400), {{"error", operation.body["error"]}});
  if (operation.notes["finalStatus"] != 200) return Reply::empty(operation.notes["finalStatus"].get<int>());
  const std::string result_id = operation.notes["result"];
  if (result_id.empty()) return Reply::json(200, operation.body);
  const auto result = recovery.store.find(result_id);
  return result ? Reply::json(200, result->body) : Reply::empty(204);
}

}  // namespace

Reply Recovery::start(const Request& request, const RecoveryOperation& operation) {
  const auto vaults = operation.base.find("/backupFabrics");
  std::string vault = lower(vaults == std::string::npos ? operation.base : operation.base.substr(0, vaults));
  if (const auto child = vault.find("/backuppolicies/"); child != std::string::npos) vault.resize(child);
  if (const auto child = vault.find("/backupjobs/"); child != std::string::npos) vault.resize(child);
  RecoveryObject object;
  const std::string name = new_guid();
  object.id = operation_id(vault, name);
  object.vault = vault;
  object.kind = "operation";
  object.at = now();
  object.body = {{"id", name},
                 {"name", name},
                 {"status", "InProgress"},
                 {"startTime", iso(now())},
                 {"endTime", kNoTime}};
  object.notes = {{"effect", operation.effect},
                  {"data", operation.data},
                  {"finalStatus", operation.final_status},
                  {"result", operation.result_id}};
  if (request.fail_operation)
    object.notes["fail"] = {{"code", request.fail_operation->first},
                            {"message", request.fail_operation->second}};
  store.save(object);
  context.operations.schedule({kWork, object.id, {{"id", object.id}}},
                              context.delay(operation.demo, operation.realistic));
  Reply reply = operation.body.is_null() ? Reply::empty(operation.status)
                                         : Reply::json(operation.status, operation.body);
  const auto url = [&](const std::string& part) {
    return fmt::format("{}{}/{}/{}?api-version={}", request.base_url, operation.base, part, name,
                       request.api_version);
  };
  if (!operation.status_part.empty()) reply.with("Azure-AsyncOperation", url(operation.status_part));
  if (!operation.result_part.empty()) reply.with("Location", url(operation.result_part));
  return reply.with("Retry-After", context.retry_after());
}

void add_recovery_operations(Router& router, Recovery& recovery) {
  recovery.context.operations.on(kWork, [&recovery](Context&, const Json& data) {
    finish(recovery, data);
    return Json();
  });
  const auto status = [&recovery](Request& request) {
    return status_of(recovery, vault_of(request), request.param("op"));
  };
  const auto result = [&recovery](Request& request) {
    return result_of(recovery, request, vault_of(request), request.param("op"));
  };
  const std::string policy = kVaultPath + "/backupPolicies/{policy}", job = kVaultPath + "/backupJobs/{job}";
  for (const auto& path :
       {kVaultPath + "/backupOperations/{op}", kFabricPath + "/operationsStatus/{op}",
        kContainerPath + "/operationsStatus/{op}", kItemPath + "/operationsStatus/{op}",
        policy + "/operations/{op}", kVaultPath + "/backupValidateOperationsStatuses/{op}"})
    router.arm("GET", path, kBackupVersions, status);
  for (const auto& path :
       {kVaultPath + "/backupOperationResults/{op}", kFabricPath + "/operationResults/{op}",
        kContainerPath + "/operationResults/{op}", kItemPath + "/operationResults/{op}",
        policy + "/operationResults/{op}", job + "/operationResults/{op}",
        kVaultPath + "/backupValidateOperationResults/{op}"})
    router.arm("GET", path, kBackupVersions, result);
  router.arm("GET", kVaultPath + "/operationStatus/{op}", kVaultVersions, status);
  router.arm("GET", kVaultPath + "/operationResults/{op}", kVaultVersions, result);
  router.arm("GET", kRegionPath + "/backupCrrOperationsStatus/{op}", kSecondaryVersions, status);
  router.arm("GET", kRegionPath + "/backupCrrOperationResults/{op}", kSecondaryVersions, result);
}

}  // namespace azlin::simulator
