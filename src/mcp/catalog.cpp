#include "azlin/mcp/tool.hpp"

namespace azlin::mcp {

const std::vector<CatalogEntry>& catalog() {
  using enum Effect;
  static const std::vector<CatalogEntry> entries = {
      // Recovery Services
      {"recovery_services_list_vaults", "vault list", reads, {}},
      {"recovery_services_test_connection", "vault test-connection", reads, {}},
      {"recovery_services_register_vm", "vault register-vm", changes, {}},
      {"recovery_services_reregister_vm", "vault reregister-vm", changes, {}},
      {"recovery_services_unregister_vm", "vault unregister-vm", destroys, {"vm"}},
      {"recovery_services_check_registration_status", "vault registration-status", reads, {}},
      {"recovery_services_create_policy", "policy create", changes, {}},
      {"recovery_services_list_policies", "policy list", reads, {}},
      {"recovery_services_get_policy_details", "policy show", reads, {}},
      {"recovery_services_list_protectable_items", "vault protectable", reads, {}},
      {"recovery_services_enable_protection", "vault protect", changes, {}},
      {"recovery_services_disable_protection", "vault unprotect", destroys, {"item", "server", "workload"}},
      {"recovery_services_list_protected_items", "vault items", reads, {}},
      {"recovery_services_trigger_backup", "vault backup", changes, {}},
      {"recovery_services_list_backup_jobs", "vault jobs", reads, {}},
      {"recovery_services_get_job_status", "vault job show", reads, {}},
      {"recovery_services_wait_for_job", "vault job wait", reads, {}},
      {"recovery_services_get_backup_summary", "vault summary", reads, {}},
      {"recovery_services_list_recovery_points", "restore points", reads, {}},
      {"recovery_services_restore_original_location", "restore original", destroys, {"item"}},
      {"recovery_services_restore_alternate_location", "restore alternate", destroys, {"target-server"}},
      {"recovery_services_restore_as_files", "restore files", changes, {}},
      {"recovery_services_clear_auth_cache", "auth clear", changes, {}},
      // Archives of servers
      {"create-backup", "archive create", changes, {}},
      {"list-backups", "archive list", reads, {}},
      {"restore-backup", "archive restore", destroys, {"target", "name"}},
      {"verify-backup", "archive verify", reads, {}},
      {"download-backup", "archive download", changes, {}},
      {"schedule-backup", "archive schedule add", changes, {}},
      {"backup-database", "archive database", changes, {}},
      {"backup-files", "archive files", changes, {}},
      {"backup-containers", "archive containers", changes, {}},
      {"backup-vm-snapshot", "archive vm-snapshot", changes, {}},
      {"backup-compare", "archive compare", reads, {}},
      {"backup-migrate", "archive migrate", changes, {}},
      {"backup-encrypt", "archive encrypt", changes, {}},
      {"backup-sync", "archive sync", changes, {}},
      // Snapshot backups of VMs
      {"backup_configure", "backup configure", destroys, {"vm"}},
      {"backup_show_configuration", "backup config-show", reads, {}},
      {"backup_trigger", "backup trigger", changes, {}},
      {"backup_list", "backup list", reads, {}},
      {"backup_forecast", "backup forecast", reads, {}},
      {"backup_restore", "backup restore", destroys, {"vm"}},
      {"backup_hold", "backup hold", changes, {}},
      {"backup_delete", "backup delete", destroys, {"backup"}},
      {"backup_replicate", "backup replicate", changes, {}},
      {"backup_replicate_all", "backup replicate-all", changes, {}},
      {"backup_replication_status", "backup replication-status", reads, {}},
      {"backup_replication_jobs", "backup replication-jobs", reads, {}},
      {"backup_verify", "backup verify", changes, {}},
      {"backup_verify_all", "backup verify-all", changes, {}},
      {"backup_verification_report", "backup verification-report", reads, {}},
      // Disaster recovery
      {"dr_test", "dr test", changes, {}},
      {"dr_test_history", "dr test-history", reads, {}},
      {"dr_success_rate", "dr success-rate", reads, {}},
      {"dr_readiness", "dr readiness", reads, {}},
      {"dr_failover", "dr failover", destroys, {"vm"}},
      {"dr_cleanup", "dr cleanup", changes, {}},
      // The whole
      {"status", "status", reads, {}},
      {"cost", "cost", reads, {}},
      {"platform_assess", "platform assess", reads, {}},
      {"alerts", "alert list", reads, {}},
      {"orphans", "orphans", reads, {}},
      {"operations", "operations list", reads, {}},
      {"doctor", "doctor", reads, {}}};
  return entries;
}

}  // namespace azlin::mcp
