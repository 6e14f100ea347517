// The data plane's frame: who calls, which version of the API, how often, and which handler answers.
#include <fmt/format.h>

#include "simulator/auth.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kAudience = "https://vault.azure.net";

const std::vector<std::string> kVersions = {"2016-10-01", "7.0", "7.1", "7.2",       "7.3",
                                            "7.4",        "7.5", "7.6", "2025-07-01"};

bool is_kind(const std::string& text) {
  return text == "secrets" || text == "keys" || text == "certificates";
}

// 401 with the challenge that tells the client where to get a token for which resource.
[[noreturn]] void challenge(const VaultCall& call, const std::string& message, bool invalid) {
  ApiError error(401, "Unauthorized", message);
  std::string header = fmt::format("Bearer authorization=\"{}/{}\", resource=\"{}\"", call.context.main_url,
                                   kTenant, kAudience);
  if (invalid) header += ", error=\"invalid_token\", error_description=\"" + message + "\"";
  error.headers.emplace_back("WWW-Authenticate", header);
  throw error;
}

TokenClaims authenticate(const VaultCall& call) {
  const auto header = call.request.header("authorization");
  if (!header || !starts_with_ignoring_case(*header, "Bearer "))
    challenge(call, "AKV10000: Request is missing a Bearer or PoP token.", false);
  std::string refusal;
  for (const char* audience : {kAudience, "https://vault.azure.net/"}) {
    try {
      return check_token(call.request, call.now(), audience);
    } catch (const ApiError& error) {
      refusal = error.code == "InvalidAuthenticationTokenAudience"
                    ? fmt::format("AKV10022: Invalid audience. Expected {}.", kAudience)
                    : "Error validating token: " + error.code;
    }
  }
  challenge(call, refusal, true);
}

// Data actions of Azure's roles.
std::string action_of(const Request& request, const std::string& kind) {
  const auto& path = request.segments;
  const std::string verb = path.size() > 1 ? lower(path.back()) : "";
  const bool of_deleted = path[0].starts_with("deleted");
  const bool read = request.method == "GET";
  if (kind == "keys" && verb == "rotationpolicy")
    return fmt::format("Microsoft.KeyVault/vaults/keyrotationpolicies/{}", read ? "read" : "write");
  std::string what = request.method == "DELETE" ? "delete"
                     : kind == "secrets"        ? "setSecret/action"
                                                : "create/action";
  if (verb == "backup" || verb == "restore" || verb == "recover" || verb == "rotate" ||
      is_key_operation(verb))
    what = verb.substr(0, verb.find("key")) + "/action";  // wrapkey: wrap/action
  if (of_deleted && request.method == "DELETE") what = "purge/action";
  if (request.method == "PATCH") what = "update/action";
  if (read) what = "read";
  if (read && kind == "secrets")
    what = !of_deleted && path.size() > 1 && verb != "versions" ? "getSecret/action" : "readMetadata/action";
  return fmt::format("Microsoft.KeyVault/vaults/{}/{}", kind, what);
}

void authorize(const VaultCall& call, const TokenClaims& claims, const std::string& kind) {
  const Json& properties = call.vault.body["properties"];
  const bool closed = same(text_at(properties, "/publicNetworkAccess"), "Disabled") ||
                      same(text_at(properties, "/networkAcls/defaultAction"), "Deny");
  bool listed = false;
  for (const auto& rule : properties.value("/networkAcls/ipRules"_json_pointer, Json::array()))
    listed = listed || text_at(rule, "/value").starts_with("127.0.0.");
  if (closed && !listed)
    throw_vault(
        403, "Forbidden",
        fmt::format("Client address is not authorized and caller is not a trusted service. Vault: {}.",
                    call.vault.name),
        "ForbiddenByFirewall");
  const std::string action = action_of(call.request, kind);
  if (call.context.access.allows(claims.principal, action, call.vault.id)) return;
  const bool rbac = flag_at(properties, "/enableRbacAuthorization", false);
  throw_vault(
      403, "Forbidden",
      fmt::format("Caller is not authorized to perform action on resource. Caller: oid={}. Action: '{}'. "
                  "Vault: {}.",
                  claims.principal, action, call.vault.name),
      rbac ? "ForbiddenByRbac" : "AccessDenied");
}

// The limits are for 10 seconds, a vault and region: 300 secrets made, 4,000 of all others.
void charge(const VaultCall& call) {
  const bool making = call.request.method == "PUT" && call.request.segments[0] == "secrets";
  call.context.throttle.charge_store(making ? "keyVaultCreate" : "keyVault", call.instance(), call.now());
}

std::string page_token(const Request& request) {
  const std::string token = request.query_or("$skiptoken", "");
  const std::string after = base64url_decode(token);
  if (!token.empty() && after.empty()) throw_vault_parameter("The skip token is invalid.");
  return after;
}

std::size_t page_size(const Request& request) {
  const std::string text = request.query_or("maxresults", "25");
  const bool digits = !text.empty() && text.size() < 5 &&
                      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || std::stoul(text) < 1 || std::stoul(text) > kMaxItems)
    throw_vault_parameter(fmt::format("invalid maxresults value '{}': it must be between 1 and 25", text));
  return std::stoul(text);
}

Reply page_of(const VaultCall& call, const Json& items, const std::string& next) {
  Json body = {{"value", items}, {"nextLink", nullptr}};
  if (!next.empty())
    body["nextLink"] = fmt::format("{}{}?api-version={}&$skiptoken={}&maxresults={}", call.request.base_url,
                                   call.request.path, call.request.api_version, base64url_encode(next),
                                   page_size(call.request));
  return Reply::json(200, body);
}

Reply list_items(VaultCall& call, const std::string& kind, bool deleted) {
  const std::size_t size = page_size(call.request);
  auto found = call.store.page(call.instance(), kind, deleted ? ItemState::deleted : ItemState::live,
                               page_token(call.request), size + 1);
  const bool more = found.size() > size;
  if (more) found.pop_back();
  Json items = Json::array();
  for (const auto& item : found) {
    const auto version = call.store.version(item, "");
    if (version) items.push_back(show(call, item, {"", version->body}, false));
  }
  return page_of(call, items, more ? found.back().key() : "");
}

Reply list_versions(VaultCall& call, const std::string& kind, const std::string& name) {
  const std::size_t size = page_size(call.request);
  Json items = Json::array();
  std::string next;
  const auto item = call.store.find(call.instance(), kind, name);
  if (!item || item->state != ItemState::live) return page_of(call, items, next);  // as Azure: an empty list
  const std::string after = page_token(call.request);
  auto found = call.store.versions(*item, after.empty() ? 0 : std::stoll(after), size + 1);
  if (found.size() > size) {
    found.pop_back();
    next = std::to_string(found.back().first);
  }
  for (const auto& [number, version] : found) items.push_back(show(call, *item, version, false));
  return page_of(call, items, next);
}

Reply get_item(VaultCall& call, const std::string& kind, const std::string& name, const std::string& wanted) {
  const VaultObject item = require_item(call, kind, name);
  const VaultVersion version = require_version(call, item, wanted);
  if (kind == "secrets" && !flag_at(version.body, "/attributes/enabled", true))
    throw_vault(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled");
  return Reply::json(200, show(call, item, version, true));
}

Reply patch_item(VaultCall& call, const std::string& kind, const std::string& name,
                 const std::string& wanted) {
  const VaultObject item = require_item(call, kind, name);
  VaultVersion version = require_version(call, item, wanted);
  const Json& body = call.request.object();
  version.body["attributes"] =
      merged_attributes(call, version.body["attributes"], body.value("attributes", Json()));
  if (const Json tags = body.value("tags", Json()); !tags.is_null()) {
    check_vault_tags(tags);
    version.body["tags"] = tags;
  }
  check_content_type(body);
  if (kind == "secrets" && body.value("contentType", Json()).is_string())
    version.body["contentType"] = body["contentType"];
  if (kind == "keys" && body.value("key_ops", Json()).is_array())
    version.body["key"]["key_ops"] = body["key_ops"];
  call.store.replace(item, version);
  return Reply::json(200, show(call, item, version, kind != "secrets"));
}

Reply delete_item(VaultCall& call, const std::string& kind, const std::string& name) {
  VaultObject item = require_item(call, kind, name);
  if (item.managed)
    throw_vault(403, "Forbidden",
                fmt::format("Operation delete is not allowed on {} '{}': it is managed by a certificate.",
                            singular(kind), name));
  const auto remove = [&](VaultObject& one) {
    one.deleted = call.now();
    one.purge_at = call.now() + std::chrono::days{call.retention_days()};
    one.ready = call.now() + call.context.delay(core::Millis{500}, core::Millis{3'000});
    one.state = one.ready > call.now() ? ItemState::deleting : ItemState::deleted;
    call.store.save(one);
  };
  remove(item);
  if (kind == "certificates")
    for (const char* other : {"keys", "secrets"})
      if (auto twin = call.store.find(call.instance(), other, name); twin && twin->managed) remove(*twin);
  return Reply::json(200, show(call, item, *call.store.version(item, ""), kind != "secrets"));
}

// To recover or purge an item, its deletion has to be over.
void check_settled(VaultCall& call, const std::string& kind, const std::string& name) {
  const auto item = call.store.find(call.instance(), kind, name);
  if (!item || (item->state != ItemState::deleting && item->state != ItemState::recovering)) return;
  const bool deleting = item->state == ItemState::deleting;
  throw_vault(409, "Conflict",
              fmt::format("{} {} is currently being {}.", singular(kind, true), item->name,
                          deleting ? "deleted" : "recovered"),
              deleting ? "ObjectIsBeingDeleted" : "ObjectIsBeingRecovered");
}

// A deleted item that can be seen: not while it is still being deleted or already purged or recovered.
VaultObject require_deleted(VaultCall& call, const std::string& kind, const std::string& name) {
  auto item = call.store.find(call.instance(), kind, name);
  if (item && item->state == ItemState::deleted) return std::move(*item);
  throw_vault(404, singular(kind, true) + "NotFound",
              fmt::format("Deleted {} not found: {}", singular(kind, true), name));
}

void with_twins(VaultCall& call, const VaultObject& item, ItemState state, core::TimePoint ready) {
  std::vector<VaultObject> all = {item};
  if (item.kind == "certificates")
    for (const char* other : {"keys", "secrets"})
      if (auto twin = call.store.find(call.instance(), other, item.name); twin && twin->managed)
        all.push_back(*twin);
  for (auto& one : all) {
    one.state = state;
    one.ready = ready;
    call.store.save(one);
  }
}

Reply recover_item(VaultCall& call, const std::string& kind, const std::string& name) {
  check_settled(call, kind, name);
  const VaultObject item = require_deleted(call, kind, name);
  const auto ready = call.now() + call.context.delay(core::Millis{500}, core::Millis{3'000});
  with_twins(call, item, ready > call.now() ? ItemState::recovering : ItemState::live, ready);
  VaultObject live = item;
  live.state = ItemState::live;
  return Reply::json(200, show(call, live, *call.store.version(item, ""), kind != "secrets"));
}

Reply purge_item(VaultCall& call, const std::string& kind, const std::string& name) {
  check_settled(call, kind, name);
  const VaultObject item = require_deleted(call, kind, name);
  if (call.purge_protected())
    throw_vault(403, "Forbidden",
                "Operation \"purge\" is not allowed because purge protection is enabled for this vault. Key "
                "Vault service will automatically purge it after the retention period has passed.",
                "ForbiddenByPolicy");
  // The name is free again a few seconds later.
  with_twins(call, item, ItemState::purging,
             call.now() + call.context.delay(core::Millis{1'000}, core::Millis{5'000}));
  return Reply::empty(204);
}

Reply backup_item(VaultCall& call, const std::string& kind, const std::string& name) {
  return Reply::json(200, {{"value", seal_backup(call, require_item(call, kind, name))}});
}

[[noreturn]] void throw_no_operation(const Request& request) {
  throw_vault(404, "NotFound",
              fmt::format("The simulated Key Vault has no {} {}.", request.method, request.path));
}

Reply on_deleted(VaultCall& call, const std::string& kind) {
  const auto& path = call.request.segments;
  const std::string& method = call.request.method;
  if (path.size() == 1 && method == "GET") return list_items(call, kind, true);
  if (path.size() == 2 && method == "GET") {
    const VaultObject item = require_deleted(call, kind, path[1]);
    return Reply::json(200, show(call, item, *call.store.version(item, ""), kind != "secrets"));
  }
  if (path.size() == 2 && method == "DELETE") return purge_item(call, kind, path[1]);
  if (path.size() == 3 && method == "POST" && path[2] == "recover") return recover_item(call, kind, path[1]);
  throw_no_operation(call.request);
}

Reply on_name(VaultCall& call, const std::string& kind) {
  const std::string& name = call.request.segments[1];
  const std::string& method = call.request.method;
  if (kind == "certificates" && lower(name) == "contacts") return certificate_contacts(call);
  if (kind == "certificates" && lower(name) == "issuers") return certificate_issuers(call, "");
  if (kind == "secrets" && method == "PUT") return set_secret(call, name);
  if (kind == "keys" && method == "PUT") return import_key(call, name);
  if (method == "GET") return get_item(call, kind, name, "");
  if (method == "PATCH") return patch_item(call, kind, name, "");
  if (method == "DELETE") return delete_item(call, kind, name);
  throw_no_operation(call.request);
}

Reply on_detail(VaultCall& call, const std::string& kind) {
  const std::string &name = call.request.segments[1], &detail = call.request.segments[2];
  const std::string& method = call.request.method;
  if (kind == "certificates" && lower(name) == "issuers") return certificate_issuers(call, detail);
  if (kind == "keys" && method == "POST" && is_key_operation(detail))
    return key_operation(call, name, "", lower(detail));
  if (kind == "keys" && method == "POST" && detail == "rotate") return rotate_key(call, name);
  if (kind == "keys" && detail == "rotationpolicy") return key_rotation_policy(call, name);
  if (method == "POST" && detail == "backup") return backup_item(call, kind, name);
  if (method == "GET" && detail == "versions") return list_versions(call, kind, name);
  if (kind == "keys" && method == "POST" && detail == "create") return create_key(call, name);
  if (kind == "certificates") {
    if (method == "POST" && detail == "create") return create_certificate(call, name);
    if (method == "POST" && detail == "import") return import_certificate(call, name);
    if ((method == "GET" || method == "DELETE") && detail == "pending")
      return pending_certificate(call, name);
    if (detail == "policy") return certificate_policy(call, name);
  }
  if (method == "GET") return get_item(call, kind, name, detail);
  if (method == "PATCH") return patch_item(call, kind, name, detail);
  throw_no_operation(call.request);
}

Reply route(VaultCall& call, const std::string& kind) {
  const auto& path = call.request.segments;
  const std::string& method = call.request.method;
  if (path[0].starts_with("deleted")) return on_deleted(call, kind);
  if (path.size() == 1 && method == "GET") return list_items(call, kind, false);
  if (path.size() == 2 && method == "POST" && path[1] == "restore") return restore_backup(call, kind);
  if (path.size() == 2) return on_name(call, kind);
  if (path.size() == 3) return on_detail(call, kind);
  if (path.size() == 4 && kind == "keys" && method == "POST" && is_key_operation(path[3]))
    return key_operation(call, path[1], path[2], lower(path[3]));
  throw_no_operation(call.request);
}

void check_version(const Request& request) {
  if (request.api_version.empty()) throw_vault_parameter("api-version must be specified");
  const bool known = std::any_of(kVersions.begin(), kVersions.end(), [&](const std::string& version) {
    return request.api_version == version || request.api_version.starts_with(version + "-preview");
  });
  if (!known)
    throw_vault_parameter(
        fmt::format("The specified version ({}) is not recognized. Consider using the latest "
                    "supported version (7.4).",
                    request.api_version));
}

}  // namespace

void throw_vault(int status, const std::string& code, const std::string& message, const std::string& inner) {
  throw ApiError(status, code, message, inner);
}

void throw_vault_parameter(const std::string& message) {
  throw_vault(400, "BadParameter", message);
}

Reply serve_vault(Context& context, KeyVaultStore& store, Resource& vault, Request& request) {
  VaultCall call{context, store, vault, request};
  const TokenClaims claims = authenticate(call);
  if (request.segments.empty()) throw_no_operation(request);
  std::string kind = lower(request.segments[0]);
  request.segments[0] = kind;
  if (kind.starts_with("deleted")) kind = kind.substr(7);
  if (!is_kind(kind)) throw_no_operation(request);
  check_version(request);
  authorize(call, claims, kind);
  charge(call);
  request.json = Json::parse(request.body.empty() ? "null" : request.body, nullptr, false);
  if (request.json.is_discarded()) throw_vault_parameter("The request body is no valid JSON.");
  drop_nulls(request.json);
  return route(call, kind)
      .with("Cache-Control", "no-cache")
      .with("x-ms-keyvault-region", vault.location)
      .with("x-ms-keyvault-service-version", "1.9.1652.1");
}

}  // namespace azlin::simulator
