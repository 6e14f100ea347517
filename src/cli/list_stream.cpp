#include "cli/list_stream.hpp"

#include <fmt/format.h>

namespace azlin::cli {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kRowsAtOnce = 500;  // columns are fitted to so many rows

// The element as it stands inside a document: each line but the first moved in by `depth`.
std::string indented(const ordered_json& element, const char* depth) {
  const std::string text = element.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string moved;
  for (const char c : text) {
    moved += c;
    if (c == '\n') moved += depth;
  }
  return moved;
}

}  // namespace

ListStream::ListStream(Console& console, std::string key, std::vector<std::string> head, ordered_json before)
    : console_(console), key_(std::move(key)), before_(std::move(before)), head_(std::move(head)) {}

void ListStream::add(std::vector<std::string> row, const std::function<ordered_json()>& json) {
  ++count_;
  switch (console_.options().format) {
    case OutputFormat::text:
      rows_.push_back(std::move(row));
      if (rows_.size() == kRowsAtOnce) flush();
      break;
    case OutputFormat::json:
      if (count_ == 1) begin_document();
      console_.raw(count_ == 1 ? "\n    " : ",\n    ");
      console_.raw(indented(json(), "    "));
      break;
    case OutputFormat::csv:
      console_.csv_row(json(), columns_);
      break;
  }
}

void ListStream::end(const std::string& nothing, const ordered_json& after) {
  flush();
  if (count_ == 0) console_.line(nothing);
  if (console_.options().format != OutputFormat::json) return;
  if (count_ == 0) begin_document();
  console_.raw(count_ == 0 ? "]" : "\n  ]");
  for (const auto& [name, value] : after.items())
    console_.raw(fmt::format(",\n  {}: {}", ordered_json(name).dump(), indented(value, "  ")));
  console_.raw("\n}\n");
}

void ListStream::begin_document() {
  console_.raw("{\n");
  for (const auto& [name, value] : before_.items())
    console_.raw(fmt::format("  {}: {},\n", ordered_json(name).dump(), indented(value, "  ")));
  console_.raw(fmt::format("  \"{}\": [", key_));
}

void ListStream::flush() {
  if (rows_.empty()) return;
  if (!headed_) rows_.insert(rows_.begin(), head_);
  headed_ = true;
  for (const auto& line : in_columns(rows_)) console_.line(line);
  rows_.clear();
}

}  // namespace azlin::cli
