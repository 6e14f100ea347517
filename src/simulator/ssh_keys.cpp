// Microsoft.Compute/sshPublicKeys: kept as stated; a pair can be made once, its private half is given out
// then. Source: REST reference, SSH Public Keys (2024-07-01).
#include <fmt/format.h>

#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault_key.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Compute/sshPublicKeys";
constexpr int kBits = 3072;

void complete_key(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing) {
  auto& properties = fresh.body["properties"];
  if (!properties.contains("publicKey") && existing && existing->body["properties"].contains("publicKey"))
    properties["publicKey"] = existing->body["properties"]["publicKey"];
}

// A text with its length before it (RFC 4251, section 5).
std::string ssh_text(const std::string& bytes) {
  std::string text;
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(bytes.size() >> shift);
  return text + bytes;
}

// A positive number: its first bit is 0.
std::string ssh_number(const Json& base64url) {
  auto bytes = base64url_decode(base64url.get<std::string>());
  if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) bytes.insert(0, 1, '\0');
  return ssh_text(bytes);
}

std::string pem(const std::string& base64) {
  std::string text = "-----BEGIN PRIVATE KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
  return text + "-----END PRIVATE KEY-----\n";
}

Reply generate(Context& context, const Request& request) {
  auto resource = require(context, request.target.id);
  const auto type = text_at(request.json, "/encryptionType", "RSA");
  if (!same(type, "RSA"))
    throw ApiError(409, "OperationNotAllowed",
                   fmt::format("Keys of type '{}' are not offered by this simulated cloud.", type));
  if (!text_at(resource.body, "/properties/publicKey").empty())
    throw ApiError(409, "OperationNotAllowed",
                   fmt::format("The SSH public key resource '{}' already has a public key.", resource.name));
  const auto pair = VaultKey::make("RSA", kBits, "");
  const Json numbers = pair.public_json();
  const std::string shown =
      "ssh-rsa " + base64_encode(ssh_text("ssh-rsa") + ssh_number(numbers["e"]) + ssh_number(numbers["n"])) +
      " generated-by-azure";
  resource.body["properties"]["publicKey"] = shown;
  context.save(resource);
  return Reply::json(200,
                     {{"id", resource.id}, {"publicKey", shown}, {"privateKey", pem(pair.private_text())}});
}

}  // namespace

void register_ssh_keys(Router& router, Context& context) {
  register_plain_type(router, context,
                      {.type = kType,
                       .versions = kType,
                       .complete = complete_key,
                       .has_state = false,
                       .deleted_at_once = true});
  router.arm("POST", group_path(kType) + "/{name}/generateKeyPair", kType,
             [&context](Request& r) { return generate(context, r); });
}

}  // namespace azlin::simulator
