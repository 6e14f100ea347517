#include "simulator/keyvault_key.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <vector>

#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

struct Curve {
  const char* name;  // of JSON Web Keys
  const char* group;
  const char* algorithm;
  std::size_t bytes;
};
constexpr Curve kCurves[] = {{"P-256", "prime256v1", "ES256", 32},
                             {"P-256K", "secp256k1", "ES256K", 32},
                             {"P-384", "secp384r1", "ES384", 48},
                             {"P-521", "secp521r1", "ES512", 66}};

using KeyContext = std::shared_ptr<EVP_PKEY_CTX>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

const EVP_MD* digest_of(const std::string& algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

// Big-endian, with zeros in front up to `width` (0: as short as it goes).
std::string number_bytes(EVP_PKEY* key, const char* name, std::size_t width) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const Number number(raw, BN_free);
  std::string bytes(std::max(static_cast<std::size_t>(BN_num_bytes(raw)), width), '\0');
  BN_bn2binpad(raw, bytes_of(bytes), static_cast<int>(bytes.size()));
  return bytes;
}

// r and s side by side, as JSON Web Signatures have them, from and to DER.
std::string flat_signature(const std::string& der, std::size_t width) {
  const unsigned char* at = bytes_of(der);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
  std::string flat(2 * width, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), bytes_of(flat), static_cast<int>(width));
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), bytes_of(flat) + width, static_cast<int>(width));
  return flat;
}
std::string der_signature(const std::string& flat) {
  const auto half = static_cast<int>(flat.size() / 2);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes_of(flat), half, nullptr),
                 BN_bin2bn(bytes_of(flat) + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(size, 0)));
  OPENSSL_free(der);
  return out;
}

// Collects the members of a JSON Web Key as OpenSSL wants them.
class Parameters {
 public:
  void number(const char* name, const Json& key, const char* member) {
    const std::string bytes = base64url_decode(text_at(key, std::string("/") + member));
    if (bytes.empty()) throw_vault_parameter(fmt::format("Property key.{} is required", member));
    numbers_.emplace_back(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr), BN_free);
    OSSL_PARAM_BLD_push_BN(build_.get(), name, numbers_.back().get());
  }
  void text(const char* name, const char* value) {
    OSSL_PARAM_BLD_push_utf8_string(build_.get(), name, value, 0);
  }
  void octets(const char* name, const std::string& value) {
    octets_.push_back(std::make_unique<std::string>(value));
    OSSL_PARAM_BLD_push_octet_string(build_.get(), name, octets_.back()->data(), octets_.back()->size());
  }
  EVP_PKEY* key(const char* type) {
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> all(OSSL_PARAM_BLD_to_param(build_.get()),
                                                                      OSSL_PARAM_free);
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* made = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, all.get()) != 1)
      throw_vault_parameter("The key is invalid.");
    return made;
  }

 private:
  std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> build_{OSSL_PARAM_BLD_new(),
                                                                         OSSL_PARAM_BLD_free};
  std::vector<Number> numbers_;
  std::vector<std::unique_ptr<std::string>> octets_;
};

EVP_PKEY* rsa_of(const Json& key) {
  Parameters parameters;
  const std::pair<const char*, const char*> members[] = {
      {OSSL_PKEY_PARAM_RSA_N, "n"},          {OSSL_PKEY_PARAM_RSA_E, "e"},
      {OSSL_PKEY_PARAM_RSA_D, "d"},          {OSSL_PKEY_PARAM_RSA_FACTOR1, "p"},
      {OSSL_PKEY_PARAM_RSA_FACTOR2, "q"},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp"},
      {OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq"}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi"}};
  for (const auto& [name, member] : members) parameters.number(name, key, member);
  return parameters.key("RSA");
}

EVP_PKEY* ec_of(const Json& key) {
  for (const auto& curve : kCurves) {
    if (text_at(key, "/crv") != curve.name) continue;
    const auto wide = [&](const char* member) {
      const std::string bytes = base64url_decode(text_at(key, std::string("/") + member));
      if (bytes.empty() || bytes.size() > curve.bytes)
        throw_vault_parameter(fmt::format("Property key.{} is invalid", member));
      return std::string(curve.bytes - bytes.size(), '\0') + bytes;
    };
    Parameters parameters;
    parameters.text(OSSL_PKEY_PARAM_GROUP_NAME, curve.group);
    parameters.octets(OSSL_PKEY_PARAM_PUB_KEY, "\x04" + wide("x") + wide("y"));
    parameters.number(OSSL_PKEY_PARAM_PRIV_KEY, key, "d");
    return parameters.key("EC");
  }
  throw_vault_parameter("Property crv is invalid");
}

std::string run(const std::string& in,
                int (*work)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t),
                EVP_PKEY_CTX* context, const char* failure) {
  std::size_t size = 0;
  if (work(context, nullptr, &size, bytes_of(in), in.size()) != 1) throw_vault_parameter(failure);
  std::string out(size, '\0');
  if (work(context, bytes_of(out), &size, bytes_of(in), in.size()) != 1) throw_vault_parameter(failure);
  out.resize(size);
  return out;
}

}  // namespace

VaultKey VaultKey::make(const std::string& type, int size, const std::string& curve) {
  if (type != "EC") return VaultKey(EVP_RSA_gen(static_cast<unsigned>(size)));
  for (const auto& each : kCurves)
    if (curve == each.name) return VaultKey(EVP_EC_gen(each.group));
  throw_vault_parameter("Property crv is invalid");
}

VaultKey VaultKey::of_json(const Json& key) {
  const std::string type = text_at(key, "/kty");
  if (type != "RSA" && type != "EC" && type != "RSA-HSM" && type != "EC-HSM")
    throw_vault_parameter("Property kty is required: RSA, RSA-HSM, EC or EC-HSM");
  return VaultKey(type.starts_with("EC") ? ec_of(key) : rsa_of(key));
}

VaultKey VaultKey::of_private(const std::string& text, std::string kid) {
  const std::string der = base64_decode(text);
  const unsigned char* at = bytes_of(der);
  EVP_PKEY* key = der.empty() ? nullptr : d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
  if (key == nullptr) throw_vault_parameter("The key holds no private half.");
  return VaultKey(key, std::move(kid));
}

VaultKey VaultKey::of_pem(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) throw_vault_parameter("The PEM lacks a private key.");
  return VaultKey(key);
}

std::string VaultKey::private_text() const {
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(
      EVP_PKEY2PKCS8(key_.get()), PKCS8_PRIV_KEY_INFO_free);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der);
  const std::string text =
      base64_encode({reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(size, 0))});
  OPENSSL_free(der);
  return text;
}

bool VaultKey::is_ec() const {
  return EVP_PKEY_base_id(key_.get()) == EVP_PKEY_EC;
}

std::string VaultKey::curve() const {
  char group[64] = {};
  EVP_PKEY_get_utf8_string_param(key_.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, nullptr);
  for (const auto& each : kCurves)
    if (std::string(group) == each.group) return each.name;
  return group;
}

std::size_t VaultKey::field_bytes() const {
  return (static_cast<std::size_t>(EVP_PKEY_get_bits(key_.get())) + 7) / 8;
}

Json VaultKey::public_json() const {
  const auto number = [&](const char* name, std::size_t width) {
    return base64url_encode(number_bytes(key_.get(), name, width));
  };
  if (is_ec())
    return {{"kty", "EC"},
            {"crv", curve()},
            {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, field_bytes())},
            {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, field_bytes())}};
  return {{"kty", "RSA"}, {"n", number(OSSL_PKEY_PARAM_RSA_N, 0)}, {"e", number(OSSL_PKEY_PARAM_RSA_E, 0)}};
}

VaultKey VaultKey::another() const {
  return is_ec() ? make("EC", 0, curve()) : make("RSA", EVP_PKEY_get_bits(key_.get()), "");
}

void VaultKey::refuse_algorithm(const std::string& algorithm, const char* what) const {
  throw_vault_parameter(
      fmt::format("Key and {} algorithm are incompatible. Key {} is of type {}, and algorithm "
                  "'{}' cannot be used with it.",
                  what, kid_, is_ec() ? "EC " + curve() : "RSA", algorithm));
}

std::shared_ptr<EVP_PKEY_CTX> VaultKey::cipher(const std::string& algorithm, bool encrypts) const {
  const bool oaep = algorithm == "RSA-OAEP" || algorithm == "RSA-OAEP-256";
  if (is_ec() || (!oaep && algorithm != "RSA1_5")) refuse_algorithm(algorithm, "encryption");
  KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
  encrypts ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING);
  if (oaep) EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), algorithm == "RSA-OAEP" ? EVP_sha1() : EVP_sha256());
  return context;
}

std::string VaultKey::encrypt(const std::string& algorithm, const std::string& plain) const {
  return run(plain, EVP_PKEY_encrypt, cipher(algorithm, true).get(),
             "The plaintext is too long for the key and the algorithm.");
}

std::string VaultKey::decrypt(const std::string& algorithm, const std::string& sealed) const {
  return run(sealed, EVP_PKEY_decrypt, cipher(algorithm, false).get(), "The parameter is incorrect.");
}

std::shared_ptr<EVP_PKEY_CTX> VaultKey::signer(const std::string& algorithm, const std::string& digest,
                                               bool signs) const {
  bool known = algorithm == "RS256" || algorithm == "RS384" || algorithm == "RS512" || algorithm == "PS256" ||
               algorithm == "PS384" || algorithm == "PS512";
  if (is_ec()) {
    known = false;
    for (const auto& each : kCurves) known = known || (algorithm == each.algorithm && curve() == each.name);
  }
  if (!known) refuse_algorithm(algorithm, "signing");
  const EVP_MD* hash = digest_of(algorithm);
  if (digest.size() != static_cast<std::size_t>(EVP_MD_get_size(hash)))
    throw_vault_parameter(
        fmt::format("Invalid length of 'value': {} bytes. {} requires {} bytes, encoded with "
                    "base64url.",
                    digest.size(), algorithm, EVP_MD_get_size(hash)));
  KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
  signs ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get());
  if (!is_ec())
    EVP_PKEY_CTX_set_rsa_padding(context.get(),
                                 algorithm.starts_with("PS") ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
  EVP_PKEY_CTX_set_signature_md(context.get(), hash);
  if (algorithm.starts_with("PS")) EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST);
  return context;
}

std::string VaultKey::sign(const std::string& algorithm, const std::string& digest) const {
  const auto signature =
      run(digest, EVP_PKEY_sign, signer(algorithm, digest, true).get(), "The digest cannot be signed.");
  return is_ec() ? flat_signature(signature, field_bytes()) : signature;
}

bool VaultKey::verify(const std::string& algorithm, const std::string& digest,
                      const std::string& signature) const {
  const auto context = signer(algorithm, digest, false);
  const std::string given = is_ec() ? der_signature(signature) : signature;
  return EVP_PKEY_verify(context.get(), bytes_of(given), given.size(), bytes_of(digest), digest.size()) == 1;
}

}  // namespace azlin::simulator
