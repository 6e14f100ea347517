#pragma once
// Backup policies: from a plain description to the service's body and back, with the service's rules checked
// first.
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Retention of full backups, by how long each kind of them is kept; 0: not kept for that reason.
struct FullRetention {
  int days = 0;  // with a daily schedule
  int weeks = 0;
  int months = 0;  // the first scheduled day of a month
  int years = 0;   // that of January
};

struct PolicySpec {
  Workload workload = Workload::hana;
  std::string time_zone = "UTC";       // a Windows id
  std::string time = "02:00";          // of all scheduled backups but logs
  std::vector<std::string> full_days;  // "Sunday", …; empty: every day
  FullRetention full;
  std::vector<std::string> differential_days;
  int differential_keep_days = 0;
  std::vector<std::string> incremental_days;  // SAP HANA only
  int incremental_keep_days = 0;
  int log_minutes = 0;  // 0: no logs
  int log_keep_days = 0;
  bool compression = false;  // SQL only
  // VMs
  int instant_days = 0;   // 0: 2 (V1 daily), 5 (V1 weekly), 7 (V2)
  int every_hours = 0;    // 4, 6, 8, 12: a V2 policy with an hourly schedule; 0: V1
  int window_hours = 12;  // of an hourly schedule
};

// What the service would refuse, said before the call. Throws core::Error (usage) with the rule.
void check_policy(const PolicySpec& spec);
// 3 to 150 ASCII letters, digits and hyphens, a letter first. Throws core::Error (usage).
void check_policy_name(const std::string& name);
// The body's "properties".
nlohmann::json policy_body(const PolicySpec& spec);
// A description with sane defaults.
PolicySpec template_policy(Workload workload);
// From a file's text: JSON, either the service's own body ("properties" or what is in it) or the keys of
// PolicySpec (docs/vault.md). Throws core::Error (usage).
nlohmann::json policy_from_json(const std::string& text);

struct Policy {
  std::string id, name;
  std::optional<Workload> workload;
  std::string time_zone;
  std::vector<std::string> schedules;   // one line each: "Full: weekly on Sunday at 02:00"
  std::vector<std::string> retentions;  // "Full: weekly 12 Weeks"
  int items = 0;
  nlohmann::json properties;
};

// How long a VM policy keeps what; 0: not for that reason. The counts alone, in the units of their names.
struct VmRetention {
  int days = 0, weeks = 0, months = 0;
  bool operator==(const VmRetention&) const = default;
};
VmRetention vm_retention(const Policy& policy);

// Borrows the service. One thread.
class PolicyManager {
 public:
  PolicyManager(Service& service, VaultId vault) : service_(service), vault_(std::move(vault)) {}
  std::vector<Policy> list(std::optional<Workload> workload, std::stop_token stop = {});
  std::optional<Policy> find(const std::string& name, std::stop_token stop = {});
  Policy require(const std::string& name,
                 std::stop_token stop = {});  // throws core::Error (not_found) with the names
  Policy put(const std::string& name, const nlohmann::json& properties, std::stop_token stop = {});
  // Throws core::Error (failed) when items use it.
  void remove(const std::string& name, std::stop_token stop = {});

 private:
  Service& service_;
  VaultId vault_;
};

}  // namespace azlin::vault
