#include "simulator/platform_seed.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "simulator/appconfig.hpp"
#include "simulator/cosmos.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/kubernetes.hpp"
#include "simulator/storage.hpp"

namespace azlin::simulator {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw core::Error(core::ErrorKind::usage, "bad seed: " + what, "the format is in docs/simulator-seeds.md");
}

void check_keys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  if (!object.is_object() || text_at(object, "/name").empty())
    refuse(where + " must be an object with a name");
  for (const auto& [name, value] : object.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse(fmt::format("unknown key '{}' in {}", name, where));
}

void add_key_vault(Context& context, const Json& json) {
  check_keys(json, "a key vault",
             {"name", "group", "location", "retentionDays", "purgeProtection", "secrets", "versions",
              "values", "certificates", "tags"});
  SeedKeyVault vault;
  vault.name = text_at(json, "/name");
  vault.group = text_at(json, "/group", vault.group);
  vault.location = text_at(json, "/location", vault.location);
  vault.retention_days = static_cast<int>(number_at(json, "/retentionDays", 90));
  vault.purge_protection = flag_at(json, "/purgeProtection", false);
  vault.secrets = number_at(json, "/secrets", 0);
  vault.versions = number_at(json, "/versions", 1);
  vault.values = json.value("values", std::map<std::string, std::string>());
  vault.certificates = json.value("certificates", std::vector<std::string>());
  vault.tags = subtree_at(json, "/tags");
  seed_key_vault(context, vault);
}

void add_config_store(Context& context, const Json& json) {
  check_keys(json, "a configuration store",
             {"name", "group", "location", "sku", "retentionDays", "purgeProtection", "items", "tags"});
  SeedConfigStore store;
  store.name = text_at(json, "/name");
  store.group = text_at(json, "/group", store.group);
  store.location = text_at(json, "/location", store.location);
  store.sku = text_at(json, "/sku", store.sku);
  store.retention_days = static_cast<int>(number_at(json, "/retentionDays", 7));
  store.purge_protection = flag_at(json, "/purgeProtection", false);
  store.items = json.value("items", std::vector<Json>());
  for (const auto& item : store.items)
    if (!item.is_object() || text_at(item, "/key").empty())
      refuse("an item of a configuration store needs a key");
  store.tags = subtree_at(json, "/tags");
  seed_config_store(context, store);
}

void add_storage_account(Context& context, const Json& json) {
  check_keys(json, "a storage account",
             {"name", "group", "location", "sku", "kind", "versioning", "changeFeed", "hierarchical",
              "blobDays", "containerDays", "restoreDays", "key", "tags"});
  SeedStorageAccount account;
  account.name = text_at(json, "/name");
  account.group = text_at(json, "/group", account.group);
  account.location = text_at(json, "/location", account.location);
  account.sku = text_at(json, "/sku", account.sku);
  account.kind = text_at(json, "/kind", account.kind);
  account.versioning = flag_at(json, "/versioning", false);
  account.change_feed = flag_at(json, "/changeFeed", false);
  account.hierarchical = flag_at(json, "/hierarchical", false);
  account.blob_days = static_cast<int>(number_at(json, "/blobDays", 0));
  account.container_days = static_cast<int>(number_at(json, "/containerDays", 0));
  account.restore_days = static_cast<int>(number_at(json, "/restoreDays", 0));
  account.key = text_at(json, "/key");
  account.tags = subtree_at(json, "/tags");
  seed_storage_account(context, account);
}

void add_cosmos_account(Context& context, const Json& json) {
  check_keys(json, "a Cosmos DB account",
             {"name", "group", "kind", "locations", "consistency", "backup", "automaticFailover", "ageDays",
              "databases", "tags"});
  SeedCosmosAccount account;
  account.name = text_at(json, "/name");
  account.group = text_at(json, "/group", account.group);
  account.kind = text_at(json, "/kind", account.kind);
  account.locations = json.value("locations", account.locations);
  account.consistency = text_at(json, "/consistency", account.consistency);
  account.backup = text_at(json, "/backup", account.backup);
  account.automatic_failover = flag_at(json, "/automaticFailover", false);
  account.age_days = static_cast<int>(number_at(json, "/ageDays", account.age_days));
  account.tags = subtree_at(json, "/tags");
  if (account.locations.empty()) refuse("a Cosmos DB account needs a location");
  for (const auto& database : json.value("databases", Json::array())) {
    check_keys(database, "a database", {"name", "containers"});
    account.databases.push_back(
        {text_at(database, "/name"), database.value("containers", std::vector<std::string>())});
  }
  seed_cosmos_account(context, account);
}

void add_cluster(Context& context, const Json& json) {
  check_keys(json, "an AKS cluster", {"name", "group", "location", "version", "tags"});
  seed_cluster(context, text_at(json, "/group", "Production"), text_at(json, "/name"),
               text_at(json, "/location", "eastus"), text_at(json, "/version", "1.29.2"),
               subtree_at(json, "/tags"));
}

}  // namespace

void seed_platform(Context& context, const Json& seed) {
  const std::map<std::string, void (*)(Context&, const Json&)> makers = {
      {"keyVaults", add_key_vault},
      {"configurationStores", add_config_store},
      {"storageAccounts", add_storage_account},
      {"cosmosAccounts", add_cosmos_account},
      {"aksClusters", add_cluster}};
  for (const auto& [key, make] : makers) {
    const Json list = seed.value(key, Json::array());
    if (!list.is_array()) refuse(fmt::format("'{}' must be a list", key));
    for (const auto& entry : list) make(context, entry);
  }
}

Json sample_platform() {
  const Json vaults = {
      {{"name", "prod-kv"},
       {"purgeProtection", true},
       {"values", {{"db-password", "correct-horse-battery"}, {"api-key", "a1b2c3d4e5"}}},
       {"tags", {{"env", "prod"}}}},
      {{"name", "staging-kv"}, {"retentionDays", 7}, {"values", {{"db-password", "staging"}}}}};
  const Json flag = {{"id", "new-search"},
                     {"description", ""},
                     {"enabled", true},
                     {"conditions", {{"client_filters", Json::array()}}}};
  const Json items = {
      {{"key", "app:color"}, {"value", "blue"}},
      {{"key", "app:color"}, {"label", "prod"}, {"value", "green"}, {"tags", {{"owner", "web"}}}},
      {{"key", "app:limits"}, {"value", R"({"users":100})"}, {"content_type", "application/json"}},
      {{"key", "app:db-password"},
       {"value", R"({"uri":"https://prod-kv.vault.azure.net/secrets/db-password"})"},
       {"content_type", "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8"}},
      {{"key", ".appconfig.featureflag/new-search"},
       {"value", flag.dump()},
       {"content_type", "application/vnd.microsoft.appconfig.ff+json;charset=utf-8"}}};
  return {{"keyVaults", vaults},
          {"storageAccounts",
           {{{"name", "prodstorage01"},
             {"sku", "Standard_RAGRS"},
             {"versioning", true},
             {"changeFeed", true},
             {"blobDays", 35},
             {"containerDays", 35},
             {"restoreDays", 29},
             {"tags", {{"env", "prod"}}}},
            {{"name", "stagingstorage01"}, {"blobDays", 7}}}},
          {"cosmosAccounts",
           {{{"name", "prod-cosmos"},
             {"locations", {"eastus", "westus2"}},
             {"automaticFailover", true},
             {"databases", {{{"name", "chat"}, {"containers", {"conversations", "sessions"}}}}},
             {"tags", {{"env", "prod"}}}},
            {{"name", "staging-cosmos"},
             {"backup", "Periodic"},
             {"databases", {{{"name", "chat"}, {"containers", {"conversations"}}}}}}}},
          {"aksClusters", {{{"name", "prod-aks"}, {"tags", {{"env", "prod"}}}}}},
          {"configurationStores",
           {{{"name", "prod-config"},
             {"purgeProtection", true},
             {"items", items},
             {"tags", {{"env", "prod"}}}}}}};
}

}  // namespace azlin::simulator
