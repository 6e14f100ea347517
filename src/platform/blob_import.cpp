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

// A blob that is sent in pieces: blocks of a block blob, pages of a page blob.
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

std::uint64_t piece_bytes(const BlobInfo& blob) {
  std::uint64_t bytes = kRangeBytes;
  while (blob.type == "BlockBlob" && blob.size / bytes >= kMostBlocks) bytes *= 2;
  return bytes;
}

std::string piece_of(const std::string& path, std::uint64_t offset, std::uint64_t bytes, std::uint64_t size) {
  return PlacedFile(path, PlacedFile::Mode::read).read(offset, std::min(bytes, size - offset));
}

bool all_zero(const std::string& content) {
  return content.find_first_not_of('\0') == std::string::npos;
}

// "It is there already": the reply to a first try of ours was lost, or somebody else made it just now.
bool made_meanwhile(const arm::ArmError& error) {
  return error.code() == "BlobAlreadyExists" || error.code() == "ConditionNotMet";
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
    const auto containers = chosen_containers(index_, options_);
    if (!options_.into.empty() && containers.size() != 1)
      throw Error(ErrorKind::usage, "another container can be named for one container only");
    state_.fail_all(index_.unfinished("", ""));
    for (const auto& container : containers) {
      target_ = options_.into.empty() ? container : options_.into;
      client_.ensure_container(target_, stop_);
      state_.fail_all(index_.unfinished(container, options_.prefix));
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
  void guarded(const IndexedBlob& blob, Work work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      state_.fail(blob.container, blob.info.name, error.what());
    }
  }

  void begin(const IndexedBlob& blob, std::unique_ptr<Sending>& large) {
    const auto sums = sums_of(index_.path(blob), stop_);
    if (sums.sha256 != blob.sha256) throw Error(ErrorKind::failed, "its file was changed since the export");
    auto ready = blob;
    ready.info.md5 = sums.md5;
    const auto present = client_.find(target_, blob.info.name, stop_);
    const bool ours = present && is_own_part(*present, ready);
    if (present && !ours && present->size == blob.info.size && present->md5 == sums.md5) {
      state_.unchanged(blob.info.size);
      return;
    }
    if (present && !ours && !options_.overwrite)
      throw Error(ErrorKind::failed,
                  "the account has another blob of that name; say --overwrite to replace it");
    if (blob.info.type == "AppendBlob") {
      send_append(ready, ours ? present->size : 0, ours);
    } else if (blob.info.type == "PageBlob") {
      if (!ours) client_.create(target_, ready.info, blob.sha256, options_.overwrite, stop_);
      large = pieces_of(std::move(ready));
    } else if (blob.info.size <= kSmall) {
      send_whole(ready);
    } else {
      large = pieces_of(std::move(ready));
      large->there = client_.uncommitted(target_, blob.info.name, stop_);
    }
  }

  // Page and append blobs are there before they are whole; an import that broke off left its mark.
  static bool is_own_part(const BlobInfo& present, const IndexedBlob& blob) {
    const auto mark = present.metadata.find(kImportMark);
    return mark != present.metadata.end() && mark->second == blob.sha256 && present.type == blob.info.type &&
           (blob.info.type == "AppendBlob" ? present.size <= blob.info.size : present.size == blob.info.size);
  }

  void send_whole(const IndexedBlob& blob) {
    try {
      client_.put(target_, blob.info, piece_of(index_.path(blob), 0, kSmall, blob.info.size),
                  options_.overwrite, stop_);
    } catch (const arm::ArmError& error) {
      if (!made_meanwhile(error)) throw;
    }
    state_.done(0, blob.info.size);
    prove(blob);
  }

  std::unique_ptr<Sending> pieces_of(IndexedBlob blob) {
    auto out = std::make_unique<Sending>();
    const auto bytes = piece_bytes(blob.info);
    out->ids.resize(std::max<std::size_t>((blob.info.size + bytes - 1) / bytes, 1));
    out->left = out->ids.size();
    out->blob = std::move(blob);
    return out;
  }

  // In order; each block says at which length of the blob it belongs.
  void send_append(const IndexedBlob& blob, std::uint64_t from, bool is_there) {
    if (!is_there) client_.create(target_, blob.info, blob.sha256, options_.overwrite, stop_);
    state_.done(0, from);
    for (auto offset = from; offset < blob.info.size;) {
      core::throw_if_stopped(stop_, "importing; run it again and it goes on");
      auto content = piece_of(index_.path(blob), offset, kRangeBytes, blob.info.size);
      const auto size = content.size();
      try {
        client_.append(target_, blob.info.name, offset, std::move(content), stop_);
      } catch (const arm::ArmError& error) {
        const auto now = error.code() == "AppendPositionConditionNotMet"
                             ? client_.find(target_, blob.info.name, stop_)
                             : std::nullopt;
        if (!now || now->size != offset + size) throw;  // else: a first try whose reply was lost
      }
      offset += size;
      state_.done(0, size);
    }
    client_.finish(target_, blob.info, stop_);
    prove(blob);
  }

  void send_piece(Sending& sending, std::size_t piece) {
    const auto& blob = sending.blob;
    const auto bytes = piece_bytes(blob.info);
    const auto offset = piece * bytes;
    auto content = piece_of(index_.path(blob), offset, bytes, blob.info.size);
    const auto size = content.size();
    if (blob.info.type == "PageBlob") {
      if (!all_zero(content)) client_.put_pages(target_, blob.info.name, offset, std::move(content), stop_);
    } else {
      const auto id = block_id(piece, content);
      const auto there = sending.there.find(id);
      if (there == sending.there.end() || there->second != size)
        client_.put_block(target_, blob.info.name, id, std::move(content), stop_);
      sending.ids[piece] = id;
    }
    state_.done(0, size);
  }

  void send_block(const BlockWork& work) {
    auto& sending = *work.sending;
    try {
      if (!sending.broken) send_piece(sending, work.block);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      // Pieces that were under way together fail together: it is one blob.
      if (!sending.broken.exchange(true))
        state_.fail(sending.blob.container, sending.blob.info.name, error.what());
    }
    if (--sending.left > 0 || sending.broken) return;
    guarded(sending.blob, [&] { complete(sending); });
  }

  void complete(const Sending& sending) {
    const auto& blob = sending.blob;
    try {
      if (blob.info.type == "PageBlob") {
        client_.finish(target_, blob.info, stop_);
      } else {
        client_.commit(target_, blob.info, sending.ids, options_.overwrite, stop_);
      }
    } catch (const arm::ArmError& error) {
      if (!made_meanwhile(error)) throw;
    }
    prove(blob);
  }

  // What the service holds now is what the file is. Each request carried the MD5 of its bytes, too.
  void prove(const IndexedBlob& blob) {
    const auto now = client_.find(target_, blob.info.name, stop_);
    if (!now || now->size != blob.info.size || now->md5 != blob.info.md5 ||
        now->metadata.contains(kImportMark))
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
