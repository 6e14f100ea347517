#include "azlin/report/evidence.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "support/temp_dir.hpp"

namespace azlin::report {
namespace {

namespace fs = std::filesystem;
using core::Error;

class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() : key_(EvidenceKey::load_or_create(dir_.file("key.pem"))) {}

  std::string bundle(const std::string& name, const std::optional<ChainLink>& before = {}) {
    const auto path = dir_.file(name);
    link_ = write_bundle(path, {{"report.json", "{}\n"}, {"rows/a.json", "[1]\n"}, {"empty", ""}},
                         {{"generatedAt", "now"}}, key_, before);
    return path;
  }
  static std::vector<std::string> files_of(const std::string& path) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  static std::vector<std::string> problems(const std::string& path,
                                           const std::optional<std::string>& key = {}) {
    return check_bundle(path, key).problems;
  }

  azlin::test::TempDir dir_;
  EvidenceKey key_;
  ChainLink link_;
};

TEST_F(EvidenceTest, AFreshBundleHolds) {
  const auto checked = check_bundle(bundle("b"), key_.fingerprint());
  EXPECT_TRUE(checked.problems.empty()) << checked.problems.front();
  EXPECT_EQ(checked.files, 4) << "the key is one of them";
  EXPECT_EQ(checked.fingerprint, key_.fingerprint());
  EXPECT_EQ(checked.predicate["generatedAt"], "now");
  EXPECT_EQ(checked.predicate["sequence"], 1);
  EXPECT_TRUE(checked.predicate["previous"].is_null());
}

// Each byte of each file, the envelope and the key included, in two ways.
TEST_F(EvidenceTest, AnyChangedByteIsFound) {
  const auto path = bundle("b");
  int tried = 0;
  for (const auto& file : files_of(path)) {
    const auto good = core::read_file(file).value();
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const char flip : {1, 32}) {
        auto bad = good;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        std::ofstream(file, std::ios::binary) << bad;
        EXPECT_FALSE(problems(path).empty()) << file << " byte " << i;
        ++tried;
      }
    }
    for (const auto& bad : {good + " ", good + "\n", good + "}"}) {
      std::ofstream(file, std::ios::binary) << bad;
      EXPECT_FALSE(problems(path).empty()) << file;
    }
    std::ofstream(file, std::ios::binary) << good;
  }
  EXPECT_GT(tried, 2000);
  EXPECT_TRUE(problems(path).empty());
}

TEST_F(EvidenceTest, AMissingFileIsFound) {
  for (const auto& file : files_of(bundle("names"))) {
    const auto name = fs::path(file).lexically_relative(dir_.file("names")).string();
    const auto path = bundle("b-" + fs::path(name).filename().string());
    fs::remove(path + "/" + name);
    EXPECT_FALSE(problems(path).empty()) << name;
  }
}

TEST_F(EvidenceTest, AnExtraFileAndALinkAreFound) {
  const auto path = bundle("b");
  core::write_file(path + "/rows/more.json", "[]");
  EXPECT_EQ(problems(path), (std::vector<std::string>{"rows/more.json: not in the statement"}));
  fs::remove(path + "/rows/more.json");
  fs::create_symlink("report.json", path + "/link");
  EXPECT_EQ(problems(path).size(), 1U);
}

TEST_F(EvidenceTest, AnotherKeyIsNotTrusted) {
  const auto path = bundle("b");
  const auto other = EvidenceKey::load_or_create(dir_.file("other.pem"));
  EXPECT_FALSE(problems(path, other.fingerprint()).empty());
  EXPECT_FALSE(problems(path, dir_.file("other.pem")).empty());
  EXPECT_TRUE(problems(path, dir_.file("key.pem")).empty());
  core::write_file(dir_.file("public.pem"), key_.public_pem());
  EXPECT_TRUE(problems(path, dir_.file("public.pem")).empty());
  EXPECT_THROW(problems(path, "no-such-key"), Error);
}

// A forger who signs anew with a key of his own is found by the fingerprint, and only by it.
TEST_F(EvidenceTest, ABundleSignedAnewHasAnotherFingerprint) {
  const auto other = EvidenceKey::load_or_create(dir_.file("other.pem"));
  write_bundle(dir_.file("forged"), {{"report.json", "{}"}}, nlohmann::ordered_json::object(), other, {});
  EXPECT_TRUE(problems(dir_.file("forged")).empty());
  EXPECT_FALSE(problems(dir_.file("forged"), key_.fingerprint()).empty());
}

TEST_F(EvidenceTest, BundlesAreChained) {
  const auto first = bundle("1");
  const auto chain = dir_.file("chain.json");
  write_link(chain, link_);
  const auto second = bundle("2", read_link(chain));
  write_link(chain, link_);
  const auto third = bundle("3", read_link(chain));
  EXPECT_EQ(read_link(chain)->sequence, 2);
  EXPECT_EQ(check_link(check_bundle(second, {}), first), "");
  EXPECT_EQ(check_link(check_bundle(third, {}), second), "");
  EXPECT_NE(check_link(check_bundle(third, {}), first), "") << "the second one was left out";
  EXPECT_NE(check_link(check_bundle(first, {}), second), "");
  EXPECT_EQ(read_link(dir_.file("none")), std::nullopt);
  core::write_file(chain, "{");
  EXPECT_THROW(read_link(chain), Error);
}

TEST_F(EvidenceTest, TheKeyIsItsOwnersAlone) {
  struct stat info {};
  ASSERT_EQ(stat(dir_.file("key.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(EvidenceKey::load_or_create(dir_.file("key.pem")).fingerprint(), key_.fingerprint());
  chmod(dir_.file("key.pem").c_str(), 0644);
  EXPECT_THROW(EvidenceKey::load(dir_.file("key.pem")), Error);
  core::write_file(dir_.file("junk.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  EXPECT_THROW(EvidenceKey::load(dir_.file("junk.pem")), Error);
  EXPECT_THROW(EvidenceKey::load(dir_.file("none.pem")), Error);
}

TEST_F(EvidenceTest, AFolderWithSomethingInItIsRefused) {
  core::write_file(dir_.file("full/x"), "");
  EXPECT_THROW(bundle("full"), Error);
  EXPECT_EQ(files_of(dir_.file("full")).size(), 1U);
}

TEST_F(EvidenceTest, ASignatureHoldsForItsBytesAlone) {
  const auto signature = key_.sign("r");
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(key_.verify("r", signature));
  EXPECT_FALSE(key_.verify("s", signature));
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace azlin::report
