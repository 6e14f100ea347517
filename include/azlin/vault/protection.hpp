#pragma once
// What can be protected and what is; protecting, stopping, deleting, undeleting; backups on demand.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Which items a command means. Empty fields do not restrict; words are compared ignoring case.
struct ItemQuery {
  std::string name;    // friendly name ("SYSTEMDB"), "HXE/SYSTEMDB", or the service's own name
  std::string server;  // the VM's name
  std::optional<Workload> workload;
};

enum class BackupType { full, differential, incremental, log, copy_only_full };
BackupType parse_backup_type(const std::string& text);  // "copy-only-full"; throws core::Error (usage)
const char* to_string(BackupType type);

// Borrows the service. Thread-safe: it keeps nothing but the vault.
class ProtectionManager {
 public:
  ProtectionManager(Service& service, VaultId vault) : service_(service), vault_(std::move(vault)) {}

  // Both by pages, in constant memory, until `each` returns false.
  void each_protectable(const ItemQuery& query, const std::function<bool(ProtectableItem&&)>& each,
                        std::stop_token stop = {});
  void each_item(const ItemQuery& query, const std::function<bool(ProtectedItem&&)>& each,
                 bool secondary = false, std::stop_token stop = {});
  // The one that the query means. Throws core::Error: not_found (with what to do first), usage for several.
  ProtectableItem require_protectable(const ItemQuery& query, std::stop_token stop = {});
  ProtectedItem require_item(const ItemQuery& query, bool secondary = false, std::stop_token stop = {});
  // By its id, with its count of points.
  std::optional<ProtectedItem> find(const std::string& id, std::stop_token stop = {});

  // Each of these begins the work and returns the job's name.
  // Protects by a policy, or moves a protected item to it, or resumes.
  std::string protect(const ProtectableItem& item, const std::string& policy_id, std::stop_token stop = {});
  std::string protect_vm(const std::string& vm_id, const std::string& policy_id, std::stop_token stop = {});
  std::string set_policy(const ProtectedItem& item, const std::string& policy_id, std::stop_token stop = {});
  std::string stop_protection(const ProtectedItem& item, std::stop_token stop = {});  // keeps the backups
  std::string delete_data(const ProtectedItem& item, std::stop_token stop = {});
  std::string undelete(const ProtectedItem& item, std::stop_token stop = {});
  // Refused before the call where the service cannot do it: core::Error (usage) with the nearest thing that
  // works. `keep_days` 0: 45 for full, 30 for copy-only and VMs; the policy's for the rest.
  std::string back_up(const ProtectedItem& item, BackupType type, int keep_days, bool compression,
                      std::stop_token stop = {});
  // New databases of a SQL instance are protected as they come up.
  void auto_protect(const ProtectableItem& instance, const std::string& policy_id, std::stop_token stop = {});

 private:
  std::string put_item(const ProtectedItem& item, const nlohmann::json& properties, const std::string& doing,
                       std::stop_token stop);
  Service& service_;
  VaultId vault_;
};

// Why `back_up` would refuse, with what works instead; "" when it would not. Pure.
std::string why_not(const ProtectedItem& item, BackupType type);

}  // namespace azlin::vault
