#pragma once
// What a bearer token says about itself. Only for display and expiry: the signature is the service's
// business.
#include <optional>
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"

namespace azlin::arm {

struct JwtClaims {
  std::optional<core::TimePoint> expires_at;
  std::string tenant;
  std::string who;  // user name, else the application's id
};

// Empty claims when `token` is no JWT.
JwtClaims read_jwt(std::string_view token);

}  // namespace azlin::arm
