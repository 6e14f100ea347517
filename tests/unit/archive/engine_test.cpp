// The engine against a program that says what restic said: what azlin believes and what not.
#include "azlin/archive/engine.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "archive/engine_call.hpp"
#include "azlin/archive/archive_manager.hpp"
#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

using core::ErrorKind;

class StubbedEngineTest : public ::testing::Test {
 protected:
  // `script` is the body of a shell program; "$*" holds the arguments. The limit is for a machine that has
  // much else to do.
  Engine engine(const std::string& script, core::Millis limit = std::chrono::minutes{5}) {
    std::ofstream(dir.file("restic")) << "#!/bin/sh\n" << script << "\n";
    chmod(dir.file("restic").c_str(), 0700);
    EngineOptions options;
    options.program = dir.file("restic");
    options.password = "pw";
    options.short_limit = limit;
    options.lock_wait = core::Millis{0};
    return {parse_destination(dir.file("repo"), core::Env()), options};
  }
  template <class Action>
  static core::Error error_of(Action&& action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return core::Error(ErrorKind::failed, "none");
  }
  test::TempDir dir;
};

TEST_F(StubbedEngineTest, PasswordIsNotAnArgumentAndNotInTheEnvironment) {
  auto restic = engine("{ echo \"$*\"; env; } >" + dir.file("seen") + "; cat /dev/fd/3 >" + dir.file("pipe") +
                       "; echo '[]'");
  restic.snapshots();
  std::ifstream seen(dir.file("seen")), pipe(dir.file("pipe"));
  const std::string all{std::istreambuf_iterator<char>(seen), {}};
  EXPECT_NE(all.find("RESTIC_PASSWORD_FILE=/dev/fd/3"), std::string::npos) << all;
  EXPECT_EQ(all.find("=pw"), std::string::npos);
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>(pipe), {}}), "pw");
}

TEST_F(StubbedEngineTest, BackupWithoutASummaryIsNoBackup) {
  std::ofstream(dir.file("a")) << "x";
  auto restic = engine("cat >/dev/null; exit 0");
  const auto error =
      error_of([&] { restic.backup({.directory = dir.path(), .paths = {"a"}, .tags = {"azlin"}}); });
  EXPECT_NE(std::string(error.what()).find("without a summary"), std::string::npos) << error.what();
}

TEST_F(StubbedEngineTest, SnapshotThatIsNotListedIsNoBackup) {
  std::ofstream(dir.file("a")) << "x";
  auto restic = engine(
      "case \"$*\" in *backup*) cat >/dev/null; echo "
      "'{\"message_type\":\"summary\",\"snapshot_id\":\"1a3f3bd4\"}';; "
      "*) echo '[]';; esac");
  const auto error =
      error_of([&] { restic.backup({.directory = dir.path(), .paths = {"a"}, .tags = {"azlin"}}); });
  EXPECT_NE(std::string(error.what()).find("does not list it"), std::string::npos) << error.what();
}

TEST_F(StubbedEngineTest, UnreadableSourcesAreNamedAndTheRestIsKept) {
  std::ofstream(dir.file("a")) << "x";
  auto restic = engine(
      "case \"$*\" in *backup*) cat >/dev/null; "
      "echo "
      "'{\"message_type\":\"error\",\"error\":{\"Op\":\"open\",\"Path\":\"b\",\"Err\":13},\"during\":"
      "\"archival\","
      "\"item\":\"/s/b\"}' >&2; echo "
      "'{\"message_type\":\"summary\",\"snapshot_id\":\"1a3f3bd4\",\"total_files_processed\":1}'; "
      "exit 3;; *) echo "
      "'[{\"time\":\"2026-11-21T12:23:15.791779977Z\",\"tags\":[\"azlin\"],\"paths\":[\"/s\"],"
      "\"hostname\":\"h\",\"id\":\"1a3f3bd4417277041d2d6df9822789ae9b03e1ea22b245af797ecd73004242cb\"}]';; "
      "esac");
  const auto saved = restic.backup({.directory = dir.path(), .paths = {"a"}, .tags = {"azlin"}});
  EXPECT_EQ(saved.id.size(), 64U);
  EXPECT_EQ(saved.problems, std::vector<std::string>{"/s/b: Permission denied"});
}

TEST_F(StubbedEngineTest, SilentStoreIsLeftAtTheDeadline) {
  auto restic = engine("trap 'exit 130' INT; while :; do sleep 0.05; done", core::Millis{300});
  const auto error = error_of([&] { restic.snapshots(); });
  EXPECT_NE(std::string(error.what()).find("no answer"), std::string::npos) << error.what();
}

TEST_F(StubbedEngineTest, ARepositoryThatIsNotReachedIsNotCalledDamaged) {
  auto restic = engine(
      "echo 'Fatal: unable to open repository at sftp:far:/r: unable to start the sftp session, error: EOF' "
      ">&2; "
      "exit 1");
  const auto error = error_of([&] { restic.check(); });
  EXPECT_NE(std::string(error.what()).find("unable to start the sftp session"), std::string::npos)
      << error.what();
}

TEST_F(StubbedEngineTest, TooOldEngineIsRefused) {
  EXPECT_EQ(engine("echo 'restic 0.17.3 compiled with go1.22'").version(), "0.17.3");
  error_of([&] { engine("echo 'restic 0.12.1 compiled with go1.15'").version(); });
  error_of([&] { engine("echo nonsense").version(); });
}

TEST_F(StubbedEngineTest, NothingToForgetAsksNothing) {
  engine("echo called >" + dir.file("called")).forget({});
  EXPECT_FALSE(std::filesystem::exists(dir.file("called")));
}

struct Said {
  const char *name, *err;
  int code;
  ErrorKind kind;
};
class DiagnosisTest : public ::testing::TestWithParam<Said> {};

TEST_P(DiagnosisTest, TextOrCodeDecides) {
  EXPECT_EQ(diagnose(GetParam().err, GetParam().code).kind, GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    All, DiagnosisTest,
    ::testing::Values(
        Said{"password", "Fatal: wrong password or no key found\n", 1, ErrorKind::unauthorized},
        Said{"password_017", "Fatal: x\n", 12, ErrorKind::unauthorized},
        Said{"missing", "Fatal: unable to open config file: stat /r/config: no such file or directory\n", 1,
             ErrorKind::not_found},
        Said{"missing_017", "Fatal: repository does not exist\n", 10, ErrorKind::not_found},
        Said{"locked", "unable to create lock in backend: repository is already locked by PID 3 on vm\n", 1,
             ErrorKind::busy},
        Said{"locked_017", "Fatal: x\n", 11, ErrorKind::busy},
        Said{"lock_of_a_store_that_may_only_be_read",
             "unable to create lock in backend: open /r/locks/x: read-only file system\n", 1,
             ErrorKind::failed},
        Said{"lock_refused", "unable to create lock in backend: client.PutObject: Access Denied.\n", 1,
             ErrorKind::unauthorized},
        Said{"full", "Save(<data/1>) failed: write /r/tmp: no space left on device\n", 1, ErrorKind::failed},
        Said{"certificate", "x509: certificate signed by unknown authority\n", 1, ErrorKind::failed},
        Said{"silent", "", 1, ErrorKind::failed}),
    [](const auto& test) { return test.param.name; });

// As restic 0.14 says it, after ten attempts, of a store that keeps what it has.
TEST(Diagnosis, WhatAStoreDoesNotLetGoIsNamed) {
  const auto found = diagnose(
      "Remove(<snapshot/0070c7308a>) returned error, retrying after 552ms: BlobImmutableDueToPolicy\n"
      "unable to remove <snapshot/0070c7308a> from the repository\n"
      "BlobImmutableDueToPolicy\n"
      "github.com/restic/restic/internal/backend/azure.(*Backend).Remove\n"
      "\tgithub.com/restic/restic/internal/backend/azure/azure.go:301\n"
      "runtime.goexit\n"
      "\truntime/asm_amd64.s:1594\n",
      1);
  EXPECT_EQ(found.message, "the store did not let snapshot/0070c7308a be removed: BlobImmutableDueToPolicy");
  EXPECT_NE(found.hint.find("object lock"), std::string::npos);
}

EngineSnapshot snapshot(const std::string& set, const std::string& part, std::vector<std::string> more = {}) {
  EngineSnapshot out;
  out.id = set + part;
  out.tags = {"azlin", "set=" + set, "name=n", "archive=n-1", "part=" + part};
  out.tags.insert(out.tags.end(), more.begin(), more.end());
  return out;
}

TEST(GroupArchivesTest, OnlyASetWithMetadataAndAllPartsIsComplete) {
  const auto whole =
      group_archives({snapshot("a", "meta", {"parts=2"}), snapshot("a", "data"), snapshot("a", "dump-1")});
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_TRUE(whole[0].complete);
  EXPECT_EQ(whole[0].ids().back(), "ameta");
  EXPECT_FALSE(group_archives({snapshot("a", "data")}).at(0).complete);
  EXPECT_FALSE(group_archives({snapshot("a", "meta", {"parts=2"}), snapshot("a", "data")}).at(0).complete);
  EngineSnapshot foreign;
  foreign.tags = {"set=x"};
  EXPECT_TRUE(group_archives({foreign}).empty());
}

}  // namespace
}  // namespace azlin::archive
