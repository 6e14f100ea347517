#pragma once
// What the contract tests of the platform resources have in common.
#include "support/simulator_fixture.hpp"

namespace azlin::test {

class PlatformTest : public ::testing::Test {
 protected:
  explicit PlatformTest(simulator::Options options = {.seed = "empty"}) : sim_(std::move(options)) {}

  std::string token_for(const std::string& audience) {
    return sim_.admin("POST", "token", {{"audience", audience}})["token"];
  }
  // "{group}/providers/{type_and_name}?api-version={version}"
  std::string path(const std::string& type_and_name, const std::string& version,
                   const std::string& group = "rg") {
    return std::string(kSubscription) + "/resourceGroups/" + group + "/providers/" + type_and_name +
           "?api-version=" + version;
  }
  // A GET until `provisioningState` has settled.
  nlohmann::json get(const std::string& target) { return sim_.arm("GET", target).json(); }

  Simulator sim_;
};

}  // namespace azlin::test
