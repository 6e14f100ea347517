// Btrfs. Layout: "On-disk format" of the Btrfs documentation.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

constexpr std::uint64_t kSuperSize = 4096;
constexpr std::array<std::uint64_t, 3> kSupers = {64u << 10, 64u << 20, std::uint64_t{256} << 30};
constexpr std::array<const char*, 4> kSumNames = {"crc32c", "xxhash64", "sha256", "blake2b"};
constexpr std::uint8_t kChunkItem = 228;
constexpr std::uint64_t kStriped = 1u << 3 | 1u << 6 | 1u << 7 | 1u << 8;  // RAID0, RAID10, RAID5, RAID6

struct Super {
  std::uint64_t root, chunk_root, device_bytes, device_id, total_bytes;
  std::uint32_t sector_size, node_size, system_chunks_size;
  std::uint16_t sum_type;
};

// One chunk: a range of logical addresses, and where its copies lie on this device.
struct Chunk {
  std::uint64_t logical, length, type;
  std::vector<std::uint64_t> copies;  // byte offsets on this device
};

// Does the checksum at the start of `block` hold? nullopt: its kind is not computed here.
std::optional<bool> sum_holds(View block, std::uint16_t type) {
  const View data = block.subspan(32);
  if (type == 0) return crc32c(data) == le32(block, 0);
  if (type == 2) {
    const Sha256 digest = sha256(data);
    return std::equal(digest.begin(), digest.end(), block.begin());
  }
  return std::nullopt;
}

std::optional<Super> parse(Volume& volume, View raw) {
  const Super s{.root = le64(raw, 80),
                .chunk_root = le64(raw, 88),
                .device_bytes = le64(raw, 209),
                .device_id = le64(raw, 201),
                .total_bytes = le64(raw, 112),
                .sector_size = le32(raw, 144),
                .node_size = le32(raw, 148),
                .system_chunks_size = le32(raw, 160),
                .sum_type = le16(raw, 196)};
  const auto wrong = [&](const char* what, std::uint64_t found, std::uint64_t at) {
    volume.damage(fmt::format("Btrfs superblock: {} is impossible", what), "", std::to_string(found),
                  kSupers[0] + at);
    return std::nullopt;
  };
  if (!power_of_two(s.sector_size) || s.sector_size < 512 || s.sector_size > 65536) {
    return wrong("sector size", s.sector_size, 144);
  }
  if (!power_of_two(s.node_size) || s.node_size < 4096 || s.node_size > 65536) {
    return wrong("node size", s.node_size, 148);
  }
  if (s.system_chunks_size > 2048) return wrong("size of the system chunk array", s.system_chunks_size, 160);
  if (le64(raw, 48) != kSupers[0]) return wrong("own address", le64(raw, 48), 48);
  return s;
}

// A CHUNK_ITEM whose body starts at `at` of `data`; nullopt when it does not fit there.
std::optional<Chunk> parse_chunk(View data, std::size_t at, std::uint64_t logical, std::uint64_t device) {
  if (at > data.size() || data.size() - at < 48) return std::nullopt;
  Chunk chunk{.logical = logical, .length = le64(data, at), .type = le64(data, at + 24)};
  const std::size_t stripes = le16(data, at + 44);
  if (data.size() - at - 48 < stripes * 32) return std::nullopt;
  for (std::size_t i = 0; i < stripes; ++i) {
    const std::size_t stripe = at + 48 + i * 32;
    if (le64(data, stripe) == device) chunk.copies.push_back(le64(data, stripe + 8));
  }
  return chunk;
}

std::vector<Chunk> system_chunks(View raw, const Super& s) {
  std::vector<Chunk> chunks;
  const View array = part(raw, 811, s.system_chunks_size);
  for (std::size_t at = 0; at + 17 <= array.size();) {
    const auto chunk = parse_chunk(array, at + 17, le64(array, at + 9), s.device_id);
    if (!chunk || u8(array, at + 8) != kChunkItem) break;
    chunks.push_back(*chunk);
    at += 17 + 48 + std::size_t{le16(array, at + 17 + 44)} * 32;
  }
  return chunks;
}

const Chunk* chunk_of(const std::vector<Chunk>& chunks, std::uint64_t logical) {
  for (const Chunk& chunk : chunks) {
    if (logical >= chunk.logical && logical - chunk.logical < chunk.length) return &chunk;
  }
  return nullptr;
}

// Checks every copy of the node at `logical`; the first sound one is returned.
std::optional<Bytes> check_node(Volume& volume, const Super& s, const Chunk& chunk, std::uint64_t logical,
                                const std::string& name) {
  std::optional<Bytes> sound;
  for (const std::uint64_t copy : chunk.copies) {
    const std::uint64_t at = copy + (logical - chunk.logical);
    auto node = volume.read(at, s.node_size);
    if (!node) {
      volume.damage(fmt::format("Btrfs {} lies beyond the end", name), "", std::to_string(at), 0);
      continue;
    }
    if (const auto holds = sum_holds(*node, s.sum_type); holds && !*holds) {
      volume.damage(fmt::format("Btrfs {}: {} checksum", name, kSumNames[s.sum_type]),
                    s.sum_type == 0 ? hex_number(crc32c(View(*node).subspan(32))) : "another sum",
                    s.sum_type == 0 ? hex_number(le32(*node, 0)) : hex(part(*node, 0, 32)), at);
    } else if (le64(*node, 48) != logical) {
      volume.damage(fmt::format("Btrfs {}: own address", name), std::to_string(logical),
                    std::to_string(le64(*node, 48)), at + 48);
    } else if (!sound) {
      sound = std::move(node);
    }
  }
  return sound;
}

// Reads the chunk tree from its root, breadth first, up to a limit of nodes.
std::vector<Chunk> read_chunk_tree(Volume& volume, const Super& s, std::vector<Chunk> chunks) {
  constexpr std::size_t kMaxNodes = 1024, kHead = 101, kKey = 17;
  std::vector<std::uint64_t> nodes = {s.chunk_root};
  const std::vector<Chunk> system = chunks;
  for (std::size_t next = 0; next < nodes.size() && next < kMaxNodes; ++next) {
    const Chunk* chunk = chunk_of(system, nodes[next]);
    if (chunk == nullptr) {
      volume.damage("Btrfs chunk tree lies in no system chunk", "", std::to_string(nodes[next]), kSupers[0]);
      continue;
    }
    const auto node = check_node(volume, s, *chunk, nodes[next], "chunk tree node");
    if (!node) continue;
    const bool leaf = u8(*node, 100) == 0;
    const std::size_t item = leaf ? 25 : 33;
    const std::size_t count = std::min<std::size_t>(le32(*node, 96), (node->size() - kHead) / item);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = kHead + i * item;
      if (!leaf) {
        nodes.push_back(le64(*node, at + kKey));
      } else if (u8(*node, at + 8) == kChunkItem) {
        const std::size_t body = kHead + std::size_t{le32(*node, at + kKey)};
        const auto found = parse_chunk(*node, body, le64(*node, at + 9), s.device_id);
        if (found) chunks.push_back(*found);
      }
    }
  }
  return chunks;
}

void check_mirrors(Volume& volume, View primary) {
  std::size_t sound = 0;
  for (std::size_t i = 1; i < kSupers.size(); ++i) {
    const auto copy = volume.read(kSupers[i], kSuperSize);
    if (!copy) continue;
    const std::string name = fmt::format("Btrfs superblock mirror {}", i);
    if (!has(*copy, 64, "_BHRfS_M")) {
      volume.damage(name + ": magic", "_BHRfS_M", hex(part(*copy, 64, 8)), kSupers[i] + 64);
    } else if (!sum_holds(*copy, le16(*copy, 196)).value_or(true)) {
      volume.damage(name + ": checksum", "", hex(part(*copy, 0, 4)), kSupers[i]);
    } else if (!std::ranges::equal(part(*copy, 32, 16), part(primary, 32, 16))) {
      volume.damage(name + ": file system id", hex(part(primary, 32, 16)), hex(part(*copy, 32, 16)),
                    kSupers[i] + 32);
    } else {
      ++sound;
      if (le64(*copy, 72) != le64(primary, 72)) {  // a commit was under way
        volume.note(name + ": generation", std::to_string(le64(primary, 72)), std::to_string(le64(*copy, 72)),
                    kSupers[i] + 72);
      }
    }
  }
  if (sound > 0) volume.checked("superblock mirrors");
}

void check_trees(Volume& volume, const Super& s, View raw) {
  const auto chunks = read_chunk_tree(volume, s, system_chunks(raw, s));
  const Chunk* chunk = chunk_of(chunks, s.root);
  if (chunk == nullptr) {
    volume.damage("Btrfs tree root lies in no chunk", "", std::to_string(s.root), kSupers[0] + 80);
    return;
  }
  if ((chunk->type & kStriped) != 0 || chunk->copies.empty()) {
    volume.not_checked("tree root: striped over, or on, other devices");
    return;
  }
  check_node(volume, s, *chunk, s.root, "tree root node");
  volume.checked(fmt::format("chunk tree and tree root node {}", kSumNames[s.sum_type]));
}

}  // namespace

bool inspect_btrfs(Volume& volume) {
  const auto raw = volume.read(kSupers[0], kSuperSize);
  if (!raw || !has(*raw, 64, "_BHRfS_M")) return false;
  volume.recognised("btrfs");
  const std::uint16_t type = le16(*raw, 196);
  if (type >= kSumNames.size()) {
    volume.damage("Btrfs superblock: checksum type", "0 to 3", std::to_string(type), kSupers[0] + 196);
    return true;
  }
  const auto holds = sum_holds(*raw, type);
  if (!holds) {
    volume.not_checked(fmt::format("checksums: {} is not computed by azlin", kSumNames[type]));
  } else if (!*holds) {
    volume.damage(fmt::format("Btrfs superblock {} checksum", kSumNames[type]),
                  type == 0 ? hex_number(crc32c(View(*raw).subspan(32))) : "another sum",
                  type == 0 ? hex_number(le32(*raw, 0)) : hex(part(*raw, 0, 32)), kSupers[0]);
  } else {
    volume.checked(fmt::format("superblock {}", kSumNames[type]));
  }
  check_mirrors(volume, *raw);
  if (volume.damaged()) return true;
  const auto super = parse(volume, *raw);
  if (!super) return true;
  volume.checked("superblock values, size against the partition");
  if (!volume.expect_fits("btrfs", super->device_bytes)) return true;
  if (holds) {
    check_trees(volume, *super, *raw);
  } else {
    volume.report().verdict = Verdict::unknown;
  }
  return true;
}

}  // namespace azlin::verification
