// Partition tables, sizes and the VHD footer.
#include <gtest/gtest.h>

#include <functional>

#include "azlin/core/error.hpp"
#include "unit/verification/image.hpp"

namespace azlin::verification::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kDisk = 256 * kMiB;

// Places ext4 at 1 MiB (63 MiB) and FAT32 at 100 MiB (64 MiB), where the tables below expect them.
bool fill(Image& disk) {
  const Made root = make_image(63 * kMiB, {"mkfs.ext4", "-q", "-F", "FILE"});
  const Made esp = make_image(64 * kMiB, {"mkfs.vfat", "-F", "32", "FILE"});
  if (!root.image || !esp.image) return false;
  disk.copy_from(*root.image, kMiB);
  disk.copy_from(*esp.image, 100 * kMiB);
  return true;
}

constexpr const char* kGptScript =
    "label: gpt\n"
    "start=2048, size=129024, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n"
    "start=204800, size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"
    "start=344064, size=2048, type=21686148-6449-6E6F-744E-656564454649\n";

constexpr const char* kMbrScript =
    "label: dos\n"
    "start=2048, size=129024, type=83, bootable\n"
    "start=200704, size=200704, type=5\n"
    "start=204800, size=131072, type=ef\n"
    "start=344064, size=2048, type=83\n";

class PartitionTableTest : public testing::Test {
 protected:
  // nullptr: a tool is missing.
  std::unique_ptr<Image> make(const char* script) {
    Made made = make_image(kDisk, {"sfdisk", "-q", "--no-reread", "--no-tell-kernel", "FILE"}, script);
    if (!made.image || !fill(*made.image)) return nullptr;
    return std::move(made.image);
  }
};

#define SKIP_WITHOUT(image) \
  if (!image) GTEST_SKIP() << "sfdisk, mkfs.ext4 or mkfs.vfat is not installed"

TEST_F(PartitionTableTest, GptWithSoundPartitionsIsSound) {
  const auto disk = make(kGptScript);
  SKIP_WITHOUT(disk);
  const DiskReport report = inspect_disk(disk->source());
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
  EXPECT_EQ(report.table, "gpt");
  EXPECT_EQ(report.sector_size, 512u);
  EXPECT_TRUE(report.findings.empty()) << text_of(report);
  ASSERT_EQ(report.partitions.size(), 3u);
  EXPECT_EQ(report.partitions[0].index, 1);
  EXPECT_EQ(report.partitions[0].kind, "ext4");
  EXPECT_EQ(report.partitions[0].offset, kMiB);
  EXPECT_EQ(report.partitions[0].length, 63 * kMiB);
  EXPECT_EQ(report.partitions[1].kind, "fat32");
  EXPECT_EQ(report.partitions[1].type, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  EXPECT_EQ(report.partitions[2].kind, "bios-boot");
  EXPECT_LT(report.bytes_read, 4 * kMiB);
}

TEST_F(PartitionTableTest, MbrWithLogicalPartitionsIsSound) {
  const auto disk = make(kMbrScript);
  SKIP_WITHOUT(disk);
  const DiskReport report = inspect_disk(disk->source());
  EXPECT_EQ(report.table, "mbr");
  ASSERT_EQ(report.partitions.size(), 3u) << text_of(report);
  EXPECT_EQ(report.partitions[0].kind, "ext4");
  EXPECT_EQ(report.partitions[0].type, "0x83");
  EXPECT_EQ(report.partitions[1].index, 5);
  EXPECT_EQ(report.partitions[1].kind, "fat32");
  EXPECT_EQ(report.partitions[2].index, 6);
  EXPECT_EQ(report.partitions[2].verdict, Verdict::empty);
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
}

TEST_F(PartitionTableTest, FourKilobyteSectorsAreFound) {
  Image disk(kDisk);
  if (!fill(disk)) GTEST_SKIP() << "mkfs.ext4 or mkfs.vfat is not installed";
  const std::string linux_type = "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";
  write_gpt(disk, 4096, {{linux_type, 256, 256 + 16128 - 1}, {linux_type, 25600, 25600 + 16384 - 1}});
  const DiskReport report = inspect_disk(disk.source());
  EXPECT_EQ(report.sector_size, 4096u);
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
  ASSERT_EQ(report.partitions.size(), 2u);
  EXPECT_EQ(report.partitions[0].kind, "ext4");
  EXPECT_EQ(report.partitions[0].type, "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
}

TEST_F(PartitionTableTest, MbrWithFourKilobyteSectorsIsFoundByItsContents) {
  Image disk(kDisk);
  if (!fill(disk)) GTEST_SKIP() << "mkfs.ext4 or mkfs.vfat is not installed";
  disk.write(446, std::string(4, '\0') + '\x83' + std::string(3, '\0') + le(256, 4) + le(16128, 4));
  disk.write(510, "\x55\xaa");
  const DiskReport report = inspect_disk(disk.source());
  EXPECT_EQ(report.sector_size, 4096u);
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(report);
}

struct TableDamage {
  const char* name;
  const char* script;
  std::function<void(Image&)> harm;
  const char* finding;
  std::size_t partitions;  // still inspected
  Severity severity = Severity::damage;
};

constexpr std::uint64_t kBackup = kDisk - 512;

const std::vector<TableDamage>& table_damages() {
  static const std::vector<TableDamage> kDamages = {
      {"gpt_primary_header", kGptScript, [](Image& i) { i.flip(512 + 48); }, "primary header crc32", 3},
      {"gpt_primary_header_lost", kGptScript, [](Image& i) { i.zero(512, 512); }, "primary header: signature",
       3},
      {"gpt_primary_entries", kGptScript, [](Image& i) { i.flip(1024 + 32); }, "primary entries crc32", 3},
      {"gpt_backup_header", kGptScript, [](Image& i) { i.flip(kBackup + 60); }, "backup header crc32", 3},
      {"gpt_backup_header_lost", kGptScript, [](Image& i) { i.zero(kBackup, 512); },
       "backup header: signature", 3},
      {"gpt_backup_entries", kGptScript, [](Image& i) { i.flip(kBackup - 16384); }, "backup entries crc32",
       3},
      {"gpt_unused_entry", kGptScript, [](Image& i) { i.flip(1024 + 100 * 128 + 60); },
       "primary entries crc32", 3},
      {"gpt_both_headers_lost", kGptScript,
       [](Image& i) {
         i.zero(512, 512);
         i.zero(kBackup, 512);
       },
       "backup header: signature", 0},
      {"gpt_first_sectors_lost", kGptScript, [](Image& i) { i.zero(0, 34 * 512); },
       "primary header: signature", 3},
      {"gpt_protective_mark", kGptScript, [](Image& i) { i.flip(510); }, "protective MBR: end mark", 3},
      {"gpt_protective_type", kGptScript, [](Image& i) { i.flip(450); }, "protective MBR: no entry", 3},
      {"gpt_truncated", kGptScript, [](Image& i) { i.resize(kDisk - kMiB); }, "the disk is truncated", 3},
      {"gpt_truncated_in_a_partition", kGptScript, [](Image& i) { i.resize(110 * kMiB); },
       "truncated: partition 2 passes its end", 3},
      {"gpt_enlarged", kGptScript, [](Image& i) { i.resize(2 * kDisk); }, "larger than its GPT", 3,
       Severity::note},
      {"mbr_mark", kMbrScript, [](Image& i) { i.flip(510); }, "MBR: end mark", 3},
      {"mbr_status", kMbrScript, [](Image& i) { i.flip(446); }, "MBR entry 1: status", 3},
      {"mbr_size", kMbrScript, [](Image& i) { i.zero(446 + 12, 4); }, "type and size do not go together", 2},
      {"mbr_overlap", kMbrScript, [](Image& i) { i.write(446 + 12, le(300000, 4)); }, "overlap", 3},
      {"mbr_beyond", kMbrScript, [](Image& i) { i.write(446 + 12, le(0x7fffffff, 4)); }, "passes its end", 3},
      {"mbr_lost", kMbrScript, [](Image& i) { i.zero(0, 512); }, "partition table is lost", 1},
      {"ebr_mark", kMbrScript, [](Image& i) { i.flip(200704 * 512 + 510); }, "partition 5: end mark", 1},
      {"ebr_link", kMbrScript, [](Image& i) { i.write(200704 * 512 + 470, le(0x7fffffff, 4)); },
       "link leaves the extended partition", 2},
      {"ebr_loop", kMbrScript, [](Image& i) { i.write(200704 * 512 + 470, le(0, 4)); }, "is a loop", 2},
      {"mbr_truncated", kMbrScript, [](Image& i) { i.resize(110 * kMiB); }, "truncated: partition 5", 2},
  };
  return kDamages;
}

class DamagedTableTest : public PartitionTableTest, public testing::WithParamInterface<TableDamage> {};

TEST_P(DamagedTableTest, IsReported) {
  const auto disk = make(GetParam().script);
  SKIP_WITHOUT(disk);
  GetParam().harm(*disk);
  const DiskReport report = inspect_disk(disk->source());
  EXPECT_TRUE(has_finding(report.findings, GetParam().finding, GetParam().severity)) << text_of(report);
  EXPECT_EQ(report.partitions.size(), GetParam().partitions) << text_of(report);
  const bool damage = GetParam().severity == Severity::damage;
  EXPECT_EQ(report.verdict, damage ? Verdict::damaged : Verdict::sound) << text_of(report);
}

INSTANTIATE_TEST_SUITE_P(OneHarm, DamagedTableTest, testing::ValuesIn(table_damages()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(PartitionTableTest, GptCopiesThatDifferAreReported) {
  const auto disk = make(kGptScript);
  SKIP_WITHOUT(disk);
  Image other(kDisk);
  const std::string linux_type = "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";
  write_gpt(other, 512, {{linux_type, 2048, 131071}});
  disk->write(kBackup - 16384, other.read(kBackup - 16384, 16384 + 512));
  const DiskReport report = inspect_disk(disk->source());
  EXPECT_TRUE(has_finding(report.findings, "primary and backup differ", Severity::damage)) << text_of(report);
  EXPECT_EQ(report.partitions.size(), 3u);
}

TEST_F(PartitionTableTest, GptPartitionsThatOverlapOrLeaveTheUsableRangeAreReported) {
  Image disk(kDisk);
  const std::string linux_type = "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";
  write_gpt(disk, 512, {{linux_type, 2048, 4095}, {linux_type, 4000, 8191}, {linux_type, 10, 2047}});
  const DiskReport report = inspect_disk(disk.source());
  EXPECT_TRUE(has_finding(report.findings, "partitions 1 and 2 overlap", Severity::damage))
      << text_of(report);
  EXPECT_TRUE(has_finding(report.findings, "partition 3 leaves the usable range", Severity::damage));
}

TEST_F(PartitionTableTest, EspWithoutFatIsDamaged) {
  const auto disk = make(kGptScript);
  SKIP_WITHOUT(disk);
  disk->zero(100 * kMiB, 64 * kMiB);
  const DiskReport report = inspect_disk(disk->source());
  EXPECT_EQ(report.partitions.at(1).verdict, Verdict::damaged);
  EXPECT_EQ(report.verdict, Verdict::damaged);
}

class WholeDiskTest : public testing::Test {};

TEST_F(WholeDiskTest, ZerosAreEmpty) {
  const Image disk(64 * kMiB);
  EXPECT_EQ(inspect_disk(disk.source()).verdict, Verdict::empty);
}

TEST_F(WholeDiskTest, KnownAllocationDecidesWhetherItIsEmpty) {
  Image disk(64 * kMiB);
  disk.write(33 * kMiB + 512, "data between the places that are sampled");
  EXPECT_EQ(inspect_disk(disk.source()).verdict, Verdict::empty);
  const DiskReport known = inspect_disk(disk.source(), {.allocated = {{{33 * kMiB, 4096}}}});
  EXPECT_EQ(known.verdict, Verdict::unknown);
  const DiskReport none = inspect_disk(disk.source(), {.allocated = std::vector<Range>{}});
  EXPECT_EQ(none.verdict, Verdict::empty);
  EXPECT_EQ(none.partitions.at(0).checked.at(0), "nothing is allocated");
}

TEST_F(WholeDiskTest, OtherDataIsUnknownAndNotPassed) {
  Image disk(64 * kMiB);
  disk.write(0, std::string(4096, 'x'));
  const DiskReport report = inspect_disk(disk.source());
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_NE(text_of(report).find("unknown, not checked"), std::string::npos) << text_of(report);
}

TEST_F(WholeDiskTest, TinyAndEmptySourcesAreNoTrouble) {
  for (const std::uint64_t size : {0, 1, 511, 512, 513, 4095, 4096}) {
    const Image disk(size);
    EXPECT_EQ(inspect_disk(disk.source()).size, size);
    EXPECT_EQ(inspect_disk(disk.source(), {.vhd_footer = true}).verdict, Verdict::damaged) << size;
  }
}

TEST_F(WholeDiskTest, WrongSizeIsDamage) {
  const Image disk(64 * kMiB);
  EXPECT_EQ(inspect_disk(disk.source(), {.expected_size = 64 * kMiB}).verdict, Verdict::empty);
  const DiskReport shorter = inspect_disk(disk.source(), {.expected_size = 65 * kMiB});
  EXPECT_TRUE(has_finding(shorter.findings, "truncated", Severity::damage));
  EXPECT_EQ(shorter.verdict, Verdict::damaged);
  EXPECT_EQ(inspect_disk(disk.source(), {.expected_size = 63 * kMiB}).verdict, Verdict::damaged);
}

TEST_F(WholeDiskTest, ErrorsOfReadingAreNotFindings) {
  const BlockSource broken{64 * kMiB, [](std::uint64_t, std::span<std::uint8_t>) {
                             throw core::Error(core::ErrorKind::failed, "403");
                           }};
  EXPECT_THROW(inspect_disk(broken), core::Error);
}

TEST_F(WholeDiskTest, ReadLimitLeavesTheRestUnchecked) {
  const Made made = make_image(512 * kMiB, {"mkfs.xfs", "-q", "-f", "FILE"});
  if (!made.image) GTEST_SKIP() << made.missing << " is not installed";
  const DiskReport report = inspect_disk(made.image->source(), {.max_read = 128 * 1024});
  EXPECT_LE(report.bytes_read, 128u * 1024);
  EXPECT_EQ(report.verdict, Verdict::unknown) << text_of(report);
}

TEST_F(WholeDiskTest, SectorSizesThatAreNoneAreRefused) {
  const Image disk(kMiB);
  EXPECT_THROW(inspect_disk(disk.source(), {.sector_size = 520}), core::Error);
}

class VhdFooterTest : public testing::Test {
 protected:
  VhdFooterTest() {
    disk_.write(kSize, "conectix" + be(2, 4) + be(0x10000, 4) + be(~0ull, 8) + be(0x2b8e7d11, 4) + "win " +
                           be(0xa0000, 4) + "Wi2k" + be(kSize, 8) + be(kSize, 8) + be(0x00820411, 4) +
                           be(2, 4));
    disk_.write(kSize + 68, std::string(16, '\x5a'));
    set_checksum();
  }
  void set_checksum() {
    disk_.zero(kSize + 64, 4);
    std::uint32_t sum = 0;
    for (const auto byte : disk_.read(kSize, 512)) sum += byte;
    disk_.write(kSize + 64, be(~sum, 4));
  }
  DiskReport inspect() { return inspect_disk(disk_.source(), {.expected_size = kSize, .vhd_footer = true}); }

  static constexpr std::uint64_t kSize = 16 * kMiB;
  Image disk_{kSize + 512};
};

TEST_F(VhdFooterTest, SoundFooterPasses) {
  const DiskReport report = inspect();
  EXPECT_TRUE(report.findings.empty()) << text_of(report);
  EXPECT_EQ(report.size, kSize);
  EXPECT_EQ(report.verdict, Verdict::empty);
}

TEST_F(VhdFooterTest, AnyWrongByteIsReported) {
  for (std::uint64_t at = 0; at < 512; at += 3) {
    disk_.flip(kSize + at);
    EXPECT_EQ(inspect().verdict, Verdict::damaged) << "byte " << at;
    disk_.flip(kSize + at);
  }
}

TEST_F(VhdFooterTest, FooterOfAnotherSizeIsReported) {
  disk_.write(kSize + 48, be(kSize + kMiB, 8));
  set_checksum();
  EXPECT_TRUE(has_finding(inspect().findings, "VHD footer: current size", Severity::damage));
}

TEST_F(VhdFooterTest, TruncatedImageIsReported) {
  disk_.resize(kSize - kMiB);
  const DiskReport report = inspect();
  EXPECT_TRUE(has_finding(report.findings, "VHD footer: cookie", Severity::damage)) << text_of(report);
  EXPECT_TRUE(has_finding(report.findings, "the disk is truncated", Severity::damage)) << text_of(report);
}

}  // namespace
}  // namespace azlin::verification::test
