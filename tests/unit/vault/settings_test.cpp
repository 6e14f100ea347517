#include "azlin/vault/settings.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::vault {
namespace {

class VaultSettingsTest : public ::testing::Test {
 protected:
  Settings read(const std::string& toml, const std::string& subscription = "") {
    const std::string path = (dir_.path() / "config.toml").string();
    std::ofstream(path) << toml;
    return read_settings(core::Config::load(path), subscription);
  }
  test::TempDir dir_;
};

TEST_F(VaultSettingsTest, PrimaryAndNamedVaults) {
  const auto settings = read(
      "[recovery_services]\nsubscription_id = \"s\"\nresource_group = \"g\"\nvault_name = \"v\"\n"
      "[recovery_services.vaults.production]\nsubscription_id = \"ps\"\nresource_group = \"pg\"\nvault_name "
      "= \"pv\"\n"
      "description = \"Production backup vault\"\n");
  EXPECT_TRUE(settings.enabled);
  ASSERT_TRUE(settings.primary);
  EXPECT_EQ(settings.primary->id.id(),
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v");
  ASSERT_EQ(settings.named.size(), 1U);
  EXPECT_EQ(settings.named[0].key, "production");
  EXPECT_EQ(settings.named[0].description, "Production backup vault");
}

TEST_F(VaultSettingsTest, EnabledUnlessSwitchedOff) {
  EXPECT_TRUE(read("").enabled);
  const auto off = read("[recovery_services]\nenabled = false\n");
  EXPECT_FALSE(off.enabled);
  EXPECT_THROW(check_enabled(off), core::Error);
}

TEST_F(VaultSettingsTest, MissingKeysAreNamed) {
  try {
    read("[recovery_services.vaults.x]\nvault_name = \"v\"\n", "s");
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_NE(std::string(error.what()).find("recovery_services.vaults.x.resource_group"), std::string::npos)
        << error.what();
  }
}

TEST_F(VaultSettingsTest, TheSubscriptionStandsIn) {
  const auto settings = read("[recovery_services]\nresource_group = \"g\"\nvault_name = \"v\"\n", "mine");
  EXPECT_EQ(settings.primary->id.subscription, "mine");
}

TEST_F(VaultSettingsTest, NamedVaultsTakeTheSubscriptionOfTheSection) {
  const auto settings = read(
      "[recovery_services]\nsubscription_id = \"s\"\n[recovery_services.vaults.x]\nresource_group = "
      "\"g\"\nvault_name = \"v\"\n",
      "mine");
  ASSERT_EQ(settings.named.size(), 1U);
  EXPECT_EQ(settings.named[0].id.subscription, "s");
}

TEST_F(VaultSettingsTest, TheChoiceIsKept) {
  EXPECT_FALSE(read_choice(dir_.path().string()));
  write_choice(dir_.path().string(), {"s", "g", "v"});
  EXPECT_EQ(read_choice(dir_.path().string())->name, "v");
}

}  // namespace
}  // namespace azlin::vault
