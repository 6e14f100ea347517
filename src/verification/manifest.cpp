#include "azlin/verification/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "verification/checksum.hpp"

namespace azlin::verification {
namespace {

constexpr std::string_view kMagic = "AZLNMANI";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeadSize = 32, kEntrySize = 40;

// First byte of what is hashed, so that a leaf cannot pass for a node.
enum : std::uint8_t { kLeaf = 0, kNode = 1, kRoot = 2 };

template <class Out>
void put(Out& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<typename Out::value_type>(value >> (8 * i) & 0xff));
  }
}

template <class Out>
void put(Out& out, const Digest& digest) {
  for (const std::uint8_t byte : digest) out.push_back(static_cast<typename Out::value_type>(byte));
}

Digest leaf(const BlockHash& block) {
  Bytes input = {kLeaf};
  put(input, block.offset, 8);
  put(input, block.hash);
  return sha256(input);
}

// Joins neighbours until one digest remains; a last one without a neighbour moves up as it is.
Digest top_of(std::vector<Digest> level) {
  while (level.size() > 1) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      if (i + 1 == level.size()) {
        level[kept++] = level[i];
        continue;
      }
      Bytes input = {kNode};
      put(input, level[i]);
      put(input, level[i + 1]);
      level[kept++] = sha256(input);
    }
    level.resize(kept);
  }
  return level.empty() ? Digest{} : level[0];
}

[[noreturn]] void refuse(const std::string& why) {
  throw core::Error(core::ErrorKind::failed, "the block manifest cannot be used: " + why,
                    "verify the backup again with --level full; that writes a new one");
}

Manifest decode_head(View raw, std::uint64_t& count) {
  if (raw.size() < kHeadSize + 32 || !has(raw, 0, kMagic)) refuse("it is no manifest");
  if (le32(raw, 8) != kVersion) refuse(fmt::format("it has version {}, not {}", le32(raw, 8), kVersion));
  count = le64(raw, 24);
  if (count != (raw.size() - kHeadSize - 32) / kEntrySize ||
      (raw.size() - kHeadSize - 32) % kEntrySize != 0) {
    refuse("it is incomplete");
  }
  return {.disk_size = le64(raw, 16), .block_size = le32(raw, 12)};
}

}  // namespace

Digest merkle_root(const Manifest& manifest) {
  std::vector<Digest> leaves;
  leaves.reserve(manifest.blocks.size());
  for (const BlockHash& block : manifest.blocks) leaves.push_back(leaf(block));
  Bytes input = {kRoot};
  put(input, manifest.disk_size, 8);
  put(input, manifest.block_size, 4);
  put(input, manifest.blocks.size(), 8);
  put(input, top_of(std::move(leaves)));
  return sha256(input);
}

std::string to_hex(const Digest& digest) {
  return hex(digest);
}

std::string encode(const Manifest& manifest) {
  std::string out(kMagic);
  out.reserve(kHeadSize + manifest.blocks.size() * kEntrySize + 32);
  put(out, kVersion, 4);
  put(out, manifest.block_size, 4);
  put(out, manifest.disk_size, 8);
  put(out, manifest.blocks.size(), 8);
  for (const BlockHash& block : manifest.blocks) {
    put(out, block.offset, 8);
    put(out, block.hash);
  }
  put(out, merkle_root(manifest));
  return out;
}

Manifest decode(const std::string& bytes) {
  const View raw(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  std::uint64_t count = 0;
  Manifest manifest = decode_head(raw, count);
  manifest.blocks.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const View entry = part(raw, kHeadSize + i * kEntrySize, kEntrySize);
    manifest.blocks[i].offset = le64(entry, 0);
    std::copy_n(entry.begin() + 8, 32, manifest.blocks[i].hash.begin());
    if (i > 0 && manifest.blocks[i].offset <= manifest.blocks[i - 1].offset)
      refuse("its blocks are out of order");
  }
  if (!std::ranges::equal(merkle_root(manifest), raw.last(32))) refuse("its root does not match its blocks");
  return manifest;
}

Comparison compare(const Manifest& expected, const Manifest& found) {
  if (expected.block_size != found.block_size) {
    throw core::Error(core::ErrorKind::usage,
                      fmt::format("manifests with blocks of {} and of {} bytes cannot be compared",
                                  expected.block_size, found.block_size));
  }
  Comparison result{.size_differs = expected.disk_size != found.disk_size};
  auto a = expected.blocks.begin(), b = found.blocks.begin();
  while (a != expected.blocks.end() || b != found.blocks.end()) {
    if (b == found.blocks.end() || (a != expected.blocks.end() && a->offset < b->offset)) {
      result.differing.push_back((a++)->offset);  // now zeros
    } else if (a == expected.blocks.end() || b->offset < a->offset) {
      result.differing.push_back((b++)->offset);  // was zeros
    } else {
      if (a->hash != b->hash) result.differing.push_back(a->offset);
      ++a, ++b;
    }
  }
  return result;
}

}  // namespace azlin::verification
