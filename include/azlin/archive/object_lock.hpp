#pragma once
// Object lock of an S3 bucket. restic uploads without a retention, so the bucket's default retention must
// hold what it writes: that is looked at before, and proved on the objects afterwards. Nothing is changed.
// Source: "Locking objects with Object Lock" of the Amazon S3 User Guide.
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/archive_manager.hpp"
#include "azlin/archive/destination.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::archive {

// What a bucket does with each new object.
struct BucketLock {
  bool versioned = false, enabled = false;
  std::string mode;  // governance | compliance; empty: no default retention
  int days = 0;      // of the default retention; a year counts as 365
};
// Of the replies to GET ?object-lock and GET ?versioning; nullopt: the store has none. Pure.
BucketLock read_bucket_lock(const std::optional<std::string>& object_lock,
                            const std::optional<std::string>& versioning);
// "compliance, 30 days"
std::string describe(const ObjectLock& asked);
std::string describe(const BucketLock& found);
// Why the bucket does not give what is asked for; nullopt: it does. Pure.
std::optional<std::string> lack_of(const BucketLock& found, const ObjectLock& asked);

struct LockProof {
  std::size_t objects = 0;               // that were looked at
  std::optional<core::TimePoint> until;  // the earliest date of those that are held
  std::vector<std::string> not_held;     // "KEY: why"
};

class S3Client;

// Borrows the transport. One thread. All but the constructor ask the store and throw core::Error:
// unauthorized, not_found (no bucket), failed, interrupted.
class LockedBucket {
 public:
  // Of a destination with an object lock. Throws core::Error (unauthorized) when there are no credentials
  // that azlin can read.
  LockedBucket(const Destination& destination, const core::Env& env, http::Transport& transport);
  ~LockedBucket();

  const ObjectLock& asked() const { return asked_; }
  BucketLock look(std::stop_token stop);
  // Throws core::Error (usage) with the command that mends it when the bucket gives less than what is asked
  // for, and (not_found) when there is no bucket: the engine would make one without a lock.
  void require(std::stop_token stop);
  // What is in the repository now, to tell later what is new. How many objects.
  std::size_t remember(std::stop_token stop);
  // Each object since `remember` must be held, in the mode asked for, until as many days after it was
  // written. The engine's own locks are left out: it removes them.
  LockProof prove_new(std::stop_token stop);
  // The files of an archive's snapshots are held at `now`.
  LockProof prove_snapshots(const Archive& archive, core::TimePoint now, std::stop_token stop);

 private:
  LockProof prove(const std::vector<std::string>& keys, const std::optional<core::TimePoint>& now,
                  std::stop_token stop);

  std::string text_;
  ObjectLock asked_;
  std::unique_ptr<S3Client> client_;
  std::set<std::string> before_;
};

}  // namespace azlin::archive
