#include "azlin/archive/services.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

std::string refusal(const std::string& yaml) {
  try {
    parse_settings(yaml, "archive.yaml");
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    return error.what();
  }
  return "accepted";
}

TEST(SettingsTest, ServicesDestinationsAndReferencesAreRead) {
  const auto settings = parse_settings(R"(
destination: s3
password: {command: "pass show 'my key'"}
compression: max
destinations:
  local: {path: /var/backups/x}
  s3: {bucket: b, prefix: p/, storageClass: STANDARD_IA, credentials: {AWS_ACCESS_KEY_ID: env:ID}}
  azure: {container: c, storageAccount: a}
  gcp: {bucket: g}
  sftp: {host: h, user: u, port: 2222, path: /p}
services:
  terraform:
  shop:
    config: [/etc/shop]
    data: /srv/shop
    databases: [{engine: postgres, name: shop, runAs: postgres}]
    before: [[systemctl, stop, shop], "echo 'a b'"]
    depends: [terraform]
)",
                                       "archive.yaml");
  EXPECT_EQ(settings.password.command, (std::vector<std::string>{"pass", "show", "my key"}));
  EXPECT_EQ(settings.addresses.at("s3"), "s3://b/p/");
  EXPECT_EQ(settings.addresses.at("gcp"), "gs://g");
  EXPECT_EQ(settings.addresses.at("azure"), "azure://c");
  EXPECT_EQ(settings.addresses.at("sftp"), "sftp://u@h:2222//p");
  EXPECT_EQ(settings.stores.at("azure").account, "a");
  EXPECT_EQ(settings.services.at("terraform").place, "config/terraform");
  const auto& shop = settings.services.at("shop");
  EXPECT_EQ(shop.place, "services/shop");
  EXPECT_EQ(shop.data, std::vector<std::string>{"/srv/shop"});
  EXPECT_EQ(shop.databases.at(0).engine, "postgresql");
  EXPECT_EQ(shop.before.at(1), (std::vector<std::string>{"echo", "a b"}));
  EXPECT_EQ(choose_destination(settings, "local", core::Env()).url, "/var/backups/x");
  EXPECT_THROW(choose_destination(settings, "nowhere", core::Env()), core::Error);
}

struct Mistake {
  const char *name, *yaml, *part;
};
class SettingsMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(SettingsMistakeTest, HasLineAndColumn) {
  EXPECT_NE(refusal(GetParam().yaml).find(GetParam().part), std::string::npos) << refusal(GetParam().yaml);
}

INSTANTIATE_TEST_SUITE_P(
    All, SettingsMistakeTest,
    ::testing::Values(
        Mistake{"not_yaml", "services: [", "archive.yaml:1:"},
        Mistake{"unknown_key", "services:\n  a:\n    konfig: [/x]\n",
                "archive.yaml:3:5: unknown key 'konfig'"},
        Mistake{"relative", "services:\n  a:\n    config: [etc]\n", "archive.yaml:3:13: 'etc'"},
        Mistake{"password", "password: hunter2\n", "archive.yaml:1:11: a password is not written"},
        Mistake{"credential", "destinations:\n  s3: {bucket: b, credentials: {AWS_ACCESS_KEY_ID: AKIA}}\n",
                "is a reference"},
        Mistake{"lock_mode", "destinations:\n  s3: {bucket: b, objectLock: {mode: forever, days: 3}}\n",
                "'forever' is no mode"},
        Mistake{"lock_days", "destinations:\n  s3: {bucket: b, objectLock: 0d}\n",
                "archive.yaml:2:31: object lock is for 1 to 36500 days"},
        Mistake{"lock_no_days", "destinations:\n  s3: {bucket: b, objectLock: {mode: compliance}}\n",
                "days is missing"},
        Mistake{"lock_azure", "destinations:\n  a: {container: c, objectLock: 30d}\n",
                "azure://c cannot be asked for object lock"},
        Mistake{"lock_gcs", "destinations:\n  gcp: {bucket: b, objectLock: 30d}\n",
                "gs://b cannot be asked for object lock"},
        Mistake{"lock_folder", "destinations:\n  l: {path: /x, objectLock: 30d}\n",
                "/x cannot be asked for object lock"},
        Mistake{"lock_sftp", "destinations:\n  f: {host: h, path: /x, objectLock: 30d}\n",
                "sftp:h:/x cannot be asked for object lock"},
        Mistake{"profile", "services:\n  a: {profile: nonsense}\n", "no shipped profile 'nonsense'"},
        Mistake{"unknown_profile", "services:\n  nonsense:\n", "no shipped profile"},
        Mistake{"database", "services:\n  a:\n    databases: [{engine: oracle, name: x}]\n", "no database"},
        Mistake{"flag", "services:\n  a:\n    databases: [{engine: mysql, name: --help}]\n",
                "begin with '-'"},
        Mistake{"place", "services:\n  a: {place: ../x, config: [/x]}\n", "inside the archive"},
        Mistake{"depends", "services:\n  a: {config: [/x], depends: [nobody]}\n", "not declared"},
        Mistake{"key_vault", "password: {file: 'https://v.vault.azure.net/secrets/x'}\n", "Key Vault"},
        Mistake{"own_key", "services:\n  a: {config: [/x], password: {env: X}}\n", "repository of its own"}),
    [](const auto& test) { return test.param.name; });

TEST(SettingsTest, ObjectLockIsAskedOfABucket) {
  const auto settings = parse_settings(
      "destinations:\n  a: {bucket: b, objectLock: {mode: COMPLIANCE, days: 30d}}\n"
      "  b: {url: 's3:https://host/b', objectLock: 7d}\n",
      "archive.yaml");
  const auto a = choose_destination(settings, "a", core::Env()).object_lock;
  ASSERT_TRUE(a);
  EXPECT_EQ(a->mode, "compliance");
  EXPECT_EQ(a->days, 30);
  const auto b = choose_destination(settings, "b", core::Env()).object_lock;
  ASSERT_TRUE(b);
  EXPECT_EQ(b->mode, "");
  EXPECT_EQ(b->days, 7);
}

TEST(SettingsTest, MissingFileIsEmpty) {
  const auto settings = load_settings("/nowhere/archive.yaml");
  EXPECT_FALSE(settings.present);
  EXPECT_TRUE(settings.services.empty());
}

TEST(ProfilesTest, EveryExampleOfTheRequirementIsShipped) {
  for (const char* name : {"azlin", "terraform", "ansible", "compose", "kubernetes", "helm", "certificates",
                           "network", "environment", "nextcloud", "gitlab", "monitoring"}) {
    const auto profile = find_profile(name);
    ASSERT_TRUE(profile) << name;
    EXPECT_FALSE(profile->empty()) << name;
    EXPECT_FALSE(profile->place.empty()) << name;
  }
  EXPECT_FALSE(find_profile("nonsense"));
}

TEST(ProfilesTest, ProposalNamesWhatIsThereAndCanBeRead) {
  test::TempDir dir;
  std::filesystem::create_directories(dir.file("etc/nextcloud"));
  std::filesystem::create_directories(dir.file("opt/shop"));
  std::ofstream(dir.file("opt/shop/compose.yaml")) << "services: {}\n";
  const auto proposal = propose_settings(dir.path().string());
  const auto settings = parse_settings(proposal.yaml, "proposal");
  EXPECT_EQ(settings.services.size(), 3U) << proposal.yaml;
  EXPECT_EQ(settings.services.at("nextcloud").config, std::vector<std::string>{"/etc/nextcloud"});
  EXPECT_TRUE(settings.services.contains("compose"));
  EXPECT_TRUE(settings.services.contains("azlin"));
}

}  // namespace
}  // namespace azlin::archive
