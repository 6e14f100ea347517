#include "verification/checksum.hpp"

#include <openssl/evp.h>

#include <cstring>

#include "azlin/core/error.hpp"

namespace azlin::verification {
namespace {

// Eight tables: table k advances a byte that stands k places before the end of an eight-byte group.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables(std::uint32_t polynomial) {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ polynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables kCastagnoli = make_tables(0x82f63b78);
constexpr Tables kIeee = make_tables(0xedb88320);

std::uint32_t advance(const Tables& t, std::uint32_t crc, View data) {
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    const std::uint64_t group = little<std::uint64_t>(data, i) ^ crc;
    crc = 0;
    for (unsigned k = 0; k < 8; ++k) crc ^= t[7 - k][group >> (8 * k) & 0xff];
  }
  for (; i < data.size(); ++i) crc = crc >> 8 ^ t[0][(crc ^ data[i]) & 0xff];
  return crc;
}

}  // namespace

std::uint32_t crc32c_raw(std::uint32_t state, View data) {
  return advance(kCastagnoli, state, data);
}

std::uint32_t crc32_raw(std::uint32_t state, View data) {
  return advance(kIeee, state, data);
}

std::uint16_t crc16_raw(std::uint16_t state, View data) {
  std::uint32_t crc = state;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001u : crc >> 1;
  }
  return static_cast<std::uint16_t>(crc);
}

Sha256 sha256(View data) {
  Sha256 digest{};
  unsigned length = 0;
  if (EVP_Digest(data.data(), data.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw core::Error(core::ErrorKind::failed, "OpenSSL could not compute SHA-256");
  }
  return digest;
}

bool all_zero(View data) {
  if (data.empty()) return true;
  return data[0] == 0 && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

std::string hex(View data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : data) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace azlin::verification
