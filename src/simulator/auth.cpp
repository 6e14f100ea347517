#include "simulator/auth.hpp"

#include <fmt/format.h>

#include "simulator/crypto.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

std::int64_t seconds(core::TimePoint time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

core::TimePoint from_seconds(const Json& value) {
  return core::TimePoint{std::chrono::seconds(value.get<std::int64_t>())};
}

// As Azure writes it in this one message: "10/23/2019 4:10:06 PM".
std::string us_time(core::TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const auto hours = clock.hours().count();
  return fmt::format("{}/{}/{} {}:{:02d}:{:02d} {}", static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), static_cast<int>(date.year()),
                     hours % 12 == 0 ? 12 : hours % 12, clock.minutes().count(), clock.seconds().count(),
                     hours < 12 ? "AM" : "PM");
}

[[noreturn]] void refuse(const std::string& code, const std::string& message,
                         const std::string& description) {
  ApiError error(401, code, message);
  error.headers.emplace_back(
      "WWW-Authenticate",
      fmt::format("Bearer authorization_uri=\"https://login.windows.net/{}\", error=\"invalid_token\", "
                  "error_description=\"{}\"",
                  kTenant, description));
  throw error;
}

bool audience_is_ours(std::string audience, const std::string& base_url) {
  while (audience.ends_with('/')) audience.pop_back();
  return audience == base_url || audience == "https://management.azure.com" ||
         audience == "https://management.core.windows.net" || audience.starts_with("http://127.0.0.1:") ||
         audience.starts_with("http://localhost:") || audience.starts_with("https://localhost:") ||
         audience.starts_with("https://127.0.0.1:");
}

TokenClaims decode(const std::string& token) {
  const auto parts = split(token, '.');
  const Json payload = parts.size() == 3 && !parts[2].empty()
                           ? Json::parse(base64url_decode(parts[1]), nullptr, false)
                           : Json();
  const bool sound = payload.is_object() && payload.value("aud", Json()).is_string() &&
                     payload.value("tid", Json()).is_string() && payload.value("oid", Json()).is_string() &&
                     payload.value("exp", Json()).is_number_integer();
  if (!sound)
    refuse("InvalidAuthenticationToken", "The access token is invalid.",
           "Could not parse the JSON Web Token.");
  return {payload["aud"],
          payload["tid"],
          payload["oid"],
          payload.value("appid", ""),
          {},
          from_seconds(payload["exp"])};
}

}  // namespace

std::string make_token(const TokenClaims& claims) {
  const Json header = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "simulator"}};
  const Json payload = {{"aud", claims.audience},
                        {"iss", fmt::format("https://sts.windows.net/{}/", claims.tenant)},
                        {"iat", seconds(claims.issued)},
                        {"nbf", seconds(claims.issued)},
                        {"exp", seconds(claims.expires)},
                        {"appid", claims.client},
                        {"oid", claims.principal},
                        {"sub", claims.principal},
                        {"tid", claims.tenant},
                        {"uti", base64url_encode(random_bytes(16))},  // no two tokens are the same
                        {"idtyp", "app"},
                        {"ver", "1.0"}};
  return base64url_encode(header.dump()) + "." + base64url_encode(payload.dump()) + "." +
         base64url_encode("simulated");
}

TokenClaims check_token(const Request& request, core::TimePoint now, const std::string& audience) {
  const auto header = request.header("authorization");
  if (!header)
    refuse("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.",
           "The authentication failed because of missing 'Authorization' header.");
  if (!starts_with_ignoring_case(*header, "Bearer "))
    refuse("AuthenticationFailed",
           "Authentication failed. The 'Authorization' header is provided in an invalid format.",
           "The 'Authorization' header has another scheme than Bearer.");
  const TokenClaims claims = decode(trim(header->substr(7)));
  if (!same(claims.tenant, kTenant))
    refuse("InvalidAuthenticationTokenTenant",
           fmt::format("The access token is from the wrong issuer 'https://sts.windows.net/{}/'. It must "
                       "match the tenant "
                       "'https://sts.windows.net/{}/' associated with this subscription.",
                       claims.tenant, kTenant),
           "The access token is from the wrong issuer.");
  if (audience.empty() ? !audience_is_ours(claims.audience, request.base_url) : claims.audience != audience)
    refuse(
        "InvalidAuthenticationTokenAudience",
        fmt::format(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match "
            "with one of the allowed audiences "
            "'https://management.core.windows.net/','https://management.azure.com/'.",
            claims.audience),
        "The access token has been obtained for wrong audience.");
  if (claims.expires <= now)
    refuse("ExpiredAuthenticationToken",
           fmt::format("The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                       us_time(claims.expires), us_time(now)),
           "The access token has expired.");
  return claims;
}

}  // namespace azlin::simulator
