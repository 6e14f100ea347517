#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/platform/assess.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

const std::string& standard_expectations_text() {
  static const std::string text =
      R"(# What azlin platform assess expects. Copy, change, and give it with --expectations.
# A key that is left out is not checked.
cosmos:
  backup: Continuous
  tier: Continuous30Days
  regions: 2
  automatic_failover: true
  strategy: Restore from backup into a new account, or fail over to the other region
  rto: Failover takes minutes; a restore takes hours, by the size of the account
  rpo: Continuous backup restores to the second; copies in another region lag by seconds to 15 minutes
  compliance: Backups stay in the regions of the account, for 7 or 30 days
  cost: The 30-day tier is billed by the gigabyte and region, a restore by the gigabyte; the 7-day tier is free
storage:
  versioning: true
  blob_soft_delete_days: 30
  container_soft_delete_days: 30
  redundancy: [Standard_GRS, Standard_RAGRS, Standard_GZRS, Standard_RAGZRS]
  strategy: Restore from the GRS secondary after a failover, or import an export
  rto: An hour for a failover; an import takes as long as its bytes
  rpo: A geo copy lags by minutes (`storage replication show`); versions and soft delete keep every change
  compliance: Versions and deleted blobs are kept for the days above, then are gone
  cost: GRS about doubles the price of a gigabyte; versions and deleted blobs are billed as data
keyvault:
  soft_delete_days: 7
  purge_protection: true
  backup_age_days: 30
  strategy: Restore secrets, keys and certificates from a backup
  rto: Minutes for hundreds of items; the service throttles thousands
  rpo: The last backup; take one before each change
  compliance: Backups are bound to the subscription and geography; azlin encrypts the files
  cost: A backup costs its operations only
appconfig:
  standard: true
  purge_protection: true
  export_age_days: 30
  strategy: Import from an export
  rto: Minutes
  rpo: The last export, or any time within the history (7 days on Free, 30 on Standard)
  compliance: The history ends with its days; an export does not
  cost: Standard is billed by the day and store
aks:
  strategy: Redeploy from templates; data lives in the resources above
  rto: As long as the deployment takes
  rpo: The templates' repository
  compliance: Cluster state is not backed up
  cost: A cluster of the same size for as long as it runs
)";
  return text;
}

namespace {

[[noreturn]] void refuse(const YAML::Node& node, const std::string& name, const std::string& why) {
  throw Error(ErrorKind::usage, fmt::format("{}, line {}: {}", name, node.Mark().line + 1, why),
              "`azlin platform assess --print-expectations` shows the file that azlin comes with");
}

// One section: every key is asked for by somebody, or it is refused.
class Section {
 public:
  Section(const YAML::Node& node, std::string file) : node_(node), file_(std::move(file)) {}

  template <class T>
  void read(const char* key, T& into) {
    known_.emplace_back(key);
    const auto value = node_ && node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
    if (!value) return;
    try {
      into = value.template as<T>();
    } catch (const YAML::Exception&) {
      refuse(value, file_, fmt::format("the value of `{}` is not of its type", key));
    }
  }
  void read_notes(KindNotes& notes) {
    read("strategy", notes.strategy);
    read("rto", notes.rto);
    read("rpo", notes.rpo);
    read("compliance", notes.compliance);
    read("cost", notes.cost);
  }
  void finish() const {
    if (!node_ || !node_.IsMap()) return;
    for (const auto& pair : node_) {
      const auto key = pair.first.as<std::string>();
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        refuse(pair.first, file_, fmt::format("there is no key `{}` here", key));
    }
  }

 private:
  YAML::Node node_;
  std::string file_;
  std::vector<std::string> known_;
};

}  // namespace

Expectations parse_expectations(const std::string& yaml, const std::string& name) {
  YAML::Node root;
  try {
    root = YAML::Load(yaml);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage, fmt::format("{}: {}", name, error.what()));
  }
  Expectations out;
  if (root.IsNull()) return out;
  if (!root.IsMap()) throw Error(ErrorKind::usage, name + ": it must hold the sections cosmos, storage, …");
  Section cosmos(root["cosmos"], name);
  cosmos.read("backup", out.cosmos_backup);
  cosmos.read("tier", out.cosmos_tier);
  cosmos.read("regions", out.cosmos_regions);
  cosmos.read("automatic_failover", out.cosmos_automatic_failover);
  cosmos.read_notes(out.notes[Kind::cosmos]);
  Section storage(root["storage"], name);
  storage.read("versioning", out.storage_versioning);
  storage.read("blob_soft_delete_days", out.storage_blob_days);
  storage.read("container_soft_delete_days", out.storage_container_days);
  storage.read("redundancy", out.storage_redundancy);
  storage.read_notes(out.notes[Kind::storage]);
  Section vault(root["keyvault"], name);
  vault.read("soft_delete_days", out.vault_soft_delete_days);
  vault.read("purge_protection", out.vault_purge_protection);
  vault.read("backup_age_days", out.vault_backup_age_days);
  vault.read_notes(out.notes[Kind::key_vault]);
  Section store(root["appconfig"], name);
  store.read("standard", out.store_standard);
  store.read("purge_protection", out.store_purge_protection);
  store.read("export_age_days", out.store_export_age_days);
  store.read_notes(out.notes[Kind::app_configuration]);
  Section aks(root["aks"], name);
  aks.read_notes(out.notes[Kind::aks]);
  for (const auto* section : {&cosmos, &storage, &vault, &store, &aks}) section->finish();
  for (const auto& pair : root) {
    const auto key = pair.first.as<std::string>();
    if (key != "cosmos" && key != "storage" && key != "keyvault" && key != "appconfig" && key != "aks")
      refuse(pair.first, name, fmt::format("there is no section `{}`", key));
  }
  return out;
}

}  // namespace azlin::platform
