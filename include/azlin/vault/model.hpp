#pragma once
// What a Recovery Services vault holds, as plain data. Names and ids are the service's own: they are taken
// from its lists, never built, and compared ignoring case.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::vault {

enum class Workload { hana, sql, vm };

// "SAPHana", "MSSQL", "AzureVM": as people type them; also takes the service's spellings. Throws core::Error
// (usage).
Workload parse_workload(const std::string& text);
const char* to_string(Workload workload);
// nullopt for a word that is none of the service's ("SAPHanaDatabase", "SQLDataBase", "VM", …).
std::optional<Workload> workload_of(const std::string& service_word);

struct VaultId {
  std::string subscription, resource_group, name;
  std::string id() const;      // /subscriptions/…/vaults/NAME
  std::string fabric() const;  // id() + "/backupFabrics/Azure"
  // Throws core::Error (failed) when `id` is not a vault's.
  static VaultId parse(const std::string& id);
};

struct Vault {
  VaultId id;
  std::string location, sku;
  std::string redundancy;  // GeoRedundant, LocallyRedundant, ZoneRedundant; "" when the list does not say
  bool cross_region_restore = false;
  std::string soft_delete;  // Enabled, Disabled, AlwaysON; "" unknown
  int soft_delete_days = 0;
  std::string immutability;  // Disabled, Unlocked, Locked; "" unknown
  std::string public_network_access;
  std::map<std::string, std::string> tags;
};

// A VM registered for the backup of its databases.
struct Container {
  std::string id, name, friendly_name;
  std::string vm_id;
  std::string status;  // Registered, SoftDeleted, …
  std::string health;
  std::string inquiry;               // Success, …; "" not asked yet
  std::map<std::string, int> found;  // "SAPHana" -> how many databases and instances
  std::optional<core::TimePoint> updated_at;
};

struct ProtectableItem {
  std::string id, name;
  std::string type;  // SAPHanaDatabase, SQLInstance, …
  std::string friendly_name, parent, server, vm_id;
  Workload workload = Workload::hana;
  bool protectable = false;  // a system or instance only groups databases
  bool auto_protectable = false, auto_protected = false;
};

struct ProtectedItem {
  std::string id, name;
  Workload workload = Workload::hana;
  std::string friendly_name, parent, server;
  std::string source_id;  // of the VM
  std::string container;  // name of it
  std::string state;      // IRPending, Protected, ProtectionStopped, …
  std::string health, last_backup_status;
  std::optional<core::TimePoint> last_backup;
  std::string policy_id, policy_name;
  bool soft_deleted = false;
  std::string soft_delete_remaining;  // "13.23:59:45.17"
  std::optional<core::TimePoint> oldest_point;
  std::optional<int> points;  // find() fills these two; a list does not
};

struct JobTask {
  std::string name, status;
  std::optional<int> percent;
};

struct JobError {
  int code = 0;
  std::string title, text;
  std::vector<std::string> recommendations;
};

struct Job {
  std::string id, name;
  std::string operation, status, entity, workload;
  core::TimePoint started{};
  std::optional<core::TimePoint> ended;
  std::string duration;  // as the service gives it
  bool cancellable = false, user_triggered = false;
  std::vector<JobTask> tasks;  // of one job; a list has none
  std::map<std::string, std::string> properties;
  std::optional<int> percent;  // of VM jobs
  std::vector<JobError> errors;

  bool running() const { return status == "InProgress" || status == "Cancelling"; }
  // 0 to 100: what the service says, else by the tasks that are done; nullopt when neither tells.
  std::optional<int> progress() const;
};

struct TimeRange {
  core::TimePoint start{}, end{};
};

struct RecoveryPoint {
  std::string id, name;
  std::string type;  // Full, Differential, Incremental, CopyOnlyFull; of VMs AppConsistent, …
  core::TimePoint time{};
  std::vector<std::string> tiers;  // InstantRP, HardenedRP, ArchivedRP
  std::optional<core::TimePoint> expires;
  std::string rule;  // Daily, Weekly, Monthly, …: what keeps it; "" when the service does not say
};

// Newest first. Logs are ranges: any second in one can be restored.
struct RecoveryPoints {
  std::vector<RecoveryPoint> points;
  std::vector<TimeRange> logs;
  std::string log_point_id;  // the pseudo point that stands for the logs; "" without any
};

}  // namespace azlin::vault
