#pragma once
// Hashes a disk block by block, with several reads at a time.
#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "azlin/verification/block_source.hpp"
#include "azlin/verification/manifest.hpp"

namespace azlin::verification {

struct HashOptions {
  std::uint32_t block_size = 4u << 20;  // bytes; the most that one read of a page blob may ask for
  int readers = 8;  // blocks read at once; memory is readers × block_size, and 40 bytes a block
  std::stop_token stop{};
  // After each block: bytes read so far, and bytes that will be read. Called under a lock, from any reader.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

// Reads what `allocated` names, one read a block (from the first to the last allocated byte in it), and
// hashes each block as it stands on the disk: bytes that are not allocated are zeros. Throws the first error
// of a read; core::Error (interrupted) when stopped; (usage) on sizes of 0.
Manifest hash_disk(const BlockSource& source, const std::vector<Range>& allocated,
                   const HashOptions& options);

// The manifest of a disk that was `base` and has since changed in `changed` alone (written or cleared): reads
// whole the blocks that these touch, and keeps the other hashes. A disk may have grown. Options' block_size
// is base's.
Manifest hash_changes(const BlockSource& source, const Manifest& base, const std::vector<Range>& changed,
                      const HashOptions& options);

}  // namespace azlin::verification
