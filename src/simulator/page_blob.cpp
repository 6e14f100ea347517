#include "simulator/page_blob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace azlin::simulator {
namespace {

constexpr std::int64_t kVhdEpoch = 946'684'800;  // 2000-01-01T00:00:00Z

template <typename T>
void put_big_endian(std::string& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[at + i] = static_cast<char>((value >> (8 * (sizeof(T) - 1 - i))) & 0xFF);
  }
}

// Cylinders, heads, sectors as the specification's appendix computes them.
std::uint32_t vhd_geometry(std::uint64_t size) {
  const auto sectors = std::min<std::uint64_t>(size / kSector, 65535ull * 16 * 255);
  std::uint64_t per_track = 255, heads = 16, cylinders_times_heads = sectors / per_track;
  if (sectors < 65535ull * 16 * 63) {
    per_track = 17;
    cylinders_times_heads = sectors / per_track;
    heads = std::max<std::uint64_t>((cylinders_times_heads + 1023) / 1024, 4);
    if (cylinders_times_heads >= heads * 1024 || heads > 16) {
      per_track = 31;
      heads = 16;
      cylinders_times_heads = sectors / per_track;
    }
    if (cylinders_times_heads >= heads * 1024) {
      per_track = 63;
      cylinders_times_heads = sectors / per_track;
    }
  }
  return static_cast<std::uint32_t>((cylinders_times_heads / heads) << 16 | heads << 8 | per_track);
}

// The 16 bytes of a GUID in text; what is missing stays zero.
std::string guid_bytes(const std::string& text) {
  std::string bytes(16, '\0');
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += c;
  }
  for (std::size_t i = 0; i < 16 && 2 * i + 2 <= digits.size(); ++i) {
    unsigned value = 0;
    std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, value, 16);
    bytes[i] = static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

std::string vhd_footer(std::uint64_t size, std::int64_t created_unix, const std::string& unique_id) {
  std::string footer(kVhdFooter, '\0');
  footer.replace(0, 8, "conectix");
  put_big_endian<std::uint32_t>(footer, 8, 2);
  put_big_endian<std::uint32_t>(footer, 12, 0x00010000);
  put_big_endian<std::uint64_t>(footer, 16, ~0ull);
  put_big_endian(footer, 24, static_cast<std::uint32_t>(std::max<std::int64_t>(created_unix - kVhdEpoch, 0)));
  footer.replace(28, 4, "azln");
  put_big_endian<std::uint32_t>(footer, 32, 0x00010000);
  footer.replace(36, 4, "Wi2k");  // readers accept this host or "Mac "
  put_big_endian(footer, 40, size);
  put_big_endian(footer, 48, size);
  put_big_endian(footer, 56, vhd_geometry(size));
  put_big_endian<std::uint32_t>(footer, 60, 2);
  footer.replace(68, 16, guid_bytes(unique_id));
  std::uint32_t sum = 0;
  for (const char byte : footer) sum += static_cast<unsigned char>(byte);
  put_big_endian(footer, 64, ~sum);
  return footer;
}

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return {};
  header.remove_prefix(kUnit.size());
  const auto* end = header.data() + header.size();
  std::uint64_t first = 0, last = 0;
  auto parsed = std::from_chars(header.data(), end, first);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '-') return {};
  if (parsed.ptr + 1 == end) {
    last = size == 0 ? 0 : size - 1;
  } else {
    parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc() || parsed.ptr != end || last < first) return {};
  }
  if (first >= size) return {};
  return ByteRange{first, std::min(last, size - 1) - first + 1};
}

std::string page_list_xml(const std::vector<ChangedRange>& ranges,
                          const std::optional<std::string>& next_marker) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><PageList>";
  for (const auto& [range, cleared] : ranges) {
    const char* tag = cleared ? "ClearRange" : "PageRange";
    fmt::format_to(std::back_inserter(xml), "<{0}><Start>{1}</Start><End>{2}</End></{0}>", tag, range.offset,
                   range.offset + range.length - 1);
  }
  if (next_marker)
    xml += next_marker->empty() ? "<NextMarker />" : "<NextMarker>" + *next_marker + "</NextMarker>";
  return xml + "</PageList>";
}

std::string storage_error_xml(std::string_view code, std::string_view message) {
  return fmt::format(
      "\xEF\xBB\xBF<?xml version=\"1.0\" "
      "encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
      code, message);
}

}  // namespace azlin::simulator
