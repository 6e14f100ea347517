#pragma once
// Containers to a folder and back: in parallel and by ranges, checked, resumable, in constant memory.
//
// The folder: one folder a container with the blobs as files under their names (names that no file can have
// go to `.azlin/named/` under their hash), and `.azlin/index.db` (SQLite): every blob with its etag,
// checksums, properties and metadata, and which ranges are on disk. A second run fetches only blobs whose
// etag has changed; a blob that is gone from the account stays in the folder and is marked.
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/platform/blob_client.hpp"

namespace azlin::platform {

struct TransferProgress {
  std::uint64_t blobs_done = 0, blobs_known = 0, bytes_done = 0, bytes_known = 0;
};
using TransferWatch = std::function<void(const TransferProgress&)>;

struct TransferOptions {
  std::string folder;
  std::string account;                  // whose data it is; a folder belongs to one account
  std::vector<std::string> containers;  // empty: all
  std::string prefix;                   // of blob names
  int parallel = 8;                     // requests at once, each of at most 4 MiB
  bool overwrite = false;               // import: replace blobs that differ
  std::string into;                     // import: a container with another name (one container only)
};

struct TransferFailure {
  std::string container, blob, error;
};

struct TransferResult {
  std::uint64_t blobs = 0, bytes = 0;  // moved by this run
  std::uint64_t unchanged = 0, gone = 0;
  std::uint64_t unproven = 0;             // exported without an MD5 of the service to compare with
  std::vector<TransferFailure> failures;  // at most 1,000 are kept
  std::uint64_t failed = 0;
  std::vector<std::string> containers;
};

// Throws core::Error: busy (another azlin works on the folder), usage (the folder holds another account's
// data), failed (disk full), interrupted. Failures of single blobs are in the result.
TransferResult export_blobs(BlobClient& client, const TransferOptions& options,
                            const TransferWatch& watch = {}, std::stop_token stop = {});
// From such a folder; every file is compared with its checksum before it is sent, every blob afterwards.
TransferResult import_blobs(BlobClient& client, const TransferOptions& options,
                            const TransferWatch& watch = {}, std::stop_token stop = {});
// Reads every file of the folder and compares it with the index. Failures: missing and changed files.
TransferResult verify_export(const TransferOptions& options, const TransferWatch& watch = {},
                             std::stop_token stop = {});

}  // namespace azlin::platform
