#pragma once
// Scripted results in place of other programs.
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <optional>

#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"

namespace azlin::test {

// Thread-safe. Answers in the order of expect(); an unexpected run fails the test, and so does an unused
// answer.
class FakeProcessRunner final : public core::ProcessRunner {
 public:
  ~FakeProcessRunner() override {
    EXPECT_TRUE(script_.empty()) << script_.size() << " scripted process(es) not run";
  }

  // The next run must begin with `argv_prefix`.
  void expect(std::vector<std::string> argv_prefix, core::ProcessResult result) {
    script_.push_back({std::move(argv_prefix), std::move(result)});
  }
  // The next run finds no program of that name.
  void expect_missing(std::vector<std::string> argv_prefix) {
    script_.push_back({std::move(argv_prefix), std::nullopt});
  }

  core::ProcessResult run(const core::ProcessRequest& request, std::stop_token stop = {}) override {
    std::lock_guard lock(mutex_);
    if (stop.stop_requested()) throw core::Error(core::ErrorKind::interrupted, "interrupted");
    requests_.push_back(request);
    std::string line;
    for (const auto& word : request.argv) line += word + " ";
    if (script_.empty()) {
      ADD_FAILURE() << "unexpected process: " << line;
      throw core::Error(core::ErrorKind::failed, "unexpected process: " + line);
    }
    const Step step = std::move(script_.front());
    script_.pop_front();
    for (std::size_t i = 0; i < step.argv_prefix.size(); ++i)
      EXPECT_EQ(i < request.argv.size() ? request.argv[i] : "(missing)", step.argv_prefix[i]) << line;
    if (!step.result) throw core::Error(core::ErrorKind::not_found, "cannot run '" + request.argv[0] + "'");
    return *step.result;
  }

  std::vector<core::ProcessRequest> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Step {
    std::vector<std::string> argv_prefix;
    std::optional<core::ProcessResult> result;
  };
  std::mutex mutex_;
  std::deque<Step> script_;
  std::vector<core::ProcessRequest> requests_;
};

}  // namespace azlin::test
