#pragma once
// The folder of exported blobs and its index.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "azlin/platform/blob_transfer.hpp"
#include "azlin/store/database.hpp"

namespace azlin::platform {

struct IndexedBlob {
  std::string container;
  BlobInfo info;
  std::string file;    // under the folder
  std::string sha256;  // hexadecimal, once it is whole
  std::string file_md5;
  bool gone = false;
};

inline constexpr const char* kPartSuffix = ".azlin-part";  // of the file that is being written

// Not thread-safe: callers hold one lock. Takes the folder for this process.
class BlobIndex {
 public:
  // `may_create`: an export; else the folder must hold one. Throws core::Error: busy, usage, not_found.
  BlobIndex(const std::string& folder, const std::string& account, bool may_create);
  ~BlobIndex();

  // The whole copy that is in the folder.
  std::optional<IndexedBlob> find(const std::string& container, const std::string& name);
  // Begins (again) a blob of this etag. Ranges of another etag are forgotten; a whole copy of an earlier etag
  // stays until whole().
  IndexedBlob begin(const std::string& container, const BlobInfo& info);
  std::set<std::uint64_t> ranges(const IndexedBlob& blob);
  void range_done(const IndexedBlob& blob, std::uint64_t offset);
  void whole(const IndexedBlob& blob);
  void seen(const std::string& container, const std::string& name);
  // Around all of an export.
  void begin_export();
  void end_export();
  // A run over a container: what was not seen between these two is gone. Returns how many. `failed`: blobs
  // that this run could not export.
  void begin_run(const std::string& container, const std::string& prefix);
  std::uint64_t end_run(const std::string& container, const std::string& prefix, std::uint64_t failed);
  // Why the folder does not hold all of the container: blobs that are not whole, runs that broke off. "": of
  // the export as a whole.
  std::vector<TransferFailure> unfinished(const std::string& container, const std::string& prefix);

  std::vector<std::string> containers();
  std::string account() const { return account_; }
  // Whole blobs after `after`, by name; at most `limit`.
  std::vector<IndexedBlob> page(const std::string& container, const std::string& prefix,
                                const std::string& after, int limit);
  std::string path(const IndexedBlob& blob) const { return folder_ + "/" + blob.file; }

 private:
  bool collides(const std::string& container, const std::string& name);
  std::optional<IndexedBlob> find_partial(const std::string& container, const std::string& name);
  void forget_ranges(const std::string& container, const std::string& name);
  void note_run(const std::string& container, const std::string& prefix, std::int64_t failed);
  void drop_unseen_parts(const std::string& container, const std::string& prefix);
  std::string folder_, account_;
  int lock_ = -1;
  std::unique_ptr<store::Database> db_;
};

// The containers that were asked for, else all of the folder. Throws core::Error (not_found).
std::vector<std::string> chosen_containers(BlobIndex& index, const TransferOptions& options);

// The file of a blob, under the folder; names that no file can have, or that could leave the folder, go under
// their hash.
std::string file_of_blob(const std::string& container, const std::string& name);

// A file that is read or written at places; no link. Throws core::Error (failed) naming it.
class PlacedFile {
 public:
  enum class Mode { read, write };
  PlacedFile(const std::string& path, Mode mode);
  ~PlacedFile();
  PlacedFile(const PlacedFile&) = delete;
  PlacedFile& operator=(const PlacedFile&) = delete;
  void write(std::uint64_t offset, std::string_view bytes);  // on disk when it returns
  std::string read(std::uint64_t offset, std::size_t length);
  void set_size(std::uint64_t size);
  std::uint64_t size() const;

 private:
  int fd_;
  std::string path_;
};

struct FileSums {
  std::string md5, sha256;  // base64, hexadecimal
  std::uint64_t size = 0;
};
FileSums sums_of(const std::string& path, const std::stop_token& stop);

}  // namespace azlin::platform
