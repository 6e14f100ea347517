#pragma once
// Reads a YAML tree and collects every mistake with its place. For parts that link yaml-cpp.
#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace azlin::core {

class YamlReader {
 public:
  using Handler = std::function<void(const YAML::Node& value)>;
  using Handlers = std::vector<std::pair<std::string, Handler>>;

  // `hint`: of the error that finish() throws.
  YamlReader(std::string file, std::string hint) : file_(std::move(file)), hint_(std::move(hint)) {}

  // The one document of a file; a Null node when it is empty. Throws as finish() does for what is no YAML,
  // and for a second document.
  YAML::Node load(const std::string& text);

  // "file:line:column: text", counted from 1.
  std::string at(const YAML::Mark& mark, const std::string& text) const;
  void mistake(const YAML::Mark& mark, const std::string& text);

  // Calls the handler of each key. Not a mapping, a key that is given twice or is unknown: a mistake. `what`
  // is what an unknown key is called: "rule", "key of email".
  void mapping(const YAML::Node& node, const std::string& what, const Handlers& handlers);
  // Calls `each` for the keys in order; mistakes as above but for unknown keys.
  void entries(
      const YAML::Node& node, const std::string& what,
      const std::function<void(const std::string& key, const YAML::Node& key_node, const YAML::Node&)>& each);

  // nullopt after a mistake. `what` names the key.
  std::optional<std::string> text(const YAML::Node& node, const std::string& what);
  std::optional<bool> boolean(const YAML::Node& node, const std::string& what);
  std::optional<double> number(const YAML::Node& node, const std::string& what, double least, double most);
  std::optional<int> whole(const YAML::Node& node, const std::string& what, int least, int most);
  // One text, or a list of at least one; empty after a mistake.
  std::vector<std::string> texts(const YAML::Node& node, const std::string& what);

  bool good() const { return mistakes_.empty(); }
  // Throws core::Error (usage) when there were mistakes, one a line in the order of the file.
  void finish() const;

 private:
  struct Mistake {
    int line, column;
    std::string text;
  };
  std::string file_, hint_;
  std::vector<Mistake> mistakes_;
};

}  // namespace azlin::core
