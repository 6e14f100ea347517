#pragma once
// Object lock around what a command writes. Nothing happens for a destination of which archive.yaml does not
// ask it.
#include <memory>

#include "azlin/archive/metrics.hpp"
#include "azlin/archive/object_lock.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

class WriteLock {
 public:
  WriteLock(Runtime& runtime, const archive::Destination& destination);
  ~WriteLock();
  explicit operator bool() const { return bucket_ != nullptr; }

  // Throws core::Error when the bucket gives less than what is asked for; see LockedBucket::require.
  void require();
  // The same, and remembers what is there: just before the first write.
  void begin();
  // After the last: proves that each new object is held, says so, and adds "objectLock" to `json`. False:
  // some are not, or nothing could be proved.
  bool prove(nlohmann::ordered_json& json);
  // What the bucket is set to and until when an archive's snapshots are held: printed, and "objectLock" of
  // `json`.
  void show(const archive::Archive& archive, nlohmann::ordered_json& json);
  // A line of the report. Only where a lock is asked for.
  archive::Measure measure(const std::vector<archive::Archive>& archives);

 private:
  Runtime& runtime_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<archive::LockedBucket> bucket_;
  std::size_t before_ = 0;
};

}  // namespace azlin::cli
