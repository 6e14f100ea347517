#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/snapshot_start.hpp"
#include "azlin/core/names.hpp"
#include "azure/encryption.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

arm::Call snapshot_call(const std::string& method, const std::string& path) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = kDiskVersion;
  return call;
}

json snapshot_body(const NewSnapshot& snapshot) {
  json properties = {{"incremental", true},
                     {"creationData",
                      {{"createOption", snapshot.copy_start ? "CopyStart" : "Copy"},
                       {"sourceResourceId", snapshot.source_id}}}};
  if (!snapshot.os_type.empty()) properties["osType"] = snapshot.os_type;
  if (!snapshot.generation.empty()) properties["hyperVGeneration"] = snapshot.generation;
  if (!snapshot.security_type.empty())
    properties["securityProfile"] = {{"securityType", snapshot.security_type}};
  if (!snapshot.capabilities.empty())
    properties["supportedCapabilities"] = json::parse(snapshot.capabilities);
  json body = {{"location", snapshot.location}, {"tags", snapshot.tags}, {"properties", properties}};
  if (!snapshot.sku.empty()) body["sku"] = {{"name", snapshot.sku}};
  return body;
}

std::string copy_error(const json& properties) {
  const json& error = member(properties, "copyCompletionError");
  if (!error.is_object()) return {};
  return fmt::format("{}: {}", text(error, "errorCode"), text(error, "errorMessage"));
}

}  // namespace

Snapshot parse_snapshot(const json& body) {
  check_resource(body);
  const json& properties = member(body, "properties");
  const json& creation = member(properties, "creationData");
  Snapshot snapshot;
  snapshot.id = text(body, "id");
  snapshot.name = text(body, "name");
  snapshot.resource_group = core::ResourceId::parse(snapshot.id).resource_group;
  snapshot.location = text(body, "location");
  snapshot.sku = text(member(body, "sku"), "name");
  snapshot.unique_id = text(properties, "uniqueId");
  snapshot.incremental = member(properties, "incremental") == true;
  snapshot.create_option = text(creation, "createOption");
  snapshot.source_id = text(creation, "sourceResourceId");
  snapshot.source_unique_id = text(creation, "sourceUniqueId");
  snapshot.family_id = text(properties, "incrementalSnapshotFamilyId");
  snapshot.size_bytes = static_cast<std::uint64_t>(number(properties, "diskSizeBytes"));
  snapshot.size_gb = static_cast<int>(number(properties, "diskSizeGB"));
  snapshot.os_type = text(properties, "osType");
  snapshot.generation = text(properties, "hyperVGeneration");
  snapshot.security_type = text(member(properties, "securityProfile"), "securityType");
  if (const json& capabilities = member(properties, "supportedCapabilities"); capabilities.is_object()) {
    snapshot.capabilities = capabilities.dump();
  }
  snapshot.encryption_type = text(member(properties, "encryption"), "type");
  snapshot.encryption_set_id = text(member(properties, "encryption"), "diskEncryptionSetId");
  snapshot.network_policy = text(properties, "networkAccessPolicy");
  snapshot.state = text(properties, "diskState");
  snapshot.provisioning_state = text(properties, "provisioningState");
  if (const json& percent = member(properties, "completionPercent"); percent.is_number()) {
    snapshot.completion_percent = percent.get<double>();
  }
  snapshot.copy_error = copy_error(properties);
  snapshot.created_at = time_of(properties, "timeCreated");
  snapshot.tags = tags_of(body);
  return snapshot;
}

std::optional<Snapshot> find_snapshot(arm::ArmClient& arm, const std::string& id, std::stop_token stop,
                                      std::optional<int> outage_attempts) {
  arm::Call call = snapshot_call("GET", id);
  call.outage_attempts = outage_attempts;
  const auto reply = arm.find(call, stop);
  if (!reply) return std::nullopt;
  const json body = reply->json();
  if (!core::equal_ignoring_case(text(body, "id"), id)) throw_unreadable({{"id", id}}, "it has another id");
  return parse_snapshot(body);
}

void list_snapshots(arm::ArmClient& arm, const std::string& subscription,
                    const std::optional<std::string>& resource_group,
                    const std::function<bool(Snapshot&&)>& item, std::stop_token stop) {
  const std::string scope =
      "/subscriptions/" + subscription + (resource_group ? "/resourceGroups/" + *resource_group : "");
  arm.list(
      snapshot_call("GET", scope + "/providers/Microsoft.Compute/snapshots"),
      [&](json&& body) { return item(parse_snapshot(body)); }, stop);
}

arm::Operation begin_snapshot(arm::ArmClient& arm, const NewSnapshot& snapshot, std::stop_token stop) {
  arm::Call call = snapshot_call("PUT", snapshot.id);
  json body = snapshot_body(snapshot);
  if (!snapshot.encryption_set_id.empty())
    body["properties"]["encryption"] = encryption_by(arm, snapshot.encryption_set_id, stop);
  call.body = body.dump();
  return arm.begin(call, std::move(stop));
}

Snapshot end_snapshot(arm::ArmClient& arm, const arm::Operation& operation, std::stop_token stop) {
  return parse_snapshot(arm.wait(operation, std::move(stop)));
}

Snapshot create_snapshot(arm::ArmClient& arm, const NewSnapshot& snapshot, std::stop_token stop) {
  return end_snapshot(arm, begin_snapshot(arm, snapshot, stop), stop);
}

void delete_snapshot(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(snapshot_call("DELETE", id), stop);
}

}  // namespace azlin::azure
