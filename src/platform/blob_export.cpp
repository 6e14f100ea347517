#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "azlin/core/cancel.hpp"
#include "azlin/core/parallel.hpp"
#include "platform/blob_index.hpp"
#include "platform/encoding.hpp"
#include "platform/transfer_state.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

// A blob of the page in hand that is not whole on disk yet.
struct Wanted {
  IndexedBlob blob;
  std::string part;  // file it is written to
  std::atomic<std::size_t> left{0};
  std::atomic<bool> broken{false};
};
struct RangeWork {
  Wanted* wanted;
  std::uint64_t offset, length;
};

class Export {
 public:
  Export(BlobClient& client, const TransferOptions& options, const TransferWatch& watch, std::stop_token stop)
      : client_(client),
        options_(options),
        stop_(stop),
        index_(options.folder, options.account, true),
        state_(watch) {}

  TransferResult run() {
    index_.begin_export();
    auto containers = options_.containers.empty() ? client_.containers(stop_) : options_.containers;
    for (const auto& container : containers) {
      const auto failed_before = state_.result().failed;
      // A container that is not there leaves no trace in the folder.
      auto page = client_.list(container, options_.prefix, "", stop_);
      index_.begin_run(container, options_.prefix);
      fetch_page(container, page.blobs);
      while (!page.next_marker.empty()) {
        core::throw_if_stopped(stop_, "exporting; run it again and it goes on");
        page = client_.list(container, options_.prefix, page.next_marker, stop_);
        fetch_page(container, page.blobs);
      }
      state_.result().gone +=
          index_.end_run(container, options_.prefix, state_.result().failed - failed_before);
    }
    index_.end_export();
    state_.result().containers = std::move(containers);
    return std::move(state_.result());
  }

 private:
  void fetch_page(const std::string& container, const std::vector<BlobInfo>& blobs) {
    std::vector<std::unique_ptr<Wanted>> wanted;
    std::vector<RangeWork> work;
    for (const auto& info : blobs) {
      state_.known(1, info.size);
      if (is_current(container, info)) continue;
      if (info.tier == "Archive") {
        state_.fail(container, info.name, "it is in the archive tier: rehydrate it first");
        keep(container, info.name);
      } else {
        add(container, info, wanted, work);
      }
    }
    const auto outcomes = core::run_parallel(work.size(), options_.parallel, stop_,
                                             [&](std::size_t i) { fetch_range(work[i]); });
    core::throw_if_stopped(stop_, "exporting; run it again and it goes on");
    rethrow_fatal(outcomes);
  }

  void keep(const std::string& container, const std::string& name) {
    const std::lock_guard lock(mutex_);
    index_.seen(container, name);
  }

  bool is_current(const std::string& container, const BlobInfo& info) {
    const std::lock_guard lock(mutex_);
    const auto known = index_.find(container, info.name);
    std::error_code error;
    if (!known || known->info.etag != info.etag ||
        std::filesystem::file_size(index_.path(*known), error) != info.size || error)
      return false;
    index_.seen(container, info.name);
    state_.unchanged(info.size);
    return true;
  }

  void add(const std::string& container, const BlobInfo& info, std::vector<std::unique_ptr<Wanted>>& wanted,
           std::vector<RangeWork>& work) {
    auto one = std::make_unique<Wanted>();
    std::set<std::uint64_t> there;
    {
      const std::lock_guard lock(mutex_);
      one->blob = index_.begin(container, info);
      there = index_.ranges(one->blob);
    }
    const std::string path = index_.path(one->blob);
    one->part = path + kPartSuffix;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    {
      PlacedFile file(one->part, PlacedFile::Mode::write);
      if (file.size() != info.size) there.clear();  // not the file that the ranges were written to
      file.set_size(info.size);
    }
    for (std::uint64_t offset = 0; offset < info.size; offset += kRangeBytes) {
      const auto length = std::min(kRangeBytes, info.size - offset);
      if (there.contains(offset)) {
        state_.done(0, length);
      } else {
        work.push_back({one.get(), offset, length});
        ++one->left;
      }
    }
    if (one->left == 0) {
      one->left = 1;
      work.push_back({one.get(), 0, 0});  // nothing to fetch: only to be finished
    }
    wanted.push_back(std::move(one));
  }

  void fetch_range(const RangeWork& work) {
    auto& wanted = *work.wanted;
    try {
      if (!wanted.broken && work.length > 0) {
        const auto bytes =
            client_.read(wanted.blob.container, wanted.blob.info, work.offset, work.length, stop_);
        PlacedFile(wanted.part, PlacedFile::Mode::write).write(work.offset, bytes);
        if (wanted.blob.info.size > kRangeBytes) {
          const std::lock_guard lock(mutex_);
          index_.range_done(wanted.blob, work.offset);
        }
        state_.done(0, work.length);
      }
      if (--wanted.left == 0 && !wanted.broken) finish(wanted);
    } catch (const arm::ArmError& error) {
      break_off(wanted, error.code() == "ConditionNotMet" || error.status() == 404
                            ? "it was changed while it was read; run it again"
                            : error.what());
    } catch (const http::NetworkError& error) {
      break_off(wanted, error.what());
    } catch (const DamagedRange& error) {
      break_off(wanted, error.what());
    }
  }

  void break_off(Wanted& wanted, const std::string& why) {
    --wanted.left;
    if (!wanted.broken.exchange(true)) state_.fail(wanted.blob.container, wanted.blob.info.name, why);
  }

  // All ranges are there: compare, then give the file its name.
  void finish(Wanted& wanted) {
    const auto& info = wanted.blob.info;
    const auto sums = sums_of(wanted.part, stop_);
    if (sums.size != info.size || (!info.md5.empty() && sums.md5 != info.md5)) {
      ::unlink(wanted.part.c_str());
      wanted.broken = true;
      state_.fail(wanted.blob.container, info.name, "its MD5 is not that of the service; run it again");
      return;
    }
    wanted.blob.sha256 = sums.sha256;
    wanted.blob.file_md5 = sums.md5;
    const auto path = index_.path(wanted.blob);
    if (std::rename(wanted.part.c_str(), path.c_str()) != 0)
      throw Error(ErrorKind::failed, fmt::format("cannot name {}", path));
    {
      const std::lock_guard lock(mutex_);
      index_.whole(wanted.blob);
    }
    state_.moved(info.size, info.md5.empty());
  }

  BlobClient& client_;
  const TransferOptions& options_;
  std::stop_token stop_;
  std::mutex mutex_;  // of the index
  BlobIndex index_;
  TransferState state_;
};

}  // namespace

void rethrow_fatal(const std::vector<std::exception_ptr>& outcomes) {
  for (const auto& outcome : outcomes)
    if (outcome) std::rethrow_exception(outcome);
}

std::vector<std::string> chosen_containers(BlobIndex& index, const TransferOptions& options) {
  const auto all = index.containers();
  for (const auto& container : options.containers)
    if (std::find(all.begin(), all.end(), container) == all.end())
      throw Error(ErrorKind::not_found, fmt::format("{} holds no container '{}'", options.folder, container));
  return options.containers.empty() ? all : options.containers;
}

TransferResult export_blobs(BlobClient& client, const TransferOptions& options, const TransferWatch& watch,
                            std::stop_token stop) {
  return Export(client, options, watch, std::move(stop)).run();
}

TransferResult verify_export(const TransferOptions& options, const TransferWatch& watch,
                             std::stop_token stop) {
  BlobIndex index(options.folder, options.account, false);
  TransferState state(watch);
  const auto containers = chosen_containers(index, options);
  state.fail_all(index.unfinished("", ""));
  for (const auto& container : containers) {
    state.fail_all(index.unfinished(container, options.prefix));
    std::string after;
    while (true) {
      const auto page = index.page(container, options.prefix, after, 500);
      if (page.empty()) break;
      after = page.back().info.name;
      for (const auto& blob : page) state.known(1, blob.info.size);
      const auto outcomes = core::run_parallel(page.size(), options.parallel, stop, [&](std::size_t i) {
        const auto& blob = page[i];
        try {
          const auto sums = sums_of(index.path(blob), stop);
          state.done(0, blob.info.size);
          if (sums.sha256 == blob.sha256) {
            state.moved(blob.info.size, false);
          } else {
            state.fail(container, blob.info.name, "its file was changed");
          }
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::interrupted) throw;
          state.fail(container, blob.info.name, error.what());
        }
      });
      rethrow_fatal(outcomes);
    }
  }
  state.result().containers = containers;
  return std::move(state.result());
}

}  // namespace azlin::platform
