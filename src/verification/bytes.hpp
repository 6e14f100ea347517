#pragma once
// Numbers and text out of raw bytes. Callers ask only for what lies within: out of range is a bug and throws.
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace azlin::verification {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

// `length` bytes of `data` from `at`. Throws std::out_of_range beyond its end.
inline View part(View data, std::size_t at, std::size_t length) {
  if (at > data.size() || length > data.size() - at) throw std::out_of_range("bytes beyond the buffer");
  return data.subspan(at, length);
}

template <class T>
T little(View data, std::size_t at) {
  const View field = part(data, at, sizeof(T));
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) value = value << 8 | field[i];
  return static_cast<T>(value);
}

template <class T>
T big(View data, std::size_t at) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : part(data, at, sizeof(T))) value = value << 8 | byte;
  return static_cast<T>(value);
}

inline std::uint8_t u8(View data, std::size_t at) {
  return part(data, at, 1)[0];
}
inline std::uint16_t le16(View data, std::size_t at) {
  return little<std::uint16_t>(data, at);
}
inline std::uint32_t le32(View data, std::size_t at) {
  return little<std::uint32_t>(data, at);
}
inline std::uint64_t le64(View data, std::size_t at) {
  return little<std::uint64_t>(data, at);
}
inline std::uint16_t be16(View data, std::size_t at) {
  return big<std::uint16_t>(data, at);
}
inline std::uint32_t be32(View data, std::size_t at) {
  return big<std::uint32_t>(data, at);
}
inline std::uint64_t be64(View data, std::size_t at) {
  return big<std::uint64_t>(data, at);
}

// Does `text` stand at `at`? False beyond the end.
inline bool has(View data, std::size_t at, std::string_view text) {
  if (at > data.size() || text.size() > data.size() - at) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (data[at + i] != static_cast<std::uint8_t>(text[i])) return false;
  }
  return true;
}

bool all_zero(View data);
std::string hex(View data);

inline bool power_of_two(std::uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

}  // namespace azlin::verification
