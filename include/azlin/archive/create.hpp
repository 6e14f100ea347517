#pragma once
// Makes an archive: what belongs to the services asked for, in the layout of docs/archive.md.
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/archive_manager.hpp"
#include "azlin/archive/services.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::archive {

struct CreateRequest {
  std::string type = "config";        // config | full | service | disaster-recovery
  std::string name;                   // empty: the type
  std::vector<std::string> services;  // empty: all declared (not for type service)
  bool include_data = false;          // full and disaster-recovery always do, config never
  bool verify = true;                 // the repository is checked before the archive counts
  std::vector<Service> given;         // in place of declared ones: `archive files`, `database`, `containers`
  std::vector<std::string> never;     // paths that stay out: the repository, azlin's staging and cache
};

// One path that exists.
struct PlannedFiles {
  std::string service, source;  // absolute
  std::string place;            // in the archive, before the source's own path
  bool data = false;
};
// One program whose output is a file of the archive.
struct PlannedStream {
  std::string service, kind, source, path;
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
  // What the tool gets of `password_file`, which only azlin may be able to read: a variable (PGPASSWORD,
  // MYSQL_PWD), or when it is empty mongodump's configuration through a pipe.
  std::string password_variable, password_file;
  std::map<std::string, std::string> details;
};
struct CreatePlan {
  std::string id, name, type, set;
  core::TimePoint at;
  std::vector<std::string> services;
  bool include_data = false, verify = true;
  std::vector<PlannedFiles> files;
  std::vector<PlannedStream> streams;
  std::vector<std::string> excludes, never;
  std::vector<std::vector<std::string>> before, after;
  std::vector<std::string> findings;  // what is declared and not there, dependencies that are left out
};

// Looks at the machine and changes nothing. Throws core::Error: usage (an unknown type or service, data with
// type config, nothing to archive), not_found (a path that was given, or a tool that a dump needs).
CreatePlan plan_create(const CreateRequest& request, const std::map<std::string, Service>& services,
                       core::TimePoint now);

// Files and bytes that the plan's paths hold now; dumps are not measured.
struct PlanSize {
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> unreadable;
};
PlanSize measure(const CreatePlan& plan);

struct CreateResult {
  Metadata metadata;
  std::uint64_t files = 0, bytes = 0, bytes_added = 0;
  std::vector<std::string> unreadable;  // sources that the archive lacks
  core::Millis took{0};
};

struct Walk;

// Borrows its arguments. One thread at a time.
class Creator {
 public:
  // `home`: the state folder; `version`: of azlin.
  Creator(Engine& engine, store::Journal& journal, core::Clock& clock, std::string home, std::string version);

  // The archive's time and id are those at which this begins: the plan's when no archive of this name was
  // begun here in the same second. Makes a repository where there is none. On any failure what was written of
  // this archive is forgotten again and the `after` hooks still run. Throws core::Error; busy when another
  // run makes an archive of this name.
  CreateResult create(CreatePlan plan, const std::function<void(const std::string&)>& progress = {},
                      std::stop_token stop = {});

  // Journal operations that this can settle.
  static bool recovers(const std::string& kind) { return kind == "archive.create"; }
  // After a crash: runs the hooks `after` when those before had begun, forgets what was written of an
  // unfinished set and removes its staging folder; a set that turns out whole stays. Returns one line a thing
  // done; ends the operation.
  std::vector<std::string> recover(const store::OperationRecord& record,
                                   const std::vector<std::vector<std::string>>& after,
                                   std::stop_token stop = {});

 private:
  struct Run;
  void open_repository(Run& run, std::stop_token stop);
  void make_repository(Run& run, std::stop_token stop);
  BackupResult first_backup(Run& run, const BackupRequest& request, std::stop_token stop);
  std::string staging_folder(const CreatePlan& plan) const;
  void begin_hooks(Run& run, std::stop_token stop);
  void end_hooks(Run& run);
  void store_files(Run& run, std::stop_token stop);
  void prepare_metadata(Run& run, const Walk& found);
  BackupResult backup_metadata(Run& run, const BackupRequest& request, std::stop_token stop);
  void store_streams(Run& run, std::stop_token stop);
  void check_repository(Run& run, std::stop_token stop);
  void store_metadata(Run& run, std::stop_token stop);
  void confirm(Run& run, std::stop_token stop);
  void undo(Run& run, const std::exception& error);
  void settle(const CreatePlan& plan, std::stop_token stop);
  std::vector<std::string> forget_set(const std::string& set, std::stop_token stop);

  Engine& engine_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::string home_, version_;
};

}  // namespace azlin::archive
