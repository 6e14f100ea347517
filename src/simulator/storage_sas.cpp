// Shared access signatures that ARM makes with an account's key, and the list of SKUs.
// Sources: REST reference, List Account SAS and List Service SAS; "Create an account SAS", "Create a service
// SAS" (version 2015-04-05, which the examples have).
#include <fmt/format.h>

#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersion = "2015-04-05";

void check_letters(const std::string& text, const std::string& allowed, const char* name) {
  if (text.empty() || text.find_first_not_of(allowed) != std::string::npos) throw_storage_value(name);
}

// To the second, as a SAS has it; "" for what is not given.
std::string sas_time(const Json& body, const char* name) {
  const std::string text = text_at(body, std::string("/") + name);
  if (text.empty()) return "";
  const auto time = core::parse_time(text);
  if (!time) throw_storage_value(name);
  return core::to_iso8601(*time).substr(0, 19) + "Z";
}

// key1 unless the body says another; in either case of letters.
std::string signing_key(const Resource& account, const Json& body) {
  const std::string name = text_at(body, "/keyToSign", "key1");
  for (const auto& key : account.hidden["keys"])
    if (same(text_at(key, "/keyName"), name)) return base64_decode(key["value"]);
  throw_storage_value("keyToSign");
}

// "st=…&se=…": what is there, encoded, in this order.
std::string token(const std::vector<std::pair<std::string, std::string>>& fields,
                  const std::string& signature) {
  std::string out;
  for (const auto& [name, value] : fields)
    if (!value.empty()) out += name + "=" + percent_encode(value) + "&";
  return out + "sig=" + percent_encode(signature);
}

Reply account_sas(Context& context, Request& request) {
  const Resource account = require(context, request.target.id);
  const Json& body = request.object();
  const std::string services = text_at(body, "/signedServices"),
                    types = text_at(body, "/signedResourceTypes"),
                    permissions = text_at(body, "/signedPermission"), start = sas_time(body, "signedStart"),
                    expiry = sas_time(body, "signedExpiry"), address = text_at(body, "/signedIp"),
                    protocol = text_at(body, "/signedProtocol");
  check_letters(services, "bqtf", "signedServices");
  check_letters(types, "sco", "signedResourceTypes");
  check_letters(permissions, "rdwlacup", "signedPermission");
  if (expiry.empty()) throw_storage_value("signedExpiry");
  const std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n", account.name, permissions,
                                       services, types, start, expiry, address, protocol, kVersion);
  const auto signature = base64_encode(hmac_sha256(signing_key(account, body), text));
  return Reply::json(200, {{"accountSasToken", token({{"sv", kVersion},
                                                      {"ss", services},
                                                      {"srt", types},
                                                      {"sp", permissions},
                                                      {"st", start},
                                                      {"se", expiry},
                                                      {"spr", protocol},
                                                      {"sip", address}},
                                                     signature)}});
}

// Of a container or a blob: "/blob/{account}/{container}[/{blob}]".
Reply service_sas(Context& context, Request& request) {
  const Resource account = require(context, request.target.id);
  const Json& body = request.object();
  const std::string resource = text_at(body, "/canonicalizedResource"),
                    kind = text_at(body, "/signedResource"), permissions = text_at(body, "/signedPermission"),
                    start = sas_time(body, "signedStart"), expiry = sas_time(body, "signedExpiry"),
                    identifier = text_at(body, "/signedIdentifier"), address = text_at(body, "/signedIp"),
                    protocol = text_at(body, "/signedProtocol");
  if (!resource.starts_with("/blob/" + account.name + "/")) throw_storage_value("canonicalizedResource");
  if (kind != "b" && kind != "c") throw_storage_value("signedResource");
  if (identifier.empty() || !permissions.empty()) check_letters(permissions, "racwdl", "signedPermission");
  if (identifier.empty() && expiry.empty()) throw_storage_value("signedExpiry");
  std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", permissions, start, expiry, resource,
                                 identifier, address, protocol, kVersion);
  std::vector<std::pair<std::string, std::string>> fields = {
      {"sv", kVersion},    {"sr", kind},      {"st", start},    {"se", expiry},
      {"sp", permissions}, {"spr", protocol}, {"sip", address}, {"si", identifier}};
  for (const char* header : {"rscc", "rscd", "rsce", "rscl", "rsct"}) {
    const std::string value = text_at(body, std::string("/") + header);
    text += "\n" + value;
    fields.emplace_back(header, value);
  }
  const auto signature = base64_encode(hmac_sha256(signing_key(account, body), text));
  return Reply::json(200, {{"serviceSasToken", token(fields, signature)}});
}

Json sku_of(const StorageSku& sku, const char* kind, const std::string& location) {
  return {{"resourceType", "storageAccounts"},
          {"name", sku.name},
          {"tier", sku.premium ? "Premium" : "Standard"},
          {"kind", kind},
          {"locations", {location}},
          {"capabilities", Json::array({{{"name", "supportsfileencryption"}, {"value", "true"}}})},
          {"restrictions", Json::array()}};
}

// Zone-redundant ones only where there are zones.
Reply list_skus(Context&, Request&) {
  Json all = Json::array();
  for (const auto& location : location_names())
    for (const char* name : {"Standard_LRS", "Standard_GRS", "Standard_RAGRS", "Standard_ZRS",
                             "Standard_GZRS", "Standard_RAGZRS", "Premium_LRS", "Premium_ZRS"}) {
      const auto sku = *find_sku(name);
      if (sku.zones && !find_location(location)->zones) continue;
      if (sku.premium)
        for (const char* kind : {"BlockBlobStorage", "FileStorage"})
          all.push_back(sku_of(sku, kind, location));
      if (!sku.premium || !sku.zones) all.push_back(sku_of(sku, "StorageV2", location));
    }
  return Reply::json(200, {{"value", all}});
}

}  // namespace

void register_storage_sas(Router& router, Context& context) {
  const std::string one = group_path(kStorageType) + "/{account}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kStorageType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("POST", one + "/listAccountSas", account_sas);
  on("POST", one + "/listServiceSas", service_sas);
  // There are no user delegation keys here to revoke.
  on("POST", one + "/revokeUserDelegationKeys", [](Context& cloud, Request& request) {
    require(cloud, request.target.id);
    return Reply::empty(200);
  });
  on("GET", subscription_path("Microsoft.Storage/skus"), list_skus);
}

}  // namespace azlin::simulator
