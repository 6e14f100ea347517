#include "azlin/mcp/tool.hpp"

namespace azlin::mcp {
namespace {

using Names = std::vector<std::string>;

CatalogEntry reads(const char* tool, const char* command) {
  CatalogEntry entry;
  entry.tool = tool;
  entry.command = command;
  return entry;
}

CatalogEntry changes(const char* tool, const char* command) {
  auto entry = reads(tool, command);
  entry.effect = Effect::changes;
  return entry;
}

CatalogEntry destroys(const char* tool, const char* command, Names confirm) {
  auto entry = reads(tool, command);
  entry.effect = Effect::destroys;
  entry.confirm = std::move(confirm);
  return entry;
}

// Only one of `arguments` makes it do what its effect says.
CatalogEntry only_with(Names arguments, Effect otherwise, CatalogEntry entry) {
  entry.only_with = std::move(arguments);
  entry.otherwise = otherwise;
  return entry;
}

CatalogEntry reads_when_dry(CatalogEntry entry) {
  entry.reads_when_dry = true;
  return entry;
}

CatalogEntry named(std::map<std::string, std::string> names, CatalogEntry entry) {
  entry.names = std::move(names);
  return entry;
}

CatalogEntry refusing(std::map<std::string, std::string> refused, CatalogEntry entry) {
  entry.refused.merge(refused);
  return entry;
}

constexpr const char* kNoFiles = "a tool that reads writes no files: the result holds the text";
constexpr const char* kPerson = "a person decides on this, at the command line";
constexpr const char* kPlanHooks = "a plan file names programs of this machine: a person runs it";

void add_recovery_services(std::vector<CatalogEntry>& to) {
  const std::vector<CatalogEntry> entries = {
      reads("recovery_services_list_vaults", "vault list"),
      reads("recovery_services_test_connection", "vault test-connection"),
      changes("recovery_services_register_vm", "vault register-vm"),
      changes("recovery_services_reregister_vm", "vault reregister-vm"),
      destroys("recovery_services_unregister_vm", "vault unregister-vm", {"vm"}),
      reads("recovery_services_check_registration_status", "vault registration-status"),
      changes("recovery_services_create_policy", "policy create"),
      reads("recovery_services_list_policies", "policy list"),
      reads("recovery_services_get_policy_details", "policy show"),
      only_with({"refresh"}, Effect::reads,
                changes("recovery_services_list_protectable_items", "vault protectable")),
      changes("recovery_services_enable_protection", "vault protect"),
      destroys("recovery_services_disable_protection", "vault unprotect", {"item", "server", "workload"}),
      reads("recovery_services_list_protected_items", "vault items"),
      changes("recovery_services_trigger_backup", "vault backup"),
      reads("recovery_services_list_backup_jobs", "vault jobs"),
      reads("recovery_services_get_job_status", "vault job show"),
      reads("recovery_services_wait_for_job", "vault job wait"),
      reads("recovery_services_get_backup_summary", "vault summary"),
      reads("recovery_services_list_recovery_points", "restore points"),
      destroys("recovery_services_restore_original_location", "restore original", {"item"}),
      only_with({"overwrite"}, Effect::changes,
                destroys("recovery_services_restore_alternate_location", "restore alternate",
                         {"target-database", "item"})),
      only_with({"overwrite"}, Effect::changes,
                destroys("recovery_services_restore_as_files", "restore files", {"path"})),
      changes("recovery_services_clear_auth_cache", "auth clear")};
  to.insert(to.end(), entries.begin(), entries.end());
}

// Arguments as the tools' first description spelt them.
void add_archives(std::vector<CatalogEntry>& to) {
  const std::map<std::string, std::string> spelt = {{"service", "services"}, {"include-data", "includeData"}};
  const std::vector<CatalogEntry> entries = {
      named(spelt, changes("create-backup", "archive create")),
      reads("list-backups", "archive list"),
      refusing({{"type", "use mode: full-rebuild, selective or config-only"}},
               named({{"name", "backup"}, {"service", "services"}},
                     destroys("restore-backup", "archive restore", {"target", "name"}))),
      only_with(
          {"deep", "scratch"}, Effect::reads,
          named({{"name", "backup"}, {"deep", "deep_check"}}, changes("verify-backup", "archive verify"))),
      refusing(
          {{"password", "a password is no argument: set AZLIN_PACKAGE_PASSWORD where azlin mcp is started"},
           {"encrypt", "use format encrypted-zip"}},
          named({{"archive", "backupName"}, {"output", "downloadPath"}},
                only_with({"force"}, Effect::changes,
                          destroys("download-backup", "archive download", {"output"})))),
      refusing({{"encrypt", "what a schedule makes is always encrypted"}},
               named({{"service", "services"},
                      {"include-data", "includeData"},
                      {"cron", "schedule"},
                      {"type", "backupType"}},
                     changes("schedule-backup", "archive schedule add"))),
      changes("backup-database", "archive database"),
      changes("backup-files", "archive files"),
      changes("backup-containers", "archive containers"),
      changes("backup-vm-snapshot", "archive vm-snapshot"),
      reads("backup-compare", "archive compare"),
      changes("backup-migrate", "archive migrate"),
      only_with({"delete-plain"}, Effect::changes, destroys("backup-encrypt", "archive encrypt", {"bundle"})),
      changes("backup-sync", "archive sync"),
      reads("archive_schedules", "archive schedule list"),
      reads("archive_report", "archive report")};
  to.insert(to.end(), entries.begin(), entries.end());
}

void add_vm_backups(std::vector<CatalogEntry>& to) {
  const std::vector<CatalogEntry> entries = {
      only_with({"daily-retention", "weekly-retention", "monthly-retention", "no-weekly", "no-monthly",
                 "replace", "engine", "no-cross-region"},
                Effect::changes, destroys("backup_configure", "backup configure", {"vm"})),
      reads("backup_show_configuration", "backup config-show"),
      changes("backup_trigger", "backup trigger"),
      reads("backup_list", "backup list"),
      reads("backup_forecast", "backup forecast"),
      destroys("backup_restore", "backup restore", {"vm"}),
      changes("backup_hold", "backup hold"),
      destroys("backup_delete", "backup delete", {"backup"}),
      changes("backup_replicate", "backup replicate"),
      changes("backup_replicate_all", "backup replicate-all"),
      reads_when_dry(changes("backup_replication_status", "backup replication-status")),
      reads_when_dry(changes("backup_replication_jobs", "backup replication-jobs")),
      changes("backup_verify", "backup verify"),
      changes("backup_verify_all", "backup verify-all"),
      reads("backup_verification_report", "backup verification-report")};
  to.insert(to.end(), entries.begin(), entries.end());
}

void add_recovery(std::vector<CatalogEntry>& to) {
  const std::map<std::string, std::string> no_plan = {{"plan", kPlanHooks}};
  const std::vector<CatalogEntry> entries = {
      refusing(no_plan, changes("dr_test", "dr test")),
      reads("dr_test_history", "dr test-history"),
      reads("dr_success_rate", "dr success-rate"),
      reads("dr_readiness", "dr readiness"),
      refusing(no_plan, destroys("dr_failover", "dr failover", {"vm"})),
      only_with({"drill"}, Effect::changes, destroys("dr_cleanup", "dr cleanup", {"drill"}))};
  to.insert(to.end(), entries.begin(), entries.end());
}

void add_overviews(std::vector<CatalogEntry>& to) {
  const std::map<std::string, std::string> no_prices = {{"prices", "prices are those of prices.toml"},
                                                        {"refresh_prices", kPerson}};
  const std::vector<CatalogEntry> entries = {
      reads("status", "status"),
      reads("protection_plan", "plan"),
      only_with({"hash"}, Effect::changes, destroys("protection_apply", "apply", {"hash"})),
      refusing({{"file", kNoFiles}}, reads("protection_export", "export")),
      refusing({{"output", kNoFiles}, {"evidence", kPerson}, {"key", kPerson}},
               refusing(no_prices, reads("report", "report"))),
      refusing(no_prices, reads("cost", "cost")),
      refusing({{"html", kNoFiles}}, reads("platform_assess", "platform assess")),
      reads("alerts", "alert list"),
      refusing({{"remove", kPerson}}, reads("orphans", "orphans")),
      reads("operations", "operations list"),
      reads("operation_show", "operations show"),
      reads("doctor", "doctor")};
  to.insert(to.end(), entries.begin(), entries.end());
}

std::vector<CatalogEntry> all() {
  std::vector<CatalogEntry> entries;
  add_recovery_services(entries);
  add_archives(entries);
  add_vm_backups(entries);
  add_recovery(entries);
  add_overviews(entries);
  return entries;
}

}  // namespace

const std::vector<CatalogEntry>& catalog() {
  static const std::vector<CatalogEntry> entries = all();
  return entries;
}

}  // namespace azlin::mcp
