#include "azlin/archive/package.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    put("config/app.yaml", "port: 80\n");
    put("services/größe/naïve.txt", std::string(300'000, 'x'));
    put("empty", "");
    fs::create_directories(folder / "hollow");
    fs::create_symlink("config/app.yaml", folder / "link");
    fs::permissions(folder / "config/app.yaml", fs::perms(0640));
  }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  std::string describe(const fs::path& top) {
    std::string out;
    for (const auto& each : list_tree(top)) out += each.path + " " + each.sha256 + "\n";
    return out;
  }
  core::Error error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return core::Error(core::ErrorKind::failed, "none");
  }
  // A tar with one entry, made without any of the writer's care.
  fs::path hostile(const std::string& name, const std::string& link = {}, const std::string& hardlink = {}) {
    const fs::path file = dir.file("hostile.tar");
    struct ::archive* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    archive_write_open_filename(out, file.c_str());
    struct ::archive_entry* entry = archive_entry_new();
    if (!link.empty()) {
      archive_entry_set_pathname(entry, "way");
      archive_entry_set_filetype(entry, AE_IFLNK);
      archive_entry_set_symlink(entry, link.c_str());
      archive_write_header(out, entry);
      archive_entry_clear(entry);
    }
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_mode(entry, AE_IFREG | 0644);
    if (!hardlink.empty()) archive_entry_set_hardlink(entry, hardlink.c_str());
    archive_entry_set_size(entry, hardlink.empty() ? 4 : 0);
    archive_write_header(out, entry);
    if (hardlink.empty()) archive_write_data(out, "evil", 4);
    archive_entry_free(entry);
    archive_write_free(out);
    return file;
  }

  test::TempDir dir;
  fs::path folder = dir.path() / "archive";
};

class PackageFormatTest : public PackageTest, public ::testing::WithParamInterface<PackageFormat> {};

TEST_P(PackageFormatTest, ComesBackAsItWas) {
  const fs::path file = dir.path() / (std::string("out") + suffix(GetParam()));
  const PackageOptions options{GetParam(), GetParam() == PackageFormat::encrypted_zip ? "pässword" : "",
                               false};
  const auto result = write_package(folder, "etc-20251201", file, options);
  EXPECT_EQ(result.entries, 9U);
  EXPECT_EQ(result.bytes, fs::file_size(file));
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  const fs::path into = dir.path() / "into";
  EXPECT_EQ(read_package(file, into, options.passphrase), 9U);
  EXPECT_EQ(describe(into / "etc-20251201"), describe(folder));
  EXPECT_TRUE(fs::is_directory(into / "etc-20251201/hollow"));
  EXPECT_EQ(fs::read_symlink(into / "etc-20251201/link"), "config/app.yaml");
  EXPECT_EQ(fs::status(into / "etc-20251201/config/app.yaml").permissions(), fs::perms(0640));
}

INSTANTIATE_TEST_SUITE_P(Formats, PackageFormatTest,
                         ::testing::Values(PackageFormat::zip, PackageFormat::tar_gz, PackageFormat::tar_xz,
                                           PackageFormat::encrypted_zip, PackageFormat::tar),
                         [](const auto& row) {
                           std::string name = to_string(row.param);
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
                           return name;
                         });

TEST_F(PackageTest, SevenZipOpensTheEncryptedZipWithItsPasswordOnly) {
  core::SystemProcessRunner processes;
  // Debian calls it by one name or the other, depending on the package.
  const auto runs = [&](const std::string& name) {
    try {
      return processes.run({.argv = {name, "i"}}).exit_code == 0;
    } catch (const core::Error&) {
      return false;
    }
  };
  const std::string seven = runs("7zz") ? "7zz" : runs("7z") ? "7z" : "";
  if (seven.empty()) GTEST_SKIP() << "7-Zip is not installed";
  const fs::path file = dir.path() / "out.zip";
  write_package(folder, "top", file, {PackageFormat::encrypted_zip, "secret", false});
  const auto out = dir.file("seven");
  const auto wrong = processes.run({.argv = {seven, "x", "-pwrong", "-o" + out + "-wrong", file.string()}});
  EXPECT_NE(wrong.exit_code, 0);
  const auto right = processes.run({.argv = {seven, "x", "-psecret", "-o" + out, file.string()}});
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
  EXPECT_EQ(sha256_file(out + "/top/services/größe/naïve.txt"),
            sha256_file(folder / "services/größe/naïve.txt"));
  const auto listing = processes.run({.argv = {seven, "l", "-slt", "-psecret", file.string()}});
  EXPECT_NE(listing.out.find("AES-256"), std::string::npos);
}

TEST_F(PackageTest, HiddenNamesAreInNoByteOfTheFile) {
  const fs::path file = dir.path() / "out.zip";
  write_package(folder, "top", file, {PackageFormat::encrypted_zip, "secret", true});
  std::ostringstream bytes;
  bytes << std::ifstream(file).rdbuf();
  EXPECT_EQ(bytes.str().find("app.yaml"), std::string::npos);
  read_package(file, dir.path() / "into", "secret");
  EXPECT_EQ(describe(dir.path() / "into/top"), describe(folder));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 3);  // no plain tar stays behind
}

TEST_F(PackageTest, AWrongOrMissingPasswordSaysSoAndLeavesNothing) {
  const fs::path file = dir.path() / "out.zip";
  write_package(folder, "top", file, {PackageFormat::encrypted_zip, "secret", false});
  EXPECT_EQ(error_of([&] { read_package(file, dir.path() / "into", "wrong"); }).kind(),
            core::ErrorKind::unauthorized);
  const auto missing = error_of([&] { read_package(file, dir.path() / "into"); });
  EXPECT_EQ(missing.kind(), core::ErrorKind::usage);
  EXPECT_NE(missing.hint().find("AZLIN_PACKAGE_PASSWORD"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(dir.path() / "into"));
}

TEST_F(PackageTest, APasswordWithoutEncryptionAndTheReverseAreRefused) {
  EXPECT_EQ(error_of([&] {
              write_package(folder, "t", dir.file("a.zip"), {PackageFormat::zip, "secret", false});
            }).kind(),
            core::ErrorKind::usage);
  EXPECT_EQ(error_of([&] {
              write_package(folder, "t", dir.file("a.zip"), {PackageFormat::encrypted_zip, "", false});
            }).kind(),
            core::ErrorKind::usage);
  EXPECT_EQ(error_of([&] {
              write_package(folder, "t", dir.file("a.zip"), {PackageFormat::zip, "", true});
            }).kind(),
            core::ErrorKind::usage);
  EXPECT_FALSE(fs::exists(dir.file("a.zip")));
}

TEST_F(PackageTest, AFailureLeavesAnExistingFileAlone) {
  const fs::path file = dir.path() / "out.zip";
  std::ofstream(file) << "before";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(error_of([&] { write_package(folder, "t", file, {}, stop.get_token()); }).kind(),
            core::ErrorKind::interrupted);
  EXPECT_EQ(fs::file_size(file), 6U);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 2);  // no part file either
}

TEST_F(PackageTest, EntriesThatWouldLeaveTheFolderAreRefused) {
  const fs::path outside = dir.path() / "outside";
  fs::create_directories(outside);
  const fs::path into = dir.path() / "into";
  EXPECT_NE(std::string(error_of([&] { read_package(hostile("../outside/evil"), into); }).what())
                .find("would leave"),
            std::string::npos);
  EXPECT_NE(std::string(error_of([&] { read_package(hostile((outside / "evil").string()), into); }).what())
                .find("would leave"),
            std::string::npos);
  EXPECT_NE(std::string(error_of([&] { read_package(hostile("a", {}, "../outside/x"), into); }).what())
                .find("would leave"),
            std::string::npos);
  error_of([&] { read_package(hostile("way/evil", outside.string()), into); });
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(fs::is_empty(into));
}

TEST_F(PackageTest, DamageIsAnErrorAndLeavesNothing) {
  const fs::path file = dir.path() / "out.tar.gz";
  write_package(folder, "top", file, {PackageFormat::tar_gz, "", false});
  fs::resize_file(file, fs::file_size(file) / 2);
  error_of([&] { read_package(file, dir.path() / "into"); });
  EXPECT_FALSE(fs::exists(dir.path() / "into/top"));
}

TEST_F(PackageTest, AFullFolderIsNotUnpackedInto) {
  const fs::path file = dir.path() / "out.zip";
  write_package(folder, "top", file, {});
  EXPECT_EQ(error_of([&] { read_package(file, folder); }).kind(), core::ErrorKind::usage);
}

}  // namespace
}  // namespace azlin::archive
