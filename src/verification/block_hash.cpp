#include "azlin/verification/block_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/verification/sampling.hpp"
#include "verification/checksum.hpp"

namespace azlin::verification {
namespace {

// One block, and the bytes of it that are read.
struct Job {
  std::uint64_t offset, length;  // of the block; shorter at the end of the disk
  Range read;
};

void require_sizes(const HashOptions& options) {
  if (options.block_size == 0 || options.readers < 1) {
    throw core::Error(core::ErrorKind::usage, fmt::format("cannot hash blocks of {} bytes with {} readers",
                                                          options.block_size, options.readers));
  }
}

// A job for each block that `ranges` touch; ranges are normalised. `whole`: read all of it.
std::vector<Job> jobs_for(const std::vector<Range>& ranges, std::uint64_t disk_size, std::uint64_t block_size,
                          bool whole) {
  std::vector<Job> jobs;
  for (const Range& range : ranges) {
    for (std::uint64_t at = range.offset / block_size * block_size; at < range.end(); at += block_size) {
      const std::uint64_t length = std::min(block_size, disk_size - at);
      const std::uint64_t begin = whole ? at : std::max(at, range.offset);
      const std::uint64_t end = whole ? at + length : std::min(at + length, range.end());
      if (!jobs.empty() && jobs.back().offset == at) {
        jobs.back().read.length = end - jobs.back().read.offset;
      } else {
        jobs.push_back({at, length, {begin, end - begin}});
      }
    }
  }
  return jobs;
}

// Readers take the next job each; a result stands where its job does, so the order of reading does not
// matter.
class Pipeline {
 public:
  Pipeline(const BlockSource& source, const std::vector<Job>& jobs, const HashOptions& options)
      : source_(source), jobs_(jobs), options_(options), results_(jobs.size()) {
    for (const Job& job : jobs) total_ += job.read.length;
  }

  // nullopt: the block is zeros.
  std::vector<std::optional<Digest>> run() {
    const auto readers = std::min<std::size_t>(static_cast<std::size_t>(options_.readers), jobs_.size());
    if (readers == 0) return {};
    const auto errors = core::run_parallel(readers, static_cast<int>(readers), options_.stop,
                                           [this](std::size_t) { read_until_done(); });
    for (const auto& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    core::throw_if_stopped(options_.stop, "hashing a disk");
    return std::move(results_);
  }

 private:
  void read_until_done() {
    Bytes buffer;
    try {
      while (!failed_ && !options_.stop.stop_requested()) {
        const std::size_t next = next_++;
        if (next >= jobs_.size()) return;
        results_[next] = hash(jobs_[next], buffer);
        report(jobs_[next].read.length);
      }
    } catch (...) {
      failed_ = true;  // the others need not go on
      throw;
    }
  }

  std::optional<Digest> hash(const Job& job, Bytes& buffer) {
    buffer.resize(job.length);
    const std::size_t skip = job.read.offset - job.offset, end = skip + job.read.length;
    std::fill_n(buffer.begin(), skip, std::uint8_t{0});
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(end), buffer.end(), std::uint8_t{0});
    source_.read(job.read.offset, std::span(buffer).subspan(skip, job.read.length));
    if (all_zero(buffer)) return std::nullopt;
    return sha256(buffer);
  }

  void report(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

  const BlockSource& source_;
  const std::vector<Job>& jobs_;
  const HashOptions& options_;
  std::vector<std::optional<Digest>> results_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

Manifest hash_disk(const BlockSource& source, const std::vector<Range>& allocated,
                   const HashOptions& options) {
  require_sizes(options);
  const auto jobs = jobs_for(normalised(allocated, source.size), source.size, options.block_size, false);
  const auto digests = Pipeline(source, jobs, options).run();
  Manifest manifest{.disk_size = source.size, .block_size = options.block_size};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (digests[i]) manifest.blocks.push_back({jobs[i].offset, *digests[i]});
  }
  return manifest;
}

Manifest hash_changes(const BlockSource& source, const Manifest& base, const std::vector<Range>& changed,
                      const HashOptions& options) {
  HashOptions own = options;
  own.block_size = base.block_size;
  require_sizes(own);
  auto ranges = changed;
  // A last block that was shorter, or has become so, is another block now.
  if (base.disk_size != source.size) {
    const std::uint64_t smaller = std::min(base.disk_size, source.size);
    ranges.push_back({smaller / base.block_size * base.block_size, base.block_size});
  }
  const auto jobs = jobs_for(normalised(std::move(ranges), source.size), source.size, base.block_size, true);
  const auto digests = Pipeline(source, jobs, own).run();
  Manifest manifest{.disk_size = source.size, .block_size = base.block_size};
  std::size_t next = 0;
  const auto take_until = [&](std::uint64_t offset) {
    for (; next < jobs.size() && jobs[next].offset < offset; ++next) {
      if (digests[next]) manifest.blocks.push_back({jobs[next].offset, *digests[next]});
    }
  };
  for (const BlockHash& block : base.blocks) {
    take_until(block.offset);
    if (block.offset >= source.size || (next < jobs.size() && jobs[next].offset == block.offset)) continue;
    manifest.blocks.push_back(block);
  }
  take_until(source.size);
  return manifest;
}

}  // namespace azlin::verification
