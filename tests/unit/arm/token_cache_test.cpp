#include "arm/token_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/parallel.hpp"
#include "support/temp_dir.hpp"

namespace azlin::arm {
namespace {

namespace fs = std::filesystem;

class TokenCacheTest : public ::testing::Test {
 protected:
  Token token(const std::string& value, std::chrono::seconds lifetime = std::chrono::hours{1}) {
    return {value, now + lifetime, "azure cli", "tenant"};
  }
  static unsigned mode(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0U;
  }
  std::string value(const std::string& identity, const std::string& resource = "r") {
    const auto found = cache.find(identity, resource);
    return found ? found->value : "";
  }

  test::TempDir dir;
  std::string path = dir.file("home/tokens.json");
  TokenCache cache{path};
  core::TimePoint now = core::parse_time("2025-12-01T08:00:00Z").value();
};

TEST_F(TokenCacheTest, GivesBackWhatWasPut) {
  EXPECT_EQ(value("me"), "");
  cache.put("me", "r", token("secret"), now);
  const auto found = cache.find("me", "r");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value, "secret");
  EXPECT_EQ(found->expires_at, now + std::chrono::hours{1});
  EXPECT_EQ(found->source, "azure cli");
  EXPECT_EQ(found->tenant, "tenant");
}

TEST_F(TokenCacheTest, IdentitiesAndResourcesAreKeptApart) {
  cache.put("me", "r", token("mine"), now);
  cache.put("you", "r", token("yours"), now);
  cache.put("me", "other", token("elsewhere"), now);
  EXPECT_EQ(value("me"), "mine");
  EXPECT_EQ(value("you"), "yours");
  EXPECT_EQ(value("me", "other"), "elsewhere");
  EXPECT_EQ(value("nobody"), "");
}

TEST_F(TokenCacheTest, FileAndFolderArePrivate) {
  cache.put("me", "r", token("secret"), now);
  EXPECT_EQ(mode(path), 0600U);
  EXPECT_EQ(mode(fs::path(path).parent_path()), 0700U);
  cache.put("me", "r", token("again"), now);
  EXPECT_EQ(mode(path), 0600U);
}

TEST_F(TokenCacheTest, FileThatOthersCanReadIsNotUsedButReplaced) {
  cache.put("me", "r", token("secret"), now);
  chmod(path.c_str(), 0644);
  EXPECT_EQ(value("me"), "");
  cache.put("you", "r", token("new"), now);
  EXPECT_EQ(mode(path), 0600U);
  EXPECT_EQ(value("me"), "");
  EXPECT_EQ(value("you"), "new");
}

TEST_F(TokenCacheTest, SymbolicLinkIsNotFollowed) {
  cache.put("me", "r", token("secret"), now);
  fs::rename(path, path + ".real");
  fs::create_symlink(path + ".real", path);
  EXPECT_EQ(value("me"), "");
}

TEST_F(TokenCacheTest, CorruptFileCountsAsEmptyAndIsReplaced) {
  for (const char* text :
       {"", "{", "[]", "null", R"({"tokens":[]})", R"({"tokens":{"me r":1},"refresh":{}})"}) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    EXPECT_EQ(value("me"), "") << text;
    EXPECT_FALSE(cache.refresh_token("l")) << text;
    cache.put("me", "r", token("new"), now);
    EXPECT_EQ(value("me"), "new") << text;
  }
}

TEST_F(TokenCacheTest, ExpiredTokensAreDropped) {
  cache.put("old", "r", token("old", std::chrono::seconds{-1}), now);
  cache.put("me", "r", token("new"), now);
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text.find("old"), std::string::npos) << text;
}

TEST_F(TokenCacheTest, RefreshTokensAreKeptByLogin) {
  cache.put_refresh_token("https://login", {"t", "r1"});
  cache.put("me", "r", token("secret"), now);
  ASSERT_TRUE(cache.refresh_token("https://login"));
  EXPECT_EQ(cache.refresh_token("https://login")->value, "r1");
  EXPECT_EQ(cache.refresh_token("https://login")->tenant, "t");
  EXPECT_FALSE(cache.refresh_token("https://other"));
}

TEST_F(TokenCacheTest, ClearRemovesEverything) {
  cache.put("me", "r", token("secret"), now);
  cache.clear();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(value("me"), "");
}

TEST_F(TokenCacheTest, WritersDoNotLoseEachOthersTokens) {
  core::run_parallel(16, 8, {}, [&](std::size_t i) {
    TokenCache own(path);
    own.put("id" + std::to_string(i), "r", token("v" + std::to_string(i)), now);
  });
  for (int i = 0; i < 16; ++i) EXPECT_EQ(value("id" + std::to_string(i)), "v" + std::to_string(i));
}

TEST_F(TokenCacheTest, FolderThatCannotBeWrittenIsNoError) {
  TokenCache nowhere("/proc/azlin/tokens.json");
  EXPECT_NO_THROW(nowhere.put("me", "r", token("x"), now));
  EXPECT_FALSE(nowhere.find("me", "r"));
}

}  // namespace
}  // namespace azlin::arm
