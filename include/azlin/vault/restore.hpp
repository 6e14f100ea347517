#pragma once
// Recovery points and restores: databases to where they were, elsewhere or as files; VMs as disks, as a new
// VM, or by replacing their disks.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Which state to go back to.
struct PointChoice {
  std::string point;                  // a point's name, or any unambiguous beginning of it
  std::optional<core::TimePoint> at;  // a moment that the logs cover
  // neither: the latest, a moment at the end of the logs or the newest point
};

struct ChosenPoint {
  std::string id;                     // of the recovery point
  std::optional<core::TimePoint> at;  // set for a point in time
  std::string text;                   // for people
};
// Pure. Throws core::Error: not_found, naming the ranges and points there are.
ChosenPoint choose_point(const RecoveryPoints& points, const PointChoice& choice, const std::string& item);

struct FileMove {
  std::string logical_name, source, target;
  bool log = false;
};

struct DatabaseTarget {
  std::string container_id;  // registered VM
  std::string vm_id;
  std::string instance, database;  // empty with `directory`
  std::string directory;           // restore as files into it
  bool overwrite = false;
  std::vector<FileMove> moves;
};

struct VmTarget {
  enum class Kind { disks, new_vm, replace } kind = Kind::disks;
  std::string group_id;  // disks and new_vm
  std::string staging_account_id;
  std::string vm_id, network_id, subnet_id;  // new_vm
  bool os_disk_only = false;
};

// Borrows the service. One thread.
class RestoreManager {
 public:
  RestoreManager(Service& service, VaultId vault) : service_(service), vault_(std::move(vault)) {}

  RecoveryPoints points(const ProtectedItem& item, bool secondary, std::stop_token stop = {});
  // The data files of a SQL backup, for moving them.
  std::vector<FileMove> files_of(const ProtectedItem& item, const std::string& point_id,
                                 std::stop_token stop = {});

  // The bodies, for --dry-run and for the calls.
  nlohmann::json original_body(const ProtectedItem& item, const ChosenPoint& point, bool no_recovery) const;
  nlohmann::json alternate_body(const ProtectedItem& item, const ChosenPoint& point,
                                const DatabaseTarget& target, bool no_recovery) const;
  nlohmann::json vm_body(const ProtectedItem& item, const ChosenPoint& point, const VmTarget& target,
                         const std::string& region) const;

  // Begins it; the job's name.
  std::string restore(const ChosenPoint& point, const nlohmann::json& body, std::stop_token stop = {});
  // From the paired region. `region_path` is where its jobs are followed.
  std::string restore_secondary(const ChosenPoint& point, const nlohmann::json& body,
                                const std::string& region_path, std::stop_token stop = {});

 private:
  Service& service_;
  VaultId vault_;
};

// "/subscriptions/…/providers/Microsoft.RecoveryServices/locations/REGION"
std::string region_path(const std::string& subscription, const std::string& region);

}  // namespace azlin::vault
