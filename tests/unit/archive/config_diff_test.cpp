#include "azlin/archive/config_diff.hpp"

#include <gtest/gtest.h>

namespace azlin::archive {
namespace {

// "+key -key ~key", by key.
std::string diff(const std::string& name, const std::string& before, const std::string& after) {
  const auto a = read_config_keys(name, before), b = read_config_keys(name, after);
  if (!a || !b) return "not a configuration";
  std::string out;
  for (const auto& change : diff_config_keys(*a, *b)) {
    const char* mark = change.kind == KeyChange::Kind::added     ? "+"
                       : change.kind == KeyChange::Kind::removed ? "-"
                                                                 : "~";
    out += (out.empty() ? "" : " ") + (mark + change.key);
  }
  return out;
}

TEST(ConfigDiffTest, JsonByPath) {
  EXPECT_EQ(diff("a.json", R"({"db":{"host":"a","port":1},"list":[1,2]})",
                 R"({"db":{"host":"b"},"list":[1,3,4],"x":{}})"),
            "~db.host -db.port ~list[1] +list[2] +x");
}

TEST(ConfigDiffTest, AValueOfAnotherTypeIsAChange) {
  EXPECT_EQ(diff("a.json", R"({"port":80})", R"({"port":"80"})"), "~port");
}

TEST(ConfigDiffTest, YamlByPathAndDocument) {
  EXPECT_EQ(diff("a.yaml", "a: 1\nb:\n  - x\n---\nkind: Pod\n", "a: 2\nb:\n  - x\n  - y\n---\nkind: Job\n"),
            "~a +b[1] ~document2.kind");
  EXPECT_EQ(diff("a.yml", "a: 1\nb: 2\n", "# other order\nb: 2\na: 1\n"), "");
}

TEST(ConfigDiffTest, IniBySectionAndKey) {
  EXPECT_EQ(diff("php.ini", "top=1\n[s]\nkey = a\n; note\n", "top=1\n[s]\nkey = b\n[t]\nkey=c\n"),
            "~s.key +t.key");
  EXPECT_EQ(diff("my.cnf", "[mysqld]\nskip-name-resolve\n", "[mysqld]\n"), "-mysqld.skip-name-resolve");
}

TEST(ConfigDiffTest, AKeyThatComesAgainIsNumbered) {
  EXPECT_EQ(diff("a.conf", "allow=1\nallow=2\n", "allow=1\nallow=3\n"), "~allow#2");
}

TEST(ConfigDiffTest, EnvironmentFiles) {
  EXPECT_EQ(diff(".env", "A=1\nexport B=x=y\n", "A=1\nB=x=z\nURL=http://h:80\n"), "~B +URL");
  EXPECT_EQ(diff("prod.env.local", "A=1\n", "A=2\n"), "~A");
}

TEST(ConfigDiffTest, OtherKindsAndDamageAreNoConfiguration) {
  EXPECT_EQ(diff("a.png", "a=1", "a=2"), "not a configuration");
  EXPECT_EQ(diff("a.json", "{", "{}"), "not a configuration");
  EXPECT_EQ(diff("a.yaml", "a: [", "a: 1"), "not a configuration");
}

}  // namespace
}  // namespace azlin::archive
