#pragma once
// SQLite, wrapped thinly. A part that owns tables keeps its schema and its SQL to itself.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace azlin::store {

// A prepared statement. Bind parameters from 1; step() to the next row; columns from 0.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql);
  ~Statement();
  Statement(Statement&& other) noexcept : stmt_(std::exchange(other.stmt_, nullptr)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, const std::string& text) { return bind(index, std::string_view(text)); }
  Statement& bind(int index, const char* text) { return bind(index, std::string_view(text)); }
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);
  Statement& bind(int index, const std::optional<std::string>& text);

  bool step();   // true: a row is there
  void run();    // step to the end, then reset
  void reset();  // ready to run again; bindings are cleared

  std::string text(int column) const;  // NULL gives ""
  std::string blob(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  bool is_null(int column) const;
  std::optional<std::string> optional_text(int column) const;

 private:
  sqlite3_stmt* stmt_ = nullptr;
};

// One schema step: brings user_version from its index to index + 1.
using Migrations = std::vector<std::string>;

struct OpenOptions {
  bool durable = true;  // synchronous=FULL; false: NORMAL
  int busy_timeout_ms = 10'000;
};

// A connection: WAL, foreign keys on, file mode 0600, its folder made with 0700. One thread at a time; any
// number of connections and processes may have the file open.
class Database {
 public:
  // Creates the file when it is missing and migrates it to the newest version in a transaction.
  // Throws core::Error (busy) when another process holds it past the timeout, and (failed): cannot be opened,
  // is read-only, the disk is full; a newer user_version than `migrations` knows says which azlin is needed;
  // a corrupt file is first set aside as "<path>.corrupt-<n>" and the error names it. ":memory:" works.
  Database(const std::string& path, const Migrations& migrations, const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Statement prepare(std::string_view sql) { return Statement(db_, sql); }
  void execute(std::string_view sql);  // one or several statements without results
  std::int64_t last_insert_id() const;
  int changes() const;
  const std::string& path() const { return path_; }

 private:
  sqlite3* db_ = nullptr;
  std::string path_;
};

// BEGIN IMMEDIATE; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db);
  ~Transaction();
  void commit();

 private:
  Database& db_;
  bool open_ = true;
};

}  // namespace azlin::store
