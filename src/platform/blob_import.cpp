#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "azlin/core/cancel.hpp"
#include "azlin/core/parallel.hpp"
#include "platform/blob_index.hpp"
#include "platform/encoding.hpp"
#include "platform/transfer_state.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::uint64_t kSmall = kRangeBytes;  // sent in one request
constexpr std::uint64_t kMostBlocks = 50'000;  // of one blob

// A blob that is sent in blocks.
struct Sending {
  IndexedBlob blob;
  std::vector<std::string> ids;
  std::map<std::string, std::uint64_t> there;  // of an earlier try
  std::atomic<std::size_t> left{0};
  std::atomic<bool> broken{false};
};
struct BlockWork {
  Sending* sending;
  std::size_t block;
};

std::uint64_t block_bytes(std::uint64_t size) {
  std::uint64_t bytes = kRangeBytes;
  while (size / bytes >= kMostBlocks) bytes *= 2;
  return bytes;
}

// All ids of a blob have one length. The content is in the id, so a block that is there is the right one.
std::string block_id(std::size_t number, const std::string& content) {
  return base64_encode(fmt::format("{:06}-{}", number, hex(md5(content))));
}

class Import {
 public:
  Import(BlobClient& client, const TransferOptions& options, const TransferWatch& watch, std::stop_token stop)
      : client_(client),
        options_(options),
        stop_(stop),
        index_(options.folder, options.account, false),
        state_(watch) {}

  TransferResult run() {
    const auto containers = options_.containers.empty() ? index_.containers() : options_.containers;
    if (!options_.into.empty() && containers.size() != 1)
      throw Error(ErrorKind::usage, "another container can be named for one container only");
    for (const auto& container : containers) {
      target_ = options_.into.empty() ? container : options_.into;
      client_.ensure_container(target_, stop_);
      std::string after;
      while (true) {
        core::throw_if_stopped(stop_, "importing; run it again and it goes on");
        const auto page = index_.page(container, options_.prefix, after, 500);
        if (page.empty()) break;
        after = page.back().info.name;
        send_page(page);
      }
    }
    state_.result().containers = containers;
    return std::move(state_.result());
  }

 private:
  void send_page(const std::vector<IndexedBlob>& page) {
    for (const auto& blob : page) state_.known(1, blob.info.size);
    std::vector<std::unique_ptr<Sending>> large(page.size());
    rethrow_fatal(core::run_parallel(page.size(), options_.parallel, stop_, [&](std::size_t i) {
      guarded(page[i], [&] { begin(page[i], large[i]); });
    }));
    std::vector<BlockWork> work;
    for (const auto& sending : large)
      if (sending)
        for (std::size_t block = 0; block < sending->ids.size(); ++block)
          work.push_back({sending.get(), block});
    rethrow_fatal(core::run_parallel(work.size(), options_.parallel, stop_,
                                     [&](std::size_t i) { send_block(work[i]); }));
  }

  template <class Work>
  bool guarded(const IndexedBlob& blob, Work work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      state_.fail(blob.container, blob.info.name, error.what());
      return false;
    }
  }

  void begin(const IndexedBlob& blob, std::unique_ptr<Sending>& large) {
    if (blob.info.type != "BlockBlob")
      throw Error(ErrorKind::failed,
                  fmt::format("it was a {}; only block blobs are imported", blob.info.type));
    const auto sums = sums_of(index_.path(blob), stop_);
    if (sums.sha256 != blob.sha256) throw Error(ErrorKind::failed, "its file was changed since the export");
    const auto present = client_.find(target_, blob.info.name, stop_);
    if (present && present->size == blob.info.size && present->md5 == sums.md5) {
      state_.unchanged(blob.info.size);
      return;
    }
    if (present && !options_.overwrite)
      throw Error(ErrorKind::failed,
                  "the account has another blob of that name; say --overwrite to replace it");
    auto ready = blob;
    ready.info.md5 = sums.md5;
    if (blob.info.size <= kSmall) {
      const auto content = PlacedFile(index_.path(blob), PlacedFile::Mode::read).read(0, blob.info.size);
      client_.put(target_, ready.info, content, options_.overwrite, stop_);
      state_.done(0, blob.info.size);
      prove(ready);
      return;
    }
    large = std::make_unique<Sending>();
    large->there = client_.uncommitted(target_, blob.info.name, stop_);
    const auto bytes = block_bytes(blob.info.size);
    large->ids.resize((blob.info.size + bytes - 1) / bytes);
    large->left = large->ids.size();
    large->blob = std::move(ready);
  }

  void send_block(const BlockWork& work) {
    auto& sending = *work.sending;
    const auto& blob = sending.blob;
    const bool good = guarded(blob, [&] {
      if (sending.broken) return;
      const auto bytes = block_bytes(blob.info.size);
      const auto offset = work.block * bytes;
      const auto content = PlacedFile(index_.path(blob), PlacedFile::Mode::read)
                               .read(offset, std::min(bytes, blob.info.size - offset));
      const auto id = block_id(work.block, content);
      const auto there = sending.there.find(id);
      if (there == sending.there.end() || there->second != content.size())
        client_.put_block(target_, blob.info.name, id, content, stop_);
      sending.ids[work.block] = id;
      state_.done(0, content.size());
    });
    if (!good) sending.broken = true;
    if (--sending.left > 0 || sending.broken) return;
    guarded(blob, [&] {
      client_.commit(target_, blob.info, sending.ids, options_.overwrite, stop_);
      prove(blob);
    });
  }

  // What the service holds now is what the file is. Each request carried the MD5 of its bytes, too.
  void prove(const IndexedBlob& blob) {
    const auto now = client_.find(target_, blob.info.name, stop_);
    if (!now || now->size != blob.info.size || now->md5 != blob.info.md5)
      throw Error(ErrorKind::failed, "what the account holds now is not what was sent; run it again");
    state_.moved(blob.info.size, false);
  }

  BlobClient& client_;
  const TransferOptions& options_;
  std::stop_token stop_;
  BlobIndex index_;
  TransferState state_;
  std::string target_;
};

}  // namespace

TransferResult import_blobs(BlobClient& client, const TransferOptions& options, const TransferWatch& watch,
                            std::stop_token stop) {
  return Import(client, options, watch, std::move(stop)).run();
}

}  // namespace azlin::platform
