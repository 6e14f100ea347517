#include "azlin/vault/settings.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kSection = "recovery_services";
constexpr const char* kChoiceFile = "/vault";

// nullopt when the table names no vault.
std::optional<NamedVault> read_vault(const core::Config& config, const std::string& prefix,
                                     const std::string& key, const std::string& subscription) {
  const auto name = config.get(prefix + ".vault_name");
  if (!name) return std::nullopt;
  const auto group = config.get(prefix + ".resource_group");
  const std::string of = config.get(prefix + ".subscription_id").value_or(subscription);
  if (!group) throw Error(ErrorKind::usage, fmt::format("config.toml: {}.resource_group is missing", prefix));
  if (of.empty())
    throw Error(ErrorKind::usage, fmt::format("config.toml: {}.subscription_id is missing", prefix),
                "state it there, or give --subscription");
  core::check_resource_group(*group);
  return NamedVault{key, {of, *group, *name}, config.get(prefix + ".description").value_or("")};
}

}  // namespace

Settings read_settings(const core::Config& config, const std::string& subscription) {
  Settings settings;
  const std::string enabled = config.get(std::string(kSection) + ".enabled").value_or("true");
  if (enabled != "true" && enabled != "false")
    throw Error(ErrorKind::usage, "config.toml: recovery_services.enabled must be true or false");
  settings.enabled = enabled == "true";
  settings.primary = read_vault(config, kSection, "", subscription);
  const auto shared = config.get(std::string(kSection) + ".subscription_id").value_or(subscription);
  for (const auto& key : config.tables_under(std::string(kSection) + ".vaults")) {
    const std::string prefix = std::string(kSection) + ".vaults." + key;
    const auto vault = read_vault(config, prefix, key, shared);
    if (!vault) throw Error(ErrorKind::usage, fmt::format("config.toml: {}.vault_name is missing", prefix));
    settings.named.push_back(*vault);
  }
  return settings;
}

void check_enabled(const Settings& settings) {
  if (!settings.enabled)
    throw Error(
        ErrorKind::usage,
        "Recovery Services is switched off by `enabled = false` in [recovery_services] of config.toml",
        "set it to true to use these commands");
}

std::optional<VaultId> read_choice(const std::string& home) {
  std::ifstream file(home + kChoiceFile);
  std::string id;
  if (!std::getline(file, id) || id.empty()) return std::nullopt;
  return VaultId::parse(id);
}

void write_choice(const std::string& home, const VaultId& id) {
  const std::string path = home + kChoiceFile, fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::trunc);
    file << id.id() << '\n';
    if (!file.flush()) throw Error(ErrorKind::failed, "cannot write " + fresh);
  }
  chmod(fresh.c_str(), 0600);
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error) throw Error(ErrorKind::failed, "cannot write " + path + ": " + error.message());
}

}  // namespace azlin::vault
