// ext2, ext3, ext4. Layout: Documentation/filesystems/ext4 of the Linux kernel.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

constexpr std::uint64_t kSuperOffset = 1024;
constexpr std::uint16_t kMagic = 0xef53;

constexpr std::uint32_t kCompatSparseSuper2 = 0x200, kCompatHasJournal = 0x4;
constexpr std::uint32_t kIncompatRecover = 0x4, kIncompatJournalDevice = 0x8, kIncompatMetaBg = 0x10,
                        kIncompatExtents = 0x40, kIncompat64Bit = 0x80, kIncompatFlexBg = 0x200,
                        kIncompatCsumSeed = 0x2000;
constexpr std::uint32_t kRoSparseSuper = 0x1, kRoGdtCsum = 0x10, kRoMetadataCsum = 0x400;
constexpr std::uint16_t kStateClean = 0x1;
constexpr std::uint16_t kInodeUninit = 0x1, kBlockUninit = 0x2;

struct Super {
  Bytes raw;
  std::uint32_t compat, incompat, ro_compat;
  std::uint64_t blocks, block_size, clusters_per_group, groups;
  std::uint32_t first_data_block, blocks_per_group, inodes_per_group, inodes, inode_size, desc_size;

  bool metadata_csum() const { return (ro_compat & kRoMetadataCsum) != 0; }
  std::uint64_t group_start(std::uint64_t group) const {  // bytes
    return (first_data_block + group * blocks_per_group) * block_size;
  }
  // What every metadata checksum starts from.
  std::uint32_t seed() const {
    if ((incompat & kIncompatCsumSeed) != 0) return le32(raw, 0x270);
    return crc32c_raw(~0u, part(raw, 0x68, 16));
  }
};

// nullopt and a finding when the numbers cannot describe a file system.
std::optional<Super> parse(Volume& volume, Bytes raw) {
  Super s{.raw = std::move(raw)};
  const auto wrong = [&](const char* what, std::uint64_t found, std::uint64_t at) {
    volume.damage(fmt::format("ext superblock: {} is impossible", what), "", std::to_string(found),
                  kSuperOffset + at);
    return std::nullopt;
  };
  const bool dynamic = le32(s.raw, 0x4c) >= 1;  // revision 0 has fixed sizes and no features
  s.compat = dynamic ? le32(s.raw, 0x5c) : 0;
  s.incompat = dynamic ? le32(s.raw, 0x60) : 0;
  s.ro_compat = dynamic ? le32(s.raw, 0x64) : 0;
  s.inode_size = dynamic ? le16(s.raw, 0x58) : 128;
  if (le32(s.raw, 0x18) > 6) return wrong("block size", le32(s.raw, 0x18), 0x18);
  s.block_size = 1024u << le32(s.raw, 0x18);
  s.blocks = le32(s.raw, 0x4);
  const bool wide = (s.incompat & kIncompat64Bit) != 0;
  if (wide) s.blocks |= std::uint64_t{le32(s.raw, 0x150)} << 32;
  s.first_data_block = le32(s.raw, 0x14);
  s.blocks_per_group = le32(s.raw, 0x20);
  s.clusters_per_group = le32(s.raw, 0x24);
  s.inodes_per_group = le32(s.raw, 0x28);
  s.inodes = le32(s.raw, 0x0);
  s.desc_size = wide ? le16(s.raw, 0xfe) : 32;
  if (s.blocks_per_group < 256) return wrong("blocks per group", s.blocks_per_group, 0x20);
  if (s.clusters_per_group == 0 || s.clusters_per_group > s.block_size * 8) {
    return wrong("clusters per group", s.clusters_per_group, 0x24);
  }
  if (s.inodes_per_group == 0 || s.inodes_per_group > s.block_size * 8) {
    return wrong("inodes per group", s.inodes_per_group, 0x28);
  }
  if (!power_of_two(s.inode_size) || s.inode_size < 128 || s.inode_size > s.block_size) {
    return wrong("inode size", s.inode_size, 0x58);
  }
  if (wide && (!power_of_two(s.desc_size) || s.desc_size < 64 || s.desc_size > 1024)) {
    return wrong("group descriptor size", s.desc_size, 0xfe);
  }
  if (s.first_data_block >= s.blocks || s.blocks >> 47 != 0) return wrong("number of blocks", s.blocks, 0x4);
  s.groups = (s.blocks - s.first_data_block + s.blocks_per_group - 1) / s.blocks_per_group;
  if (s.groups * s.inodes_per_group != s.inodes) return wrong("number of inodes", s.inodes, 0x0);
  return s;
}

std::string kind_of(View raw) {
  if (le32(raw, 0x4c) < 1) return "ext2";
  const std::uint32_t beyond_ext3 = kIncompatExtents | kIncompat64Bit | kIncompatFlexBg | kIncompatCsumSeed;
  if ((le32(raw, 0x60) & beyond_ext3) != 0 || (le32(raw, 0x64) & (kRoGdtCsum | kRoMetadataCsum)) != 0) {
    return "ext4";
  }
  return (le32(raw, 0x5c) & kCompatHasJournal) != 0 ? "ext3" : "ext2";
}

std::uint32_t super_sum(View raw) {
  return crc32c_raw(~0u, part(raw, 0, 1020));
}

bool power_of(std::uint64_t value, std::uint64_t base) {
  while (value > 1 && value % base == 0) value /= base;
  return value == 1;
}

bool has_backup(const Super& s, std::uint64_t group) {
  if ((s.compat & kCompatSparseSuper2) != 0) {
    return group != 0 && (group == le32(s.raw, 0x24c) || group == le32(s.raw, 0x250));
  }
  if (group <= 1 || (s.ro_compat & kRoSparseSuper) == 0) return true;
  return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

// Backups are rewritten by resize and e2fsck only, and older kernels leave their checksum and counts behind
// when a mounted file system grows: what differs there is a note; what never changes must agree.
void check_backups(Volume& volume, const Super& s) {
  std::uint64_t seen = 0;
  for (std::uint64_t group = 1; group < s.groups && seen < 16; ++group) {
    if (!has_backup(s, group)) continue;
    const std::uint64_t at = s.group_start(group);
    const auto copy = volume.read(at, 1024);
    if (!copy) continue;  // expect_fits has said it
    ++seen;
    const std::string name = fmt::format("ext backup superblock in group {}", group);
    if (le16(*copy, 0x38) != kMagic) {
      volume.damage(name + ": magic", "0xef53", hex_number(le16(*copy, 0x38), 4), at + 0x38);
      continue;
    }
    for (const auto& [field, what] : {std::pair{0x18, "block size"},
                                      {0x20, "blocks per group"},
                                      {0x28, "inodes per group"},
                                      {0x14, "first data block"}}) {
      const auto where = static_cast<std::size_t>(field);
      volume.expect_sum(fmt::format("{}: {}", name, what), le32(s.raw, where), le32(*copy, where),
                        at + where);
    }
    if (!std::ranges::equal(part(s.raw, 0x68, 16), part(*copy, 0x68, 16))) {
      volume.note(name + ": UUID", hex(part(s.raw, 0x68, 16)), hex(part(*copy, 0x68, 16)), at + 0x68);
    }
    if (s.metadata_csum() && super_sum(*copy) != le32(*copy, 1020)) {
      volume.note(name + ": checksum", hex_number(super_sum(*copy)), hex_number(le32(*copy, 1020)),
                  at + 1020);
    }
  }
  if (seen > 0) volume.checked(fmt::format("{} backup superblock{}", seen, seen == 1 ? "" : "s"));
}

// Where the block of descriptors that holds `group` begins, in bytes.
std::uint64_t descriptor_block(const Super& s, std::uint64_t group) {
  const std::uint64_t per_block = s.block_size / s.desc_size;
  const std::uint64_t block = group / per_block;
  const std::uint64_t super_block = kSuperOffset / s.block_size;
  if ((s.incompat & kIncompatMetaBg) == 0 || block < le32(s.raw, 0x104)) {
    return (super_block + 1 + block) * s.block_size;
  }
  const std::uint64_t first = block * per_block;
  const std::uint64_t shift = first == 0             ? super_block + 1 - s.first_data_block
                              : has_backup(s, first) ? 1
                                                     : 0;
  return s.group_start(first) + shift * s.block_size;
}

std::uint16_t descriptor_sum(const Super& s, std::uint32_t group, View desc) {
  const std::array<std::uint8_t, 4> number = {
      static_cast<std::uint8_t>(group), static_cast<std::uint8_t>(group >> 8),
      static_cast<std::uint8_t>(group >> 16), static_cast<std::uint8_t>(group >> 24)};
  if (s.metadata_csum()) {
    constexpr std::array<std::uint8_t, 2> kNone{};
    std::uint32_t crc = crc32c_raw(crc32c_raw(s.seed(), number), part(desc, 0, 0x1e));
    crc = crc32c_raw(crc32c_raw(crc, kNone), desc.subspan(0x20));
    return static_cast<std::uint16_t>(crc);
  }
  std::uint16_t crc = crc16_raw(crc16_raw(0xffff, part(s.raw, 0x68, 16)), number);
  crc = crc16_raw(crc, part(desc, 0, 0x1e));
  return crc16_raw(crc, desc.subspan(0x20));
}

// The 32- or 64-bit block number whose halves stand at `low` and `low + 0x20`.
std::uint64_t block_at(const Super& s, View desc, std::size_t low) {
  std::uint64_t block = le32(desc, low);
  if (s.desc_size >= 64) block |= std::uint64_t{le32(desc, low + 0x20)} << 32;
  return block;
}

struct Bitmap {
  const char* name;
  std::size_t block_field, sum_field;
  std::uint16_t uninit;
  std::uint64_t bits;
};

void check_bitmap(Volume& volume, const Super& s, std::uint64_t group, View desc, const Bitmap& map) {
  if ((le16(desc, 0x12) & map.uninit) != 0) return;
  const std::uint64_t at = block_at(s, desc, map.block_field) * s.block_size;
  const auto raw = volume.read(at, map.bits / 8);
  if (!raw) return;  // the location was reported
  std::uint32_t expected = crc32c_raw(s.seed(), *raw);
  std::uint32_t found = le16(desc, map.sum_field);
  if (s.desc_size >= map.sum_field + 0x22) {
    found |= std::uint32_t{le16(desc, map.sum_field + 0x20)} << 16;
  } else {
    expected &= 0xffff;
  }
  volume.expect_sum(fmt::format("ext4 {} bitmap checksum of group {}", map.name, group), expected, found, at);
}

bool check_locations(Volume& volume, const Super& s, std::uint64_t group, View desc, std::uint64_t at) {
  for (const auto& [field, what] :
       {std::pair{0x0, "block bitmap"}, {0x4, "inode bitmap"}, {0x8, "inode table"}}) {
    const std::uint64_t block = block_at(s, desc, static_cast<std::size_t>(field));
    if (block >= s.first_data_block && block < s.blocks && block != 0) continue;
    volume.damage(fmt::format("ext group descriptor {}: {} lies outside", group, what),
                  fmt::format("a block below {}", s.blocks), std::to_string(block), at);
    return false;
  }
  return true;
}

void check_descriptors(Volume& volume, const Super& s) {
  const bool sums = s.metadata_csum() || (s.ro_compat & kRoGdtCsum) != 0;
  const bool quiet = (s.incompat & kIncompatRecover) == 0 && (le16(s.raw, 0x3a) & kStateClean) != 0;
  const bool bitmaps = s.metadata_csum() && quiet;
  constexpr std::uint64_t kMaxBitmapGroups = 1024;  // two small reads each
  const std::uint64_t per_block = s.block_size / s.desc_size;
  std::optional<Bytes> block;
  for (std::uint64_t group = 0; group < s.groups; ++group) {
    const std::uint64_t start = descriptor_block(s, group);
    if (group % per_block == 0) block = volume.read(start, s.block_size);
    if (!block) {
      volume.damage("ext group descriptors lie beyond the end", "", fmt::format("group {}", group), start);
      return;
    }
    const std::uint64_t within = group % per_block * s.desc_size;
    const View desc = part(*block, within, s.desc_size);
    if (sums) {
      volume.expect_sum(fmt::format("ext4 group descriptor {} checksum", group),
                        descriptor_sum(s, static_cast<std::uint32_t>(group), desc), le16(desc, 0x1e),
                        start + within, 4);
    }
    if (!check_locations(volume, s, group, desc, start + within)) continue;
    if (!bitmaps || group >= kMaxBitmapGroups) continue;
    check_bitmap(volume, s, group, desc, {"block", 0x0, 0x18, kBlockUninit, s.clusters_per_group});
    check_bitmap(volume, s, group, desc, {"inode", 0x4, 0x1a, kInodeUninit, s.inodes_per_group});
  }
  volume.checked(fmt::format("{} group descriptors{}", s.groups,
                             s.metadata_csum() ? " (crc32c)"
                             : sums            ? " (crc16)"
                                               : " (no checksums kept)"));
  if (bitmaps) {
    volume.checked("block and inode bitmap crc32c");
    if (s.groups > kMaxBitmapGroups) volume.not_checked("bitmaps after the first 1024 groups");
  } else if (s.metadata_csum()) {
    volume.not_checked("bitmap checksums: the journal is to be replayed first (taken while mounted)");
  }
}

// Inode 2 is the root folder. Its checksum covers number, generation and the inode itself.
void check_root_inode(Volume& volume, const Super& s) {
  const auto block = volume.read(descriptor_block(s, 0), s.desc_size);
  if (!block || !(le32(*block, 0x8) != 0 || s.desc_size >= 64)) return;
  const std::uint64_t at = block_at(s, *block, 0x8) * s.block_size + s.inode_size;
  auto inode = volume.read(at, s.inode_size);
  if (!inode) return;
  if ((le16(*inode, 0) & 0xf000) != 0x4000) {
    volume.damage("ext root inode is no folder", "mode 0x4xxx", hex_number(le16(*inode, 0), 4), at);
    return;
  }
  volume.checked("root inode");
  if (!s.metadata_csum()) return;
  const bool high = s.inode_size > 128 && le16(*inode, 0x80) >= 4;
  std::uint32_t found = le16(*inode, 0x7c);
  if (high) found |= std::uint32_t{le16(*inode, 0x82)} << 16;
  constexpr std::array<std::uint8_t, 4> kNumber = {2, 0, 0, 0};
  std::uint32_t crc = crc32c_raw(crc32c_raw(s.seed(), kNumber), part(*inode, 0x64, 4));
  (*inode)[0x7c] = (*inode)[0x7d] = 0;
  if (high) (*inode)[0x82] = (*inode)[0x83] = 0;
  crc = crc32c_raw(crc, *inode);
  volume.expect_sum("ext4 root inode checksum", high ? crc : crc & 0xffff, found, at);
}

}  // namespace

bool inspect_ext(Volume& volume) {
  auto raw = volume.read(kSuperOffset, 1024);
  if (!raw || le16(*raw, 0x38) != kMagic) return false;
  const bool summed = le32(*raw, 0x4c) >= 1 && (le32(*raw, 0x64) & kRoMetadataCsum) != 0;
  if (!summed && le32(*raw, 0x18) > 6) return false;  // two bytes of magic alone are no evidence
  volume.recognised(kind_of(*raw));
  if (summed) {
    volume.checked("superblock crc32c");
    volume.expect_sum("ext4 superblock checksum", super_sum(*raw), le32(*raw, 1020), kSuperOffset + 1020);
  }
  const auto super = parse(volume, std::move(*raw));
  if (!super) return true;
  volume.checked("superblock values, size against the partition");
  if (!volume.expect_fits(volume.report().kind, super->blocks * super->block_size)) return true;
  if ((super->incompat & kIncompatJournalDevice) != 0) {
    volume.not_checked("external journal: no file system of its own");
    return true;
  }
  check_descriptors(volume, *super);
  check_root_inode(volume, *super);
  check_backups(volume, *super);
  return true;
}

}  // namespace azlin::verification
