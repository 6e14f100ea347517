#pragma once
// SHA-256 of what passes by.
#include <memory>
#include <string>
#include <string_view>

namespace azlin::archive {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view piece);
  std::string hex();  // once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The last line that is not empty, at most 300 characters.
std::string last_line(const std::string& text);

}  // namespace azlin::archive
