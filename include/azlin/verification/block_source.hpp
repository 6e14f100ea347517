#pragma once
// The bytes that verification reads: a disk image behind a SAS, or a file's.
#include <cstdint>
#include <functional>
#include <span>

namespace azlin::verification {

// A range of bytes on a disk.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // bytes
  std::uint64_t end() const { return offset + length; }
  bool operator==(const Range&) const = default;
};

// Random access to `size` bytes.
struct BlockSource {
  std::uint64_t size = 0;

  // Fills all of `out` with the bytes that start at `offset`. Callers stay within `size`. Throws when the
  // bytes cannot be had: that is an error of reading, never a finding about the disk. block_hash calls it
  // from several threads at once; inspect_disk from one.
  std::function<void(std::uint64_t offset, std::span<std::uint8_t> out)> read;
};

}  // namespace azlin::verification
