#pragma once
// Structured logging on stderr. Results never go through here; secrets never either: what is logged of a URL
// or a header passes the allow-lists below first.
#include <fmt/format.h>

#include <string>
#include <string_view>

namespace azlin::core {

enum class LogLevel { debug, info, warn, error, off };

// Sets the level for the process (default warn). With debug, each line begins with the time (UTC) and the
// thread.
void set_log_level(LogLevel level);
LogLevel log_level();

// One line, "warning: …"; control characters in `message` are escaped. Thread-safe.
void log(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> text, Args&&... args) {
  if (log_level() <= LogLevel::debug) log(LogLevel::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> text, Args&&... args) {
  if (log_level() <= LogLevel::info) log(LogLevel::info, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> text, Args&&... args) {
  if (log_level() <= LogLevel::warn) log(LogLevel::warn, fmt::format(text, std::forward<Args>(args)...));
}

// The URL with every query value that is not on the allow-list (api-version, $filter, $top, $expand, comp,
// access, ...) replaced by REDACTED, and user info removed. Relative and malformed URLs are treated as
// strictly.
std::string redact_url(std::string_view url);

}  // namespace azlin::core
