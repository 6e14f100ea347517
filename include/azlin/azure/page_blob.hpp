#pragma once
// The bytes behind a read SAS of a disk or snapshot. It is a page blob: the disk, then a VHD footer of 512
// bytes. Source: Get Blob, Get Page Ranges (2020-10-02).
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::azure {

struct PageRange {
  std::uint64_t offset = 0, length = 0;  // bytes
  bool cleared = false;                  // now zeros; only in a comparison with an earlier snapshot
  bool operator==(const PageRange&) const = default;
};

inline constexpr std::uint64_t kLongestPageRead = 4U << 20;  // bytes of one request

// One page of Get Page Ranges. Throws core::Error (failed) when the text is no page list.
struct PageList {
  std::vector<PageRange> ranges;
  std::string next_marker;  // empty: the last page
};
PageList parse_page_list(std::string_view xml);

// Borrows transport and clock; thread-safe. Requests are repeated as http::retry_delay says. Throws
// arm::ArmError with the storage service's code (kind unauthorized for 401 and 403), http::NetworkError, or
// core::Error (interrupted). The SAS is in no message and no log.
class PageBlob {
 public:
  // `url` gives the SAS; asked before each request, so that it may be renewed. `what` names the resource in
  // errors.
  PageBlob(http::Transport& transport, core::Clock& clock, std::string what,
           std::function<std::string()> url);

  std::uint64_t size(std::stop_token stop) const;  // of the blob, footer included
  // Fills `out` from `offset`, in requests of at most kLongestPageRead. A reply that breaks off is gone on
  // with from where it ended.
  void read(std::uint64_t offset, std::span<std::uint8_t> out, std::stop_token stop) const;
  // What the service keeps, ascending; all else is zeros. The footer is among it.
  std::vector<PageRange> allocated(std::stop_token stop) const;
  // What was written or cleared since an earlier snapshot of the same family. nullopt: the service cannot
  // tell (another family, growth past 4 TiB, …).
  std::optional<std::vector<PageRange>> changed_since(const std::string& earlier_sas,
                                                      std::stop_token stop) const;

 private:
  http::Request request(const char* method, const std::string& query, http::Headers headers) const;
  http::Response send(const http::Request& request, std::stop_token stop) const;
  std::size_t read_some(std::uint64_t offset, std::span<std::uint8_t> out, int& cuts,
                        std::stop_token stop) const;
  void expect(const http::Response& response, int status, const char* doing) const;
  std::vector<PageRange> page_list(const http::Headers& headers, std::stop_token stop) const;

  http::Transport& transport_;
  core::Clock& clock_;
  std::string what_;
  std::function<std::string()> url_;
};

}  // namespace azlin::azure
