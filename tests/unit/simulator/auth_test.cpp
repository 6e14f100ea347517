#include "simulator/auth.hpp"

#include <gtest/gtest.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

const core::TimePoint kNow{std::chrono::seconds(1'764'590'400)};

std::string refused(const std::string& authorization) {
  Request request;
  request.base_url = "http://127.0.0.1:4000";
  request.headers.emplace("authorization", authorization);
  try {
    check_token(request, kNow);
    return "";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status, 401);
    EXPECT_EQ(error.headers.at(0).first, "WWW-Authenticate");
    return error.code;
  }
}

TokenClaims good() {
  TokenClaims claims;
  claims.issued = kNow;
  claims.expires = kNow + kTokenLife;
  return claims;
}

TEST(SimulatorAuthTest, TokensAreWhatTheyClaim) {
  EXPECT_EQ(refused("bearer " + make_token(good())), "");
  TokenClaims expired = good();
  expired.expires = kNow;
  EXPECT_EQ(refused("Bearer " + make_token(expired)), "ExpiredAuthenticationToken");
  TokenClaims own = good();
  own.audience = "http://127.0.0.1:4000/";
  EXPECT_EQ(refused("Bearer " + make_token(own)), "");
}

TEST(SimulatorAuthTest, FormIsChecked) {
  const auto parts = split(make_token(good()), '.');
  EXPECT_EQ(refused("Bearer " + parts[0] + "." + parts[1]), "InvalidAuthenticationToken");
  EXPECT_EQ(refused("Bearer " + parts[0] + "." + parts[1] + "."), "InvalidAuthenticationToken");
  EXPECT_EQ(refused("Bearer " + parts[0] + "." + base64url_encode("{\"aud\":\"x\"}") + ".s"),
            "InvalidAuthenticationToken");
  EXPECT_EQ(refused("Bearer "), "InvalidAuthenticationToken");
}

}  // namespace
}  // namespace azlin::simulator
