// XFS. Layout: "XFS Filesystem Disk Structures", xfs-documentation of the XFS project.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

constexpr std::size_t kSuperSum = 224;

struct Super {
  std::uint64_t blocks, root_inode;
  std::uint32_t block_size, ag_blocks, ag_count;
  std::uint16_t sector_size, inode_size, inodes_per_block;
  std::uint8_t ag_block_log, inode_per_block_log;
  bool v5;
  std::uint64_t ag_bytes() const { return std::uint64_t{ag_blocks} * block_size; }
};

// A header of an allocation group: one sector, with its magic at 0 and its checksum (little-endian) at `sum`.
struct Header {
  const char* name;
  const char* magic;
  std::size_t sum;
  int number_at;  // of the group's own number, or -1
};
constexpr std::array<Header, 3> kHeaders = {
    {{"AGF", "XAGF", 216, 8}, {"AGI", "XAGI", 312, 8}, {"AGFL", "XAFL", 32, 4}}};

// CRC32C over `data` with the four bytes at `at` taken as zeros, as XFS stores it.
std::uint32_t sum_without(View data, std::size_t at) {
  constexpr std::array<std::uint8_t, 4> kNone{};
  const std::uint32_t crc = crc32c_raw(crc32c_raw(~0u, part(data, 0, at)), kNone);
  return ~crc32c_raw(crc, data.subspan(at + 4));
}

std::optional<Super> parse(Volume& volume, View raw) {
  Super s{.blocks = be64(raw, 8),
          .root_inode = be64(raw, 56),
          .block_size = be32(raw, 4),
          .ag_blocks = be32(raw, 84),
          .ag_count = be32(raw, 88),
          .sector_size = be16(raw, 102),
          .inode_size = be16(raw, 104),
          .inodes_per_block = be16(raw, 106),
          .ag_block_log = u8(raw, 124),
          .inode_per_block_log = u8(raw, 123),
          .v5 = (be16(raw, 100) & 0xf) == 5};
  const auto wrong = [&](const char* what, std::uint64_t found, std::uint64_t at) {
    volume.damage(fmt::format("XFS superblock: {} is impossible", what), "", std::to_string(found), at);
    return std::nullopt;
  };
  if (!power_of_two(s.block_size) || s.block_size < 512 || s.block_size > 65536) {
    return wrong("block size", s.block_size, 4);
  }
  if (!power_of_two(s.sector_size) || s.sector_size < 512 || s.sector_size > 32768) {
    return wrong("sector size", s.sector_size, 102);
  }
  if (!power_of_two(s.inode_size) || s.inode_size < 256 || s.inode_size > 2048) {
    return wrong("inode size", s.inode_size, 104);
  }
  if (s.inodes_per_block == 0 || std::uint32_t{s.inodes_per_block} * s.inode_size != s.block_size ||
      s.inode_per_block_log > 15 || 1u << s.inode_per_block_log != s.inodes_per_block) {
    return wrong("inodes per block", s.inodes_per_block, 106);
  }
  if (s.ag_block_log > 32) return wrong("log of group size", s.ag_block_log, 124);
  if (s.ag_blocks < 64 || s.ag_count == 0) return wrong("allocation group size", s.ag_blocks, 84);
  const std::uint64_t most = std::uint64_t{s.ag_blocks} * s.ag_count;
  if (s.blocks >> 47 != 0 || s.blocks > most || s.blocks <= most - s.ag_blocks)
    return wrong("number of blocks", s.blocks, 8);
  return s;
}

bool same_geometry(View a, View b) {
  for (const auto& [at, length] : {std::pair<std::size_t, std::size_t>{0, 8}, {32, 16}, {84, 4}, {102, 6}}) {
    const View left = part(a, at, length);
    if (!std::equal(left.begin(), left.end(), part(b, at, length).begin())) return false;
  }
  return true;
}

void check_secondary(Volume& volume, const Super& s, View primary, View copy, std::uint32_t ag) {
  const std::uint64_t at = ag * s.ag_bytes();
  const std::string name = fmt::format("XFS superblock copy in group {}", ag);
  if (!same_geometry(primary, copy)) {
    volume.damage(name + " differs from the primary", hex(part(primary, 0, 8)), hex(part(copy, 0, 8)), at);
  } else if (s.v5) {
    volume.expect_sum(name + ": checksum", sum_without(copy, kSuperSum), le32(copy, kSuperSum),
                      at + kSuperSum);
  }
}

void check_header(Volume& volume, const Super& s, View sector, std::uint32_t ag, const Header& header,
                  std::uint64_t at) {
  const std::string name = fmt::format("XFS {} of group {}", header.name, ag);
  if (!has(sector, 0, header.magic)) {
    volume.damage(name + ": magic", hex(View(reinterpret_cast<const std::uint8_t*>(header.magic), 4)),
                  hex(part(sector, 0, 4)), at);
    return;
  }
  if (s.v5 && !volume.expect_sum(name + ": checksum", sum_without(sector, header.sum),
                                 le32(sector, header.sum), at + header.sum)) {
    return;
  }
  const auto number = static_cast<std::size_t>(header.number_at);
  volume.expect_sum(name + ": group number", ag, be32(sector, number), at + number);
}

void check_groups(Volume& volume, const Super& s, View primary) {
  const std::uint64_t size = s.sector_size;
  for (std::uint32_t ag = 0; ag < s.ag_count; ++ag) {
    const std::uint64_t at = ag * s.ag_bytes();
    const auto heads = volume.read(at, 4 * size);
    if (!heads) {
      volume.damage(fmt::format("XFS group {} lies beyond the end", ag), "", "", at);
      return;
    }
    if (ag > 0) check_secondary(volume, s, primary, part(*heads, 0, size), ag);
    for (std::size_t i = 0; i < kHeaders.size(); ++i) {
      // Without v5 the free list has no header.
      if (!s.v5 && i == 2) continue;
      check_header(volume, s, part(*heads, (i + 1) * size, size), ag, kHeaders[i], at + (i + 1) * size);
    }
  }
  volume.checked(fmt::format("superblock copies, AGF{} of {} allocation groups{}",
                             s.v5 ? ", AGI, AGFL" : ", AGI", s.ag_count, s.v5 ? " (crc32c)" : ""));
}

void check_root_inode(Volume& volume, const Super& s) {
  const std::uint64_t block = s.root_inode >> s.inode_per_block_log;
  const std::uint64_t ag = s.ag_block_log < 32 ? block >> s.ag_block_log : block >> 32;
  const std::uint64_t in_ag = block & ((std::uint64_t{1} << s.ag_block_log) - 1);
  if (ag >= s.ag_count || in_ag >= s.ag_blocks) {
    volume.damage("XFS root inode lies outside", "", std::to_string(s.root_inode), 56);
    return;
  }
  const std::uint64_t at =
      ag * s.ag_bytes() + in_ag * s.block_size + (s.root_inode & (s.inodes_per_block - 1u)) * s.inode_size;
  const auto inode = volume.read(at, s.inode_size);
  if (!inode) return;
  if (!has(*inode, 0, "IN") || (be16(*inode, 2) & 0xf000) != 0x4000) {
    volume.damage("XFS root inode is no folder", "494e4x", hex(part(*inode, 0, 4)), at);
    return;
  }
  if (s.v5)
    volume.expect_sum("XFS root inode checksum", sum_without(*inode, 100), le32(*inode, 100), at + 100);
  volume.checked("root inode");
}

}  // namespace

bool inspect_xfs(Volume& volume) {
  const auto first = volume.read(0, 512);
  if (!first || !has(*first, 0, "XFSB")) return false;
  volume.recognised("xfs");
  const std::uint16_t size = be16(*first, 102);
  const bool v5 = (be16(*first, 100) & 0xf) == 5;
  const auto raw = power_of_two(size) && size >= 512 && size <= 32768 ? volume.read(0, size) : first;
  if (v5) {
    const std::uint32_t sum = sum_without(*raw, kSuperSum);
    volume.checked("superblock crc32c");
    if (!volume.expect_sum("XFS superblock checksum", sum, le32(*raw, kSuperSum), kSuperSum)) return true;
  } else if (const int version = be16(*first, 100) & 0xf; version != 4) {
    volume.damage("XFS superblock version", "4 or 5", std::to_string(version), 100);
    return true;
  } else {
    volume.not_checked("checksums: XFS version 4 keeps none");
  }
  const auto super = parse(volume, *raw);
  if (!super) return true;
  volume.checked("superblock values, size against the partition");
  if (!volume.expect_fits("xfs", super->blocks * super->block_size)) return true;
  check_groups(volume, *super, *raw);
  check_root_inode(volume, *super);
  return true;
}

}  // namespace azlin::verification
