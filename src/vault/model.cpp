#include "azlin/vault/model.hpp"

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::vault {

namespace {

std::optional<Workload> find_workload(const std::string& text) {
  const std::string word = core::to_lower(text);
  for (const char* hana : {"saphana", "hana", "saphanadatabase", "azurevmworkloadsaphanadatabase",
                           "saphanasystem", "saphanadbinstance", "azurevmworkloadsaphanadbinstance"})
    if (word == hana) return Workload::hana;
  for (const char* sql :
       {"mssql", "sql", "sqldatabase", "azurevmworkloadsqldatabase", "sqlinstance", "sqlserver"})
    if (word == sql) return Workload::sql;
  for (const char* vm : {"azurevm", "vm", "microsoft.compute/virtualmachines", "azureiaasvm", "iaasvm"})
    if (word == vm) return Workload::vm;
  return std::nullopt;
}

}  // namespace

Workload parse_workload(const std::string& text) {
  const auto found = find_workload(text);
  if (!found)
    throw core::Error(core::ErrorKind::usage, "unknown workload '" + text + "'",
                      "use SAPHana, MSSQL or AzureVM");
  return *found;
}

const char* to_string(Workload workload) {
  switch (workload) {
    case Workload::hana:
      return "SAPHana";
    case Workload::sql:
      return "MSSQL";
    case Workload::vm:
      return "AzureVM";
  }
  return "";
}

std::optional<Workload> workload_of(const std::string& service_word) {
  return find_workload(service_word);
}

std::string VaultId::id() const {
  return "/subscriptions/" + subscription + "/resourceGroups/" + resource_group +
         "/providers/Microsoft.RecoveryServices/vaults/" + name;
}

std::string VaultId::fabric() const {
  return id() + "/backupFabrics/Azure";
}

VaultId VaultId::parse(const std::string& id) {
  const auto parts = core::ResourceId::parse(id);
  if (!core::equal_ignoring_case(parts.type, "Microsoft.RecoveryServices/vaults"))
    throw core::Error(core::ErrorKind::failed, "'" + id + "' is not the id of a Recovery Services vault");
  return {parts.subscription, parts.resource_group, parts.name};
}

std::optional<int> Job::progress() const {
  if (status == "Completed" || status == "CompletedWithWarnings") return 100;
  if (percent) return percent;
  if (tasks.empty()) return std::nullopt;
  int sum = 0;
  for (const auto& task : tasks) sum += task.percent ? *task.percent : task.status == "Completed" ? 100 : 0;
  return sum / static_cast<int>(tasks.size());
}

}  // namespace azlin::vault
