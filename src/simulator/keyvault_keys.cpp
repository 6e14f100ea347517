// Keys and certificates: how they are made.
#include <fmt/format.h>
#include <openssl/evp.h>

#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/keyvault_key.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kPfx = "application/x-pkcs12";
constexpr const char* kPem = "application/x-pem-file";
constexpr const char* kPendingState = "keyvault pending";

const Json kKeyOps = {"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"};

const Json kEcOps = {"sign", "verify"};

Reply keep_key(VaultCall& call, const std::string& name, const std::string& type, const VaultKey& key,
               const Json& operations) {
  const Json& body = call.request.object();
  Json shown = key.public_json();
  shown["kty"] = type;
  shown["key_ops"] = operations.is_array() ? operations : type.starts_with("EC") ? kEcOps : kKeyOps;
  Json kept = {{"key", shown}, {"private", key.private_text()}};
  for (const char* member : {"tags", "attributes"})
    if (body.contains(member)) kept[member] = body[member];
  const VaultVersion version = add_version(call, "keys", name, kept);
  return Reply::json(200, show(call, require_item(call, "keys", name), version, true));
}

// {"issuer":{"name":"Self"},"key_props":…,"secret_props":…,"x509_props":{"subject","validity_months"}}, with
// the defaults filled in.
Json full_policy(const VaultCall& call, Json policy) {
  const std::string subject = text_at(policy, "/x509_props/subject");
  if (subject.empty()) throw_vault_parameter("The certificate policy lacks a subject.");
  Json full = {
      {"key_props", {{"exportable", true}, {"kty", "RSA"}, {"key_size", 2048}, {"reuse_key", false}}},
      {"secret_props", {{"contentType", kPfx}}},
      {"x509_props",
       {{"subject", subject},
        {"validity_months", 12},
        {"ekus", {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}},
        {"key_usage", {"digitalSignature", "keyEncipherment"}},
        {"basic_constraints", {{"ca", false}}}}},
      {"lifetime_actions",
       {{{"trigger", {{"lifetime_percentage", 80}}}, {"action", {{"action_type", "AutoRenew"}}}}}},
      {"issuer", {{"name", "Self"}}},
      {"attributes", merged_attributes(call, nullptr, nullptr)}};
  full.merge_patch(policy);
  full.erase("id");
  if (text_at(full, "/key_props/kty").starts_with("EC")) full["key_props"].erase("key_size");
  return full;
}

// The certificate, its key and its secret: one version of each, under the same name and version.
void keep_certificate(VaultCall& call, const std::string& name, const Json& policy,
                      const MadeCertificate& made) {
  const Json& body = call.request.object();
  Json attributes = body.value("attributes", Json::object());
  attributes["nbf"] = seconds_of(made.not_before);
  attributes["exp"] = seconds_of(made.not_after);
  const Json tags = body.value("tags", Json::object());
  const std::string version = new_version();
  const bool pem = text_at(policy, "/secret_props/contentType") == kPem;
  Json key = made.key;
  key["key_ops"] = key["kty"] == "EC" ? kEcOps : kKeyOps;
  add_version(call, "keys", name,
              {{"version", version},
               {"key", key},
               {"private", made.private_key},
               {"attributes", attributes},
               {"tags", tags}},
              true);
  add_version(call, "secrets", name,
              {{"version", version},
               {"value", pem ? made.key_pem + made.certificate_pem : base64_encode(made.pkcs12)},
               {"contentType", pem ? kPem : kPfx},
               {"attributes", attributes},
               {"tags", tags}},
              true);
  std::string digest(20, '\0');
  EVP_Digest(made.der.data(), made.der.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha1(), nullptr);
  add_version(call, "certificates", name,
              {{"version", version},
               {"cer", base64_encode(made.der)},
               {"x5t", base64url_encode(digest)},
               {"attributes", attributes},
               {"tags", tags}});
  VaultObject item = require_item(call, "certificates", name);
  item.notes = {{"policy", policy}};
  call.store.save(item);
}

Json pending_body(const VaultCall& call, const std::string& name, bool done) {
  Json body = {{"id", call.url("certificates", name, "pending")},       {"issuer", {{"name", "Self"}}},
               {"csr", base64_encode("simulated request for " + name)}, {"cancellation_requested", false},
               {"status", done ? "completed" : "inProgress"},           {"request_id", guid_from(name)}};
  if (done) body["target"] = call.url("certificates", name);
  return body;
}

}  // namespace

Reply create_key(VaultCall& call, const std::string& name) {
  const Json& body = call.request.object();
  const std::string type = text_at(body, "/kty");
  if (type != "RSA" && type != "EC" && type != "RSA-HSM" && type != "EC-HSM")
    throw_vault_parameter("Property kty is required: RSA, RSA-HSM, EC or EC-HSM");
  if (type.ends_with("-HSM") && !same(text_at(call.vault.body, "/properties/sku/name"), "premium"))
    throw_vault_parameter("Keys in hardware need a vault of the premium SKU.");
  const auto size = number_at(body, "/key_size", 2'048);
  const std::string curve = text_at(body, "/crv", "P-256");
  if (size != 2'048 && size != 3'072 && size != 4'096) throw_vault_parameter("Property key_size is invalid");
  check_free(call, "keys", name);
  const auto key = VaultKey::make(type.substr(0, type.find('-')), static_cast<int>(size), curve);
  return keep_key(call, name, type, key, body.value("key_ops", Json()));
}

Reply import_key(VaultCall& call, const std::string& name) {
  const Json given = call.request.object().value("key", Json());
  if (!given.is_object()) throw_vault_parameter("Property key is required");
  check_free(call, "keys", name);
  return keep_key(call, name, text_at(given, "/kty"), VaultKey::of_json(given),
                  given.value("key_ops", Json()));
}

Reply create_certificate(VaultCall& call, const std::string& name) {
  const auto existing = check_free(call, "certificates", name);
  Json given = call.request.object().value("policy", Json());
  if (!given.is_object() && existing) given = existing->notes["policy"];
  if (!given.is_object()) throw_vault_parameter("Property policy is required");
  const Json policy = full_policy(call, given);
  if (!same(text_at(policy, "/issuer/name"), "Self"))
    throw_vault_parameter("The simulated Key Vault issues self-signed certificates only: issuer Self.");
  if (text_at(policy, "/key_props/kty") != "RSA" && text_at(policy, "/key_props/kty") != "EC")
    throw_vault_parameter("The simulated Key Vault makes certificates with keys of type RSA and EC.");
  keep_certificate(call, name, policy, make_self_signed(policy, call.now()));
  const auto ready = call.now() + call.context.delay(core::Millis{1'000}, core::Millis{10'000});
  call.context.state.set_meta(std::string(kPendingState) + call.instance() + "|" + lower(name),
                              std::to_string(ready.time_since_epoch().count()));
  return Reply::json(202, pending_body(call, name, false))
      .with("Location",
            call.url("certificates", name, "pending") + "?api-version=" + call.request.api_version)
      .with("Retry-After", call.context.retry_after());
}

Reply import_certificate(VaultCall& call, const std::string& name) {
  const Json& body = call.request.object();
  check_free(call, "certificates", name);
  const std::string value = text_at(body, "/value");
  const bool pem = value.find("-----BEGIN") != std::string::npos;
  const MadeCertificate made = read_certificate(pem ? value : base64_decode(value), text_at(body, "/pwd"));
  Json policy = body.value("policy", Json::object());
  if (text_at(policy, "/x509_props/subject").empty()) policy["x509_props"]["subject"] = "CN=" + name;
  if (text_at(policy, "/secret_props/contentType").empty())
    policy["secret_props"]["contentType"] = pem ? kPem : kPfx;
  if (text_at(policy, "/issuer/name").empty()) policy["issuer"]["name"] = "Unknown";
  keep_certificate(call, name, full_policy(call, policy), made);
  const VaultObject item = require_item(call, "certificates", name);
  return Reply::json(200, show(call, item, *call.store.version(item, ""), true));
}

Reply pending_certificate(VaultCall& call, const std::string& name) {
  const std::string note = std::string(kPendingState) + call.instance() + "|" + lower(name);
  const std::string ready = call.context.state.meta(note).value_or("");
  if (ready.empty())
    throw_vault(404, "PendingCertificateNotFound", fmt::format("Pending certificate not found: {}", name));
  const bool done = std::stoll(ready) <= call.now().time_since_epoch().count();
  if (call.request.method == "DELETE") call.context.state.set_meta(note, "");
  return Reply::json(200, pending_body(call, name, done));
}

Reply certificate_policy(VaultCall& call, const std::string& name) {
  VaultObject item = require_item(call, "certificates", name);
  if (call.request.method == "PATCH") {
    item.notes["policy"].merge_patch(call.request.object());
    call.store.save(item);
  }
  Json policy = item.notes["policy"];
  policy["id"] = call.url("certificates", item.name, "policy");
  return Reply::json(200, policy);
}

}  // namespace azlin::simulator
