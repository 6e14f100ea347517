#pragma once
// Access tokens of the simulated cloud: JWT in form, with no real signature. They prove nothing; they are
// checked for what a client can get wrong.
#include <string>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

inline constexpr const char* kTenant = "11111111-1111-1111-1111-111111111111";
inline constexpr const char* kDefaultPrincipal =
    "22222222-2222-2222-2222-222222222222";  // the managed identity
inline constexpr core::Millis kTokenLife{3'600'000};

struct TokenClaims {
  std::string audience = "https://management.azure.com/";
  std::string tenant = kTenant;
  std::string principal = kDefaultPrincipal;  // object id
  std::string client = "33333333-3333-3333-3333-333333333333";
  core::TimePoint issued{}, expires{};
};

std::string make_token(const TokenClaims& claims);

// The claims of the request's bearer token. Throws ApiError 401 with WWW-Authenticate: AuthenticationFailed
// (no header), InvalidAuthenticationToken (unreadable or not a bearer token), ExpiredAuthenticationToken,
// InvalidAuthenticationTokenTenant, InvalidAuthenticationTokenAudience. `audience` is wanted instead of ARM's
// when given.
TokenClaims check_token(const Request& request, core::TimePoint now, const std::string& audience = {});

}  // namespace azlin::simulator
