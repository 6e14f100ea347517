#pragma once
// Base64 with its padding, MD5, SHA-256 and HMAC-SHA256.
#include <string>
#include <string_view>

namespace azlin::simulator {

std::string base64_encode(std::string_view bytes);
// Empty when `text` is no base64.
std::string base64_decode(std::string text);
std::string md5(std::string_view bytes);     // 16 bytes
std::string sha256(std::string_view bytes);  // 32 bytes
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string random_bytes(std::size_t count);

}  // namespace azlin::simulator
