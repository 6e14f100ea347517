#include "azlin/platform/vault_backup.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "azlin/core/error.hpp"
#include "fake_vault.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace azlin::platform {
namespace {

class VaultBackupTest : public ::testing::Test {
 protected:
  static Authorize with_token() {
    return [](http::Request& request, bool, std::stop_token) {
      set_header(request.headers, "Authorization", "Bearer t");
    };
  }
  VaultBackupOptions options(std::optional<std::string> password = "correct horse battery") const {
    VaultBackupOptions out;
    out.folder = dir.file("backup");
    out.password = std::move(password);
    return out;
  }
  VaultRestoreOptions restore_options() const {
    VaultRestoreOptions out;
    out.folder = dir.file("backup");
    out.password = "correct horse battery";
    return out;
  }
  VaultBackupResult back_up(const VaultBackupOptions& with) {
    return back_up_vault(client, source, clock, with);
  }
  std::vector<RestoreStep> restore(KeyVaultClient& into, const VaultRestoreOptions& with,
                                   const VaultIdentity& where) {
    auto steps = plan_vault_restore(into, where, with);
    restore_vault(into, with, steps);
    return steps;
  }
  static core::Error error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return core::Error(core::ErrorKind::failed, "none");
  }
  static std::string everything_under(const std::string& folder) {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      if (entry.is_regular_file()) all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }

  test::TempDir dir;
  test::FakeClock clock;
  test::FakeVault vault, empty;
  DataPlane data{vault, clock, "https://prod.vault.azure.net/", with_token(), "vault prod"};
  DataPlane other_data{empty, clock, "https://dr.vault.azure.net/", with_token(), "vault dr"};
  KeyVaultClient client{data}, other{other_data};
  VaultIdentity source{"/subscriptions/s/v/prod", "prod", "s", "westus2", "https://prod.vault.azure.net/"};
  VaultIdentity target{"/subscriptions/s/v/dr", "dr", "s", "eastus", "https://dr.vault.azure.net/"};
};

TEST_F(VaultBackupTest, ThousandsOfSecretsUnderThrottlingComeBackOneByOne) {
  for (int i = 0; i < 5'000; ++i) vault.add("secrets", "secret-" + std::to_string(i), 1 + i % 3);
  vault.throttle_every = 7;
  const auto result = back_up(options(std::nullopt));
  EXPECT_EQ(result.saved, 5'000U);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_TRUE(result.manifest.complete);
  EXPECT_GT(result.throttled, 1'000U);
  auto with = restore_options();
  with.password = std::nullopt;
  for (const auto& step : restore(other, with, target))
    EXPECT_TRUE(step.ok) << step.item.name << step.outcome;
  ASSERT_EQ(empty.live["secrets"].size(), 5'000U);
  for (const auto& [name, item] : vault.live["secrets"])
    EXPECT_EQ(empty.live["secrets"][name].versions, item.versions) << name;
}

TEST_F(VaultBackupTest, AKilledBackupGoesOnAndMissesNothing) {
  for (int i = 0; i < 300; ++i) vault.add("secrets", "s" + std::to_string(i), 2);
  vault.fail_after = 250;
  const auto first = back_up(options());
  EXPECT_FALSE(first.manifest.complete);
  EXPECT_GT(first.saved, 50U);
  // The last line was cut off by the crash.
  const auto lines = dir.file("backup") + "/items.jsonl";
  std::filesystem::resize_file(lines, std::filesystem::file_size(lines) - 10);
  vault.fail_after = -1;
  vault.backups = 0;
  const auto second = back_up(options());
  EXPECT_TRUE(second.manifest.complete);
  EXPECT_EQ(second.saved + second.unchanged, 300U);
  EXPECT_EQ(second.unchanged, first.saved - 1);
  EXPECT_EQ(static_cast<std::size_t>(vault.backups), second.saved);
}

TEST_F(VaultBackupTest, ASecondRunFetchesOnlyWhatChanged) {
  vault.add("secrets", "a", 1);
  vault.add("secrets", "b", 1);
  back_up(options());
  vault.add("secrets", "b", 2);
  vault.live["secrets"].erase("a");
  const auto second = back_up(options());
  EXPECT_EQ(second.saved, 1U);
  EXPECT_EQ(second.absent, 1U);
  EXPECT_EQ(second.manifest.items.size(), 2U) << "what was deleted stays in the backup";
}

TEST_F(VaultBackupTest, AnOlderVersionThatIsDisabledLaterKeepsItsValue) {
  vault.add("secrets", "a", 3);
  auto with = options();
  with.values = true;
  back_up(with);
  vault.disabled.insert("a-v1");
  EXPECT_EQ(back_up(with).saved, 1U);
  EXPECT_EQ(back_up(with).unchanged, 1U);
  auto back = restore_options();
  back.values = true;
  for (const auto& step : restore(other, back, target)) EXPECT_TRUE(step.ok) << step.outcome;
  std::vector<std::string> values;
  for (const auto& [id, value] : empty.live["secrets"]["a"].versions) values.push_back(value);
  EXPECT_EQ(values, (std::vector<std::string>{"value-of-a-0", "value-of-a-1", "value-of-a-2"}));
  EXPECT_EQ(empty.disabled.size(), 1U) << "as it is in the vault that it is of";
}

TEST_F(VaultBackupTest, ItemsOfACertificateTravelWithIt) {
  vault.add("certificates", "tls", 1);
  vault.add("keys", "tls", 1, true);
  vault.add("secrets", "tls", 1, true);
  vault.add("keys", "signing", 3);
  const auto all = back_up(options());
  EXPECT_EQ(all.saved, 2U);
  EXPECT_EQ(all.managed, 2U);
  auto named = options();
  named.folder = dir.file("named");
  named.secrets = {"tls"};
  const auto one = back_up(named);
  ASSERT_EQ(one.manifest.items.size(), 1U);
  EXPECT_EQ(one.manifest.items.front().kind, ItemKind::certificate);
}

TEST_F(VaultBackupTest, NoValueIsReadableInTheFolder) {
  vault.add("secrets", "db", 2);
  auto with = options();
  with.values = true;
  back_up(with);
  const auto files = everything_under(with.folder);
  EXPECT_EQ(files.find("value-of-db"), std::string::npos);
  EXPECT_NE(files.find("AZS1"), std::string::npos);
  with.password = "another password!!";
  EXPECT_EQ(error_of([&] { back_up(with); }).kind(), core::ErrorKind::unauthorized);
}

TEST_F(VaultBackupTest, ValuesNeedAPassword) {
  vault.add("secrets", "db", 1);
  auto with = options(std::nullopt);
  with.values = true;
  EXPECT_EQ(error_of([&] { back_up(with); }).kind(), core::ErrorKind::usage);
}

TEST_F(VaultBackupTest, AFolderBelongsToOneVault) {
  vault.add("secrets", "db", 1);
  back_up(options());
  source.id = "/subscriptions/s/v/other";
  EXPECT_EQ(error_of([&] { back_up(options()); }).kind(), core::ErrorKind::usage);
}

TEST_F(VaultBackupTest, AFailedItemLeavesTheBackupIncomplete) {
  vault.add("secrets", "good", 1);
  vault.add("secrets", "forbidden", 1);
  vault.refused = {"forbidden"};
  const auto result = back_up(options());
  EXPECT_EQ(result.saved, 1U);
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_EQ(result.failures.front().name, "forbidden");
  EXPECT_FALSE(result.manifest.complete);
  EXPECT_EQ(error_of([&] { plan_vault_restore(other, target, restore_options()); }).kind(),
            core::ErrorKind::usage);
}

TEST_F(VaultBackupTest, RestoreStaysInTheGeography) {
  vault.add("secrets", "db", 1);
  back_up(options());
  target.location = "northeurope";
  const auto error = error_of([&] { plan_vault_restore(other, target, restore_options()); });
  EXPECT_EQ(error.kind(), core::ErrorKind::usage);
  EXPECT_NE(error.hint().find("--values"), std::string::npos);
  target.location = "eastus";
  target.subscription = "another";
  EXPECT_EQ(error_of([&] { plan_vault_restore(other, target, restore_options()); }).kind(),
            core::ErrorKind::usage);
}

TEST_F(VaultBackupTest, WhatIsThereAlreadyIsComparedNotOverwritten) {
  vault.add("secrets", "same", 2);
  vault.add("secrets", "other", 2);
  back_up(options());
  empty.add("secrets", "same", 2);
  empty.add("secrets", "other", 3);
  const auto steps = restore(other, restore_options(), target);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].action, "differs");
  EXPECT_FALSE(steps[0].ok);
  EXPECT_EQ(steps[1].action, "same");
  EXPECT_TRUE(steps[1].ok);
  EXPECT_EQ(empty.live["secrets"]["other"].versions.size(), 3U);
}

TEST_F(VaultBackupTest, SoftDeletedItemsAreRefusedRecoveredOrPurged) {
  vault.add("secrets", "db", 2);
  back_up(options());
  empty.add("secrets", "db", 2);
  empty.deleted["secrets"] = std::exchange(empty.live["secrets"], {});
  auto with = restore_options();
  EXPECT_FALSE(restore(other, with, target).front().ok);
  with.deleted = Deleted::recover;
  EXPECT_EQ(restore(other, with, target).front().outcome, "restored");
  EXPECT_TRUE(empty.live["secrets"].contains("db"));
  empty.deleted["secrets"] = std::exchange(empty.live["secrets"], {});
  empty.deleted["secrets"]["db"].versions.pop_back();
  with.deleted = Deleted::purge;
  EXPECT_EQ(restore(other, with, target).front().outcome, "restored");
  EXPECT_EQ(empty.live["secrets"]["db"].versions.size(), 2U);
}

TEST_F(VaultBackupTest, AChangedFileIsNoticed) {
  vault.add("secrets", "db", 1);
  back_up(options());
  std::ofstream(dir.file("backup") + "/items/db.secret.sealed", std::ios::app) << "x";
  const auto step = restore(other, restore_options(), target).front();
  EXPECT_FALSE(step.ok);
  EXPECT_NE(step.outcome.find("was changed"), std::string::npos);
  EXPECT_TRUE(empty.live["secrets"].empty());
}

}  // namespace
}  // namespace azlin::platform
