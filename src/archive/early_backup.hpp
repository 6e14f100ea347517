#pragma once
// A small backup that is started before what it stores is known.
//
// restic takes over half a second to derive its key. This one does so while another run works, then waits at
// a named pipe until it is told to begin. Whatever goes wrong until then only means that it was of no use.
// If the pipe ends without that word, as when azlin is killed, restic fails and stores nothing.
#include <future>
#include <stop_token>
#include <string>

#include "azlin/archive/engine.hpp"

namespace azlin::archive {

class EarlyBackup {
 public:
  // Starts it, on a thread and a copy of the engine. The sources must be there, with whatever contents; files
  // lie in the request's directory itself, or their folder is the source (see BackupRequest::gate). The pipe
  // is made there, too; `name`, of no other run, becomes part of its name. Throws core::Error (failed) when
  // it cannot be made.
  EarlyBackup(const Engine& engine, BackupRequest request, const std::string& name);
  // Ends it if it was not begun; the engine has given its lock back then.
  ~EarlyBackup();
  EarlyBackup(const EarlyBackup&) = delete;
  EarlyBackup& operator=(const EarlyBackup&) = delete;

  // False: it has ended already (it found no repository, or another's lock).
  bool waits() const;
  // The same request would be made now.
  bool is_for(const BackupRequest& request) const;
  // Lets it go on, and waits for its end. Throws what Engine::backup throws.
  BackupResult begin(std::stop_token stop);

 private:
  void open_gate();
  BackupRequest request_;
  int gate_ = -1;  // our end of the pipe: while it is open, restic waits
  std::stop_source stop_;
  std::future<BackupResult> result_;
};

// Ends those that a killed azlin left waiting in this folder, should they not have ended with it.
void end_early_backups(const std::string& directory);

}  // namespace azlin::archive
