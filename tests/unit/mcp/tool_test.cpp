#include "azlin/mcp/tool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "azlin/core/error.hpp"

namespace azlin::mcp {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class ToolTest : public testing::Test {
 protected:
  static std::string refusal(const Tool& tool, const json& arguments) {
    try {
      tool.command_line(arguments);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::usage);
      return std::string(error.what()) + " / " + error.hint();
    }
    return "not refused";
  }

  const Argument vm_{.name = "vm", .help = "Name of the VM", .positional = true, .required = true};
  const Tool trigger_{{"backup_trigger", "backup trigger", Effect::changes, {}},
                      {{"backup", "trigger"},
                       "Back up a VM now",
                       {vm_,
                        {.name = "no-cleanup", .help = "", .flag = true},
                        {.name = "tier", .help = "Tier", .choices = {"daily", "weekly"}},
                        {.name = "max-parallel", .help = "", .integer = true},
                        {.name = "tag", .help = "", .repeatable = true}}}};
  const Tool remove_{{"backup_delete", "backup delete", Effect::destroys, {"backup"}},
                     {{"backup", "delete"},
                      "Delete",
                      {{.name = "backup", .help = "", .positional = true, .required = true}}}};
};

TEST_F(ToolTest, ArgumentsBecomeACommandLine) {
  EXPECT_THAT(trigger_.command_line({{"vm", "-vm1"},
                                     {"no_cleanup", true},
                                     {"tier", "weekly"},
                                     {"max_parallel", 3},
                                     {"tag", {"a=1", "b=2"}}}),
              ElementsAre("backup", "trigger", "--no-cleanup", "--tier=weekly", "--max-parallel=3",
                          "--tag=a=1", "--tag=b=2", "--", "-vm1"));
}

TEST_F(ToolTest, WhatIsFalseOrNullIsNotSaid) {
  EXPECT_THAT(trigger_.command_line({{"vm", "vm1"}, {"no_cleanup", false}, {"tier", nullptr}}),
              ElementsAre("backup", "trigger", "--", "vm1"));
}

TEST_F(ToolTest, BadArgumentsAreRefusedByName) {
  EXPECT_THAT(refusal(trigger_, json::object()), HasSubstr("'vm' is missing"));
  EXPECT_THAT(refusal(trigger_, {{"vm", 1}}), HasSubstr("'vm' must be a string"));
  EXPECT_THAT(refusal(trigger_, {{"vm", "v"}, {"tier", "yearly"}}), HasSubstr("one of daily, weekly"));
  EXPECT_THAT(refusal(trigger_, {{"vm", "v"}, {"max_parallel", "3"}}), HasSubstr("must be an integer"));
  EXPECT_THAT(refusal(trigger_, {{"vm", "v"}, {"no_cleanup", "yes"}}), HasSubstr("true or false"));
  EXPECT_THAT(refusal(trigger_, {{"vm", "v"}, {"force", true}}), HasSubstr("no argument 'force'"));
  const Tool status({"status", "status", Effect::reads, {}}, {{"status"}, "What failed", {}});
  EXPECT_THAT(refusal(status, {{"x", 1}}), HasSubstr("no argument 'x' / it takes none"));
  EXPECT_THAT(refusal(trigger_, json::array()), HasSubstr("must be an object"));
}

TEST_F(ToolTest, DestructionNeedsAConfirmationThatNamesIt) {
  EXPECT_THAT(refusal(remove_, {{"backup", "b1"}}), HasSubstr("confirm = \"b1\""));
  EXPECT_THAT(refusal(remove_, {{"backup", "b1"}, {"confirm", "b2"}}), HasSubstr("nothing was changed"));
  EXPECT_THAT(refusal(remove_, {{"backup", "b1"}, {"confirm", true}}), HasSubstr("not confirmed"));
  EXPECT_THAT(remove_.command_line({{"backup", "b1"}, {"confirm", "b1"}}),
              ElementsAre("backup", "delete", "--", "b1"));
}

TEST_F(ToolTest, SchemaAndAnnotationsSayWhatTheCommandTakesAndDoes) {
  const auto shown = trigger_.describe();
  EXPECT_EQ(shown["inputSchema"]["required"], json({"vm"}));
  EXPECT_EQ(shown["inputSchema"]["properties"]["tier"]["enum"], json({"daily", "weekly"}));
  EXPECT_EQ(shown["inputSchema"]["properties"]["max_parallel"]["type"], "integer");
  EXPECT_EQ(shown["inputSchema"]["properties"]["tag"]["type"], "array");
  EXPECT_EQ(shown["annotations"]["readOnlyHint"], false);
  EXPECT_EQ(shown["annotations"]["destructiveHint"], false);
  const auto destroying = remove_.describe();
  EXPECT_EQ(destroying["annotations"]["destructiveHint"], true);
  EXPECT_EQ(destroying["inputSchema"]["required"], json({"backup"}));
  EXPECT_TRUE(destroying["inputSchema"]["properties"].contains("confirm"));
}

TEST_F(ToolTest, NullConfirmsNothing) {
  const Tool either{{"t", "t", Effect::destroys, {"item", "server"}},
                    {{"t"}, "", {{.name = "item", .help = ""}, {.name = "server", .help = ""}}}};
  EXPECT_THAT(refusal(either, {{"item", nullptr}, {"server", "s"}, {"confirm", nullptr}}),
              HasSubstr("confirm = \"s\""));
  EXPECT_THAT(refusal(either, {{"confirm", "s"}}), HasSubstr("needs item or server"));
  EXPECT_THAT(either.command_line({{"item", nullptr}, {"server", "s"}, {"confirm", "s"}}),
              ElementsAre("t", "--server=s"));
}

TEST_F(ToolTest, ADryRunNeedsNoConfirmation) {
  EXPECT_THAT(remove_.command_line({{"backup", "b1"}, {"dry_run", true}}),
              ElementsAre("backup", "delete", "--dry-run", "--", "b1"));
  EXPECT_THAT(refusal(remove_, {{"backup", "b1"}, {"dry_run", false}}), HasSubstr("not confirmed"));
  EXPECT_THAT(refusal(remove_, {{"backup", "b1"}, {"dry_run", "yes"}}), HasSubstr("true or false"));
}

TEST_F(ToolTest, OnlyTheArgumentsThatDestroyNeedAConfirmation) {
  CatalogEntry entry{"t", "t", Effect::destroys, {"path"}};
  entry.only_with = {"overwrite"};
  entry.otherwise = Effect::changes;
  const Tool tool{
      entry, {{"t"}, "", {{.name = "path", .help = ""}, {.name = "overwrite", .help = "", .flag = true}}}};
  EXPECT_THAT(tool.command_line({{"path", "/x"}, {"overwrite", false}}), ElementsAre("t", "--path=/x"));
  EXPECT_THAT(refusal(tool, {{"path", "/x"}, {"overwrite", true}}), HasSubstr("not confirmed"));
  EXPECT_THAT(tool.command_line({{"path", "/x"}, {"overwrite", true}, {"confirm", "/x"}}),
              ElementsAre("t", "--path=/x", "--overwrite"));
}

TEST_F(ToolTest, ANumberMayHaveAFraction) {
  const Tool tool{{"t", "t", Effect::reads, {}},
                  {{"t"}, "", {{.name = "change", .help = "", .number = true}}}};
  EXPECT_THAT(tool.command_line({{"change", 2.5}}), ElementsAre("t", "--change=2.5"));
  EXPECT_THAT(refusal(tool, {{"change", "2.5"}}), HasSubstr("must be a number"));
  EXPECT_EQ(tool.describe()["inputSchema"]["properties"]["change"]["type"], "number");
}

TEST_F(ToolTest, AFlagThatIsOnIsSwitchedOff) {
  const Tool tool{{"t", "t", Effect::changes, {}},
                  {{"t"}, "", {{.name = "compress", .help = "", .flag = true, .on = true}}}};
  EXPECT_THAT(tool.command_line({{"compress", false}}), ElementsAre("t", "--compress=false"));
  EXPECT_THAT(tool.command_line({{"compress", true}}), ElementsAre("t"));
}

TEST_F(ToolTest, ValuesThatACommandLineCannotHoldAreRefused) {
  EXPECT_THAT(refusal(trigger_, {{"vm", std::string("v\0w", 3)}}), HasSubstr("zero character"));
  EXPECT_THAT(refusal(trigger_, {{"vm", std::string(100001, 'v')}}), HasSubstr("longer than 100000 bytes"));
  EXPECT_THAT(trigger_.command_line({{"vm", "v"}, {"max_parallel", 18446744073709551615ULL}}),
              ElementsAre("backup", "trigger", "--max-parallel=18446744073709551615", "--", "v"));
}

class CatalogTest : public testing::Test {
 protected:
  // Each tool of the catalogue, over commands that have the arguments which it mentions.
  static std::vector<Tool> tools(bool read_only) {
    std::vector<Command> commands;
    for (const auto& entry : catalog()) {
      Command command;
      std::istringstream words(entry.command);
      for (std::string word; words >> word;) command.path.push_back(word);
      for (const auto& name : entry.only_with)
        command.arguments.push_back({.name = name, .help = "", .flag = true});
      commands.push_back(std::move(command));
    }
    return make_tools(commands, read_only);
  }
};

TEST_F(CatalogTest, EveryToolHasANameOfItsOwnAndEveryDestroyerAConfirmation) {
  std::set<std::string> names;
  for (const auto& entry : catalog()) {
    EXPECT_TRUE(names.insert(entry.tool).second) << entry.tool;
    EXPECT_EQ(entry.effect == Effect::destroys, !entry.confirm.empty()) << entry.tool;
    EXPECT_TRUE(entry.only_with.empty() || entry.otherwise != entry.effect) << entry.tool;
  }
}

TEST_F(CatalogTest, AReadOnlyServerHasOnlyReadersWithoutTheirArgumentsThatChange) {
  const auto readers = tools(true);
  EXPECT_LT(readers.size(), tools(false).size());
  bool verify = false;
  for (const auto& tool : readers) {
    EXPECT_EQ(tool.effect(), Effect::reads) << tool.name();
    EXPECT_EQ(tool.describe()["inputSchema"]["properties"].size(), 0) << tool.name();
    if (tool.name() == "backup_replication_status") {
      EXPECT_EQ(tool.command_line(json::object()).back(), "--dry-run");
    }
    verify = verify || tool.name() == "verify-backup";
  }
  EXPECT_TRUE(verify);
}

}  // namespace
}  // namespace azlin::mcp
