#pragma once
// A repository of its own for each test, whose key costs nothing to derive.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "azlin/archive/engine.hpp"
#include "azlin/core/env.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"
#include "support/temp_dir.hpp"

namespace azlin::test {

namespace fs = std::filesystem;

inline void write_file(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}
inline std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ResticTest : public ::testing::Test {
 protected:
  static constexpr const char* kPassword = "correct horse";

  void SetUp() override {
    if (!core::is_installed("restic")) GTEST_SKIP() << "restic is not installed (scripts/deps --tests)";
    core::SystemProcessRunner runner;
    const auto made =
        runner.run({.argv = {"python3", AZLIN_TEST_SUPPORT "/restic_repository.py", kPassword, repo}});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  static archive::Engine engine_at(const std::string& path, const std::string& password = kPassword,
                                   const std::string& cache = {}) {
    archive::EngineOptions options;
    options.password = password;
    options.cache_dir = cache;
    options.host = "testhost";
    options.lock_wait = core::Millis{0};
    return archive::Engine(archive::parse_destination(path, core::Env()), options);
  }
  archive::Engine engine() { return engine_at(repo); }

  // The core::Error that `action` throws.
  template <class Action>
  static core::Error error_of(Action&& action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return core::Error(core::ErrorKind::failed, "none");
  }

  static core::Stage shell(const std::string& script) {
    return {.argv = {"/bin/sh", "-c", script}, .env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}}};
  }

  TempDir dir;
  std::string repo = dir.file("repo");
};

}  // namespace azlin::test
