#pragma once
// operations.db (tables: docs/database.md): the journal of changing commands, the audit trail, and the lock
// that keeps two commands on one machine from changing the same VM.
//
// A command opens an operation with its plan, and notes each step before and after it. Steps are idempotent.
// What a step needs to be undone or resumed is in its JSON `data`, never a secret. An operation that is still
// `running` whose process is gone was interrupted: `azlin recover` finishes or undoes it.
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/store/database.hpp"

namespace azlin::store {

struct StepRecord {
  std::int64_t seq = 0;
  std::string name;   // "create-snapshot"
  std::string state;  // begun | done | undone | failed
  std::string data;   // JSON: what the step works on and made
  std::string error;  // why it failed
  core::TimePoint at;
};

struct OperationRecord {
  std::int64_t id = 0;
  std::string kind;    // "backup.trigger", "backup.restore", …
  std::string target;  // usually the VM's ARM id
  std::string plan;    // JSON
  std::string state;   // running | interrupted | succeeded | failed | rolled_back | recovered
  std::string error;
  std::string user, host;
  int pid = 0;
  core::TimePoint started_at;
  std::optional<core::TimePoint> ended_at;
  std::vector<StepRecord> steps;  // filled by find(), not by list()
};

class Journal;

// One running command. Ends as `failed` when destroyed without an end; of several ends the first counts.
// Several threads may write its steps.
class Operation {
 public:
  ~Operation();
  Operation(Operation&& other) noexcept : journal_(std::exchange(other.journal_, nullptr)), id_(other.id_) {}
  std::int64_t id() const { return id_; }
  // Both are on disk when they return. `begin` gives the step's number for `done`.
  std::int64_t begin(const std::string& step, const std::string& data_json);
  void done(std::int64_t seq, const std::string& data_json = {});  // empty: data stays as it was
  void undone(std::int64_t seq);
  void failed(std::int64_t seq, const std::string& error);
  void succeed();
  void fail(const std::string& error);
  void rolled_back(const std::string& error);
  void recovered(const std::string& note);
  // It could be neither finished nor undone just now: it keeps its lock and waits for `azlin recover`.
  void interrupt(const std::string& error);

 private:
  friend class Journal;
  void set_step(std::int64_t seq, const char* state, const std::string& data, const std::string& error);
  Operation(Journal* journal, std::int64_t id) : journal_(journal), id_(id) {}
  void end(const char* state, const std::string& error);
  Journal* journal_;  // null once it has ended or was moved from
  std::int64_t id_;
};

// Thread-safe; owns its connection. Borrows the clock.
class Journal {
 public:
  // Opens or creates `<home>/operations.db`.
  Journal(const std::string& path, core::Clock& clock);

  // Takes the lock on `lock_key` (usually the VM's id, lower case; empty: no lock) and opens an operation.
  // Throws core::Error (busy) naming the holder when a live process holds it; a process on another host
  // counts as alive. The lock of a dead process (pid, its start time and the boot checked, on this host) is
  // taken over only when its operation has ended; otherwise the error (busy) says that `azlin recover` must
  // run first.
  Operation start(const std::string& kind, const std::string& target, const std::string& plan_json,
                  const std::string& lock_key);

  // For recovery: takes over an interrupted operation and its lock. Throws core::Error: not_found; busy when
  // its process lives; failed when it has ended.
  Operation resume(std::int64_t id);

  // One line of audit for a command of a single step.
  void record(const std::string& kind, const std::string& target, const std::string& plan_json,
              const std::string& error);

  // Operations whose process is gone, or that were left interrupted; oldest first, with their steps.
  std::vector<OperationRecord> interrupted();
  // Newest first.
  std::vector<OperationRecord> list(int limit, const std::optional<std::string>& state = {});
  std::optional<OperationRecord> find(std::int64_t id);
  const std::string& path() const { return db_.path(); }

 private:
  friend class Operation;
  std::mutex mutex_;
  Database db_;
  core::Clock& clock_;
};

}  // namespace azlin::store
