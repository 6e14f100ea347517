// What secrets, keys and certificates have in common: names, attributes, versions, and how they are shown.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMaxName = 127, kMaxTags = 15, kMaxTagLength = 256, kMaxSecret = 25'600;
constexpr std::size_t kMaxContentType = 255;  // "About Key Vault secrets"

void check_name(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= kMaxName &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (!good) throw_vault_parameter(fmt::format("The request URI contains an invalid name: {}", name));
}

// Deleted items also say when they were deleted, when they go, and where they can be recovered.
void add_deletion(const VaultCall& call, const VaultObject& item, Json& shown) {
  if (item.state == ItemState::live) return;
  shown["recoveryId"] = call.url("deleted" + item.kind, item.name);
  shown["deletedDate"] = seconds_of(item.deleted);
  shown["scheduledPurgeDate"] = seconds_of(item.purge_at);
}

// The certificate's pointers to the key and the secret of the same name and version.
void add_certificate(const VaultCall& call, const VaultObject& item, const VaultVersion& version, Json& shown,
                     bool full) {
  if (version.body.contains("x5t")) shown["x5t"] = version.body["x5t"];
  if (!full) return;
  shown["kid"] = call.url("keys", item.name, version.version);
  shown["sid"] = call.url("secrets", item.name, version.version);
  shown["cer"] = version.body["cer"];
  shown["policy"] = item.notes["policy"];
  shown["policy"]["id"] = call.url("certificates", item.name, "policy");
}

}  // namespace

bool VaultCall::purge_protected() const {
  return flag_at(vault.body, "/properties/enablePurgeProtection", false);
}

int VaultCall::retention_days() const {
  return static_cast<int>(number_at(vault.body, "/properties/softDeleteRetentionInDays", 90));
}

std::string VaultCall::recovery_level() const {
  return std::string(retention_days() < 90 ? "CustomizedRecoverable" : "Recoverable") +
         (purge_protected() ? "" : "+Purgeable");
}

std::string VaultCall::url(const std::string& kind, const std::string& name,
                           const std::string& version) const {
  return request.base_url + "/" + kind + "/" + name + (version.empty() ? "" : "/" + version);
}

std::string singular(const std::string& kind, bool capital) {
  std::string text = kind.substr(0, kind.size() - 1);
  if (capital) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string new_version() {
  std::string version = new_guid();
  std::erase(version, '-');
  return version;
}

std::int64_t seconds_of(core::TimePoint time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

VaultObject require_item(VaultCall& call, const std::string& kind, const std::string& name) {
  check_name(name);
  auto item = call.store.find(call.instance(), kind, name);
  if (item && item->state == ItemState::live) return std::move(*item);
  throw_vault(
      404, singular(kind, true) + "NotFound",
      fmt::format("A {} with (name/id) {} was not found in this key vault. If you recently deleted this {} "
                  "you may be able to recover it using the correct recovery command.",
                  singular(kind), name, singular(kind)));
}

VaultVersion require_version(VaultCall& call, const VaultObject& item, const std::string& version) {
  auto found = call.store.version(item, version);
  if (found) return std::move(*found);
  throw_vault(404, singular(item.kind, true) + "NotFound",
              fmt::format("A {} with (name/id) {}/{} was not found in this key vault.", singular(item.kind),
                          item.name, version));
}

std::optional<VaultObject> check_free(VaultCall& call, const std::string& kind, const std::string& name) {
  check_name(name);
  auto item = call.store.find(call.instance(), kind, name);
  if (!item || item->state == ItemState::live) return item;
  const std::string what = fmt::format("{} {} is currently ", singular(kind, true), item->name);
  if (item->state == ItemState::deleted)
    throw_vault(409, "Conflict",
                what +
                    "in a deleted but recoverable state, and its name cannot be reused; in this state, the " +
                    singular(kind) + " can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable");
  if (item->state == ItemState::recovering)
    throw_vault(409, "Conflict", what + "being recovered.", "ObjectIsBeingRecovered");
  throw_vault(409, "Conflict", what + "being deleted.", "ObjectIsBeingDeleted");
}

void check_vault_tags(const Json& tags) {
  if (!tags.is_object()) throw_vault_parameter("Property tags must be an object");
  if (tags.size() > kMaxTags) throw_vault_parameter("The number of tags exceeds the maximum of 15");
  for (const auto& [name, value] : tags.items())
    if (!value.is_string() || name.size() > kMaxTagLength ||
        value.get_ref<const std::string&>().size() > kMaxTagLength)
      throw_vault_parameter(fmt::format("The tag '{}' is invalid: 256 characters at most", name));
}

void check_content_type(const Json& body) {
  if (text_at(body, "/contentType").size() > kMaxContentType)
    throw_vault_parameter("Property contentType has more than 255 characters");
}

Json merged_attributes(const VaultCall& call, const Json& present, const Json& wanted) {
  Json attributes =
      present.is_object() ? present : Json{{"enabled", true}, {"created", seconds_of(call.now())}};
  attributes["updated"] = seconds_of(call.now());
  if (!wanted.is_object()) return attributes;
  for (const char* member : {"enabled", "exp", "nbf", "exportable"}) {
    if (!wanted.contains(member)) continue;
    const bool flag = std::string(member) == "enabled" || std::string(member) == "exportable";
    if (flag ? !wanted[member].is_boolean() : !wanted[member].is_number_integer())
      throw_vault_parameter(fmt::format("Property attributes.{} has an invalid value", member));
    attributes[member] = wanted[member];
  }
  if (attributes.contains("nbf") && attributes.contains("exp") && attributes["nbf"] >= attributes["exp"])
    throw_vault_parameter("The nbf attribute must be earlier than exp");
  return attributes;
}

VaultVersion add_version(VaultCall& call, const std::string& kind, const std::string& name, Json body,
                         bool managed) {
  auto item = check_free(call, kind, name);
  if (item && item->managed != managed)
    throw_vault(403, "Forbidden",
                fmt::format("The {} '{}' is managed by a certificate and cannot be changed itself.",
                            singular(kind), name));
  if (!item) {
    item = VaultObject{call.instance(), kind, name, ItemState::live, {}, {}, {}, managed, Json::object()};
    call.store.save(*item);
  }
  if (const Json tags = body.value("tags", Json()); !tags.is_null()) check_vault_tags(tags);
  check_content_type(body);
  body["attributes"] = merged_attributes(call, nullptr, body.value("attributes", Json()));
  VaultVersion version{body.value("version", new_version()), std::move(body)};
  version.body.erase("version");
  call.store.append(*item, version);
  return version;
}

Json show(const VaultCall& call, const VaultObject& item, const VaultVersion& version, bool full) {
  const Json& body = version.body;
  Json shown = {{"attributes", body["attributes"]}};
  shown["attributes"]["recoveryLevel"] = call.recovery_level();
  shown["attributes"]["recoverableDays"] = call.retention_days();
  if (body.contains("tags")) shown["tags"] = body["tags"];
  const std::string id = call.url(item.kind, item.name, version.version);
  if (item.kind == "keys" && full) {
    shown["key"] = body["key"];
    shown["key"]["kid"] = id;
  } else {
    shown[item.kind == "keys" ? "kid" : "id"] = id;
  }
  if (item.kind == "secrets") {
    if (body.contains("contentType")) shown["contentType"] = body["contentType"];
    if (full) shown["value"] = body["value"];
    if (full && item.managed) shown["kid"] = call.url("keys", item.name, version.version);
  }
  if (item.kind == "certificates") add_certificate(call, item, version, shown, full);
  if (item.managed) shown["managed"] = true;
  add_deletion(call, item, shown);
  return shown;
}

Reply set_secret(VaultCall& call, const std::string& name) {
  const Json& body = call.request.object();
  if (!body.value("value", Json()).is_string()) throw_vault_parameter("Property value is required");
  if (body["value"].get_ref<const std::string&>().size() > kMaxSecret)
    throw_vault_parameter("The length of the secret value exceeds the maximum of 25600 bytes");
  Json kept = {{"value", body["value"]}};
  for (const char* member : {"contentType", "tags", "attributes"})
    if (body.contains(member)) kept[member] = body[member];
  const VaultVersion version = add_version(call, "secrets", name, kept);
  return Reply::json(200, show(call, require_item(call, "secrets", name), version, true));
}

}  // namespace azlin::simulator
