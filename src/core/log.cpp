#include "azlin/core/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>

namespace azlin::core {
namespace {

std::atomic<LogLevel> current_level{LogLevel::warn};

// Made on the first line, and outside spdlog's registry: a command that logs nothing pays nothing.
spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("azlin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_level(spdlog::level::trace);
    made.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc));
    return made;
  }();
  return instance;
}

const char* name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warning";
    default:
      return "error";
  }
}

}  // namespace

void set_log_level(LogLevel level) {
  const LogLevel before = current_level.exchange(level);
  if (level != LogLevel::debug) {
    if (before == LogLevel::debug) logger().set_pattern("%v", spdlog::pattern_time_type::utc);
    return;
  }
  logger().set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ [%t] %v",
                                                                     spdlog::pattern_time_type::utc));
}

LogLevel log_level() {
  return current_level;
}

void log(LogLevel level, std::string_view message) {
  if (level == LogLevel::off || level < log_level()) return;
  std::string line = fmt::format("{}: ", name(level));
  for (const char c : message) {  // one event stays one line, whatever a server put into it
    if (c == '\n')
      line += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\t')
      line += '?';
    else
      line += c;
  }
  logger().log(spdlog::level::info, line);
}

}  // namespace azlin::core
