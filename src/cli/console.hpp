#pragma once
// What a person or a program sees: results on stdout as text, JSON or CSV; progress, warnings and prompts on
// stderr.
#include <iosfwd>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace azlin::cli {

enum class OutputFormat { text, json, csv };

struct ConsoleOptions {
  OutputFormat format = OutputFormat::text;
  bool quiet = false;  // no progress, no notes
  bool yes = false;    // prompts are answered yes
  bool color = false;  // on stdout
  bool err_is_terminal = false;
  bool in_is_terminal = false;
};

// Thread-safe where noted.
class Console {
 public:
  Console(std::ostream& out, std::ostream& err, std::istream& in, const ConsoleOptions& options)
      : out_(out), err_(err), in_(in), options_(options) {}

  bool text() const { return options_.format == OutputFormat::text; }
  bool quiet() const { return options_.quiet; }
  bool interactive() const { return options_.in_is_terminal && options_.err_is_terminal; }
  bool err_is_terminal() const { return options_.err_is_terminal; }

  // One line of a text result on stdout; nothing with -o json or csv.
  void line(std::string_view text = {});
  // The result for -o json (pretty, one document) and -o csv. For csv, `result` is an array of flat objects,
  // or an object whose member `rows_key` is one.
  void result(const nlohmann::ordered_json& result, const std::string& rows_key = {});

  // Pieces of a result that is written while it is read (list_stream.hpp): bytes as they are, and one row of
  // CSV. `columns` is filled by the first row, which also writes the header.
  void raw(std::string_view bytes);
  void csv_row(const nlohmann::ordered_json& row, std::vector<std::string>& columns);

  // Progress and explanations on stderr; silent with --quiet. Thread-safe.
  void note(std::string_view text);
  // Always shown. Thread-safe.
  void warn(std::string_view text);

  // Asks "Proceed? (yes/no): ". True with --yes. With no terminal and no --yes throws core::Error (usage)
  // saying `what` was not done.
  bool confirm(const std::string& what);

  std::ostream& err() { return err_; }

  std::string bold(std::string_view text) const;
  std::string green(std::string_view text) const;
  std::string red(std::string_view text) const;
  std::string yellow(std::string_view text) const;
  const ConsoleOptions& options() const { return options_; }

 private:
  friend class LiveTable;
  std::ostream& out_;
  std::ostream& err_;
  std::istream& in_;
  ConsoleOptions options_;
  std::mutex mutex_;
};

// Rows that change while work goes on: redrawn in place on a terminal, one line a change elsewhere.
// Thread-safe.
class LiveTable {
 public:
  LiveTable(Console& console, std::vector<std::string> labels);
  ~LiveTable();
  // Shown at once on a terminal; elsewhere when `announce`.
  void update(std::size_t row, const std::string& state, bool announce = true);

 private:
  void draw();
  Console& console_;
  std::vector<std::string> labels_;
  std::vector<std::string> states_;
  std::size_t width_ = 0;
  std::size_t drawn_ = 0;
  std::mutex mutex_;
};

// A list in columns, each as wide as its widest cell (counted in code points).
std::vector<std::string> in_columns(const std::vector<std::vector<std::string>>& rows);

// Lets a person choose one of `items` with the arrow keys (j/k, Home/End, Enter; q or Ctrl-C gives nullopt).
// Needs a terminal: throws core::Error (usage) without one.
std::optional<std::size_t> pick(Console& console, const std::string& title,
                                const std::vector<std::string>& items);

}  // namespace azlin::cli
