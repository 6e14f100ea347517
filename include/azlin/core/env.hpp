#pragma once
// The process environment, copied once at start; a test builds its own.
#include <map>
#include <optional>
#include <string>

namespace azlin::core {

class Env {
 public:
  Env() = default;
  explicit Env(std::map<std::string, std::string> values) : values_(std::move(values)) {}
  static Env from_process();

  // nullopt when unset or empty.
  std::optional<std::string> get(const std::string& name) const;
  std::string get_or(const std::string& name, const std::string& fallback) const;
  void set(const std::string& name, const std::string& value) { values_[name] = value; }

  // AZLIN_HOME, else $HOME/.azlin. Throws core::Error (usage) when neither is set.
  std::string azlin_home() const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace azlin::core
