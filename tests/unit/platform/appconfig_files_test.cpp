// json, yaml and properties files of App Configuration.
#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/platform/appconfig_files.hpp"

namespace azlin::platform {
namespace {

using nlohmann::json;
using Format = FileLayout::Format;

KeyValue item(const std::string& key, const std::string& value, const std::string& type = "",
              const std::string& label = "") {
  KeyValue out;
  out.key = key;
  out.value = value;
  out.content_type = type;
  out.label = label;
  return out;
}
constexpr const char* kFlagType = "application/vnd.microsoft.appconfig.ff+json;charset=utf-8";
constexpr const char* kReferenceType = "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8";

KeyValue flag(const std::string& name, bool on, const std::string& filters = "[]") {
  return item(kFeaturePrefix + name,
              R"({"id":")" + name + R"(","description":"what","enabled":)" + (on ? "true" : "false") +
                  R"(,"conditions":{"client_filters":)" + filters + "}}",
              kFlagType);
}

std::vector<KeyValue> sample() {
  return {flag("beta", true, R"([{"name":"Window","parameters":{"Start":"1"}}])"),
          flag("off", false, R"([{"name":"Window"}])"),
          flag("on", true),
          item("app:list:0", "a"),
          item("app:list:1", "true"),
          item("app:limits", R"({"users":100})", "application/json"),
          item("app:secret", R"({"uri":"https://kv.vault.azure.net/secrets/s"})", kReferenceType),
          item("plain text", "vä=l:ue\n 😀 \\")};
}

// What a file holds goes into an empty store, and out again.
std::vector<KeyValue> through(const std::vector<KeyValue>& items, const FileLayout& layout,
                              const std::vector<KeyValue>& current = {}) {
  return resolve(parse_config_file(to_config_file(items, layout), layout, "file"), current, "", std::nullopt);
}

const KeyValue& find(const std::vector<KeyValue>& items, const std::string& key) {
  for (const auto& each : items)
    if (each.key == key) return each;
  throw std::runtime_error("no " + key);
}

// As `az appconfig kv export --separator :` writes it.
TEST(ConfigFileTest, IsNestedAtTheSeparator) {
  const auto out = json::parse(to_config_file(sample(), {Format::json, ":", "", "pascal", true}));
  EXPECT_EQ(out["app"]["list"], json::array({"a", "true"}));
  EXPECT_EQ(out["app"]["limits"]["users"], 100);
  EXPECT_EQ(out["FeatureManagement"]["on"], true);
  EXPECT_EQ(out["FeatureManagement"]["off"], false);
  EXPECT_EQ(out["FeatureManagement"]["beta"],
            json::parse(R"({"EnabledFor":[{"Name":"Window","Parameters":{"Start":"1"}}]})"));
  const auto flat = json::parse(to_config_file(sample(), {Format::json, "", "", "hyphen", true}));
  EXPECT_EQ(flat["app:list:0"], "a");
  EXPECT_TRUE(flat["feature-management"]["beta"].contains("enabled-for"));
}

TEST(ConfigFileTest, EachFormatComesBackAsItWas) {
  for (const auto& layout :
       {FileLayout{Format::json, "", "", "camel", true}, FileLayout{Format::yaml, "", "", "hyphen", true},
        FileLayout{Format::properties, "", "", "pascal", true}}) {
    SCOPED_TRACE(to_config_file(sample(), layout));
    const auto back = through(sample(), layout, sample());
    EXPECT_EQ(back.size(), layout.format == Format::properties ? 5U : 8U);
    for (const auto& each : back) {
      EXPECT_EQ(each.value, find(sample(), each.key).value) << each.key;
      EXPECT_EQ(each.content_type, find(sample(), each.key).content_type) << each.key;
    }
  }
}

// Taken apart at the separator, an object is keys of its own, as az reads it; a Key Vault reference stays
// whole.
TEST(ConfigFileTest, ANestedFileComesBackKeyByKey) {
  for (const auto format : {Format::json, Format::yaml}) {
    const auto back = through(sample(), {format, ":", "", "underscore", true});
    EXPECT_EQ(back.size(), 8U);
    EXPECT_EQ(find(back, "app:list:0").value, "a");
    EXPECT_EQ(find(back, "app:list:1").value, "true");
    EXPECT_EQ(find(back, "app:limits:users").value, "100");
    EXPECT_EQ(find(back, "app:secret").content_type, kReferenceType);
  }
}

TEST(ConfigFileTest, NewItemsGetTheirTypeFromTheValue) {
  const auto back = through(sample(), {});
  EXPECT_EQ(find(back, "app:limits").content_type, "application/json");
  EXPECT_EQ(find(back, "app:secret").content_type, kReferenceType);
  EXPECT_EQ(find(back, "app:list:1").content_type, "");
  EXPECT_EQ(json::parse(find(back, ".appconfig.featureflag/beta").value)["conditions"]["client_filters"],
            json::parse(R"([{"name":"Window","parameters":{"Start":"1"}}])"));
}

// The file says nothing of tags, locks and descriptions: those of the store stay.
TEST(ConfigFileTest, WhatTheFileDoesNotSayStays) {
  auto there = item("a", R"({"x": 1})", "application/json");
  there.tags["owner"] = "web";
  there.locked = true;
  const auto same = resolve(parse_config_file(R"({"a":{"x":1}})", {}, "f"), {there}, "", std::nullopt);
  EXPECT_EQ(same[0].value, there.value);
  EXPECT_EQ(same[0].tags, there.tags);
  EXPECT_TRUE(same[0].locked);
  const auto other = resolve(parse_config_file(R"({"a":"x"})", {}, "f"), {there}, "", std::nullopt);
  EXPECT_EQ(other[0].value, R"("x")");
  const auto turned = resolve(parse_config_file(R"({"FeatureManagement":{"beta":false}})", {}, "f"),
                              {flag("beta", true, R"([{"name":"W"}])")}, "", std::nullopt);
  const auto value = json::parse(turned[0].value);
  EXPECT_EQ(value["description"], "what");
  EXPECT_EQ(value["enabled"], false);
  EXPECT_EQ(value["conditions"]["client_filters"].size(), 1U);
}

TEST(ConfigFileTest, AContentTypeIsForAllButFlagsAndReferences) {
  const auto items = parse_config_file(
      R"({"t":"x","n":5,"r":{"uri":"https://kv.vault.azure.net/secrets/s"},"FeatureManagement":{"f":true}})",
      {}, "f");
  const auto out = resolve(items, {}, "prod", "application/json");
  EXPECT_EQ(find(out, "t").value, R"("x")");
  EXPECT_EQ(find(out, "n").value, "5");
  EXPECT_EQ(find(out, "r").content_type, kReferenceType);
  EXPECT_EQ(find(out, ".appconfig.featureflag/f").content_type, kFlagType);
  for (const auto& each : out) EXPECT_EQ(each.label, "prod");
}

TEST(ConfigFileTest, YamlReadsTextsAsTheyAreWritten) {
  const auto out =
      resolve(parse_config_file("a: 1.10\nb: yes\nc: '007'\nd: 2020-01-01\ne: ~\nf: [1, x]\n---\ng: true\n",
                                {Format::yaml, "", "", "pascal", true}, "f"),
              {}, "", std::nullopt);
  EXPECT_EQ(find(out, "a").value, "1.10");
  EXPECT_EQ(find(out, "b").value, "yes");
  EXPECT_EQ(find(out, "c").value, "007");
  EXPECT_EQ(find(out, "d").value, "2020-01-01");
  EXPECT_EQ(find(out, "e").value, "null");
  EXPECT_EQ(find(out, "f").value, R"([1,"x"])");
  EXPECT_EQ(find(out, "g").value, "true");
}

// The rules of java.util.Properties.
TEST(ConfigFileTest, PropertiesAreJavas) {
  const FileLayout layout{Format::properties, "", "p/", "pascal", true};
  const auto out = resolve(
      parse_config_file("# no\n! no\n  a\\:b : x\\\n    y\nkey\\ two=\\u00e4\\ud83d\\ude00\\n\nalone\n",
                        layout, "f"),
      {}, "", std::nullopt);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(find(out, "p/a:b").value, "xy");
  EXPECT_EQ(find(out, "p/key two").value, "ä😀\n");
  EXPECT_EQ(find(out, "p/alone").value, "");
  EXPECT_EQ(to_config_file({item("a b", " x=ä")}, {Format::properties, "", "", "pascal", true}),
            "a\\ b=\\ x\\=\\u00E4\n");
  EXPECT_THROW(parse_config_file("a=\\u12", layout, "f"), core::Error);
}

TEST(ConfigFileTest, RefusesWhatWouldBeLostOrMeansNothing) {
  const FileLayout nested{Format::json, ":", "", "pascal", true};
  EXPECT_THROW(to_config_file({item("a", "1"), item("a", "2", "", "prod")}, {}), core::Error);
  EXPECT_NO_THROW(to_config_file({item("a", "1"), item("a", "1", "", "prod")}, {}));
  EXPECT_THROW(to_config_file({item("a", "1"), item("a:b", "2")}, nested), core::Error);
  EXPECT_THROW(to_config_file({item("a:b", "2"), item("a", "1")}, nested), core::Error);
  EXPECT_THROW(to_config_file({item(std::string(kFeaturePrefix) + "x", "no JSON", kFlagType)}, {}),
               core::Error);
  for (const char* bad :
       {"no json", "5", R"({"":1})", R"({"a%b":1})", R"({".appconfig.featureflag/x":1})",
        R"({"FeatureManagement":{"f":"yes"}})", R"({"FeatureManagement":{"f":{"EnabledFor":[{}]}}})",
        R"({"FeatureManagement":{},"featureManagement":{}})"})
    EXPECT_THROW(parse_config_file(bad, {}, "f"), core::Error) << bad;
  EXPECT_THROW(parse_config_file(R"({"a":{"b":1},"a:b":2})", nested, "f"), core::Error);
}

}  // namespace
}  // namespace azlin::platform
