#pragma once
// Recovery Services in the simulated cloud: what its groups of routes share. One Recovery a server; used
// under Context::mutex. The rules and where they come from: docs/simulator.md, section Recovery Services.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/recovery_store.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

// Templates of paths: {V}, {F}, {C}, {I}, {R} and {L} of the service's documentation.
inline const std::string kVaultPath =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.RecoveryServices/vaults/{vault}";
inline const std::string kFabricPath = kVaultPath + "/backupFabrics/{fabric}";
inline const std::string kContainerPath = kFabricPath + "/protectionContainers/{container}";
inline const std::string kItemPath = kContainerPath + "/protectedItems/{item}";
inline const std::string kPointPath = kItemPath + "/recoveryPoints/{point}";
inline const std::string kRegionPath =
    "/subscriptions/{sub}/providers/Microsoft.RecoveryServices/locations/{region}";

// Keys of the table of api-versions.
inline constexpr const char* kVaultVersions = "Microsoft.RecoveryServices/vaults";
inline constexpr const char* kBackupVersions = "Microsoft.RecoveryServices/vaults/backup";
// Primary and secondary region: the version alone says which is meant.
inline constexpr const char* kBothRegions = "Microsoft.RecoveryServices/vaults/backupAndSecondary";
inline constexpr const char* kSecondaryVersions = "Microsoft.RecoveryServices/locations/secondary";

// A job that ends as Failed. `title` is the service's code, such as UserErrorHanaPreScriptNotRun.
struct JobFailure {
  int code = 0;
  std::string title, text;
  std::vector<std::string> recommendations;
};

struct Recovery;
// Does the work of a job or operation when its time has come. May throw ApiError (both) or JobFailure (jobs).
// What it returns: of an operation, what its status shows besides (jobId); of a job, additions to its
// property bag.
using RecoveryEffect = std::function<Json(Recovery&, const Json& data)>;

struct NewJob {
  std::string vault;                         // id
  std::string operation;                     // Backup, Restore, ConfigureBackup, …
  std::string management = "AzureWorkload";  // or AzureIaasVM
  std::string workload;                      // SAPHanaDatabase, SQLDataBase; empty for VMs
  std::string entity;                        // friendly name
  std::string item;                          // id of the protected item, or container
  std::vector<std::string> tasks;
  Json bag = Json::object();  // property bag from the start
  bool user = true, cancellable = false;
  bool secondary = false;  // AzureWorkloadJobV2, seen by backupCrrJobs alone
  std::string effect;      // registered in Recovery::effects
  Json data;
  core::Millis demo{2'000}, realistic{120'000};
  std::optional<core::TimePoint> began;  // of a job that should have run while nobody looked; else now
};

// How an operation is answered and polled.
struct RecoveryOperation {
  std::string base;                              // id under which its URLs hang
  std::string status_part = "operationsStatus";  // empty: no Azure-AsyncOperation
  std::string result_part = "operationResults";
  int final_status = 200;  // of the result's URL
  std::string result_id;   // whose body that gives, with 200
  std::string effect;      // registered in Recovery::effects; empty: `data` is what the status shows
  Json data;
  core::Millis demo{1'000}, realistic{20'000};
  int status = 202;  // of the first reply
  Json body;         // of the first reply
};

struct Recovery {
  explicit Recovery(Context& the_context) : context(the_context), store(the_context) {}
  Context& context;
  RecoveryStore store;
  std::map<std::string, RecoveryEffect> effects;

  core::TimePoint now() const { return context.now(); }

  // The vault that the path names. Throws ApiError 404 ResourceNotFound, 400 for a fabric that is not Azure.
  Resource vault(const Request& request);
  std::string container_id(const Request& request, const Resource& vault) const;
  std::string item_id(const Request& request, const Resource& vault) const;

  // Notes the work and answers 202 with the headers to poll with.
  Reply start(const Request& request, const RecoveryOperation& operation);
  // Begins a job and returns its name (a GUID).
  std::string start_job(const NewJob& job);
};

// ---- errors ----
[[noreturn]] void throw_recovery(int status, const std::string& code, const std::string& message);
[[noreturn]] void throw_invalid_input(const std::string& detail = {});
[[noreturn]] void throw_item_not_found();

// ---- values ----
// "key eq 'value' and …" to a map with lower-case keys. Throws ApiError 400 BMSUserErrorInvalidInput.
using Filter = std::map<std::string, std::string>;
Filter parse_filter(const Request& request);
// True when the filter has no such key or its value equals `value`, ignoring case.
bool passes(const Filter& filter, const std::string& key, const std::string& value);
// A date of a filter: "2024-01-02 03:04:05 PM".
std::optional<core::TimePoint> parse_filter_time(const std::string& text);
std::string iso(core::TimePoint time);
std::string iso_duration(core::Millis duration);     // "PT1M3.59S"
std::string dotnet_duration(core::Millis duration);  // "13.23:59:45.1700000"
bool is_secondary(const std::string& api_version);

// Whether a database's or item's type word is that of a workload. "SQL", "SQLDataBase",
// "AzureVmWorkloadSQLDatabase" all give "SQLDataBase"; SAP HANA gives "SAPHanaDatabase"; HANA instances
// "SAPHanaDBInstance"; VMs "VM"; "" for others.
std::string workload_of(const std::string& word);

// {"value":[…],"nextLink"?}: pages of `size` objects that `accept` lets pass, each as `show` renders it.
Reply recovery_page(Recovery& recovery, const Request& request, std::string_view kind,
                    const std::string& vault, bool newest_first,
                    const std::function<bool(const RecoveryObject&)>& accept,
                    const std::function<Json(const RecoveryObject&)>& show);

// ---- rules that several groups share ----
// Sets redundancy in the vault's notes. Throws ApiError 400 StorageModelModifyError when it is locked, and
// BMSUserErrorInvalidInput for cross-region restore that is turned off or lacks geo-redundancy.
void change_storage(Recovery& recovery, Resource& vault, const std::string& storage, bool crr);
// The policies that a new vault holds: name and properties.
std::vector<std::pair<std::string, Json>> default_recovery_policies();

// What a registered VM holds of databases: objects of kind "database" with notes {name, type, friendly,
// parent, model, readOnly, files, …}; `name` is "saphanadatabase;hxe;systemdb".
std::vector<RecoveryObject> databases_of(Recovery& recovery, const std::string& vm_id);
// The workload container of this id if it is registered.
std::optional<RecoveryObject> find_container(Recovery& recovery, const std::string& id);
// Looks into the VM: notes in the container which databases are known from now on, and the result of the
// inquiry.
void inquire(Recovery& recovery, RecoveryObject& container);
// The database that an item or protectable item is named after, when its container is registered and knows
// it.
std::optional<RecoveryObject> find_database(Recovery& recovery, const RecoveryObject& container,
                                            const std::string& name);
// Protects the database with this policy: begins the job and returns its name.
std::string protect_database(Recovery& recovery, const RecoveryObject& container,
                             const RecoveryObject& database, const std::string& policy_id);
// Protects what came up since in instances that are protected automatically.
void protect_by_intents(Recovery& recovery, const RecoveryObject& container);
// Whether the VM runs. A VM that is gone does not.
bool vm_running(Recovery& recovery, const std::string& vm_id);
// "soft deleted": kept for some days after its data was deleted.
bool is_soft_deleted(const RecoveryObject& item);

// Puts an instance with databases (names, or {"name","model","readOnly"}) into a VM.
void add_workload(Recovery& recovery, const std::string& vm, bool hana, const std::string& instance,
                  const Json& databases);
// A classic vault with its default policies.
void make_recovery_vault(Recovery& recovery, const std::string& id, const std::string& location);
// For seeds; the provider must be registered.
Recovery& recovery_of(Context& context);

// ---- groups of routes ----
void add_recovery_vaults(Router& router, Recovery& recovery);
void add_recovery_vault_questions(Router& router, Recovery& recovery);
void add_recovery_vault_actions(Router& router, Recovery& recovery);
void add_recovery_vault_settings(Router& router, Recovery& recovery);
void add_recovery_operations(Router& router, Recovery& recovery);
void add_recovery_containers(Router& router, Recovery& recovery);
void add_recovery_discovery(Router& router, Recovery& recovery);
void add_recovery_policies(Router& router, Recovery& recovery);
void add_recovery_items(Router& router, Recovery& recovery);
void add_recovery_backups(Router& router, Recovery& recovery);
void add_recovery_jobs(Router& router, Recovery& recovery);
void add_recovery_points(Router& router, Recovery& recovery);
void add_recovery_restores(Router& router, Recovery& recovery);
void add_recovery_vm_restores(Router& router, Recovery& recovery);
void add_recovery_secondary(Router& router, Recovery& recovery);
void add_recovery_admin(Router& router, Recovery& recovery);

}  // namespace azlin::simulator
