// Managed disks, and access to the bytes of disks and snapshots.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/disk_traits.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azure/encryption.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

constexpr core::Millis kShortestAccess{60'000};
constexpr core::Millis kLongestAccess{std::chrono::seconds{5'184'000}};

constexpr const char* kCustomerKey = "EncryptionAtRestWithCustomerKey";
constexpr const char* kBothKeys = "EncryptionAtRestWithPlatformAndCustomerKeys";

std::string type_of(arm::ArmClient& arm, const std::string& set_id, std::stop_token stop) {
  arm::Call call;
  call.path = set_id;
  call.api_version = kDiskVersion;
  try {
    const auto reply = arm.find(call, stop);
    return reply ? text(member(reply->json(), "properties"), "encryptionType") : "";
  } catch (const arm::ArmError& error) {
    if (error.kind() == core::ErrorKind::interrupted) throw;
    core::log_info("{} cannot be read: {}", set_id, error.what());
    return {};
  }
}

arm::Call disk_call(const std::string& method, const std::string& path) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = kDiskVersion;
  return call;
}

Disk parse_disk(const json& body) {
  check_resource(body);
  const json& properties = member(body, "properties");
  Disk disk;
  disk.id = text(body, "id");
  disk.name = text(body, "name");
  disk.resource_group = core::ResourceId::parse(disk.id).resource_group;
  disk.location = text(body, "location");
  disk.sku = text(member(body, "sku"), "name");
  disk.zone = first_zone(body);
  disk.unique_id = text(properties, "uniqueId");
  disk.size_bytes = static_cast<std::uint64_t>(number(properties, "diskSizeBytes"));
  disk.size_gb = static_cast<int>(number(properties, "diskSizeGB"));
  disk.state = text(properties, "diskState");
  disk.managed_by = text(body, "managedBy");
  disk.os_type = text(properties, "osType");
  disk.generation = text(properties, "hyperVGeneration");
  disk.security_type = text(member(properties, "securityProfile"), "securityType");
  disk.encryption_type = text(member(properties, "encryption"), "type");
  disk.encryption_set_id = text(member(properties, "encryption"), "diskEncryptionSetId");
  disk.network_policy = text(properties, "networkAccessPolicy");
  disk.source_id = text(member(properties, "creationData"), "sourceResourceId");
  disk.provisioning_state = text(properties, "provisioningState");
  disk.created_at = time_of(properties, "timeCreated");
  disk.tags = tags_of(body);
  return disk;
}

json disk_body(const NewDisk& disk) {
  json body = {
      {"location", disk.location},
      {"tags", disk.tags},
      {"properties", {{"creationData", {{"createOption", "Copy"}, {"sourceResourceId", disk.snapshot_id}}}}}};
  if (!disk.sku.empty()) body["sku"] = {{"name", disk.sku}};
  if (disk.zone) body["zones"] = {*disk.zone};
  if (disk.size_gb) body["properties"]["diskSizeGB"] = *disk.size_gb;
  return body;
}

}  // namespace

json encryption_by(arm::ArmClient& arm, const std::string& set_id, std::stop_token stop) {
  const bool both = type_of(arm, set_id, stop) == kBothKeys;
  return {{"type", both ? kBothKeys : kCustomerKey}, {"diskEncryptionSetId", set_id}};
}

std::optional<Disk> find_disk(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const auto reply = arm.find(disk_call("GET", id), stop);
  if (!reply) return std::nullopt;
  return parse_disk(reply->json());
}

std::vector<Disk> list_disks(arm::ArmClient& arm, const std::string& subscription,
                             const std::optional<std::string>& resource_group, std::stop_token stop) {
  std::vector<Disk> disks;
  const std::string scope =
      "/subscriptions/" + subscription + (resource_group ? "/resourceGroups/" + *resource_group : "");
  arm.list(
      disk_call("GET", scope + "/providers/Microsoft.Compute/disks"),
      [&](json&& item) {
        disks.push_back(parse_disk(item));
        return true;
      },
      stop);
  return disks;
}

std::optional<DiskTraits> find_disk_traits(arm::ArmClient& arm, const std::string& disk_id,
                                           std::stop_token stop) {
  const auto reply = arm.find(disk_call("GET", disk_id), stop);
  if (!reply) return std::nullopt;
  const json body = reply->json();
  const json& properties = member(body, "properties");
  return DiskTraits{parse_disk(body), static_cast<int>(number(properties, "maxShares", 1)),
                    member(member(properties, "encryptionSettingsCollection"), "enabled") == true};
}

bool has_ephemeral_os_disk(const Vm& vm) {
  const json body = json::parse(vm.raw, nullptr, false);
  const json& os_disk = member(member(member(body, "properties"), "storageProfile"), "osDisk");
  return core::equal_ignoring_case(text(member(os_disk, "diffDiskSettings"), "option"), "Local");
}

Disk create_disk(arm::ArmClient& arm, const NewDisk& disk, std::stop_token stop) {
  arm::Call call = disk_call("PUT", disk.id);
  json body = disk_body(disk);
  if (!disk.encryption_set_id.empty())
    body["properties"]["encryption"] = encryption_by(arm, disk.encryption_set_id, stop);
  call.body = body.dump();
  return parse_disk(arm.run(call, stop));
}

void delete_disk(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(disk_call("DELETE", id), stop);
}

std::string begin_access(arm::ArmClient& arm, const std::string& id, core::Millis duration,
                         std::stop_token stop) {
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(std::clamp(duration, kShortestAccess, kLongestAccess));
  arm::Call call = disk_call("POST", id + "/beginGetAccess");
  call.body = json{{"access", "Read"}, {"durationInSeconds", seconds.count()}}.dump();
  call.repeatable = http::Repeatable::yes;  // granting again extends: the address stays the same
  const std::string sas = text(arm.run(call, stop), "accessSAS");
  if (sas.empty()) {
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("the service granted access to {} but gave no address to read from", id),
                      "try again; if it stays so, look whether a network access policy forbids export");
  }
  return sas;
}

void end_access(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm::Call call = disk_call("POST", id + "/endGetAccess");
  call.repeatable = http::Repeatable::yes;  // revoking twice revokes once
  arm.run(call, stop);
}

}  // namespace azlin::azure
