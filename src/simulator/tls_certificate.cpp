#include "simulator/tls_certificate.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "azlin/core/error.hpp"

namespace azlin::simulator {
namespace {

// Stores are reached by name, too, where a client resolves these to us.
constexpr const char* kNames =
    "DNS:localhost,IP:127.0.0.1,DNS:*.vault.azure.net,DNS:*.vault.localhost,DNS:*.azconfig.io,"
    "DNS:*.azconfig.localhost";
constexpr const char* kNewestName = "a.azconfig.localhost";  // which a certificate of an older state lacks

constexpr long kTenYears = 10L * 365 * 24 * 3600;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

[[noreturn]] void fail(const std::string& what) {
  throw core::Error(core::ErrorKind::failed, "cannot make the simulator's certificate: " + what);
}

void add_extension(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) fail(value);
}

Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  if (!certificate) fail("out of memory");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kTenYears);
  X509_set_pubkey(certificate.get(), key);
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate.get(), NID_subject_alt_name, kNames);
  add_extension(certificate.get(), NID_subject_key_identifier, "hash");
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) fail("signing");
  return certificate;
}

// A file that only the owner may read.
std::unique_ptr<FILE, Freer<std::fclose>> open_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail(path);
  return std::unique_ptr<FILE, Freer<std::fclose>>(::fdopen(file, "w"));
}

}  // namespace

namespace {

bool is_complete(const TlsFiles& files) {
  const std::unique_ptr<FILE, Freer<std::fclose>> file(std::fopen(files.certificate.c_str(), "re"));
  if (!file || !std::filesystem::exists(files.key)) return false;
  const Certificate certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  return certificate && X509_check_host(certificate.get(), kNewestName, 0, 0, nullptr) == 1;
}

}  // namespace

TlsFiles tls_files(const std::string& folder) {
  TlsFiles files{folder + "/cert.pem", folder + "/key.pem"};
  if (is_complete(files)) return files;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  const Key key(EVP_EC_gen("P-256"));
  if (!key) fail("the key");
  const auto certificate = make_certificate(key.get());
  const auto key_file = open_private(files.key), certificate_file = open_private(files.certificate);
  if (PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_X509(certificate_file.get(), certificate.get()) != 1)
    fail("writing");
  return files;
}

}  // namespace azlin::simulator
