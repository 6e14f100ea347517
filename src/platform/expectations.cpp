#include <fmt/format.h>

#include "azlin/platform/expectations_node.hpp"

namespace azlin::platform {

using core::YamlReader;

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

constexpr int kMost = 36500;  // regions, days

// One section of the file: its keys with where their values go.
class Section {
 public:
  explicit Section(YamlReader& reader) : reader_(reader) {}

  Section& text(const char* key, std::string& into) {
    return add(key, [this, key, &into](const YAML::Node& v) { into = reader_.text(v, key).value_or(""); });
  }
  Section& flag(const char* key, bool& into) {
    return add(key,
               [this, key, &into](const YAML::Node& v) { into = reader_.boolean(v, key).value_or(false); });
  }
  Section& count(const char* key, int& into) {
    return add(
        key, [this, key, &into](const YAML::Node& v) { into = reader_.whole(v, key, 0, kMost).value_or(0); });
  }
  Section& texts(const char* key, std::vector<std::string>& into) {
    return add(key, [this, key, &into](const YAML::Node& v) { into = reader_.texts(v, key); });
  }
  Section& notes(KindNotes& notes) {
    return text("strategy", notes.strategy)
        .text("rto", notes.rto)
        .text("rpo", notes.rpo)
        .text("compliance", notes.compliance)
        .text("cost", notes.cost);
  }
  void read(const YAML::Node& node, const char* name) { reader_.mapping(node, name, handlers_); }

 private:
  Section& add(const char* key, YamlReader::Handler handler) {
    handlers_.emplace_back(key, std::move(handler));
    return *this;
  }
  YamlReader& reader_;
  YamlReader::Handlers handlers_;
};

}  // namespace

Expectations read_expectations(const YAML::Node& root, YamlReader& reader) {
  Expectations out;
  if (root.IsNull()) return out;
  Section cosmos(reader), storage(reader), vault(reader), store(reader), aks(reader);
  cosmos.text("backup", out.cosmos_backup)
      .text("tier", out.cosmos_tier)
      .count("regions", out.cosmos_regions)
      .flag("automatic_failover", out.cosmos_automatic_failover)
      .notes(out.notes[Kind::cosmos]);
  storage.flag("versioning", out.storage_versioning)
      .count("blob_soft_delete_days", out.storage_blob_days)
      .count("container_soft_delete_days", out.storage_container_days)
      .texts("redundancy", out.storage_redundancy)
      .notes(out.notes[Kind::storage]);
  vault.count("soft_delete_days", out.vault_soft_delete_days)
      .flag("purge_protection", out.vault_purge_protection)
      .count("backup_age_days", out.vault_backup_age_days)
      .notes(out.notes[Kind::key_vault]);
  store.flag("standard", out.store_standard)
      .flag("purge_protection", out.store_purge_protection)
      .count("export_age_days", out.store_export_age_days)
      .notes(out.notes[Kind::app_configuration]);
  aks.notes(out.notes[Kind::aks]);
  YamlReader::Handlers sections;
  for (const auto& [name, section] : {std::pair{"cosmos", &cosmos},
                                      {"storage", &storage},
                                      {"keyvault", &vault},
                                      {"appconfig", &store},
                                      {"aks", &aks}}) {
    sections.emplace_back(
        name, [name = name, section = section](const YAML::Node& node) { section->read(node, name); });
  }
  reader.mapping(root, "the expectations", sections);
  return out;
}

Expectations parse_expectations(const std::string& yaml, const std::string& name) {
  YamlReader reader(name,
                    "`azlin platform assess --print-expectations` shows the file that azlin comes with");
  const auto root = reader.load(yaml);
  // A protection file (docs/protection.md) holds them under a key; the rest of it is not looked at here.
  const bool inside = root.IsMap() && root["expectations"] && root["version"];
  auto out = read_expectations(inside ? root["expectations"] : root, reader);
  reader.finish();
  return out;
}

}  // namespace azlin::platform
