#pragma once
// A list of any length in constant memory: as text in blocks of columns, as JSON or CSV written while it is
// read.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/console.hpp"

namespace azlin::cli {

// JSON: {"KEY": [ … ]}, the same bytes that Console::result gives for the whole document; the members of
// `before` and `after` stand round it. When the list breaks off (an error in the middle), the document does
// too, and the exit code says so. One thread. Borrows the console.
class ListStream {
 public:
  ListStream(Console& console, std::string key, std::vector<std::string> head,
             nlohmann::ordered_json before = {});
  // `json` is called for JSON and CSV alone.
  void add(std::vector<std::string> row, const std::function<nlohmann::ordered_json()>& json);
  // Once, after the last row. `nothing` is what an empty list says as text.
  void end(const std::string& nothing, const nlohmann::ordered_json& after = {});
  std::size_t count() const { return count_; }

 private:
  void flush();
  void begin_document();
  Console& console_;
  std::string key_;
  nlohmann::ordered_json before_;
  std::vector<std::string> head_, columns_;  // of text; of CSV
  std::vector<std::vector<std::string>> rows_;
  std::size_t count_ = 0;
  bool headed_ = false;
};

}  // namespace azlin::cli
