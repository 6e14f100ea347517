#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <array>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/report/evidence.hpp"

namespace azlin::report {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kSignatureSize = 64, kPublicSize = 32;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void must(bool good, const char* what) {
  if (!good) throw Error(ErrorKind::failed, fmt::format("OpenSSL cannot {}", what));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(length)};
}

Key new_key() {
  EVP_PKEY* key = nullptr;
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr), EVP_PKEY_CTX_free);
  must(context && EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_keygen(context.get(), &key) == 1,
       "make an Ed25519 key");
  return {key, EVP_PKEY_free};
}

// No passphrase is ever asked for: this runs from timers.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

struct EvidenceKey::Inside {
  Key key{nullptr, EVP_PKEY_free};
};

EvidenceKey::EvidenceKey(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
EvidenceKey::~EvidenceKey() = default;
EvidenceKey::EvidenceKey(EvidenceKey&& other) noexcept = default;

EvidenceKey EvidenceKey::parse(const std::string& pem, const std::string& name) {
  auto inside = std::make_unique<Inside>();
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const bool is_private = pem.find("PRIVATE KEY") != std::string::npos;
  inside->key.reset(is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                               : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!inside->key || EVP_PKEY_id(inside->key.get()) != EVP_PKEY_ED25519)
    throw Error(ErrorKind::failed, fmt::format("{} is no Ed25519 key without passphrase in PEM", name),
                "make one: openssl genpkey -algorithm ed25519 -out key.pem");
  return EvidenceKey(std::move(inside));
}

EvidenceKey EvidenceKey::load(const std::string& path) {
  const auto pem = core::read_input_file(path, "key");
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 077U) != 0)
    throw Error(ErrorKind::usage, fmt::format("others can read the key {}", path), "chmod 600 " + path);
  if (pem.find("PRIVATE KEY") == std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("{} is no private key", path));
  try {
    return parse(pem, path);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, error.what(), error.hint());
  }
}

EvidenceKey EvidenceKey::load_or_create(const std::string& path) {
  if (core::read_file(path)) return load(path);
  const auto key = new_key();
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  must(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "write the key");
  core::write_file(path, text_of(bio.get()), 0600);
  return load(path);
}

std::string EvidenceKey::sign(const std::string& bytes) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(kSignatureSize, '\0');
  std::size_t size = signature.size();
  must(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, inside_->key.get()) == 1 &&
           EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          bytes_of(bytes), bytes.size()) == 1 &&
           size == kSignatureSize,
       "sign");
  return signature;
}

bool EvidenceKey::verify(const std::string& bytes, const std::string& signature) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, inside_->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                          bytes.size()) == 1;
}

std::string EvidenceKey::public_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  must(PEM_write_bio_PUBKEY(bio.get(), inside_->key.get()) == 1, "write the public key");
  return text_of(bio.get());
}

std::string EvidenceKey::fingerprint() const {
  std::string raw(kPublicSize, '\0');
  std::size_t size = raw.size();
  must(EVP_PKEY_get_raw_public_key(inside_->key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) ==
           1,
       "read the public key");
  return sha256_hex(raw);
}

std::string sha256_hex(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  must(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1, "hash");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest.at(i));
  return hex;
}

}  // namespace azlin::report
