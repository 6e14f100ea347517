#include "azlin/arm/cloud.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::arm {
namespace {

using Variables = std::map<std::string, std::string>;

Cloud choose(const Variables& variables, const std::optional<std::string>& flag = {}) {
  return choose_cloud(flag, core::Env(variables), {});
}

TEST(CloudTest, KnowsTheCloudsInAnyCase) {
  EXPECT_EQ(find_cloud("azurecloud").arm_endpoint, "https://management.azure.com");
  EXPECT_EQ(find_cloud("AzureUSGovernment").login_endpoint, "https://login.microsoftonline.us");
  EXPECT_EQ(find_cloud("AZURECHINACLOUD").storage_suffix, "core.chinacloudapi.cn");
  EXPECT_TRUE(find_cloud("Simulator").simulated);
  EXPECT_THROW(find_cloud("moon"), core::Error);
}

TEST(CloudTest, FlagComesBeforeVariableBeforeDefault) {
  EXPECT_EQ(choose({}).name, "AzureCloud");
  EXPECT_EQ(choose({{"AZLIN_CLOUD", "simulator"}}).name, "simulator");
  EXPECT_EQ(choose({{"AZLIN_CLOUD", "simulator"}}, "AzureChinaCloud").name, "AzureChinaCloud");
}

TEST(CloudTest, OwnEndpointReplacesTheCloudsOwn) {
  const auto custom = choose({{"AZLIN_ARM_ENDPOINT", "https://arm.example/"}});
  EXPECT_EQ(custom.name, "custom");
  EXPECT_EQ(custom.arm_endpoint, "https://arm.example");
  EXPECT_FALSE(custom.simulated);
  const auto simulator = choose({{"AZLIN_ARM_ENDPOINT", "http://127.0.0.1:9"}, {"AZLIN_CLOUD", "simulator"}});
  EXPECT_EQ(simulator.name, "simulator");
  EXPECT_TRUE(simulator.simulated);
  EXPECT_EQ(simulator.arm_endpoint, "http://127.0.0.1:9");
}

TEST(CloudTest, EndpointsThatATokenMustNotReachAreRefused) {
  for (const char* url :
       {"http://arm.example", "ftp://127.0.0.1", "arm.example", "https://user@arm.example",
        "https://arm.example?x", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example"})
    EXPECT_THROW(choose({{"AZLIN_ARM_ENDPOINT", url}}), core::Error) << url;
}

}  // namespace
}  // namespace azlin::arm
