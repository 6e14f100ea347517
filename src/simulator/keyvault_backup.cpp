// Backup blobs: opaque to the client, readable again only in the same subscription and geography.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/locations.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr int kIv = 12, kTag = 16;
constexpr const char* kMagic = "KVSB";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string blob_key(const VaultCall& call) {
  const Location* place = find_location(call.vault.location);
  const std::string from =
      "simulated key vault|" + lower(call.vault.subscription) + "|" + (place ? place->geography : "");
  std::string key(32, '\0');
  EVP_Digest(from.data(), from.size(), bytes(key), nullptr, EVP_sha256(), nullptr);
  return key;
}

std::string encrypt(const std::string& key, const std::string& plain) {
  std::string iv(kIv, '\0'), tag(kTag, '\0'), out(plain.size(), '\0');
  RAND_bytes(bytes(iv), kIv);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key)),
                     bytes(std::string_view(iv)));
  EVP_EncryptUpdate(cipher.get(), bytes(out), &length, bytes(std::string_view(plain)),
                    static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(cipher.get(), bytes(out) + length, &length);
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data());
  return kMagic + iv + tag + out;
}

[[noreturn]] void throw_undecryptable() {
  throw_vault_parameter("Cannot decrypt backup blob.");
}

std::string decrypt(const std::string& key, const std::string& blob) {
  const std::size_t head = 4 + kIv + kTag;
  if (blob.size() <= head || !blob.starts_with(kMagic))
    throw_vault_parameter("The backup blob is malformed.");
  std::string tag = blob.substr(4 + kIv, kTag), plain(blob.size() - head, '\0');
  const std::string iv = blob.substr(4, kIv), sealed = blob.substr(head);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key)),
                     bytes(std::string_view(iv)));
  EVP_DecryptUpdate(cipher.get(), bytes(plain), &length, bytes(std::string_view(sealed)),
                    static_cast<int>(sealed.size()));
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data());
  if (EVP_DecryptFinal_ex(cipher.get(), bytes(plain) + length, &length) <= 0) throw_undecryptable();
  return plain;
}

Json versions_of(VaultCall& call, const VaultObject& item) {
  Json versions = Json::array();
  for (const auto& [number, version] : call.store.versions(item, 0, kMaxVersions + 1))
    versions.push_back({{"version", version.version}, {"body", version.body}});
  return versions;
}

// A certificate carries its key and its secret.
Json contents_of(VaultCall& call, const VaultObject& item) {
  Json contents = {{"kind", item.kind},
                   {"name", item.name},
                   {"managed", item.managed},
                   {"notes", item.notes},
                   {"versions", versions_of(call, item)}};
  if (item.kind != "certificates") return contents;
  for (const char* kind : {"keys", "secrets"}) {
    const auto twin = call.store.find(call.instance(), kind, item.name);
    if (twin && twin->managed) contents["twins"].push_back(contents_of(call, *twin));
  }
  return contents;
}

void put_back(VaultCall& call, const Json& contents) {
  const VaultObject item{call.instance(),     contents["kind"], contents["name"], ItemState::live, {}, {}, {},
                         contents["managed"], contents["notes"]};
  call.store.save(item);
  for (const auto& version : contents["versions"])
    call.store.append(item, {version["version"], version["body"]});
  for (const auto& twin : contents.value("twins", Json::array())) put_back(call, twin);
}

}  // namespace

std::string seal_backup(VaultCall& call, const VaultObject& item) {
  if (item.managed)
    throw_vault(403, "Forbidden",
                fmt::format("The {} '{}' is managed by a certificate: back up the certificate.",
                            singular(item.kind), item.name));
  const auto current = require_version(call, item, "");
  if (!flag_at(current.body, "/attributes/enabled", true))
    throw_vault(403, "Forbidden",
                fmt::format("Operation backup is not allowed on a disabled {}.", singular(item.kind)),
                singular(item.kind, true) + "Disabled");
  if (call.store.count_versions(item) > static_cast<std::int64_t>(kMaxVersions) + 1)
    throw_vault_parameter(fmt::format("The {} '{}' has more than {} past versions and cannot be backed up.",
                                      singular(item.kind), item.name, kMaxVersions));
  return base64url_encode(encrypt(blob_key(call), contents_of(call, item).dump()));
}

Reply restore_backup(VaultCall& call, const std::string& kind) {
  const std::string value = text_at(call.request.object(), "/value");
  const Json contents = Json::parse(decrypt(blob_key(call), base64url_decode(value)), nullptr, false);
  if (!contents.is_object()) throw_undecryptable();
  if (contents["kind"] != kind)
    throw_vault_parameter(
        fmt::format("The backup is one of {}, not of {}.", contents["kind"].get<std::string>(), kind));
  const std::string name = contents["name"];
  std::vector<std::string> kinds = {kind};
  for (const auto& twin : contents.value("twins", Json::array())) kinds.push_back(twin["kind"]);
  for (const auto& one : kinds) {
    if (check_free(call, one, name))
      throw_vault(
          409, "Conflict",
          fmt::format("A {} with (name/id) {} already exists in this key vault.", singular(one), name));
  }
  put_back(call, contents);
  const VaultObject item = require_item(call, kind, name);
  Json shown = show(call, item, *call.store.version(item, ""), kind != "secrets");
  return Reply::json(200, shown);
}

}  // namespace azlin::simulator
