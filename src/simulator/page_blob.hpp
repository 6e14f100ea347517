#pragma once
// The formats of the disks' data plane: the footer that makes a disk a fixed VHD, byte ranges, page lists,
// and the storage service's error bodies. Pure functions.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/content_store.hpp"

namespace azlin::simulator {

inline constexpr std::uint64_t kVhdFooter = 512;
inline constexpr std::uint64_t kMaxPagePut = 4ull << 20;  // bytes in one Put Page

// The last 512 bytes of the blob of a disk of `size` bytes ("Virtual Hard Disk Image Format Specification",
// hard disk footer): big-endian, cookie "conectix", disk type 2 (fixed), checksum the one's complement of the
// sum of its bytes.
std::string vhd_footer(std::uint64_t size, std::int64_t created_unix, const std::string& unique_id);

// "bytes=a-b" and "bytes=a-" with a < size; b is cut to the last byte. nullopt for anything else, "bytes=-n"
// included: the blob service does not take suffix ranges.
std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size);

// Get Page Ranges: <PageList>, End inclusive, cleared runs as <ClearRange>, in order; NextMarker when given.
std::string page_list_xml(const std::vector<ChangedRange>& ranges,
                          const std::optional<std::string>& next_marker);

// The storage service's error body, with its byte order mark.
std::string storage_error_xml(std::string_view code, std::string_view message);

}  // namespace azlin::simulator
