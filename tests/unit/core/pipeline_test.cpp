#include "azlin/core/pipeline.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::core {
namespace {

Stage shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .env = {{"PATH", "/usr/bin:/bin"}}};
}

PipelineResult run(const std::string& script) {
  PipelineRequest request;
  request.program = shell(script);
  return run_pipeline(request);
}

TEST(PipelineTest, ChildSeesOnlyItsOwnEnvironment) {
  PipelineRequest request;
  request.program = {.argv = {"/usr/bin/env"}, .env = {{"ONLY", "this"}}};
  EXPECT_EQ(run_pipeline(request).out, "ONLY=this\n");
}

TEST(PipelineTest, SecretsComeThroughDescriptorsOnceAndNotThroughArguments) {
  PipelineRequest request;
  request.program = shell("cat /dev/fd/3; echo; cat /dev/fd/4; cat /dev/fd/3; env; cat /proc/$$/cmdline");
  request.program.secrets = {"first-word", "second"};
  const auto out = run_pipeline(request).out;
  EXPECT_TRUE(out.starts_with("first-word\nsecond")) << out;
  EXPECT_EQ(out.find("first-word", 1), std::string::npos) << out;
}

TEST(PipelineTest, RunsInTheFolderAsked) {
  test::TempDir dir;
  PipelineRequest request;
  request.program = shell("pwd -P");
  request.program.directory = dir.path();
  EXPECT_EQ(run_pipeline(request).out, std::filesystem::canonical(dir.path()).string() + "\n");
}

TEST(PipelineTest, LinesComeWholeAndTheLastWithoutNewline) {
  std::vector<std::string> lines;
  PipelineRequest request;
  request.program = shell("printf 'one\\ntwo\\n\\nlast'");
  request.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  run_pipeline(request);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "", "last"}));
}

TEST(PipelineTest, ProducerFeedsProgram) {
  std::size_t piped = 0;
  PipelineRequest request;
  request.producer = shell("head -c 3000000 /dev/zero");
  request.program = shell("wc -c");
  request.on_piped = [&](std::string_view piece) { piped += piece.size(); };
  const auto result = run_pipeline(request);
  EXPECT_EQ(result.out, "3000000\n");
  EXPECT_EQ(piped, 3000000U);
  EXPECT_EQ(result.exit_code, 0);
}

TEST(PipelineTest, FailedProducerNeverLetsTheProgramSeeTheEnd) {
  test::TempDir dir;
  PipelineRequest request;
  request.producer = shell("echo part; exit 7");
  request.program = shell("cat >/dev/null; echo took it >" + dir.file("done"));
  const auto result = run_pipeline(request);
  EXPECT_EQ(result.producer_exit, 7);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(dir.file("done")));
}

TEST(PipelineTest, ProgramThatWantsNoMoreEndsTheProducer) {
  PipelineRequest request;
  request.producer = shell("yes");
  request.program = shell("head -n 1");
  const auto result = run_pipeline(request);
  EXPECT_EQ(result.out, "y\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.producer_exit, 0);
}

TEST(PipelineTest, TimeLimitInterrupts) {
  PipelineRequest request;
  request.program = shell("trap 'echo cleaned; exit 130' INT; echo begun; while :; do sleep 0.05; done");
  PipelineResult result;
  // A busy machine may take longer than the limit to begin.
  for (request.time_limit = Millis{200};
       result.out.find("begun") == std::string::npos && request.time_limit < Millis{300'000};
       request.time_limit *= 4)
    result = run_pipeline(request);
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.killed);
  EXPECT_EQ(result.out, "begun\ncleaned\n");
}

// A killed process ends nothing itself: the kernel interrupts its child, which can then clean up.
TEST(PipelineTest, ProgramIsInterruptedWhenThisProcessIsKilled) {
  test::TempDir dir;
  const auto begun = dir.file("begun"), ended = dir.file("ended");
  ASSERT_EQ(mkfifo(begun.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(ended.c_str(), 0600), 0);
  const pid_t runner = fork();
  if (runner == 0) {
    run(fmt::format("trap 'echo cleaned >{}; exit' INT; echo >{}; while :; do sleep 0.05; done", ended,
                    begun));
    _exit(0);
  }
  std::ifstream(begun).get();  // blocks until the program is there
  kill(runner, SIGKILL);
  std::string line;
  std::ifstream after(ended);
  std::getline(after, line);
  EXPECT_EQ(line, "cleaned");
  int status = 0;
  waitpid(runner, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(PipelineTest, ExceptionOfACallbackEndsTheChildAndIsThrownOn) {
  PipelineRequest request;
  request.program = shell("yes");
  request.on_line = [](std::string_view) { throw Error(ErrorKind::failed, "disk full"); };
  EXPECT_THROW(run_pipeline(request), Error);
}

TEST(PipelineTest, MissingProgramIsNamed) {
  PipelineRequest request;
  request.program.argv = {"no-such-program-here"};
  try {
    run_pipeline(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_NE(std::string(error.what()).find("no-such-program-here"), std::string::npos);
  }
}

TEST(PipelineTest, ExitCodesAndSignals) {
  EXPECT_EQ(run("exit 3").exit_code, 3);
  EXPECT_EQ(run("kill -9 $$").exit_code, 137);
}

TEST(PipelineTest, InstalledIsLookedUpOnPath) {
  EXPECT_TRUE(is_installed("sh"));
  EXPECT_TRUE(is_installed("/bin/sh"));
  EXPECT_FALSE(is_installed("no-such-program-here"));
}

}  // namespace
}  // namespace azlin::core
