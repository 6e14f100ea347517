#pragma once
// Key Vault in the simulated cloud: vaults (ARM) and the data plane of secrets, keys and certificates.
// Rules: docs/simulator-platform.md. Used under Context::mutex.
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/keyvault_store.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kVaultType = "Microsoft.KeyVault/vaults";
inline constexpr std::size_t kMaxItems = 25;      // of a page
inline constexpr std::size_t kMaxVersions = 500;  // that a backup may have besides the current one

// One request to a vault's data plane.
struct VaultCall {
  Context& context;
  KeyVaultStore& store;
  Resource& vault;
  Request& request;

  core::TimePoint now() const { return context.now(); }
  std::string instance() const { return vault.hidden["instance"]; }
  bool purge_protected() const;
  int retention_days() const;
  std::string recovery_level() const;
  // {vault}/{kind}/{name}[/{version}] on the address that the client used.
  std::string url(const std::string& kind, const std::string& name, const std::string& version = {}) const;
};

// The error body is {"error":{"code","message","innererror"?:{"code"}}}; ApiError::target is the inner code.
[[noreturn]] void throw_vault(int status, const std::string& code, const std::string& message,
                              const std::string& inner = {});
[[noreturn]] void throw_vault_parameter(const std::string& message);  // 400 BadParameter

// "secrets" -> "secret"; "Secret" with a capital.
std::string singular(const std::string& kind, bool capital = false);

// ---- shared by the kinds ----
// The item, which is there for use. Throws 404 SecretNotFound and its likes.
VaultObject require_item(VaultCall& call, const std::string& kind, const std::string& name);
VaultVersion require_version(VaultCall& call, const VaultObject& item, const std::string& version);
// Whether a new item or version may be made under the name. Throws 400 for a bad name, 409 Conflict for one
// that is deleted, being deleted or being recovered.
std::optional<VaultObject> check_free(VaultCall& call, const std::string& kind, const std::string& name);
// Adds a version with the attributes of the body's "attributes"; makes the item when it is new.
VaultVersion add_version(VaultCall& call, const std::string& kind, const std::string& name, Json body,
                         bool managed = false);
// The attributes of a request, checked, over those of `present`.
Json merged_attributes(const VaultCall& call, const Json& present, const Json& wanted);
void check_vault_tags(const Json& tags);
void check_content_type(const Json& body);  // of a secret
// What a reply shows of a version: `full` with the value, else as in lists.
Json show(const VaultCall& call, const VaultObject& item, const VaultVersion& version, bool full);
// 32 hexadecimal digits.
std::string new_version();
std::int64_t seconds_of(core::TimePoint time);

// ---- secrets, keys, certificates: what only they have ----
Reply set_secret(VaultCall& call, const std::string& name);
Reply create_key(VaultCall& call, const std::string& name);
Reply import_key(VaultCall& call, const std::string& name);
Reply create_certificate(VaultCall& call, const std::string& name);
Reply import_certificate(VaultCall& call, const std::string& name);
Reply pending_certificate(VaultCall& call, const std::string& name);
Reply certificate_policy(VaultCall& call, const std::string& name);
// Who issues certificates and who hears of them: kept and shown, nothing else.
Reply certificate_contacts(VaultCall& call);
Reply certificate_issuers(VaultCall& call, const std::string& name);  // "": the list

bool is_key_operation(const std::string& path);  // encrypt, decrypt, sign, verify, wrapkey, unwrapkey
Reply key_operation(VaultCall& call, const std::string& name, const std::string& version,
                    const std::string& path);
Reply rotate_key(VaultCall& call, const std::string& name);
Reply key_rotation_policy(VaultCall& call, const std::string& name);

// ---- backup ----
// The item with all its versions, sealed with a key of the subscription and the geography. Throws 400 for
// more than kMaxVersions past versions, 403 for a disabled item.
std::string seal_backup(VaultCall& call, const VaultObject& item);
// Puts the item back. Throws 400 "Cannot decrypt backup blob.", 409 Conflict.
Reply restore_backup(VaultCall& call, const std::string& kind);

// A self-signed certificate with its key, as the PEM texts and the DER bytes of the certificate.
struct MadeCertificate {
  std::string certificate_pem, key_pem, der, pkcs12;
  core::TimePoint not_before{}, not_after{};
  Json key;                 // the public key as a JSON Web Key
  std::string private_key;  // as VaultKey keeps it
};
// As the policy's key_props and x509_props say.
MadeCertificate make_self_signed(const Json& policy, core::TimePoint now);
// From PEM text or PKCS #12 bytes. Throws ApiError 400 BadParameter.
MadeCertificate read_certificate(const std::string& bytes, const std::string& password);

// The routes of the data plane.
Reply serve_vault(Context& context, KeyVaultStore& store, Resource& vault, Request& request);

// Secrets of a vault in ARM, for templates, and its access policies.
void register_vault_secrets(Router& router, Context& context);
void register_access_policies(Router& router, Context& context);

// ---- for seeds ----
struct SeedKeyVault {
  std::string name, group = "Production", location = "eastus";
  int retention_days = 90;
  bool purge_protection = false;
  std::int64_t secrets = 0, versions = 1;     // secret-00001 …, each of so many versions
  std::map<std::string, std::string> values;  // secrets by name
  std::vector<std::string> certificates;
  Json tags;
};
void seed_key_vault(Context& context, const SeedKeyVault& vault);
KeyVaultStore& key_vault_store(Context& context);

}  // namespace azlin::simulator
