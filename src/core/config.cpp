// The only source that includes toml++: it is slow to compile.
#include "azlin/core/config.hpp"

#include <fmt/format.h>

#include <functional>
#include <sstream>

#include <toml++/toml.h>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"

namespace azlin::core {
namespace {

std::string scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  std::ostringstream out;
  node.visit([&](const auto& value) {
    if constexpr (!toml::is_table<decltype(value)> && !toml::is_array<decltype(value)>) out << value.get();
  });
  return out.str();
}

std::string array_text(const toml::array& array) {
  std::string out;
  for (const auto& element : array) out += (out.empty() ? "" : ",") + scalar_text(element);
  return out;
}

}  // namespace

Config Config::load(const std::string& path) {
  const auto text = read_file(path);
  return text ? parse(*text, path) : Config();
}

Config Config::parse(const std::string& text, const std::string& name) {
  Config config;
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    throw Error(ErrorKind::usage,
                fmt::format("{}:{}:{}: {}", name, at.line, at.column, std::string(error.description())),
                "correct that line; the keys are listed in docs/configuration.md");
  }
  const std::function<void(const std::string&, const toml::table&)> flatten = [&](const std::string& prefix,
                                                                                  const toml::table& table) {
    for (const auto& [key, node] : table) {
      const auto own = std::string(key.str());
      const auto full = prefix.empty() ? own : fmt::format("{}.{}", prefix, own);
      if (const auto* inner = node.as_table()) {
        config.tables_[prefix].insert(own);
        flatten(full, *inner);
      } else if (const auto* array = node.as_array()) {
        config.values_[full] = array_text(*array);
      } else {
        config.values_[full] = scalar_text(node);
      }
    }
  };
  flatten("", root);
  return config;
}

std::optional<std::string> Config::get(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Config::tables_under(const std::string& prefix) const {
  const auto found = tables_.find(prefix);
  if (found == tables_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::optional<std::string> setting(const std::optional<std::string>& flag, const Env& env,
                                   const char* variable, const Config& config, const char* key) {
  if (flag) return flag;
  if (auto value = env.get(variable)) return value;
  return config.get(key);
}

}  // namespace azlin::core
