#include "azlin/mcp/tool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

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
  EXPECT_EQ(destroying["inputSchema"]["required"], json({"backup", "confirm"}));
}

TEST_F(ToolTest, EveryToolHasANameOfItsOwnAndEveryDestroyerAConfirmation) {
  std::set<std::string> names;
  for (const auto& entry : catalog()) {
    EXPECT_TRUE(names.insert(entry.tool).second) << entry.tool;
    EXPECT_EQ(entry.effect == Effect::destroys, !entry.confirm.empty()) << entry.tool;
  }
}

}  // namespace
}  // namespace azlin::mcp
