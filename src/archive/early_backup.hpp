#pragma once
// A small backup that is started before what it stores is known.
//
// restic takes over half a second to derive its key. This one does so while another run works, then waits at
// a named pipe until it is told to begin. Whatever goes wrong until then only means that it was of no use.
#include <future>
#include <stop_token>
#include <string>

#include "azlin/archive/engine.hpp"

namespace azlin::archive {

class EarlyBackup {
 public:
  // Starts it, on a thread and a copy of the engine. The files must be there, with whatever contents. `gate`:
  // where the named pipe is made. Throws core::Error (failed) when it cannot be.
  EarlyBackup(const Engine& engine, BackupRequest request, std::string gate);
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
  int gate_ = -1;  // our end of the pipe: while it is open, restic reads on
  std::stop_source stop_;
  std::future<BackupResult> result_;
};

}  // namespace azlin::archive
