#include "cli/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <istream>
#include <ostream>

#include "azlin/core/error.hpp"
#include "azlin/core/read_stream.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

std::string csv_field(const nlohmann::ordered_json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void write_csv_row(std::ostream& out, const nlohmann::ordered_json& row, std::vector<std::string>& columns) {
  const auto write_line = [&](const auto& field_of) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) line += (i == 0 ? "" : ",") + field_of(columns[i]);
    out << line << "\r\n";
  };
  if (columns.empty()) {
    for (const auto& [key, value] : row.items()) columns.push_back(key);
    write_line([](const std::string& column) { return csv_field(column); });
  }
  write_line(
      [&](const std::string& column) { return csv_field(row.value(column, nlohmann::ordered_json())); });
}

void write_csv(std::ostream& out, const nlohmann::ordered_json& rows) {
  if (!rows.is_array()) return;
  std::vector<std::string> columns;
  for (const auto& row : rows) write_csv_row(out, row, columns);
}

std::string painted(bool color, const char* code, std::string_view text) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::size_t width_of(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return count;
}

}  // namespace

void Console::line(std::string_view text) {
  if (!this->text()) return;
  const std::lock_guard lock(mutex_);
  out_ << text << '\n';
}

void Console::result(const nlohmann::ordered_json& result, const std::string& rows_key) {
  const std::lock_guard lock(mutex_);
  if (options_.format == OutputFormat::json)
    out_ << result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  if (options_.format == OutputFormat::csv) {
    if (!rows_key.empty()) return write_csv(out_, result.value(rows_key, nlohmann::ordered_json::array()));
    write_csv(out_, result.is_array() ? result : nlohmann::ordered_json::array({result}));
  }
}

void Console::raw(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  out_ << bytes;
}

void Console::csv_row(const nlohmann::ordered_json& row, std::vector<std::string>& columns) {
  const std::lock_guard lock(mutex_);
  write_csv_row(out_, row, columns);
}

void Console::note(std::string_view text) {
  if (options_.quiet) return;
  const std::lock_guard lock(mutex_);
  err_ << text << '\n' << std::flush;
}

void Console::warn(std::string_view text) {
  const std::lock_guard lock(mutex_);
  err_ << painted(options_.err_is_terminal && options_.color, "33", "⚠ WARNING: ") << text << '\n'
       << std::flush;
}

namespace {

// std::getline would go on waiting after Ctrl-C.
void wait_for_answer(std::ostream& err, const std::string& what) {
  try {
    core::wait_readable(STDIN_FILENO);
  } catch (const Error&) {
    err << '\n';
    throw Error(ErrorKind::interrupted, fmt::format("interrupted: {} was not confirmed", what));
  }
}

}  // namespace

bool Console::confirm(const std::string& what) {
  if (options_.yes) return true;
  if (!interactive()) {
    throw Error(ErrorKind::usage,
                fmt::format("{} needs a confirmation, and there is no terminal to ask on", what),
                "give --yes if you are sure; nothing was changed");
  }
  while (true) {
    err_ << "Proceed? (yes/no): " << std::flush;
    if (&in_ == &std::cin) wait_for_answer(err_, what);
    std::string answer;
    if (!std::getline(in_, answer)) return false;
    if (answer == "yes" || answer == "y") return true;
    if (answer == "no" || answer == "n" || answer.empty()) return false;
  }
}

std::string Console::bold(std::string_view text) const {
  return painted(options_.color, "1", text);
}
std::string Console::green(std::string_view text) const {
  return painted(options_.color, "32", text);
}
std::string Console::red(std::string_view text) const {
  return painted(options_.color, "31", text);
}
std::string Console::yellow(std::string_view text) const {
  return painted(options_.color, "33", text);
}

LiveTable::LiveTable(Console& console, std::vector<std::string> labels)
    : console_(console), labels_(std::move(labels)), states_(labels_.size()) {
  for (const auto& label : labels_) width_ = std::max(width_, width_of(label));
}

LiveTable::~LiveTable() = default;

void LiveTable::update(std::size_t row, const std::string& state, bool announce) {
  if (console_.quiet()) return;
  const std::lock_guard lock(mutex_);
  if (states_[row] == state) return;
  states_[row] = state;
  if (console_.err_is_terminal()) return draw();
  if (announce) console_.note(fmt::format("  [{}/{}] {}  {}", row + 1, labels_.size(), labels_[row], state));
}

// At most 20 rows, so that the table fits a terminal: finished rows scroll away above it.
void LiveTable::draw() {
  constexpr std::size_t kMostRows = 20;
  std::string text;
  if (drawn_ > 0) text += fmt::format("\x1b[{}A", drawn_);
  std::size_t shown = 0;
  const std::size_t from = labels_.size() > kMostRows ? labels_.size() - kMostRows : 0;
  std::size_t first = from;
  for (std::size_t i = 0; i < labels_.size(); ++i) {  // begin at the first row still without a final mark
    if (states_[i].rfind("✓", 0) == 0 || states_[i].rfind("✗", 0) == 0) continue;
    first = std::min(i, from);
    break;
  }
  for (std::size_t i = first; i < labels_.size() && shown < kMostRows; ++i, ++shown) {
    const std::string pad(width_ - std::min(width_, width_of(labels_[i])), ' ');
    text += fmt::format("\x1b[2K  [{}/{}] {}{}  {}\n", i + 1, labels_.size(), labels_[i], pad,
                        states_[i].empty() ? "⏸ queued" : states_[i]);
  }
  drawn_ = shown;
  const std::lock_guard lock(console_.mutex_);
  console_.err_ << text << std::flush;
}

std::vector<std::string> in_columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width_of(row[i]) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace azlin::cli
