#include "azlin/archive/bundle.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;

class BundleTest : public ::testing::Test {
 protected:
  Bundle make() {
    const auto folder = make_bundle_folder(dir.path(), "etc", taken);
    std::ofstream(folder / "config/app.yaml") << "port: 80\n";
    std::ofstream(folder / "logs/backup.log") << "done\n";
    fs::create_symlink("app.yaml", folder / "config/link");
    return seal_bundle(folder, metadata, taken + std::chrono::hours(1));
  }
  template <class Action>
  std::string error_of(Action action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error.what();
    }
    return "no error";
  }

  test::TempDir dir;
  core::TimePoint taken = core::parse_time("2025-12-24 14:30:22").value();
  nlohmann::ordered_json metadata = {
      {"name", "etc"}, {"type", "config"}, {"createdAt", "2025-12-24T14:30:22Z"}};
};

TEST_F(BundleTest, HasTheLayoutThatAPersonExpects) {
  const auto bundle = make();
  EXPECT_EQ(bundle.folder, dir.path() / "etc-20251224-143022");
  for (const auto* part : {"config", "services", "infrastructure", "logs"})
    EXPECT_TRUE(fs::is_directory(bundle.folder / part)) << part;
  EXPECT_EQ(fs::status(bundle.folder).permissions(), fs::perms(0700));
  const auto& files = bundle.metadata["bundle"]["files"];
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0]["path"], "config/app.yaml");
  EXPECT_EQ(files[0]["sha256"], sha256_text("port: 80\n"));
  EXPECT_EQ(files[1]["link"], true);
}

TEST_F(BundleTest, OpensAsItWasSealedAndIsGood) {
  make();
  const auto bundle = open_bundle(dir.path() / "etc-20251224-143022");
  EXPECT_EQ(bundle.name, "etc");
  EXPECT_EQ(bundle.type, "config");
  EXPECT_EQ(bundle.taken_at, taken);
  const auto check = verify_bundle(bundle);
  EXPECT_TRUE(check.good());
  EXPECT_EQ(check.files, 3U);
  EXPECT_EQ(check.bytes, 9U + 8U + 5U);
}

TEST_F(BundleTest, EveryKindOfDamageIsNamed) {
  const auto bundle = make();
  fs::resize_file(bundle.folder / "config/app.yaml", 3);
  fs::remove(bundle.folder / "config/link");
  fs::create_symlink("elsewhere", bundle.folder / "config/link");
  fs::remove(bundle.folder / "logs/backup.log");
  std::ofstream(bundle.folder / "services/new") << "x";
  const auto check = verify_bundle(bundle);
  EXPECT_FALSE(check.good());
  EXPECT_EQ(check.changed, (std::vector<std::string>{"config/app.yaml", "config/link"}));
  EXPECT_EQ(check.missing, (std::vector<std::string>{"logs/backup.log"}));
  EXPECT_EQ(check.extra, (std::vector<std::string>{"services/new"}));
}

TEST_F(BundleTest, AFolderWithoutMetadataWasNeverFinished) {
  const auto folder = make_bundle_folder(dir.path(), "half", taken);
  EXPECT_NE(error_of([&] { open_bundle(folder); }).find("never finished"), std::string::npos);
  make();
  const auto listed = list_bundles(dir.path());
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].name, "etc");
}

TEST_F(BundleTest, ListIsOldestFirstAndEmptyWhereNothingIs) {
  make();
  metadata["createdAt"] = "2025-11-24T14:30:22Z";
  seal_bundle(make_bundle_folder(dir.path(), "etc", core::parse_time("2025-11-24 14:30:22").value()),
              metadata, taken);
  const auto listed = list_bundles(dir.path());
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_LT(listed[0].taken_at, listed[1].taken_at);
  EXPECT_TRUE(list_bundles(dir.path() / "nowhere").empty());
}

TEST_F(BundleTest, DamagedMetadataIsAnError) {
  const auto bundle = make();
  std::ofstream(bundle.folder / "metadata.json") << "{\"name\": ";
  EXPECT_NE(error_of([&] { open_bundle(bundle.folder); }).find("damaged"), std::string::npos);
  std::ofstream(bundle.folder / "metadata.json") << "{\"name\": \"etc\"}";
  EXPECT_NE(error_of([&] { open_bundle(bundle.folder); }).find("lacks"), std::string::npos);
  std::ofstream(bundle.folder / "metadata.json") << metadata.dump();
  EXPECT_NE(error_of([&] { verify_bundle(open_bundle(bundle.folder)); }).find("no list of files"),
            std::string::npos);
}

TEST_F(BundleTest, AnExistingFolderIsNotWrittenInto) {
  make();
  EXPECT_NE(error_of([&] { make_bundle_folder(dir.path(), "etc", taken); }).find("cannot make"),
            std::string::npos);
}

TEST_F(BundleTest, MetadataWithoutItsFactsIsNotSealed) {
  const auto folder = make_bundle_folder(dir.path(), "etc", taken);
  metadata.erase("type");
  EXPECT_NE(error_of([&] { seal_bundle(folder, metadata, taken); }).find("lacks"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "metadata.json"));
}

}  // namespace
}  // namespace azlin::archive
