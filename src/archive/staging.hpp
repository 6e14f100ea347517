#pragma once
// The folder that the engine runs in: each place of the archive is a link to "/", so that a source is reached
// by a relative name ("services/x/data/srv/x") and lands there again, without being copied.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "azlin/archive/create.hpp"

namespace azlin::archive {

class Staging {
 public:
  // Makes `folder` (0700) anew. Removed again at the end, links only, never what they point to.
  explicit Staging(std::string folder);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  const std::string& folder() const { return folder_; }
  void link(const std::string& place);
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string folder_;
};

// Removes a staging folder that a crash left.
void remove_staging(const std::string& folder);

// A regular file or link that will be archived.
struct Source {
  std::string path;      // absolute
  std::string archived;  // in the archive
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  bool link = false;
  std::size_t owner = 0;  // index in CreatePlan::files
  std::string sha256;     // empty: could not be read
  bool changed = false;   // it changed between the walk and the end
};

struct Walk {
  std::vector<Source> sources;        // by archived path
  std::vector<std::string> excluded;  // absolute archived paths, topmost only
  std::vector<std::string> unreadable;
};
// All that is below the plan's files, links not followed, without what its rules leave out.
Walk walk(const CreatePlan& plan);

// Takes checksums on a thread of its own, while the engine reads the same files.
class Hasher {
 public:
  explicit Hasher(std::vector<Source>& sources);
  // Waits, and marks files that changed meanwhile.
  void finish();
  void cancel() { thread_.request_stop(); }

 private:
  std::vector<Source>& sources_;
  std::jthread thread_;
};

// `path` as a pattern of restic that matches nothing else.
std::string literal_pattern(const std::string& path);

}  // namespace azlin::archive
