#pragma once
// A key vault's data plane: secrets, keys and certificates. Source: Key Vault REST API 7.4.
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/platform/data_plane.hpp"

namespace azlin::platform {

enum class ItemKind { certificate, key, secret };  // in the order of a restore
const char* to_string(ItemKind kind);              // "certificate", "key", "secret"
inline constexpr ItemKind kItemKinds[] = {ItemKind::certificate, ItemKind::key, ItemKind::secret};

struct VaultItem {
  ItemKind kind = ItemKind::secret;
  std::string name;
  bool enabled = true;
  bool managed = false;      // key or secret of a certificate: it travels with the certificate
  std::int64_t updated = 0;  // seconds since 1970
};

struct ItemVersion {
  std::string id;  // the last segment
  bool enabled = true;
  std::int64_t created = 0, updated = 0;
  bool operator==(const ItemVersion&) const = default;
};

// A secret's value with what belongs to it.
struct SecretValue {
  std::string value;  // secret
  std::string content_type, version;
  bool enabled = true;
  std::optional<std::int64_t> not_before, expires;
  std::vector<std::pair<std::string, std::string>> tags;
};

// Thread-safe. Borrows the data plane. Throws arm::ArmError; no value is ever in a message.
class KeyVaultClient {
 public:
  explicit KeyVaultClient(DataPlane& data) : data_(data) {}

  std::vector<VaultItem> list(ItemKind kind, std::stop_token stop = {});
  // Names of the soft-deleted items.
  std::vector<std::string> deleted(ItemKind kind, std::stop_token stop = {});
  // All versions, oldest first. Empty: there is no such item.
  std::vector<ItemVersion> versions(ItemKind kind, const std::string& name, std::stop_token stop = {});

  // The service's own backup of all versions, decoded from base64url: what `az keyvault … backup` writes.
  std::string backup(ItemKind kind, const std::string& name, std::stop_token stop = {});
  // Throws arm::ArmError (409) when the name is taken: code ObjectIsDeletedButRecoverable, or Conflict. Waits
  // while an object of that name is being deleted or recovered.
  void restore(ItemKind kind, const std::string& blob, std::stop_token stop = {});
  // Brings a soft-deleted item back and waits until it is there.
  void recover(ItemKind kind, const std::string& name, std::stop_token stop = {});
  // For good. Waits until the name is free.
  void purge(ItemKind kind, const std::string& name, std::stop_token stop = {});

  // `version` empty: the current one.
  SecretValue secret(const std::string& name, const std::string& version, std::stop_token stop = {});
  void set_secret(const std::string& name, const SecretValue& value, std::stop_token stop = {});

  DataPlane& data() { return data_; }

 private:
  std::vector<nlohmann::json> pages(const std::string& path, std::stop_token stop);
  void send_when_settled(const DataCall& call, const char* doing, std::stop_token stop);
  DataPlane& data_;
};

}  // namespace azlin::platform
