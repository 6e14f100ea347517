#include "simulator/router.hpp"

#include <gtest/gtest.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  void open(const char* method, const char* path) {
    router_.open(method, path, [path](Request&) { return Reply::text(200, path, "text/plain"); });
  }
  std::string found(const char* method, const char* path) {
    const auto match = router_.find(method, split_path(path));
    Request request;
    return match.route == nullptr ? "none" : match.route->handler(request).body;
  }
  Router router_;
};

TEST_F(RouterTest, SegmentsIgnoreCaseAndParametersKeepIt) {
  open("GET", "/subscriptions/{sub}/resourceGroups/{rg}");
  const auto match = router_.find("GET", split_path("/SUBSCRIPTIONS/a/resourcegroups/My%2DGroup"));
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params.at("rg"), "My-Group");
}

TEST_F(RouterTest, LiteralsWinOverParametersAndParametersOverScopes) {
  open("GET", "/a/{name}");
  open("GET", "/a/list");
  open("GET", "/{*scope}/list");
  EXPECT_EQ(found("GET", "/a/list"), "/a/list");
  EXPECT_EQ(found("GET", "/a/b"), "/a/{name}");
  EXPECT_EQ(found("GET", "/x/y/z/list"), "/{*scope}/list");
}

TEST_F(RouterTest, ScopesTakeWholePaths) {
  open("PUT", "/{*scope}/providers/Microsoft.Authorization/locks/{name}");
  const auto match = router_.find(
      "PUT", split_path("/subscriptions/s/resourceGroups/g/providers/Microsoft.Authorization/locks/l"));
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params.at("scope"), "/subscriptions/s/resourceGroups/g");
  EXPECT_EQ(match.params.at("name"), "l");
  EXPECT_EQ(router_.find("PUT", split_path("/providers/Microsoft.Authorization/locks/l")).route, nullptr);
}

TEST_F(RouterTest, HeadUsesGetUnlessItHasItsOwn) {
  open("GET", "/a");
  EXPECT_EQ(found("HEAD", "/a"), "/a");
  router_.open("HEAD", "/a", [](Request&) { return Reply::text(200, "own", "text/plain"); });
  EXPECT_EQ(found("HEAD", "/a"), "own");
}

TEST_F(RouterTest, OtherMethodsAreKnownButNotRouted) {
  open("GET", "/a");
  const auto match = router_.find("DELETE", split_path("/a"));
  EXPECT_EQ(match.route, nullptr);
  EXPECT_TRUE(match.path_known);
  EXPECT_FALSE(router_.find("GET", split_path("/b")).path_known);
}

TEST_F(RouterTest, MistakesInRoutesAreFoundAtOnce) {
  open("GET", "/a");
  EXPECT_THROW(open("GET", "/a"), std::invalid_argument);
  EXPECT_THROW(router_.arm("GET", "/b", "Microsoft.Nothing/here", [](Request&) { return Reply::empty(200); }),
               std::invalid_argument);
}

}  // namespace
}  // namespace azlin::simulator
