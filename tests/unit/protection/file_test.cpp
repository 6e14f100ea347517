#include "azlin/protection/file.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::protection {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::string mistakes_of(const std::string& text) {
  try {
    parse_file(text, "p.yaml");
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    return error.what();
  }
  return "";
}

TEST(ProtectionFileTest, ARuleStandsOverItsTemplateKeyByKey) {
  const auto file = parse_file(R"(
version: 1
templates:
  gold:
    schedule: [daily, weekly]
    retention: {daily: 14, weekly: 8}
    region: West US 2
    verification: {level: full, every: 2d}
    drill: {every: 7d, target_rto: 20m}
rules:
  - name: db
    select: {name: "*-db-*"}
    template: gold
    retention: {daily: 30}
    verification: {every: 12h}
    drill: off
)",
                               "p.yaml");
  ASSERT_EQ(file.rules.size(), 1u);
  const auto& settings = file.rules[0].settings;
  EXPECT_EQ(settings.daily, 30);
  EXPECT_EQ(settings.weekly, 8);
  EXPECT_EQ(settings.monthly, std::nullopt);
  EXPECT_EQ(settings.region, "westus2");
  EXPECT_TRUE(settings.schedule->weekly);
  EXPECT_FALSE(settings.schedule->monthly);
  EXPECT_EQ(settings.verification->level, verification::Level::full);
  EXPECT_EQ(settings.verification->every, core::Millis{hours{12}});
  EXPECT_TRUE(settings.drill->off);
  EXPECT_FALSE(file.groups);
  EXPECT_FALSE(file.alerts);
}

TEST(ProtectionFileTest, OffOfATemplateIsOnAgainInARule) {
  const auto file = parse_file(
      "version: 1\ntemplates: {t: {drill: off}}\nrules:\n- {name: a, select: {name: x}, template: t, drill: "
      "{every: 3d}}\n",
      "p.yaml");
  EXPECT_FALSE(file.rules[0].settings.drill->off);
  EXPECT_EQ(file.rules[0].settings.drill->every, core::Millis{hours{72}});
}

struct Bad {
  const char *name, *text, *expected;
};
class BadFileTest : public testing::TestWithParam<Bad> {};

TEST_P(BadFileTest, NamesThePlace) {
  EXPECT_NE(mistakes_of(GetParam().text).find(GetParam().expected), std::string::npos)
      << mistakes_of(GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, BadFileTest,
    testing::Values(
        Bad{"Empty", "", "p.yaml:1:1: the file is empty"}, Bad{"NoYaml", "version: [", "not valid YAML"},
        Bad{"Version", "version: 2", "p.yaml:1:10: this azlin knows version 1 only"},
        Bad{"NoVersion", "rules: []", "needs `version: 1`"},
        Bad{"UnknownKey", "version: 1\nruls: []",
            "p.yaml:2:1: unknown key 'ruls' in the file; did you mean 'rules'?"},
        Bad{"UnknownSetting", "version: 1\nrules:\n- name: a\n  select: {name: x}\n  retension: {daily: 1}",
            "p.yaml:5:3: unknown key 'retension' in a rule; did you mean 'retention'?"},
        Bad{"NoSelect", "version: 1\nrules:\n- name: a", "p.yaml:3:3: a rule needs `select`"},
        Bad{"EmptySelect", "version: 1\nrules:\n- {name: a, select: {}}", "select needs name"},
        Bad{"TwoRules", "version: 1\nrules:\n- {name: a, select: {name: x}}\n- {name: a, select: {name: y}}",
            "p.yaml:4:10: there are two rules 'a'"},
        Bad{"Template",
            "version: 1\ntemplates: {gold: {}}\nrules:\n- {name: a, select: {name: x}, template: gild}",
            "there is no template 'gild'; did you mean 'gold'?"},
        Bad{"Zero", "version: 1\ntemplates: {t: {retention: {daily: 0}}}",
            "retention daily must be a whole number"},
        Bad{"Half", "version: 1\ntemplates: {t: {retention: {daily: 1.5}}}",
            "retention daily must be a whole number"},
        Bad{"Tier", "version: 1\ntemplates: {t: {schedule: [daily, weakly]}}", "did you mean 'weekly'?"},
        Bad{"NoDaily", "version: 1\ntemplates: {t: {schedule: [weekly]}}", "schedule needs daily"},
        Bad{"ScheduleWord", "version: 1\ntemplates: {t: {schedule: daily}}",
            "schedule must be off, or a list"},
        Bad{"Level", "version: 1\ntemplates: {t: {verification: {level: deep}}}", "unknown level 'deep'"},
        Bad{"Every", "version: 1\ntemplates: {t: {verification: {every: 30m}}}",
            "every must be a time from 1h"},
        Bad{"OddMinutes", "version: 1\ntemplates: {t: {drill: {every: 90m}}}", "in whole hours"},
        Bad{"Rto", "version: 1\ntemplates: {t: {drill: {target_rto: 8d}}}",
            "target_rto must be a time from 1s to 7d"},
        Bad{"Region", "version: 1\ntemplates: {t: {region: w}}", "p.yaml:2:25: "},
        Bad{"GroupName", "version: 1\ngroups: {a b: {boot_order: [x]}}", "is no name of a group"},
        Bad{"GroupCase", "version: 1\ngroups: {Shop: {boot_order: [x]}, shop: {boot_order: [y]}}",
            "p.yaml:2:35: groups 'Shop' and 'shop' differ in nothing but case"},
        Bad{"NoOrder", "version: 1\ngroups: {a: {}}", "p.yaml:2:10: group 'a' needs boot_order"},
        Bad{"EmptyOrder", "version: 1\ngroups: {a: {boot_order: []}}", "must be a list of stages"},
        Bad{"Alert", "version: 1\nalerts: {rpo_exceded: {}}", "did you mean 'rpo_exceeded'?"},
        Bad{"ClearSecret", "version: 1\nalerts: {channels: {slack: {webhook_url: \"https://x/y\"}}}",
            "p.yaml:2:42: webhook_url must be a reference"},
        Bad{"Expectation", "version: 1\nexpectations: {storage: {versionin: true}}",
            "did you mean 'versioning'?"},
        Bad{"NotUtf8", "version: 1\nrules:\n- {name: \"\xff\", select: {name: x}}",
            "p.yaml:1:1: the file is not UTF-8"},
        Bad{"Twice", "version: 1\nversion: 1", "p.yaml:2:1: 'version' is given twice"}),
    [](const auto& bad) { return bad.param.name; });

TEST(ProtectionFileTest, EveryMistakeIsNamedInTheOrderOfTheFile) {
  const auto text =
      mistakes_of("version: 1\ntemplates: {t: {region: w}}\nrules:\n- {select: {name: x}}\nbad: 1\n");
  const auto first = text.find("p.yaml:2:"), second = text.find("p.yaml:4:"), third = text.find("p.yaml:5:");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST(ProtectionFileTest, AMistakeThatAliasesRepeatIsNamedOnce) {
  EXPECT_EQ(mistakes_of("version: 1\ntemplates: {a: &t {retention: {daily: x}}, b: *t, c: *t}\n"),
            "p.yaml:2:39: retention daily must be a whole number from 1 to 499");
}

TEST(ProtectionFileTest, AliasesInAliasesAreRefusedAndNotUnfolded) {
  std::string text = "version: 1\nalerts:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 9; ++n) text += (n == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(mistakes_of(text + "  channels: {slack: {webhook_url: *a11}}\n").find("unknown rule 'a11'"),
            std::string::npos);
}

TEST(ProtectionFileTest, AClearSecretIsNotRepeated) {
  EXPECT_EQ(mistakes_of("version: 1\nalerts: {channels: {slack: {webhook_url: hunter2}}}").find("hunter2"),
            std::string::npos);
}

struct Match {
  const char *pattern, *text;
  bool expected;
};
class PatternTest : public testing::TestWithParam<Match> {};
TEST_P(PatternTest, Matches) {
  EXPECT_EQ(matches(GetParam().pattern, GetParam().text), GetParam().expected)
      << GetParam().pattern << " on " << GetParam().text;
}
INSTANTIATE_TEST_SUITE_P(All, PatternTest,
                         testing::Values(Match{"*", "", true}, Match{"", "", true}, Match{"", "a", false},
                                         Match{"a*c", "abbc", true}, Match{"a*c", "abbd", false},
                                         Match{"a?c", "abc", true}, Match{"a?c", "ac", false},
                                         Match{"*-db-*", "prod-db-vm", true}, Match{"*b*b", "abab", true},
                                         Match{"*b*b", "aba", false}, Match{"a*", "a", true},
                                         Match{"**a", "bba", true}, Match{"?", "", false}));

TEST(SelectorTest, AllThatIsGivenMustFit) {
  azure::Vm vm;
  vm.name = "Prod-DB-vm";
  vm.resource_group = "Production";
  vm.tags = {{"Env", "prod-1"}};
  EXPECT_TRUE((Selector{{"prod-*"}, {}, {}}.selects(vm)));
  EXPECT_TRUE((Selector{{"x", "prod-*"}, {"PRODUCTION"}, {{"env", "prod-*"}}}.selects(vm)));
  EXPECT_FALSE((Selector{{"prod-*"}, {"Test"}, {}}.selects(vm)));
  EXPECT_FALSE((Selector{{"prod-*"}, {}, {{"env", "PROD-*"}}}.selects(vm)));
  EXPECT_FALSE((Selector{{}, {}, {{"owner", "*"}}}.selects(vm)));
}

TEST(ShortTextTest, TakesTheLargestUnit) {
  EXPECT_EQ(to_short_text(hours{48}), "2d");
  EXPECT_EQ(to_short_text(hours{36}), "36h");
  EXPECT_EQ(to_short_text(minutes{15}), "15m");
  EXPECT_EQ(to_short_text(std::chrono::seconds{90}), "90s");
}

TEST(SchemaTest, IsJson) {
  EXPECT_EQ(nlohmann::json::parse(schema_text())["properties"]["version"]["const"], 1);
}

}  // namespace
}  // namespace azlin::protection
