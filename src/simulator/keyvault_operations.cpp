// What keys do: encrypt, decrypt, wrap, unwrap, sign, verify, rotate. The keys are real.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/keyvault_key.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// A key operation: its name in key_ops, and whether it makes something new (an expired key does not).
struct Operation {
  const char* path;
  const char* name;
  bool makes;
};
constexpr Operation kOperations[] = {{"encrypt", "encrypt", true}, {"decrypt", "decrypt", false},
                                     {"sign", "sign", true},       {"verify", "verify", false},
                                     {"wrapkey", "wrapKey", true}, {"unwrapkey", "unwrapKey", false}};

const Operation* find_operation(const std::string& path) {
  for (const auto& each : kOperations)
    if (same(path, each.path)) return &each;
  return nullptr;
}

void check_allowed(const VaultCall& call, const VaultVersion& version, const Operation& operation) {
  const auto refuse = [&](const std::string& what, const char* inner) {
    throw_vault(403, "Forbidden", fmt::format("Operation {} {}.", operation.name, what), inner);
  };
  const Json& attributes = version.body["attributes"];
  const auto now = seconds_of(call.now());
  if (!flag_at(attributes, "/enabled", true)) refuse("is not allowed on a disabled key", "KeyDisabled");
  if (operation.makes && number_at(attributes, "/exp", now + 1) <= now)
    refuse("is not allowed on an expired key", "KeyExpired");
  if (operation.makes && number_at(attributes, "/nbf", now) > now)
    refuse("is not allowed on a key that is not yet valid", "KeyNotYetValid");
  for (const auto& each : version.body["key"].value("key_ops", Json::array()))
    if (each == operation.name) return;
  refuse("is not permitted on this key", "KeyOperationForbidden");
}

std::string bytes_at(const Json& body, const char* member) {
  const std::string text = text_at(body, std::string("/") + member);
  const std::string bytes = base64url_decode(text);
  if (text.empty() || (bytes.empty() && !text.empty()))
    throw_vault_parameter(fmt::format("Property {} is required and must be base64url", member));
  return bytes;
}

// {"timeBeforeExpiry":"P30D"} Notify is what every key has until it is told otherwise.
Json rotation_policy(const VaultCall& call, const VaultObject& item) {
  Json policy = item.notes.value(
      "rotation", Json{{"lifetimeActions",
                        {{{"trigger", {{"timeBeforeExpiry", "P30D"}}}, {"action", {{"type", "Notify"}}}}}},
                       {"attributes", Json::object()}});
  policy["id"] = call.url("keys", item.name, "rotationpolicy");
  return policy;
}

Json checked_rotation_policy(const VaultCall& call, const Json& wanted, const Json& before) {
  Json kept = {{"lifetimeActions", wanted.value("lifetimeActions", Json::array())},
               {"attributes", wanted.value("attributes", Json::object())}};
  for (const auto& each : kept["lifetimeActions"]) {
    const std::string type = text_at(each, "/action/type");
    if (!same(type, "Rotate") && !same(type, "Notify"))
      throw_vault_parameter("The action type of a lifetime action must be Rotate or Notify.");
    if (text_at(each, "/trigger/timeAfterCreate").empty() ==
        text_at(each, "/trigger/timeBeforeExpiry").empty())
      throw_vault_parameter("A trigger has either timeAfterCreate or timeBeforeExpiry.");
  }
  kept["attributes"]["created"] = number_at(before, "/attributes/created", seconds_of(call.now()));
  kept["attributes"]["updated"] = seconds_of(call.now());
  return kept;
}

}  // namespace

bool is_key_operation(const std::string& path) {
  return find_operation(path) != nullptr;
}

Reply key_operation(VaultCall& call, const std::string& name, const std::string& wanted,
                    const std::string& path) {
  const VaultObject item = require_item(call, "keys", name);
  const VaultVersion version = require_version(call, item, wanted);
  const Operation& operation = *find_operation(path);
  check_allowed(call, version, operation);
  const Json& body = call.request.object();
  const std::string algorithm = text_at(body, "/alg"), kid = call.url("keys", item.name, version.version);
  const VaultKey key = VaultKey::of_private(text_at(version.body, "/private"), kid);
  const std::string which = operation.path;
  if (which == "verify")
    return Reply::json(200,
                       {{"value", key.verify(algorithm, bytes_at(body, "digest"), bytes_at(body, "value"))}});
  const std::string value = bytes_at(body, "value");
  const std::string result = which == "sign"                            ? key.sign(algorithm, value)
                             : which == "encrypt" || which == "wrapkey" ? key.encrypt(algorithm, value)
                                                                        : key.decrypt(algorithm, value);
  return Reply::json(200, {{"kid", kid}, {"value", base64url_encode(result)}});
}

// A new version of the same kind and size.
Reply rotate_key(VaultCall& call, const std::string& name) {
  const VaultObject item = require_item(call, "keys", name);
  const VaultVersion before = require_version(call, item, "");
  const VaultKey old = VaultKey::of_private(text_at(before.body, "/private"), name);
  const VaultKey key = old.another();
  Json shown = key.public_json();
  for (const char* member : {"kty", "key_ops"}) shown[member] = before.body["key"][member];
  Json kept = {{"key", shown}, {"private", key.private_text()}};
  if (before.body.contains("tags")) kept["tags"] = before.body["tags"];
  const VaultVersion version = add_version(call, "keys", item.name, kept, item.managed);
  return Reply::json(200, show(call, item, version, true));
}

Reply key_rotation_policy(VaultCall& call, const std::string& name) {
  VaultObject item = require_item(call, "keys", name);
  if (call.request.method == "PUT") {
    item.notes["rotation"] =
        checked_rotation_policy(call, call.request.object(), item.notes.value("rotation", Json::object()));
    call.store.save(item);
  }
  return Reply::json(200, rotation_policy(call, item));
}

}  // namespace azlin::simulator
