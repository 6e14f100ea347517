// Secrets of a vault in ARM: made and changed, never shown. Source: REST reference, Secrets (2023-07-01).
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kSecretType = "Microsoft.KeyVault/vaults/secrets";
constexpr std::size_t kMostListed = 100'000;  // no pages

Resource vault_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kVaultType, request.param("vault")));
}

Json secret_body(Context& context, const Resource& vault, const std::string& name,
                 const VaultVersion& version) {
  const std::string uri = context.store_url(vault.id) + "/secrets/" + name;
  Json properties = {{"attributes", version.body["attributes"]},
                     {"secretUri", uri},
                     {"secretUriWithVersion", uri + "/" + version.version}};
  if (version.body.contains("contentType")) properties["contentType"] = version.body["contentType"];
  return {{"id", fmt::format("{}/secrets/{}", vault.id, name)},
          {"name", name},
          {"type", kSecretType},
          {"location", vault.location},
          {"tags", version.body.value("tags", Json::object())},
          {"properties", properties}};
}

std::optional<VaultObject> find_secret(Context& context, const Resource& vault, const std::string& name) {
  auto item = key_vault_store(context).find(vault.hidden["instance"], "secrets", name);
  if (!item || item->state != ItemState::live) return std::nullopt;
  return item;
}

Reply shown(Context& context, const Resource& vault, const std::string& name, int status) {
  const auto item = find_secret(context, vault, name);
  const auto version = item ? key_vault_store(context).version(*item, "") : std::nullopt;
  if (!version)
    throw ApiError(404, "SecretNotFound",
                   fmt::format("A secret with (name/id) {} was not found in this key vault.", name));
  return Reply::json(status, secret_body(context, vault, item->name, *version));
}

// As the data plane takes it: tags stand outside of the properties here.
Request data_request(const Request& request) {
  Json body = request.object();
  drop_nulls(body);
  Request inner = request;
  inner.json = body.value("properties", Json::object());
  if (body.contains("tags")) inner.json["tags"] = body["tags"];
  inner.body = inner.json.dump();
  return inner;
}

Reply put_secret(Context& context, Request& request) {
  Resource vault = vault_of(context, request);
  const std::string& name = request.param("secret");
  const bool existing = find_secret(context, vault, name).has_value();
  Request inner = data_request(request);
  VaultCall call{context, key_vault_store(context), vault, inner};
  set_secret(call, name);
  return shown(context, vault, name, existing ? 200 : 201);
}

// The attributes, the type and the tags of the current version; a value makes a new one.
Reply patch_secret(Context& context, Request& request) {
  Resource vault = vault_of(context, request);
  const std::string& name = request.param("secret");
  shown(context, vault, name, 200);  // or 404
  auto& store = key_vault_store(context);
  Request inner = data_request(request);
  VaultCall call{context, store, vault, inner};
  if (inner.json.contains("value")) {
    set_secret(call, name);
    return shown(context, vault, name, 200);
  }
  const VaultObject item = require_item(call, "secrets", name);
  VaultVersion version = require_version(call, item, "");
  version.body["attributes"] =
      merged_attributes(call, version.body["attributes"], inner.json.value("attributes", Json()));
  check_content_type(inner.json);
  if (inner.json.contains("tags")) check_vault_tags(inner.json["tags"]);
  for (const char* member : {"contentType", "tags"})
    if (inner.json.contains(member)) version.body[member] = inner.json[member];
  store.replace(item, version);
  return shown(context, vault, name, 200);
}

Reply list_secrets(Context& context, Request& request) {
  const Resource vault = vault_of(context, request);
  auto& store = key_vault_store(context);
  Json value = Json::array();
  for (const auto& item : store.page(vault.hidden["instance"], "secrets", ItemState::live, "", kMostListed))
    if (const auto version = store.version(item, ""))
      value.push_back(secret_body(context, vault, item.name, *version));
  return Reply::json(200, {{"value", value}});
}

}  // namespace

void register_vault_secrets(Router& router, Context& context) {
  const std::string path = group_path(kVaultType) + "/{vault}/secrets", one = path + "/{secret}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kVaultType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", path, list_secrets);
  on("GET", one, [](Context& cloud, Request& request) {
    return shown(cloud, vault_of(cloud, request), request.param("secret"), 200);
  });
  on("PUT", one, put_secret);
  on("PATCH", one, patch_secret);
}

}  // namespace azlin::simulator
