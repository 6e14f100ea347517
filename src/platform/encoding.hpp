#pragma once
// Base64, hexadecimal, hashes.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"

struct evp_md_ctx_st;

namespace azlin::platform {

std::string base64_encode(std::string_view bytes);
// Standard alphabet, padding optional. nullopt: not base64.
std::optional<std::string> base64_decode(std::string_view text);
// RFC 4648 section 5, without padding: Key Vault's backups.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);
std::string hex(std::string_view bytes);
// "%2F" -> "/"; what is malformed stays.
std::string percent_decode(std::string_view text);

// "Fri, 11 May 2018 18:48:36 GMT"
std::string http_date(core::TimePoint time);

std::string sha256(std::string_view bytes);  // 32 bytes
std::string md5(std::string_view bytes);     // 16 bytes

// A hash over what comes in pieces.
class Digest {
 public:
  enum class Kind { md5, sha256 };
  explicit Digest(Kind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  void add(std::string_view bytes);
  std::string finish();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace azlin::platform
