#include "azlin/alert/config.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "azlin/core/error.hpp"

namespace azlin::alert {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kMaxFileSize = 1024 * 1024;

}  // namespace

const char* Channel::type() const {
  if (std::holds_alternative<SlackChannel>(settings)) return "slack";
  return std::holds_alternative<WebhookChannel>(settings) ? "webhook" : "email";
}

const Channel* AlertConfig::find_channel(std::string_view name) const {
  const auto found =
      std::find_if(channels.begin(), channels.end(), [&](const Channel& c) { return c.name == name; });
  return found == channels.end() ? nullptr : &*found;
}

std::vector<std::string> AlertConfig::channels_of(Rule which) const {
  const auto& wanted = rule(which).channels;
  std::vector<std::string> names;
  for (const auto& channel : channels)
    if (!wanted || std::find(wanted->begin(), wanted->end(), channel.name) != wanted->end())
      names.push_back(channel.name);
  return names;
}

AlertConfig default_config() {
  AlertConfig config;
  for (const Rule rule : kRules) {
    RuleSettings settings;
    settings.severity = default_severity(rule);
    if (const auto kind = threshold_kind(rule)) settings.threshold = kind->standard;
    config.rules[rule] = settings;
  }
  return config;
}

AlertConfig load_config(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return default_config();
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file && status.type() == std::filesystem::file_type::regular)
    text.assign(std::istreambuf_iterator<char>(file), {});
  else
    throw Error(ErrorKind::failed, "cannot read " + path, "it must be a file that this user may read");
  if (text.size() > kMaxFileSize) throw Error(ErrorKind::usage, path + " is over 1 MiB");
  return parse_config(text, path);
}

AlertConfig load_for_raising(const std::string& path) noexcept {
  try {
    return load_config(path);
  } catch (const std::exception& error) {
    auto config = default_config();
    config.error = error.what();
    return config;
  }
}

}  // namespace azlin::alert
