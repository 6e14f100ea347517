#pragma once
// A key pair of a vault: made, imported, kept as text, and used.
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "simulator/message.hpp"

namespace azlin::simulator {

// All throw ApiError 400 BadParameter: an algorithm that the key's type does not have, a digest of another
// length, bytes that cannot be decrypted.
class VaultKey {
 public:
  // `type` RSA (`size` 2048, 3072, 4096) or EC (`curve` P-256, P-256K, P-384, P-521).
  static VaultKey make(const std::string& type, int size, const std::string& curve);
  // A JSON Web Key with its private members, as base64url.
  static VaultKey of_json(const Json& key);
  // What private_text() gave; `kid` is for messages.
  static VaultKey of_private(const std::string& text, std::string kid);
  static VaultKey of_pem(const std::string& pem);

  std::string private_text() const;  // PKCS #8, base64
  Json public_json() const;          // {"kty","n","e"} or {"kty","crv","x","y"}
  VaultKey another() const;          // new, of the same type and size
  EVP_PKEY* handle() const { return key_.get(); }

  std::string encrypt(const std::string& algorithm, const std::string& plain) const;
  std::string decrypt(const std::string& algorithm, const std::string& sealed) const;
  // Of a digest that the caller has made.
  std::string sign(const std::string& algorithm, const std::string& digest) const;
  bool verify(const std::string& algorithm, const std::string& digest, const std::string& signature) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  explicit VaultKey(EVP_PKEY* key, std::string kid = {}) : key_(key), kid_(std::move(kid)) {}
  bool is_ec() const;
  std::string curve() const;
  std::size_t field_bytes() const;
  std::shared_ptr<EVP_PKEY_CTX> cipher(const std::string& algorithm, bool encrypts) const;
  std::shared_ptr<EVP_PKEY_CTX> signer(const std::string& algorithm, const std::string& digest,
                                       bool signs) const;
  [[noreturn]] void refuse_algorithm(const std::string& algorithm, const char* what) const;

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::string kid_;
};

}  // namespace azlin::simulator
