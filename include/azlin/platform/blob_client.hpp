#pragma once
// A blob account's data plane (REST 2021-12-02): lists, ranges, blocks.
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/platform/data_plane.hpp"

namespace azlin::platform {

struct BlobInfo {
  std::string name, etag;  // the etag with its quotes
  std::uint64_t size = 0;
  std::string md5;                 // base64; "" when the service has none
  std::string type = "BlockBlob";  // or PageBlob, AppendBlob
  std::string tier;                // "" when it is only the account's default
  std::string content_type, content_encoding, content_language, content_disposition, cache_control;
  core::TimePoint modified{};
  std::map<std::string, std::string> metadata;
};

struct BlobPage {
  std::vector<BlobInfo> blobs;
  std::string next_marker;  // "": the last page
};

// The XML of List Blobs. Throws core::Error (failed) when it is none.
BlobPage parse_blob_list(std::string_view xml);
// Of List Containers: names and the next marker.
std::pair<std::vector<std::string>, std::string> parse_container_list(std::string_view xml);

inline constexpr std::uint64_t kRangeBytes = 4U << 20;  // the service proves the MD5 of a range up to this

// A range came damaged or cut off, also when it was asked for again.
class DamagedRange : public core::Error {
 public:
  explicit DamagedRange(const std::string& message) : core::Error(core::ErrorKind::failed, message) {}
};

// Metadata of a page or append blob that is not whole yet: whose content it will be. Removed at the end.
inline constexpr const char* kImportMark = "azlin_import";

// Thread-safe. Borrows the data plane. Throws arm::ArmError with the service's code.
class BlobClient {
 public:
  explicit BlobClient(DataPlane& data) : data_(data) {}

  std::vector<std::string> containers(std::stop_token stop = {});
  BlobPage list(const std::string& container, const std::string& prefix, const std::string& marker,
                std::stop_token stop = {});
  // `length` bytes from `offset` of the blob as it was when it had this etag (412 ConditionNotMet: it was
  // changed). Compared with the MD5 that the service sends along; what came damaged is asked for again.
  // Throws DamagedRange when that does not help.
  std::string read(const std::string& container, const BlobInfo& blob, std::uint64_t offset,
                   std::uint64_t length, std::stop_token stop = {});

  std::optional<BlobInfo> find(const std::string& container, const std::string& name,
                               std::stop_token stop = {});
  // Makes the container; one that is there stays as it is.
  void ensure_container(const std::string& container, std::stop_token stop = {});
  // One request. `md5`: of the content, base64. Without `overwrite`, 409 BlobAlreadyExists.
  void put(const std::string& container, const BlobInfo& blob, std::string content, bool overwrite,
           std::stop_token stop = {});
  void put_block(const std::string& container, const std::string& name, const std::string& id,
                 std::string content, std::stop_token stop = {});
  // Ids and sizes of blocks that were sent and are not yet part of the blob.
  std::map<std::string, std::uint64_t> uncommitted(const std::string& container, const std::string& name,
                                                   std::stop_token stop = {});
  void commit(const std::string& container, const BlobInfo& blob, const std::vector<std::string>& ids,
              bool overwrite, std::stop_token stop = {});

  // A page or append blob, empty, with its properties and kImportMark as `mark`.
  void create(const std::string& container, const BlobInfo& blob, const std::string& mark, bool overwrite,
              std::stop_token stop = {});
  // Whole pages of 512 bytes, at most 4 MiB.
  void put_pages(const std::string& container, const std::string& name, std::uint64_t offset,
                 std::string content, std::stop_token stop = {});
  // At the end of an append blob, which must be `offset` bytes long (412 AppendPositionConditionNotMet).
  void append(const std::string& container, const std::string& name, std::uint64_t offset,
              std::string content, std::stop_token stop = {});
  // The content's MD5 and the metadata without kImportMark: the blob is whole.
  void finish(const std::string& container, const BlobInfo& blob, std::stop_token stop = {});

  DataPlane& data() { return data_; }

 private:
  std::string read_once(const std::string& container, const BlobInfo& blob, std::uint64_t offset,
                        std::uint64_t length, std::stop_token stop);
  http::Response send(DataCall call, std::stop_token stop);
  DataPlane& data_;
};

}  // namespace azlin::platform
