// Vaults of seeds.
#include <fmt/format.h>

#include "simulator/auth.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

Resource make_vault(Context& context, const SeedKeyVault& seed) {
  seed_group(context, seed.group, seed.location);
  Resource vault;
  vault.id = fmt::format("{}/providers/{}/{}", seed_group_id(seed.group), kVaultType, seed.name);
  vault.type = kVaultType;
  vault.name = seed.name;
  vault.location = seed.location;
  vault.ref = lower(seed.name);
  vault.live = true;
  vault.hidden = {{"instance", new_guid()}};
  vault.body = {{"id", vault.id},
                {"name", vault.name},
                {"type", kVaultType},
                {"location", vault.location},
                {"properties",
                 {{"tenantId", kTenant},
                  {"sku", {{"family", "A"}, {"name", "standard"}}},
                  {"accessPolicies", Json::array()},
                  {"enabledForDeployment", false},
                  {"enableSoftDelete", true},
                  {"softDeleteRetentionInDays", seed.retention_days},
                  {"enableRbacAuthorization", true},
                  {"publicNetworkAccess", "Enabled"},
                  {"provisioningState", "Succeeded"}}}};
  if (seed.tags.is_object()) vault.body["tags"] = seed.tags;
  if (seed.purge_protection) vault.body["properties"]["enablePurgeProtection"] = true;
  context.save(vault);
  return vault;
}

void add_secret(VaultCall& call, const std::string& name, std::int64_t versions, const std::string& value) {
  const VaultObject item{call.instance(), "secrets",     name, ItemState::live, {}, {}, {},
                         false,           Json::object()};
  call.store.save(item);
  const Json attributes = merged_attributes(call, nullptr, nullptr);
  for (std::int64_t number = 1; number <= versions; ++number) {
    Json body = {{"value", versions == 1 ? value : fmt::format("{}-v{}", value, number)},
                 {"attributes", attributes}};
    call.store.append(item, {new_version(), std::move(body)});
  }
}

}  // namespace

void seed_key_vault(Context& context, const SeedKeyVault& seed) {
  Resource vault = make_vault(context, seed);
  Request request;
  VaultCall call{context, key_vault_store(context), vault, request};
  for (std::int64_t number = 1; number <= seed.secrets; ++number)
    add_secret(call, fmt::format("secret-{:05}", number), seed.versions, fmt::format("value-{:05}", number));
  for (const auto& [name, value] : seed.values) add_secret(call, name, 1, value);
  for (const auto& name : seed.certificates) {
    request.json = {
        {"policy", {{"x509_props", {{"subject", "CN=" + name}}}, {"issuer", {{"name", "Self"}}}}}};
    create_certificate(call, name);
  }
}

}  // namespace azlin::simulator
