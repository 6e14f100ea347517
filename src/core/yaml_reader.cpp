#include "azlin/core/yaml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/suggest.hpp"

namespace azlin::core {

YAML::Node YamlReader::load(const std::string& text) {
  std::vector<YAML::Node> documents;
  try {
    static_cast<void>(nlohmann::json(text).dump());
  } catch (const nlohmann::json::type_error&) {  // it would go into messages, tags and JSON as it is
    mistake(YAML::Mark(), "the file is not UTF-8");
    finish();
  }
  try {
    documents = YAML::LoadAll(text);
  } catch (const YAML::Exception& error) {
    mistake(error.mark, "not valid YAML: " + error.msg);
  }
  if (documents.size() > 1)
    mistake(documents[1].Mark(), "a second document begins here; the file must hold one");
  finish();
  return documents.empty() ? YAML::Node() : documents[0];
}

std::string YamlReader::at(const YAML::Mark& mark, const std::string& text) const {
  return fmt::format("{}:{}:{}: {}", file_, mark.line + 1, mark.column + 1, text);
}

void YamlReader::mistake(const YAML::Mark& mark, const std::string& text) {
  mistakes_.push_back({mark.line, mark.column, at(mark, text)});
}

void YamlReader::entries(
    const YAML::Node& node, const std::string& what,
    const std::function<void(const std::string&, const YAML::Node&, const YAML::Node&)>& each) {
  if (!node.IsMap()) {
    mistake(node.Mark(), fmt::format("{} must be a mapping of keys and values", what));
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      mistake(entry.first.Mark(), fmt::format("a key of {} must be a plain word", what));
      continue;
    }
    const auto& key = entry.first.Scalar();
    if (seen.insert(key).second)
      each(key, entry.first, entry.second);
    else
      mistake(entry.first.Mark(), fmt::format("'{}' is given twice in {}", key, what));
  }
}

void YamlReader::mapping(const YAML::Node& node, const std::string& what, const Handlers& handlers) {
  entries(node, what, [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
    for (const auto& [name, handler] : handlers)
      if (name == key) return handler(value);
    std::vector<std::string> known;
    for (const auto& handler : handlers) known.push_back(handler.first);
    // A key that is no word is not repeated: the file may be another one, with secrets in it.
    const bool word = key.size() <= 40 && std::all_of(key.begin(), key.end(), [](unsigned char c) {
                        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
                      });
    const auto shown = word ? fmt::format("unknown key '{}' in {}{}", key, what, suggestion(key, known))
                            : fmt::format("a key that is not known in {}", what);
    mistake(key_node.Mark(), shown);
  });
}

std::optional<std::string> YamlReader::text(const YAML::Node& node, const std::string& what) {
  if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
  mistake(node.Mark(), fmt::format("{} needs a text", what));
  return std::nullopt;
}

std::optional<bool> YamlReader::boolean(const YAML::Node& node, const std::string& what) {
  bool value = false;
  if (node.IsScalar() && YAML::convert<bool>::decode(node, value)) return value;
  mistake(node.Mark(), fmt::format("{} must be true or false", what));
  return std::nullopt;
}

std::optional<double> YamlReader::number(const YAML::Node& node, const std::string& what, double least,
                                         double most) {
  if (node.IsScalar()) {
    const auto& digits = node.Scalar();
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && value >= least && value <= most)
      return value;
  }
  mistake(node.Mark(), fmt::format("{} must be a number from {} to {}", what, least, most));
  return std::nullopt;
}

std::optional<int> YamlReader::whole(const YAML::Node& node, const std::string& what, int least, int most) {
  if (node.IsScalar()) {
    const auto& digits = node.Scalar();
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && value >= least && value <= most)
      return value;
  }
  mistake(node.Mark(), fmt::format("{} must be a whole number from {} to {}", what, least, most));
  return std::nullopt;
}

std::vector<std::string> YamlReader::texts(const YAML::Node& node, const std::string& what) {
  std::vector<std::string> out;
  if (node.IsSequence() && node.size() > 0) {
    for (const auto& item : node) {
      if (auto word = text(item, what)) out.push_back(std::move(*word));
    }
  } else if (node.IsSequence()) {
    mistake(node.Mark(), what + " needs at least one text");
  } else if (auto word = text(node, what)) {
    out.push_back(std::move(*word));
  }
  return out;
}

void YamlReader::finish() const {
  if (mistakes_.empty()) return;
  auto sorted = mistakes_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake& a, const Mistake& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  std::string all;
  std::set<std::string> said;  // what an alias stands for is read once for each
  for (const auto& mistake : sorted)
    if (said.insert(mistake.text).second) all += (all.empty() ? "" : "\n") + mistake.text;
  throw Error(ErrorKind::usage, all, hint_);
}

}  // namespace azlin::core
