#include "cli/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace azlin::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    root.add_option("--cloud", text)->type_name("NAME");
    root.add_option("-o,--output", text)->check(CLI::IsMember({"text", "json"}));
    root.add_subcommand("hidden", "Not for people")->group("");
    CLI::App* backup = root.add_subcommand("backup", "Backups");
    CLI::App* trigger = backup->add_subcommand("trigger", "Back up now");
    trigger->add_option("vm", text)->type_name("VM");
    trigger->add_flag("--all", flag);
    CLI::App* replicate = backup->add_subcommand("replicate", "Copy");
    replicate->add_option("backup", text);
    replicate->add_option("--target-region", text)->type_name("REGION");
    replicate->add_option("--plan", text)->type_name("FILE");
  }

  std::vector<std::string> offered(std::vector<std::string> words) {
    std::vector<std::string> values;
    for (const auto& candidate : complete(root, words, names).candidates) values.push_back(candidate.value);
    return values;
  }

  std::string text;
  bool flag = false;
  CLI::App root{"azlin", "azlin"};
  CompletionNames names = {{"VM", {"prod-app-vm", "prod-db-vm", "vm1"}},
                           {"BACKUP", {"vm1-backup-daily-1"}},
                           {"REGION", {"eastus", "westus2"}}};
};

TEST_F(CompletionTest, CommandsThatBeginWithTheWord) {
  EXPECT_THAT(offered({"b"}), ElementsAre("backup"));
  EXPECT_THAT(offered({"backup", ""}), ElementsAre("trigger", "replicate"));
}

TEST_F(CompletionTest, HiddenCommandsAreNotOffered) {
  EXPECT_THAT(offered({"h"}), IsEmpty());
}

TEST_F(CompletionTest, NamesOfTheKindThatThePositionalTakes) {
  EXPECT_THAT(offered({"backup", "trigger", "prod"}), ElementsAre("prod-app-vm", "prod-db-vm"));
  EXPECT_THAT(offered({"backup", "trigger", "vm1", ""}), IsEmpty());
}

TEST_F(CompletionTest, AnOptionNamedAfterItsKind) {
  EXPECT_THAT(offered({"backup", "replicate", "vm1"}), ElementsAre("vm1-backup-daily-1"));
}

TEST_F(CompletionTest, BackupsOfTheVmThatTheLineNames) {
  CLI::App* restore = root.add_subcommand("restore", "Bring back");
  restore->add_option("vm", text)->type_name("VM");
  restore->add_option("--backup", text);
  names["BACKUP"] = {"prod-db-vm-backup-daily-1", "vm1-backup-daily-1", "vm1-backup-daily-2"};
  EXPECT_THAT(offered({"restore", "vm1", "--backup", ""}),
              ElementsAre("vm1-backup-daily-1", "vm1-backup-daily-2"));
  EXPECT_THAT(offered({"restore", "vm1", "--backup=prod"}), IsEmpty());
  EXPECT_THAT(offered({"restore", "--backup", "prod"}), ElementsAre("prod-db-vm-backup-daily-1"));
  EXPECT_THAT(offered({"restore", "prod-app-vm", "--backup", "v"}),
              ElementsAre("vm1-backup-daily-1", "vm1-backup-daily-2"));
}

TEST_F(CompletionTest, ValueOfTheOptionBefore) {
  EXPECT_THAT(offered({"backup", "replicate", "x", "--target-region", "w"}), ElementsAre("westus2"));
  EXPECT_THAT(offered({"backup", "replicate", "x", "--target-region=w"}),
              ElementsAre("--target-region=westus2"));
}

TEST_F(CompletionTest, ValuesOfAListAndAGlobalFlagBeforeTheCommand) {
  EXPECT_THAT(offered({"-o", "j"}), ElementsAre("json"));
  EXPECT_THAT(offered({"--cloud", "simulator", "backup", "tr"}), ElementsAre("trigger"));
}

TEST_F(CompletionTest, FlagsOfTheCommandAndOfThoseAboveIt) {
  EXPECT_THAT(offered({"backup", "trigger", "--al"}), ElementsAre("--all"));
  EXPECT_THAT(offered({"backup", "trigger", "--cl"}), ElementsAre("--cloud"));
  EXPECT_THAT(offered({"backup", "trigger", "--", "--al"}), IsEmpty());
}

TEST_F(CompletionTest, FilesAreLeftToTheShell) {
  EXPECT_TRUE(complete(root, {"backup", "replicate", "--plan", ""}, names).files);
  EXPECT_FALSE(complete(root, {"backup", "trigger", ""}, names).files);
}

}  // namespace
}  // namespace azlin::cli
