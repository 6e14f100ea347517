// Certificate issuers and contacts of a vault: a document each, kept as it was given.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

class Document {
 public:
  Document(VaultCall& call, const char* what)
      : state_(call.context.state), name_(fmt::format("keyvault {} {}", what, call.instance())) {}
  Json read() const { return Json::parse(state_.meta(name_).value_or("{}")); }
  void write(const Json& body) { state_.set_meta(name_, body.dump()); }

 private:
  State& state_;
  std::string name_;
};

Json shown_issuer(const VaultCall& call, const std::string& name, Json issuer) {
  issuer["id"] = call.url("certificates/issuers", name);
  return issuer;
}

Reply list_issuers(const VaultCall& call, const Json& issuers) {
  Json all = Json::array();
  for (const auto& [name, issuer] : issuers.items())
    all.push_back(
        {{"id", call.url("certificates/issuers", name)}, {"provider", text_at(issuer, "/provider")}});
  return Reply::json(200, {{"value", all}, {"nextLink", nullptr}});
}

}  // namespace

Reply certificate_contacts(VaultCall& call) {
  Document document(call, "contacts");
  Json contacts = document.read();
  if (call.request.method == "PUT") {
    if (!call.request.object().value("contacts", Json()).is_array())
      throw_vault_parameter("Property contacts is required");
    contacts = {{"contacts", call.request.object()["contacts"]}};
    document.write(contacts);
  }
  if (!contacts.contains("contacts"))
    throw_vault(404, "ContactsNotFound", "Contacts were not found in this key vault.");
  if (call.request.method == "DELETE") document.write(Json::object());
  contacts["id"] = call.request.base_url + "/certificates/contacts";
  return Reply::json(200, contacts);
}

Reply certificate_issuers(VaultCall& call, const std::string& given) {
  const std::string name = lower(given);
  const std::string& method = call.request.method;
  Document document(call, "issuers");
  Json issuers = document.read();
  if (name.empty()) return list_issuers(call, issuers);
  if (method == "PUT" && text_at(call.request.object(), "/provider").empty())
    throw_vault_parameter("Property provider is required");
  if (method != "PUT" && !issuers.contains(name))
    throw_vault(404, "CertificateIssuerNotFound", fmt::format("Certificate issuer not found: {}", name));
  const Json before = issuers.value(name, Json::object());
  if (method == "PUT" || method == "PATCH") {
    Json& issuer = issuers[name];
    method == "PUT" ? void(issuer = call.request.object()) : issuer.merge_patch(call.request.object());
    issuer["attributes"]["enabled"] = flag_at(issuer, "/attributes/enabled", true);
    issuer["attributes"]["created"] = number_at(before, "/attributes/created", seconds_of(call.now()));
    issuer["attributes"]["updated"] = seconds_of(call.now());
  }
  const Json shown = shown_issuer(call, name, issuers[name]);
  if (method == "DELETE") issuers.erase(name);
  if (method != "GET") document.write(issuers);
  return Reply::json(200, shown);
}

}  // namespace azlin::simulator
