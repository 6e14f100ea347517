#pragma once
// What an auditor gets: a folder with the report and the rows behind it, and an in-toto statement over every
// file in a DSSE envelope, signed with Ed25519. Each statement names the envelope before it, so that a bundle
// cannot be left out unseen. Sources: in-toto Statement v1, DSSE v1.0.2, RFC 8032.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace azlin::report {

inline constexpr const char* kEnvelopeFile = "evidence.dsse.json";
inline constexpr const char* kPublicKeyFile = "public-key.pem";
inline constexpr const char* kPredicateType = "urn:azlin:recovery-evidence:v1";

// An Ed25519 key. Throws core::Error.
class EvidenceKey {
 public:
  // A private key in PEM. Throws: not_found; failed when it is none, or others than its owner can read it.
  static EvidenceKey load(const std::string& path);
  // load(), or a new key at `path` (mode 0600) when there is none.
  static EvidenceKey load_or_create(const std::string& path);
  // A public or private key in PEM text.
  static EvidenceKey parse(const std::string& pem, const std::string& name);
  ~EvidenceKey();
  EvidenceKey(EvidenceKey&& other) noexcept;

  std::string sign(const std::string& bytes) const;  // 64 bytes; needs the private key
  bool verify(const std::string& bytes, const std::string& signature) const;
  std::string public_pem() const;
  std::string fingerprint() const;  // SHA-256 of the 32 public bytes, hexadecimal

 private:
  struct Inside;
  explicit EvidenceKey(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

std::string sha256_hex(const std::string& bytes);

// The newest bundle of this state folder: what the next one is chained to.
struct ChainLink {
  int sequence = 0;             // from 1
  std::string envelope_sha256;  // of the envelope's bytes
};
std::optional<ChainLink> read_link(const std::string& path);  // nullopt: this is the first one
void write_link(const std::string& path, const ChainLink& link);

// Writes `files` (name to bytes), the public key and the envelope into `dir`, which must be empty or not be
// there (core::Error, usage). `predicate` gets the link to the bundle before. Returns the new link.
ChainLink write_bundle(const std::string& dir, const std::map<std::string, std::string>& files,
                       nlohmann::ordered_json predicate, const EvidenceKey& key,
                       const std::optional<ChainLink>& before);

struct Checked {
  std::vector<std::string> problems;  // empty: every byte is as it was signed
  std::string fingerprint;            // of the key that signed
  int files = 0;                      // that are as they were signed
  nlohmann::ordered_json predicate;   // null when the signature does not hold
};
// Offline. `trusted`: a key file in PEM, or a fingerprint; without it the key in the bundle is taken at its
// word, which shows that the bundle is whole, not who made it. Throws core::Error (not_found) when there is
// no such folder.
Checked check_bundle(const std::string& dir, const std::optional<std::string>& trusted);
// Whether `dir` is the bundle that comes right after the one in `previous`; empty: it is.
std::string check_link(const Checked& bundle, const std::string& previous);

}  // namespace azlin::report
