#include "arm/jwt.hpp"

#include <nlohmann/json.hpp>

#include "azlin/core/json_text.hpp"

namespace azlin::arm {
namespace {

std::string decode_base64url(std::string_view text) {
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z')
      value = c - 'A';
    else if (c >= 'a' && c <= 'z')
      value = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      value = c - '0' + 52;
    else if (c == '-' || c == '+')
      value = 62;
    else if (c == '_' || c == '/')
      value = 63;
    if (value < 0) break;
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(buffer >> bits & 0xffU);
  }
  return out;
}

}  // namespace

JwtClaims read_jwt(std::string_view token) {
  JwtClaims out;
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return out;
  const auto claims = core::parse_json(decode_base64url(token.substr(first + 1, second - first - 1)));
  if (!claims.is_object()) return out;
  const auto text = [&](const char* key) {
    return claims.contains(key) && claims[key].is_string() ? claims[key].get<std::string>() : std::string{};
  };
  if (claims.contains("exp") && claims["exp"].is_number())
    out.expires_at = core::TimePoint{std::chrono::seconds{claims["exp"].get<std::int64_t>()}};
  out.tenant = text("tid");
  for (const char* key : {"upn", "unique_name", "preferred_username", "appid", "oid"})
    if (out.who.empty()) out.who = text(key);
  return out;
}

}  // namespace azlin::arm
