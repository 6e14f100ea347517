#pragma once
// What a transfer has done so far, from several threads.
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "azlin/platform/blob_transfer.hpp"

namespace azlin::platform {

class TransferState {
 public:
  explicit TransferState(const TransferWatch& watch) : watch_(watch) {}

  void known(std::uint64_t blobs, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    progress_.blobs_known += blobs;
    progress_.bytes_known += bytes;
  }
  void done(std::uint64_t blobs, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    progress_.blobs_done += blobs;
    progress_.bytes_done += bytes;
    if (watch_) watch_(progress_);
  }
  // A blob is whole at the other side.
  void moved(std::uint64_t bytes, bool unproven) {
    const std::lock_guard lock(mutex_);
    ++progress_.blobs_done;
    ++result_.blobs;
    result_.bytes += bytes;
    result_.unproven += unproven ? 1 : 0;
    if (watch_) watch_(progress_);
  }
  void unchanged(std::uint64_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      ++result_.unchanged;
    }
    done(1, bytes);
  }
  void fail(const std::string& container, const std::string& blob, const std::string& error) {
    const std::lock_guard lock(mutex_);
    ++result_.failed;
    if (result_.failures.size() < 1'000) result_.failures.push_back({container, blob, error});
  }
  void fail_all(const std::vector<TransferFailure>& failures) {
    for (const auto& each : failures) fail(each.container, each.blob, each.error);
  }
  // Only while no other thread works.
  TransferResult& result() { return result_; }

 private:
  const TransferWatch& watch_;
  std::mutex mutex_;
  TransferProgress progress_;
  TransferResult result_;
};

// The first failure that is not of one blob (a full disk, Ctrl-C).
void rethrow_fatal(const std::vector<std::exception_ptr>& outcomes);

}  // namespace azlin::platform
