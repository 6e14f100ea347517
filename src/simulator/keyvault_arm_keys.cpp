// Keys of a vault in ARM: read, and made where there is none. Source: REST reference, Keys (2023-07-01).
#include <fmt/format.h>

#include "simulator/encryption_sets.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kKeyType = "Microsoft.KeyVault/vaults/keys";
constexpr std::size_t kMostListed = 100'000;  // no pages

Resource vault_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kVaultType, request.param("vault")));
}

Json key_body(Context& context, const Resource& vault, const std::string& name, const VaultVersion& version) {
  const std::string uri = context.store_url(vault.id) + "/keys/" + name;
  const Json& key = version.body["key"];
  Json properties = {{"attributes", version.body["attributes"]},
                     {"kty", key.value("kty", "RSA")},
                     {"keyOps", key.value("key_ops", Json::array())},
                     {"keyUri", uri},
                     {"keyUriWithVersion", uri + "/" + version.version}};
  if (key.contains("crv")) properties["curveName"] = key["crv"];
  return {{"id", fmt::format("{}/keys/{}", vault.id, name)},
          {"name", name},
          {"type", kKeyType},
          {"location", vault.location},
          {"tags", version.body.value("tags", Json::object())},
          {"properties", properties}};
}

[[noreturn]] void throw_no_key(const std::string& name) {
  throw ApiError(404, "KeyNotFound",
                 fmt::format("A key with (name/id) {} was not found in this key vault.", name));
}

std::optional<VaultObject> find_key(Context& context, const Resource& vault, const std::string& name) {
  auto item = key_vault_store(context).find(vault.hidden["instance"], "keys", name);
  if (!item || item->state != ItemState::live) return std::nullopt;
  return item;
}

Reply get_key(Context& context, Request& request, const std::string& version) {
  const Resource vault = vault_of(context, request);
  const std::string& name = request.param("key");
  const auto item = find_key(context, vault, name);
  const auto found = item ? key_vault_store(context).version(*item, version) : std::nullopt;
  if (!found) throw_no_key(name);
  return Reply::json(200, key_body(context, vault, item->name, *found));
}

// Every key's current version; of one key, all of them.
Reply list_keys(Context& context, Request& request) {
  const Resource vault = vault_of(context, request);
  auto& store = key_vault_store(context);
  Json value = Json::array();
  for (const auto& item : store.page(vault.hidden["instance"], "keys", ItemState::live, "", kMostListed))
    if (const auto version = store.version(item, ""))
      value.push_back(key_body(context, vault, item.name, *version));
  return Reply::json(200, {{"value", value}});
}

Reply list_key_versions(Context& context, Request& request) {
  const Resource vault = vault_of(context, request);
  const std::string& name = request.param("key");
  const auto item = find_key(context, vault, name);
  if (!item) throw_no_key(name);
  Json value = Json::array();
  for (const auto& [number, version] : key_vault_store(context).versions(*item, 0, kMostListed)) {
    value.push_back(key_body(context, vault, item->name, version));
    value.back()["id"] = fmt::format("{}/keys/{}/versions/{}", vault.id, item->name, version.version);
    value.back()["name"] = version.version;
    value.back()["type"] = std::string(kKeyType) + "/versions";
  }
  return Reply::json(200, {{"value", value}});
}

// An existing key stays as it is.
Reply put_key(Context& context, Request& request) {
  Resource vault = vault_of(context, request);
  const std::string& name = request.param("key");
  if (!find_key(context, vault, name)) {
    const Json wanted = request.object().value("properties", Json::object());
    Request inner = request;
    inner.json = Json::object();
    for (const auto& [from, to] :
         {std::pair{"kty", "kty"}, std::pair{"keySize", "key_size"}, std::pair{"curveName", "crv"},
          std::pair{"keyOps", "key_ops"}, std::pair{"attributes", "attributes"}}) {
      if (wanted.contains(from)) inner.json[to] = wanted[from];
    }
    inner.body = inner.json.dump();
    VaultCall call{context, key_vault_store(context), vault, inner};
    create_key(call, name);
  }
  return get_key(context, request, "");
}

}  // namespace

bool key_is_usable(Context& context, const Resource& vault, const std::string& url) {
  const auto at = url.find("/keys/");
  if (at == std::string::npos) return false;
  const std::string path = url.substr(at + 6), name = path.substr(0, path.find('/'));
  const std::string version = path.size() > name.size() + 1 ? path.substr(name.size() + 1) : "";
  const auto item = find_key(context, vault, name);
  const auto found = item ? key_vault_store(context).version(*item, version) : std::nullopt;
  if (!found) return false;
  const Json& attributes = found->body["attributes"];
  const std::int64_t now = seconds_of(context.now());
  return attributes.value("enabled", true) && attributes.value("nbf", now) <= now &&
         attributes.value("exp", now + 1) > now;
}

void register_vault_keys(Router& router, Context& context) {
  const std::string one = group_path(kVaultType) + "/{vault}/keys/{key}";
  router.arm("GET", one, kKeyType, [&context](Request& request) { return get_key(context, request, ""); });
  router.arm("GET", one + "/versions/{version}", kKeyType,
             [&context](Request& request) { return get_key(context, request, request.param("version")); });
  router.arm("PUT", one, kKeyType, [&context](Request& request) { return put_key(context, request); });
  router.arm("GET", group_path(kVaultType) + "/{vault}/keys", kKeyType,
             [&context](Request& request) { return list_keys(context, request); });
  router.arm("GET", one + "/versions", kKeyType,
             [&context](Request& request) { return list_key_versions(context, request); });
  register_vault_secrets(router, context);
}

}  // namespace azlin::simulator
