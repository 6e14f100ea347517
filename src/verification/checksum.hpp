#pragma once
// The checksums of partition tables and file systems. `state` values are raw: no inversion is done unless
// said.
#include <array>

#include "verification/bytes.hpp"

namespace azlin::verification {

// Castagnoli, reflected polynomial 0x82f63b78. Hardware where the compiler has it is not needed: little is
// summed.
std::uint32_t crc32c_raw(std::uint32_t state, View data);
inline std::uint32_t crc32c(View data) {
  return ~crc32c_raw(~0u, data);
}

// IEEE, reflected polynomial 0xedb88320: GPT (inverted) and LVM (raw, from its own start value).
std::uint32_t crc32_raw(std::uint32_t state, View data);
inline std::uint32_t crc32(View data) {
  return ~crc32_raw(~0u, data);
}

// Reflected polynomial 0xa001: ext4 group descriptors without metadata_csum.
std::uint16_t crc16_raw(std::uint16_t state, View data);

using Sha256 = std::array<std::uint8_t, 32>;

// Throws core::Error (failed) when OpenSSL does.
Sha256 sha256(View data);

}  // namespace azlin::verification
