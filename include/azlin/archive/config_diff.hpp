#pragma once
// Which keys of two configuration files differ.
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace azlin::archive {

// "server.port" -> its value as text. Items of lists are "hosts[0]". Values may be secret: they are compared,
// and not meant to be shown.
using ConfigKeys = std::map<std::string, std::string>;

// By the end of the file's name: .json, .yaml/.yml, .ini/.cfg/.conf/.properties/.toml-like sections with key
// = value, .env and *.env. nullopt: another kind, or not valid as what its name says.
std::optional<ConfigKeys> read_config_keys(const std::string& file_name, const std::string& text);

struct KeyChange {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string key;
};
// From `before` to `after`, by key.
std::vector<KeyChange> diff_config_keys(const ConfigKeys& before, const ConfigKeys& after);

}  // namespace azlin::archive
