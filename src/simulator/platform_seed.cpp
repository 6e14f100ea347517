#include "simulator/platform_seed.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"

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

}  // namespace

void seed_platform(Context& context, const Json& seed) {
  const std::map<std::string, void (*)(Context&, const Json&)> makers = {{"keyVaults", add_key_vault}};
  for (const auto& [key, make] : makers) {
    const Json list = seed.value(key, Json::array());
    if (!list.is_array()) refuse(fmt::format("'{}' must be a list", key));
    for (const auto& entry : list) make(context, entry);
  }
}

Json sample_platform() {
  return {
      {"keyVaults",
       {{{"name", "prod-kv"},
         {"retentionDays", 90},
         {"purgeProtection", true},
         {"values", {{"db-password", "correct-horse-battery"}, {"api-key", "a1b2c3d4e5"}}},
         {"tags", {{"env", "prod"}}}},
        {{"name", "staging-kv"}, {"retentionDays", 7}, {"values", {{"db-password", "staging-secret"}}}}}}};
}

}  // namespace azlin::simulator
