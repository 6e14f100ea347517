#pragma once
// The hashes of a disk's blocks: kept, compared, and summed up in one Merkle root. Format: docs/manifest.md.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace azlin::verification {

using Digest = std::array<std::uint8_t, 32>;  // SHA-256

struct BlockHash {
  std::uint64_t offset = 0;  // bytes; a multiple of the block size
  Digest hash{};
  bool operator==(const BlockHash&) const = default;
};

// Blocks of zeros are left out, whether the service called them allocated or not: equal contents make equal
// manifests.
struct Manifest {
  std::uint64_t disk_size = 0;    // bytes
  std::uint32_t block_size = 0;   // bytes; the last block of a disk may be shorter
  std::vector<BlockHash> blocks;  // ascending by offset
  bool operator==(const Manifest&) const = default;
};

// Over sizes, offsets and hashes. Two disks have equal roots when, and only when, their bytes are equal.
Digest merkle_root(const Manifest& manifest);
std::string to_hex(const Digest& digest);  // 64 digits

// The stored form: a string of bytes for a file or a BLOB. decode checks the root inside and throws
// core::Error (failed) when the bytes are no manifest or are damaged.
std::string encode(const Manifest& manifest);
Manifest decode(const std::string& bytes);

struct Comparison {
  bool size_differs = false;             // of the disks
  std::vector<std::uint64_t> differing;  // offsets of blocks that are not equal, ascending
  bool equal() const { return !size_differs && differing.empty(); }
};

// Throws core::Error (usage) when the block sizes differ: such manifests cannot be compared block by block.
Comparison compare(const Manifest& expected, const Manifest& found);

}  // namespace azlin::verification
