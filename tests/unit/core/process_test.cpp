#include "azlin/core/process.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::core {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  ProcessResult shell(const std::string& script, Millis limit = Millis{30'000},
                      const std::string& input = {}) {
    return runner.run({.argv = {"sh", "-c", script}, .input = input, .time_limit = limit});
  }
  SystemProcessRunner runner;
};

TEST_F(ProcessTest, CapturesOutputErrorsAndCode) {
  const auto result = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_FALSE(result.timed_out);
}

TEST_F(ProcessTest, ArgumentsAreNotParsedByAShell) {
  const auto result = runner.run({.argv = {"printf", "%s|", "a b", "$HOME", "; rm x", "'\""}});
  EXPECT_EQ(result.out, "a b|$HOME|; rm x|'\"|");
}

TEST_F(ProcessTest, FeedsInputLargerThanAPipe) {
  const std::string input(1'000'000, 'x');
  EXPECT_EQ(shell("cat", Millis{30'000}, input).out, input);
}

TEST_F(ProcessTest, ClosesInputWhenThereIsNone) {
  EXPECT_EQ(shell("cat; echo end").out, "end\n");
}

TEST_F(ProcessTest, SurvivesAProgramThatDoesNotReadItsInput) {
  EXPECT_EQ(shell("exec 0<&-; exit 4", Millis{30'000}, std::string(1'000'000, 'x')).exit_code, 4);
}

TEST_F(ProcessTest, ExtraEnvironmentReplacesAndAdds) {
  const auto result = runner.run({.argv = {"sh", "-c", "echo $AZLIN_T1 $HOME"},
                                  .extra_env = {{"AZLIN_T1", "secret"}, {"HOME", "/nowhere"}}});
  EXPECT_EQ(result.out, "secret /nowhere\n");
}

TEST_F(ProcessTest, MissingProgramIsNotFound) {
  try {
    runner.run({.argv = {"azlin-no-such-program"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_NE(std::string(error.what()).find("azlin-no-such-program"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(ProcessTest, FileThatIsNoProgramIsAnError) {
  EXPECT_THROW(runner.run({.argv = {"/etc/passwd"}}), Error);
}

TEST_F(ProcessTest, SignalGives128PlusItsNumber) {
  EXPECT_EQ(shell("kill -9 $$").exit_code, 128 + SIGKILL);
}

TEST_F(ProcessTest, TimeLimitEndsTheWholeGroup) {
  ProcessResult result;
  // A busy machine may take longer than the limit to begin.
  for (Millis limit{200}; result.out.empty() && limit < Millis{300'000}; limit *= 4)
    result = shell("echo begun; sleep 1000 & sleep 1000; echo never", limit);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_EQ(result.out, "begun\n");
}

TEST_F(ProcessTest, StopEndsTheProgram) {
  test::TempDir dir;
  const auto fifo = dir.file("begun");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::stop_source stop;
  ProcessResult result;
  {
    std::jthread runs([&] {
      result =
          runner.run({.argv = {"sh", "-c", "echo x > \"$0\"; sleep 1000", fifo}, .time_limit = Millis{0}},
                     stop.get_token());
    });
    std::ifstream(fifo).get();  // blocks until the program is there
    stop.request_stop();
  }
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
}

TEST_F(ProcessTest, ProgramEndsWhenThisProcessIsKilled) {
  test::TempDir dir;
  const auto begun = dir.file("begun"), ended = dir.file("ended");
  ASSERT_EQ(mkfifo(begun.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(ended.c_str(), 0600), 0);
  const pid_t killed = fork();
  if (killed == 0) {
    shell(
        fmt::format("trap 'echo told >{}; exit' TERM; echo >{}; while :; do sleep 0.05; done", ended, begun));
    _exit(0);
  }
  std::ifstream(begun).get();
  kill(killed, SIGKILL);
  std::string line;
  std::ifstream after(ended);
  std::getline(after, line);
  EXPECT_EQ(line, "told");
  waitpid(killed, nullptr, 0);
}

TEST_F(ProcessTest, NothingIsRunAfterAStop) {
  std::stop_source stop;
  stop.request_stop();
  test::TempDir dir;
  EXPECT_THROW(runner.run({.argv = {"touch", dir.file("x")}}, stop.get_token()), Error);
  EXPECT_FALSE(std::filesystem::exists(dir.file("x")));
}

TEST_F(ProcessTest, DoesNotWaitForWhatAProgramLeavesBehind) {
  const auto begun = std::chrono::steady_clock::now();
  const auto result = shell("sleep 200 & echo $!");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{25});  // before the time limit
  kill(std::stoi(result.out), SIGKILL);
}

TEST_F(ProcessTest, DescriptorsAreNotInherited) {
  EXPECT_EQ(runner.run({.argv = {"sh", "-c", "ls /proc/self/fd | wc -l"}}).out,
            "4\n");  // 0, 1, 2 and ls's own
}

}  // namespace
}  // namespace azlin::core
