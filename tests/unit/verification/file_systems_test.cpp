// File systems by the real mkfs tools: sound ones pass, and one wrong byte in each guarded structure is
// found.
#include <gtest/gtest.h>

#include <functional>

#include "unit/verification/image.hpp"

namespace azlin::verification::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;

using Argv = std::vector<std::string>;

Argv mke2fs(const std::string& type, Argv more = {}) {
  Argv argv = {"mkfs." + type, "-q", "-F"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back("FILE");
  return argv;
}

Argv mkfs_xfs(Argv more = {}) {
  Argv argv = {"mkfs.xfs", "-q", "-f"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back("FILE");
  return argv;
}

Argv mkfs_btrfs(Argv more = {}) {
  Argv argv = {"mkfs.btrfs", "-q", "-f"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back("FILE");
  return argv;
}

struct Format {
  const char* name;
  std::uint64_t size;
  Argv argv;
  const char* kind;
  const char* checked;  // part of the line that says what was checked
};

const std::vector<Format>& formats() {
  static const std::vector<Format> kFormats = {
      {"ext2", 64 * kMiB, mke2fs("ext2", {"-b", "1024"}), "ext2", "group descriptors"},
      {"ext2_revision_0", 8 * kMiB, mke2fs("ext2", {"-r", "0"}), "ext2", "superblock values"},
      {"ext3", 64 * kMiB, mke2fs("ext3"), "ext3", "root inode"},
      {"ext4", 64 * kMiB, mke2fs("ext4", {"-b", "1024"}), "ext4", "inode bitmap crc32c"},
      {"ext4_4k_blocks", kGiB, mke2fs("ext4", {"-b", "4096"}), "ext4", "backup superblocks"},
      {"ext4_crc16", 64 * kMiB, mke2fs("ext4", {"-b", "1024", "-O", "^metadata_csum,uninit_bg"}), "ext4",
       "(crc16)"},
      {"ext4_32bit", 64 * kMiB, mke2fs("ext4", {"-O", "^64bit"}), "ext4", "inode bitmap crc32c"},
      {"ext4_meta_bg", 512 * kMiB, mke2fs("ext4", {"-b", "1024", "-O", "meta_bg,^resize_inode"}), "ext4",
       "(crc32c)"},
      {"ext4_csum_seed", 64 * kMiB, mke2fs("ext4", {"-O", "metadata_csum_seed"}), "ext4", "(crc32c)"},
      {"ext4_bigalloc", 512 * kMiB, mke2fs("ext4", {"-O", "bigalloc"}), "ext4", "inode bitmap crc32c"},
      {"ext4_sparse_super2", 128 * kMiB, mke2fs("ext4", {"-O", "sparse_super2"}), "ext4",
       "backup superblock"},
      {"ext4_small_inodes", 64 * kMiB, mke2fs("ext4", {"-I", "128"}), "ext4", "root inode"},
      {"xfs", 512 * kMiB, mkfs_xfs(), "xfs", "AGFL of 4 allocation groups (crc32c)"},
      {"xfs_v4", 512 * kMiB, mkfs_xfs({"-m", "crc=0"}), "xfs", "AGI of 4"},
      {"xfs_4k_sectors", 512 * kMiB, mkfs_xfs({"-s", "size=4096"}), "xfs", "superblock crc32c"},
      {"xfs_1k_blocks", 512 * kMiB, mkfs_xfs({"-b", "size=1024"}), "xfs", "root inode"},
      {"btrfs", 512 * kMiB, mkfs_btrfs(), "btrfs", "tree root node crc32c"},
      {"btrfs_single", 512 * kMiB, mkfs_btrfs({"-m", "single"}), "btrfs", "superblock mirrors"},
      {"btrfs_sha256", 512 * kMiB, mkfs_btrfs({"--csum", "sha256"}), "btrfs", "tree root node sha256"},
      {"fat12", 1440 * 1024, {"mkfs.vfat", "-F", "12", "FILE"}, "fat12", "two FATs"},
      {"fat16", 32 * kMiB, {"mkfs.vfat", "-F", "16", "FILE"}, "fat16", "two FATs"},
      {"fat32", 128 * kMiB, {"mkfs.vfat", "-F", "32", "FILE"}, "fat32", "backup boot sector"},
      {"fat32_4k_sectors", 512 * kMiB, {"mkfs.vfat", "-F", "32", "-S", "4096", "FILE"}, "fat32", "FSInfo"},
      {"ntfs", 64 * kMiB, {"mkntfs", "-q", "-Q", "-F", "FILE"}, "ntfs", "$MFTMirr"},
      {"ntfs_64k_clusters",
       128 * kMiB,
       {"mkntfs", "-q", "-Q", "-F", "-c", "65536", "FILE"},
       "ntfs",
       "backup boot sector"},
      {"swap", 16 * kMiB, {"mkswap", "FILE"}, "swap", "swap header"},
      {"swap_64k_pages", 16 * kMiB, {"mkswap", "-p", "65536", "FILE"}, "swap", "swap header"},
  };
  return kFormats;
}

Made make(const std::string& name) {
  for (const Format& format : formats()) {
    if (format.name == name) return make_image(format.size, format.argv);
  }
  throw std::logic_error("no format " + name);
}

#define MAKE_OR_SKIP(made, name) \
  const Made made = make(name);  \
  if (!made.image) GTEST_SKIP() << made.missing << " is not installed"

template <class Row>
std::string row_name(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}

class SoundFileSystemTest : public testing::TestWithParam<Format> {};

TEST_P(SoundFileSystemTest, PassesEveryCheck) {
  MAKE_OR_SKIP(made, GetParam().name);
  const DiskReport report = inspect_disk(made.image->source());
  ASSERT_EQ(report.partitions.size(), 1u);
  const PartitionReport& whole = report.partitions[0];
  EXPECT_EQ(whole.kind, GetParam().kind);
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
  EXPECT_TRUE(whole.findings.empty()) << text_of(report);
  EXPECT_NE(text_of(report).find(GetParam().checked), std::string::npos) << text_of(report);
}

INSTANTIATE_TEST_SUITE_P(Mkfs, SoundFileSystemTest, testing::ValuesIn(formats()), row_name<Format>);

struct Damage {
  const char* name;
  const char* format;
  std::function<void(Image&)> harm;
  const char* finding;
  Severity severity = Severity::damage;
};

// A block that descriptor 0 names; with 1 KiB blocks the descriptors follow the superblock's block.
std::uint64_t ext_block(const Image& image, std::uint64_t field) {
  return image.number(2048 + field, 4) * 1024;
}

std::uint64_t ntfs_cluster(const Image& image, std::uint64_t field) {
  return image.number(field, 8) * image.number(11, 2) * image.number(13, 1);
}

std::uint64_t fat(const Image& image, std::uint64_t copy) {
  const std::uint64_t sectors = image.number(22, 2) != 0 ? image.number(22, 2) : image.number(36, 4);
  return (image.number(14, 2) + copy * sectors) * 512;
}

std::uint64_t big(const Image& image, std::uint64_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (const auto byte : image.read(at, bytes)) value = value << 8 | byte;
  return value;
}

std::uint64_t xfs_group(const Image& image, std::uint64_t group) {
  return group * big(image, 84, 4) * big(image, 4, 4);
}

const std::vector<Damage>& damages() {
  constexpr Severity kNote = Severity::note;
  static const std::vector<Damage> kDamages = {
      {"ext4_super", "ext4", [](Image& i) { i.flip(1024 + 0x78); }, "superblock checksum"},
      {"ext4_super_sum", "ext4", [](Image& i) { i.flip(1024 + 1020); }, "superblock checksum"},
      {"ext4_super_lost", "ext4", [](Image& i) { i.zero(1024, 1024); }, "primary superblock is lost"},
      {"ext4_magic", "ext4_4k_blocks", [](Image& i) { i.flip(1024 + 0x38); }, "primary superblock is lost"},
      {"ext4_descriptor", "ext4", [](Image& i) { i.flip(2048 + 0xc); }, "group descriptor 0 checksum"},
      {"ext4_descriptor_high", "ext4", [](Image& i) { i.flip(2048 + 64 + 0x30); },
       "group descriptor 1 checksum"},
      {"ext4_descriptor_crc16", "ext4_crc16", [](Image& i) { i.flip(2048 + 0xc); },
       "group descriptor 0 checksum"},
      {"ext4_block_bitmap", "ext4", [](Image& i) { i.flip(ext_block(i, 0) + 99); },
       "block bitmap checksum of group 0"},
      {"ext4_inode_bitmap", "ext4", [](Image& i) { i.flip(ext_block(i, 4) + 9); },
       "inode bitmap checksum of group 0"},
      {"ext4_root_inode", "ext4", [](Image& i) { i.flip(ext_block(i, 8) + 256 + 32); },
       "root inode checksum"},
      {"ext4_root_inode_gone", "ext4", [](Image& i) { i.zero(ext_block(i, 8) + 256, 256); },
       "root inode is no folder"},
      {"ext4_backup_magic", "ext4", [](Image& i) { i.flip(8193 * 1024 + 0x38); },
       "superblock in group 1: magic"},
      {"ext4_backup_byte", "ext4", [](Image& i) { i.flip(8193 * 1024 + 0x78); }, "in group 1: checksum",
       kNote},
      {"ext4_backup_values", "ext4", [](Image& i) { i.flip(8193 * 1024 + 0x20); },
       "in group 1: blocks per group"},
      {"ext4_truncated", "ext4", [](Image& i) { i.resize(i.size() - 1024); }, "larger than the space"},
      {"ext2_zero", "ext2", [](Image& i) { i.zero(1024 + 0x20, 4); }, "blocks per group is impossible"},
      {"ext2_descriptor", "ext2", [](Image& i) { i.write(2048, "\xff\xff\xff\x7f"); },
       "block bitmap lies outside"},
      {"ext2_inodes", "ext2", [](Image& i) { i.flip(1024); }, "number of inodes is impossible"},
      {"ext3_truncated", "ext3", [](Image& i) { i.resize(i.size() / 2); }, "larger than the space"},
      {"xfs_super", "xfs", [](Image& i) { i.flip(108); }, "superblock checksum"},
      {"xfs_super_lost", "xfs", [](Image& i) { i.zero(0, 512); }, "primary superblock is lost"},
      {"xfs_agf", "xfs", [](Image& i) { i.flip(512 + 52); }, "AGF of group 0: checksum"},
      {"xfs_agi", "xfs", [](Image& i) { i.flip(xfs_group(i, 1) + 1024 + 16); }, "AGI of group 1: checksum"},
      {"xfs_agfl", "xfs", [](Image& i) { i.flip(xfs_group(i, 2) + 1536 + 40); }, "AGFL of group 2: checksum"},
      {"xfs_agf_magic", "xfs", [](Image& i) { i.flip(xfs_group(i, 3) + 512); }, "AGF of group 3: magic"},
      {"xfs_copy", "xfs", [](Image& i) { i.flip(xfs_group(i, 1) + 200); }, "copy in group 1: checksum"},
      {"xfs_copy_uuid", "xfs", [](Image& i) { i.flip(xfs_group(i, 2) + 33); },
       "group 2 differs from the primary"},
      {"xfs_root_inode", "xfs", [](Image& i) { i.flip(big(i, 56, 8) * 512 + 60); }, "root inode checksum"},
      {"xfs_truncated", "xfs", [](Image& i) { i.resize(i.size() - 4096); }, "larger than the space"},
      {"xfs_v4_agi_magic", "xfs_v4", [](Image& i) { i.flip(1024); }, "AGI of group 0: magic"},
      {"xfs_v4_block_size", "xfs_v4", [](Image& i) { i.flip(4); }, "block size is impossible"},
      {"btrfs_super", "btrfs", [](Image& i) { i.flip(65536 + 300); }, "superblock crc32c checksum"},
      {"btrfs_super_lost", "btrfs", [](Image& i) { i.zero(65536, 4096); }, "primary superblock is lost"},
      {"btrfs_mirror", "btrfs", [](Image& i) { i.flip((64 << 20) + 300); }, "mirror 1: checksum"},
      {"btrfs_mirror_magic", "btrfs", [](Image& i) { i.flip((64 << 20) + 64); }, "mirror 1: magic"},
      {"btrfs_sha256", "btrfs_sha256", [](Image& i) { i.flip(65536 + 300); }, "superblock sha256 checksum"},
      {"btrfs_truncated", "btrfs", [](Image& i) { i.resize(i.size() - 4096); }, "larger than the space"},
      {"fat32_values", "fat32", [](Image& i) { i.flip(14); }, "FAT"},
      {"fat32_boot_lost", "fat32", [](Image& i) { i.zero(0, 512); }, "primary superblock is lost"},
      {"fat32_backup_boot", "fat32", [](Image& i) { i.flip(6 * 512 + 36); }, "backup boot sector differs"},
      {"fat32_boot_code", "fat32", [](Image& i) { i.flip(200); }, "differ in label or boot code", kNote},
      {"fat32_info_sector", "fat32", [](Image& i) { i.flip(512 + 484); }, "FSInfo signature"},
      {"fat32_second_fat", "fat32", [](Image& i) { i.flip(fat(i, 1) + 20); }, "two FATs differ"},
      {"fat32_media", "fat32", [](Image& i) { i.flip(fat(i, 0)); }, "media byte"},
      {"fat16_first_fat", "fat16", [](Image& i) { i.flip(fat(i, 0) + 100); }, "two FATs differ"},
      {"fat32_in_use", "fat32",
       [](Image& i) {
         i.write(65, "\x01");
         i.flip(fat(i, 0) + 20);
       },
       "was in use", kNote},
      {"fat32_truncated", "fat32", [](Image& i) { i.resize(i.size() / 2); }, "larger than the space"},
      {"ntfs_values", "ntfs", [](Image& i) { i.flip(64); }, "boot sector"},
      {"ntfs_backup_boot", "ntfs", [](Image& i) { i.flip(i.size() - 512 + 48); },
       "backup boot sector differs"},
      {"ntfs_boot_lost", "ntfs", [](Image& i) { i.zero(0, 512); }, "primary superblock is lost"},
      {"ntfs_signature", "ntfs", [](Image& i) { i.flip(ntfs_cluster(i, 48)); }, "$MFT record 0: signature"},
      {"ntfs_fixup", "ntfs", [](Image& i) { i.flip(ntfs_cluster(i, 48) + 510); }, "$MFT record 0: fixups"},
      {"ntfs_record", "ntfs", [](Image& i) { i.flip(ntfs_cluster(i, 48) + 1120); },
       "record 1: $MFT and $MFTMirr differ"},
      {"ntfs_mirror", "ntfs", [](Image& i) { i.flip(ntfs_cluster(i, 56) + 96); },
       "record 0: $MFT and $MFTMirr differ"},
      {"ntfs_mirror_mark", "ntfs", [](Image& i) { i.flip(ntfs_cluster(i, 56) + 3072); },
       "$MFTMirr record 3: signature"},
      {"ntfs_truncated", "ntfs", [](Image& i) { i.resize(i.size() / 2); }, "larger than the space"},
      {"swap_version", "swap", [](Image& i) { i.flip(1024); }, "swap version"},
      {"swap_truncated", "swap", [](Image& i) { i.resize(i.size() - 4096); }, "larger than the space"},
  };
  return kDamages;
}

class DamagedFileSystemTest : public testing::TestWithParam<Damage> {};

TEST_P(DamagedFileSystemTest, IsReported) {
  MAKE_OR_SKIP(made, GetParam().format);
  GetParam().harm(*made.image);
  const DiskReport report = inspect_disk(made.image->source());
  ASSERT_EQ(report.partitions.size(), 1u) << text_of(report);
  const auto& findings = report.partitions[0].findings;
  EXPECT_TRUE(has_finding(findings, GetParam().finding, GetParam().severity)) << text_of(report);
  const bool damage = GetParam().severity == Severity::damage;
  EXPECT_EQ(report.verdict, damage ? Verdict::damaged : Verdict::sound) << text_of(report);
}

INSTANTIATE_TEST_SUITE_P(OneByte, DamagedFileSystemTest, testing::ValuesIn(damages()), row_name<Damage>);

class BtrfsTest : public testing::Test {};

// Nodes say where they belong at byte 48; the superblock names two of them.
TEST_F(BtrfsTest, WrongByteInEitherCopyOfATreeNodeIsReported) {
  MAKE_OR_SKIP(made, "btrfs");
  Image& image = *made.image;
  for (const auto& [field, name] : {std::pair{80u, "tree root node"}, {88u, "chunk tree node"}}) {
    const std::uint64_t logical = image.number(65536 + field, 8);
    int copies = 0;
    for (std::uint64_t at = kMiB; at + 16384 <= image.size(); at += 16384) {
      if (image.number(at + 48, 8) != logical || image.read(at + 32, 16) != image.read(65536 + 32, 16))
        continue;
      image.flip(at + 200);
      const DiskReport report = inspect_disk(image.source());
      image.flip(at + 200);
      if (report.verdict == Verdict::sound) continue;  // left behind by an earlier transaction
      ++copies;
      EXPECT_TRUE(has_finding(report.partitions[0].findings, name, Severity::damage)) << text_of(report);
    }
    EXPECT_EQ(copies, 2) << name;
  }
}

TEST_F(BtrfsTest, OtherChecksumKindsAreNotCheckedAndNotPassed) {
  for (const char* kind : {"xxhash", "blake2"}) {
    const Made made = make_image(512 * kMiB, mkfs_btrfs({"--csum", kind}));
    if (!made.image) GTEST_SKIP() << made.missing << " is not installed";
    const DiskReport report = inspect_disk(made.image->source());
    EXPECT_EQ(report.partitions.at(0).kind, "btrfs");
    EXPECT_EQ(report.verdict, Verdict::unknown) << text_of(report);
  }
}

class ExtTest : public testing::Test {};

TEST_F(ExtTest, BitmapsAreNotCheckedWhileTheJournalIsToBeReplayed) {
  MAKE_OR_SKIP(made, "ext4");
  const auto set = run_tool({"debugfs", "-w", "-R", "feature needs_recovery", "FILE"}, made.image->path());
  if (!set) GTEST_SKIP() << "debugfs is not installed";
  made.image->flip(ext_block(*made.image, 0) + 99);
  const DiskReport report = inspect_disk(made.image->source());
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
  EXPECT_NE(text_of(report).find("not checked: bitmap checksums"), std::string::npos) << text_of(report);
}

}  // namespace
}  // namespace azlin::verification::test
