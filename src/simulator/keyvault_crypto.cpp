// Certificates that are real, so that a client can parse what it is given.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include <memory>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/keyvault_key.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Pkcs12 = std::unique_ptr<PKCS12, Freer<PKCS12_free>>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

core::TimePoint time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return core::TimePoint{std::chrono::seconds(::timegm(&parts))};
}

MadeCertificate describe(X509* certificate, EVP_PKEY* key) {
  MadeCertificate made;
  const Bio pem(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_mem())), der(BIO_new(BIO_s_mem())),
      bundle(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(pem.get(), certificate);
  PEM_write_bio_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  i2d_X509_bio(der.get(), certificate);
  const Pkcs12 pkcs12(PKCS12_create("", nullptr, key, certificate, nullptr, 0, 0, 0, 0, 0));
  if (pkcs12) i2d_PKCS12_bio(bundle.get(), pkcs12.get());
  made.certificate_pem = text_of(pem.get());
  made.key_pem = text_of(secret.get());
  made.der = text_of(der.get());
  made.pkcs12 = text_of(bundle.get());
  made.not_before = time_of(X509_get0_notBefore(certificate));
  made.not_after = time_of(X509_get0_notAfter(certificate));
  const auto pair = VaultKey::of_pem(made.key_pem);
  made.key = pair.public_json();
  made.private_key = pair.private_text();
  return made;
}

// "CN=example.com, O=Contoso"
void add_subject(X509_NAME* name, const std::string& subject) {
  for (const auto& part : split(subject, ',')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) throw_vault_parameter("The subject of the certificate is invalid.");
    const std::string field = trim(part.substr(0, equals)), value = trim(part.substr(equals + 1));
    if (X509_NAME_add_entry_by_txt(name, field.c_str(), MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0) != 1)
      throw_vault_parameter("The subject of the certificate is invalid.");
  }
}

// {"dns_names":[…],"emails":[…],"upns":[…]}; user principal names are not put into the certificate.
void add_names(X509* certificate, const Json& sans) {
  std::string all;
  for (const auto& [member, prefix] : {std::pair("dns_names", "DNS:"), std::pair("emails", "email:")})
    for (const auto& name : sans.value(member, Json::array())) {
      const std::string text = name.get<std::string>();
      if (text.find_first_of(",:") != std::string::npos)
        throw_vault_parameter("The subject alternative names are invalid.");
      all += (all.empty() ? "" : ",") + std::string(prefix) + text;
    }
  if (all.empty()) return;
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, all.c_str());
  if (extension == nullptr) throw_vault_parameter("The subject alternative names are invalid.");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

MadeCertificate read_pem(const std::string& text) {
  const Bio first(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))),
      second(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Key key(PEM_read_bio_PrivateKey(first.get(), nullptr, nullptr, nullptr));
  const Certificate certificate(PEM_read_bio_X509(second.get(), nullptr, nullptr, nullptr));
  if (!key || !certificate) throw_vault_parameter("The PEM lacks a certificate or its private key.");
  return describe(certificate.get(), key.get());
}

}  // namespace

MadeCertificate make_self_signed(const Json& policy, core::TimePoint now) {
  const auto key = VaultKey::make(text_at(policy, "/key_props/kty"),
                                  static_cast<int>(number_at(policy, "/key_props/key_size", 2'048)),
                                  text_at(policy, "/key_props/crv", "P-256"));
  const auto months = number_at(policy, "/x509_props/validity_months", 12);
  const Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          static_cast<std::uint64_t>(now.time_since_epoch().count()));
  const auto begin =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(now.time_since_epoch()));
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), begin);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), begin + months * 30L * 86'400);
  X509_set_pubkey(certificate.get(), key.handle());
  add_subject(X509_get_subject_name(certificate.get()), text_at(policy, "/x509_props/subject"));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  add_names(certificate.get(), policy.value("/x509_props/sans"_json_pointer, Json::object()));
  X509_sign(certificate.get(), key.handle(), EVP_sha256());
  return describe(certificate.get(), key.handle());
}

MadeCertificate read_certificate(const std::string& bytes, const std::string& password) {
  if (bytes.find("-----BEGIN") != std::string::npos) return read_pem(bytes);
  const Bio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  const Pkcs12 bundle(d2i_PKCS12_bio(bio.get(), nullptr));
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  if (!bundle || PKCS12_parse(bundle.get(), password.c_str(), &key, &certificate, nullptr) != 1)
    throw_vault_parameter(
        "The specified PKCS#12 X.509 certificate content can not be read. Please check if certificate "
        "is in valid PKCS#12 format.");
  const Key owned_key(key);
  const Certificate owned(certificate);
  if (key == nullptr || certificate == nullptr)
    throw_vault_parameter("The PKCS#12 content lacks a certificate or its private key.");
  return describe(certificate, key);
}

}  // namespace azlin::simulator
