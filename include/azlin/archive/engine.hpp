#pragma once
// restic 0.14 and newer as a library: each call starts it without a shell, in a clean environment, and trusts
// its word only where that word can be trusted. What restic calls success and is none is an error here.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/destination.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/pipeline.hpp"

namespace azlin::archive {

struct EngineOptions {
  std::string program = "restic";
  std::string password;                    // goes through a pipe; never to an argument list, a log or a file
  std::string cache_dir;                   // empty: no cache is kept
  std::string host;                        // written into snapshots; empty: this machine's name
  std::string compression = "auto";        // auto | off | max
  core::Millis short_limit{120'000};       // for calls that answer at once; an unreachable store is silent
  core::Millis long_limit{24 * 3600'000};  // backup, restore, check, prune, copy
  core::Millis lock_wait{60'000};          // how long an exclusive call waits for another's lock
};

struct EngineSnapshot {
  std::string id;  // 64 hex digits
  core::TimePoint time;
  std::vector<std::string> paths, tags;
  std::string host, original;  // `original`: the first id, after a tag or a copy
  // "name=etc" -> "etc"; "" when there is no such tag.
  std::string tag(const std::string& key) const;
};

struct BackupRequest {
  std::string directory;           // where restic runs: the staging folder
  std::vector<std::string> paths;  // relative to it; through a link of the staging folder if need be
  std::vector<std::string> tags;   // no commas: restic splits there
  std::vector<std::string> excludes;
  std::optional<core::TimePoint> time;  // keeps the date of something older
  // false: the caller looks itself whether the snapshot is there. Its id is then what restic says, 8
  // characters, or with a local repository, where looking costs nothing, the full one.
  bool confirm = true;
  // A named pipe: nothing is read before its writer closes it (see EarlyBackup), and the backup fails unless
  // "!*" was written. (Not so for a file in a folder that is no source itself: restic keeps the folder.)
  // Empty: it begins at once.
  std::string gate;
};

struct BackupResult {
  std::string id;                     // full
  std::vector<std::string> problems;  // sources that could not be read; the snapshot lacks them
  std::uint64_t files = 0, bytes = 0, bytes_added = 0;
};

struct StreamRequest {
  core::Stage producer;  // its stdout is the file
  std::string filename;  // "services/nextcloud/database.sql"
  std::vector<std::string> tags;
  std::optional<core::TimePoint> time;
  bool confirm = true;  // as in BackupRequest
};
struct StreamResult {
  std::string id, sha256;
  std::uint64_t bytes = 0, bytes_added = 0;
};

struct EngineNode {
  std::string path, type;  // type: file | dir | symlink | …
  std::uint64_t size = 0;
  core::TimePoint mtime;
};

struct RestoreRequest {
  std::string id, target;
  std::vector<std::string> include;  // paths in the snapshot; empty: everything
  bool verify = false;               // what was written is read again
};

struct CheckRequest {
  bool read_data = false;   // every byte; without it flipped bits are not found
  int part = 0, parts = 0;  // or one of `parts` shares of the data, rotating; both from 1
  // Beside other runs of the engine. What it finds may then be what these are about to write, so only "sound"
  // counts.
  bool shared = false;
};
struct CheckResult {
  bool sound = false;
  std::vector<std::string> problems;  // what restic named, one line each
};

struct PolicyGroup {                      // one verdict of a dry run
  std::vector<std::string> keep, remove;  // full ids
};

struct DiffEntry {
  std::string path, modifier;  // + - M T U
};
struct DiffResult {
  std::vector<DiffEntry> changes;
  std::uint64_t added_bytes = 0, removed_bytes = 0;
};

struct EngineKey {
  std::string id, user, host, created;
  bool current = false;
};
struct EngineStats {
  std::uint64_t total_size = 0, files = 0, blobs = 0;
};

// One repository. Borrows nothing; one thread at a time. All calls throw core::Error: not_found (no restic,
// no repository, no snapshot), unauthorized (wrong password, the store refuses), busy (a live lock),
// interrupted, failed (everything else, with what restic said and what to do).
class Engine {
 public:
  Engine(Destination destination, EngineOptions options);

  const Destination& destination() const { return destination_; }
  void set_compression(const std::string& mode) { options_.compression = mode; }  // auto | off | max
  // "0.14.0". Throws core::Error (failed) when restic is older than 0.14.
  std::string version(std::stop_token stop = {});
  // False: there is no repository. A wrong password or an unreachable store throws.
  bool exists(std::stop_token stop = {});
  void init(std::stop_token stop = {});
  // A repository that shares `from`'s chunking, so that `copy` keeps deduplication.
  void init_like(const Engine& from, std::stop_token stop = {});
  std::string repository_id(std::stop_token stop = {});
  // nullopt: there is no repository.
  std::optional<std::string> find_repository(std::stop_token stop = {});

  // `tags`: all of them must be there. Oldest first. Full list when empty.
  std::vector<EngineSnapshot> snapshots(const std::vector<std::string>& tags = {}, std::stop_token stop = {});

  // Every path must exist. `progress` gets done and total bytes. Counts only when restic said so and the
  // snapshot is there: in a local repository its file, unharmed, elsewhere in the list, with our tags. Files
  // unchanged since the newest snapshot of the same paths (below the same `directory`) are not read again.
  BackupResult backup(const BackupRequest& request,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress = {},
                      std::stop_token stop = {});
  // The producer's exit status decides: when it is not 0 no snapshot stays. An empty stream is refused.
  StreamResult backup_stream(const StreamRequest& request, std::stop_token stop = {});
  // One small file from memory.
  StreamResult backup_text(const std::string& text, const std::string& filename,
                           const std::vector<std::string>& tags, std::stop_token stop = {});

  std::vector<EngineNode> list_files(const std::string& id, std::stop_token stop = {});
  // Creates `target` when it is missing. Throws (failed) naming the files when some could not be restored.
  void restore(const RestoreRequest& request, std::stop_token stop = {});
  // One file's bytes, in pieces; or with path "/" the snapshot as tar. Pieces may have come before it throws.
  void dump(const std::string& id, const std::string& path,
            const std::function<void(std::string_view)>& piece, std::stop_token stop = {});
  std::string dump_text(const std::string& id, const std::string& path, std::stop_token stop = {});
  // One file into a program's stdin, which sees the end only when the whole file was sound.
  core::PipelineResult dump_into(const std::string& id, const std::string& path, const core::Stage& consumer,
                                 std::stop_token stop = {});

  CheckResult check(const CheckRequest& request = {}, std::stop_token stop = {});
  void forget(const std::vector<std::string>& ids, std::stop_token stop = {});
  // `rules`: {"--keep-within", "30d"}. Within `tags` only, all hosts and paths together. Tries it dry first
  // and throws (failed) when nothing would stay. Returns what was (or with `dry_run` would be) removed.
  PolicyGroup forget_policy(const std::vector<std::string>& tags, const std::vector<std::string>& rules,
                            bool dry_run, std::stop_token stop = {});
  void prune(std::stop_token stop = {});
  // Copies snapshots of `from` into this repository, in this order; those that are here already are skipped.
  void copy_from(const Engine& from, const std::vector<EngineSnapshot>& which, std::stop_token stop = {});
  DiffResult diff(const std::string& a, const std::string& b, std::stop_token stop = {});
  // Stored bytes (raw) of everything, or what a restore of these would write.
  EngineStats stats(bool raw, const std::vector<std::string>& ids = {}, std::stop_token stop = {});
  void add_tags(const std::vector<std::string>& ids, const std::vector<std::string>& tags,
                std::stop_token stop = {});

  std::vector<EngineKey> keys(std::stop_token stop = {});
  void add_key(const std::string& new_password, std::stop_token stop = {});
  void remove_key(const std::string& id, std::stop_token stop = {});
  // Removes locks of dead processes of this machine and those over 30 minutes old; never live ones.
  void unlock(std::stop_token stop = {});

  // How restic is started: for a pipeline of another kind.
  core::Stage stage(std::vector<std::string> arguments) const;

 private:
  struct Call;
  core::PipelineResult run(const Call& call, std::stop_token stop);
  core::PipelineResult run_exclusive(const Call& call, std::stop_token stop);
  core::PipelineResult finish(core::PipelineResult result, const Call& call);
  core::Stage paired_stage(std::vector<std::string> arguments, const Engine& from) const;
  [[noreturn]] void fail(const core::PipelineResult& result, const std::string& doing) const;
  void unlock_quietly();
  std::string confirm(const std::string& short_id, const std::vector<std::string>& tags,
                      std::stop_token stop);
  std::vector<std::string> backup_arguments(const std::vector<std::string>& tags,
                                            const std::optional<core::TimePoint>& time) const;
  std::optional<std::string> find_stored(const std::string& short_id) const;
  StreamResult store_stream(core::PipelineRequest request, const std::string& filename,
                            const std::vector<std::string>& tags, bool must_confirm, std::stop_token stop);

  Destination destination_;
  EngineOptions options_;
};

}  // namespace azlin::archive
