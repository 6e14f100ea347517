// What is asked of a vault's region and of a vault before something is done: the PIN for critical operations,
// whether a VM can be protected, whether a restore would be taken, and whose key the vault is encrypted with.
// Source: REST reference, Azure Backup (2025-02-01).
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::int64_t kPinMinutes = 5;

// .NET's ticks: tenths of microseconds since the year 1.
std::int64_t ticks(core::TimePoint time) {
  return time.time_since_epoch().count() * 10'000 + 621'355'968'000'000'000;
}

// Six digits for five minutes.
Reply security_pin(Recovery& recovery, const Request& request) {
  const auto vault = recovery.vault(request);
  const auto until = recovery.now() + std::chrono::minutes(kPinMinutes);
  const auto token = new_guid();
  const auto pin = std::stoul(token.substr(0, 8), nullptr, 16) % 1'000'000;
  return Reply::json(200, {{"token", base64url_encode(vault.id + token)},
                           {"expiryTimeInUtcTicks", ticks(until)},
                           {"securityPIN", fmt::format("{:06}", pin)}});
}

Reply validate_features(const Request& request) {
  const auto type = text_at(request.object(), "/featureType");
  if (!same(type, "AzureVMResourceBackup") && !same(type, "AzureBackupGoals"))
    throw_invalid_input("featureType is AzureVMResourceBackup or AzureBackupGoals.");
  return Reply::json(200, {{"supportStatus", "Supported"}});
}

Reply pre_validate(Recovery& recovery, const Request& request) {
  const Json& body = request.object();
  if (!same(text_at(body, "/resourceType"), "VM")) throw_invalid_input("Only resourceType VM is known here.");
  const auto vm = recovery.context.state.find(text_at(body, "/resourceId"));
  if (!vm || !same(vm->type, "Microsoft.Compute/virtualMachines")) throw_item_not_found();
  const std::string name = fmt::format("iaasvmcontainerv2;{};{}", vm->group, lower(vm->name));
  return Reply::json(200, {{"status", "Success"},
                           {"errorCode", "Success"},
                           {"errorMessage", ""},
                           {"recommendation", ""},
                           {"containerName", "iaasvmcontainer;" + name},
                           {"protectedItemName", "vm;" + name}});
}

Json encryption_body(const Resource& vault) {
  Json properties = {{"encryptionAtRestType", "MicrosoftManaged"},
                     {"infrastructureEncryptionState", "Disabled"},
                     {"lastUpdateStatus", "NotEnabled"}};
  properties.merge_patch(vault.hidden.value("encryption", Json::object()));
  return {{"id", vault.id + "/backupEncryptionConfigs/backupResourceEncryptionConfig"},
          {"name", "backupResourceEncryptionConfig"},
          {"type", "Microsoft.RecoveryServices/vaults/backupEncryptionConfigs"},
          {"properties", properties}};
}

// A key of the customer's is chosen while the vault is empty, and for good.
// https://learn.microsoft.com/azure/backup/encryption-at-rest-with-cmk
Reply put_encryption(Recovery& recovery, Request& request) {
  auto vault = recovery.vault(request);
  drop_nulls(request.json);
  const Json wanted = request.object().value("properties", Json::object());
  const auto before = text_at(encryption_body(vault), "/properties/encryptionAtRestType");
  const auto type = enum_value(text_at(wanted, "/encryptionAtRestType", before),
                               {"CustomerManaged", "MicrosoftManaged"}, "encryptionAtRestType");
  if (before == "CustomerManaged" && type != before)
    throw_invalid_input("Encryption with a customer-managed key cannot be turned off.");
  if (type == "MicrosoftManaged") return Reply::empty(200);
  const auto key = text_at(wanted, "/keyUri", text_at(vault.hidden, "/encryption/keyUri"));
  if (key.empty()) throw_invalid_input("keyUri is missing.");
  const bool used =
      recovery.store.count("container", vault.id) > 0 || recovery.store.count("item", vault.id) > 0;
  if (used && before != type)
    throw_invalid_input("A customer-managed key is chosen before anything is registered or protected.");
  vault.hidden["encryption"] = {{"encryptionAtRestType", type},
                                {"keyUri", key},
                                {"subscriptionId", text_at(wanted, "/subscriptionId", request.param("sub"))},
                                {"infrastructureEncryptionState",
                                 enum_value(text_at(wanted, "/infrastructureEncryptionState", "Disabled"),
                                            {"Enabled", "Disabled"}, "infrastructureEncryptionState")},
                                {"lastUpdateStatus", "Succeeded"}};
  recovery.context.save(vault);
  return Reply::empty(200);
}

}  // namespace

void add_recovery_vault_actions(Router& router, Recovery& recovery) {
  router.arm("POST", kVaultPath + "/backupSecurityPIN", kBackupVersions,
             [&recovery](Request& r) { return security_pin(recovery, r); });
  router.arm("POST", kRegionPath + "/backupValidateFeatures", kBackupVersions,
             [](Request& r) { return validate_features(r); });
  router.arm("POST", kRegionPath + "/backupPreValidateProtection", kBackupVersions,
             [&recovery](Request& r) { return pre_validate(recovery, r); });
  const std::string encryption = kVaultPath + "/backupEncryptionConfigs/backupResourceEncryptionConfig";
  router.arm("GET", encryption, kBackupVersions,
             [&recovery](Request& r) { return Reply::json(200, encryption_body(recovery.vault(r))); });
  router.arm("PUT", encryption, kBackupVersions,
             [&recovery](Request& r) { return put_encryption(recovery, r); });
}

}  // namespace azlin::simulator
