// What is no file system. LVM and LUKS are written here by their specifications: their tools want a block
// device (pvcreate) or are seldom installed (cryptsetup).
#include <gtest/gtest.h>

#include "unit/verification/image.hpp"
#include "verification/checksum.hpp"

namespace azlin::verification::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

View view(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::uint32_t lvm_sum(const std::string& text) {
  return crc32_raw(0xf597a6cf, view(text));
}

class LvmTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kArea = 4096, kAreaSize = kMiB - 4096;

  // `text_at` within the metadata area; text that passes its end goes on after the area's first sector.
  void write_volume(const std::string& text, std::uint64_t text_at) {
    std::string body = le(32, 4) + "LVM2 001" + std::string(32, 'u') + le(disk_.size(), 8) + le(kMiB, 8) +
                       le(0, 8) + le(0, 16) + le(kArea, 8) + le(kAreaSize, 8) + le(0, 16);
    body.resize(492);
    disk_.write(512, "LABELONE" + le(1, 8) + le(lvm_sum(body), 4) + body);
    std::string header = " LVM2 x[5A%r0N*>" + le(1, 4) + le(kArea, 8) + le(kAreaSize, 8) + le(text_at, 8) +
                         le(text.size(), 8) + le(lvm_sum(text), 4);
    header.resize(508);
    disk_.write(kArea, le(lvm_sum(header), 4) + header);
    const std::string first = text.substr(0, kAreaSize - text_at);
    disk_.write(kArea + text_at, first);
    disk_.write(kArea + 512, text.substr(first.size()));
  }
  PartitionReport inspect() { return inspect_disk(disk_.source()).partitions.at(0); }

  Image disk_{32 * kMiB};
};

TEST_F(LvmTest, SoundVolumePasses) {
  write_volume("vg {\nid = \"x\"\n}\n", 1024);
  const PartitionReport report = inspect();
  EXPECT_EQ(report.kind, "lvm");
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(inspect_disk(disk_.source()));
  EXPECT_EQ(report.checked.back(), "volume group metadata crc32");
}

TEST_F(LvmTest, TextThatWrapsRoundItsAreaPasses) {
  write_volume("#" + std::string(3000, 't'), kAreaSize - 1000);
  EXPECT_EQ(inspect().verdict, Verdict::sound) << text_of(inspect_disk(disk_.source()));
}

TEST_F(LvmTest, WrongBytesAreReported) {
  for (const auto& [at, finding] : {std::pair{512u + 40, "LVM label checksum"},
                                    {kArea + 20, "LVM metadata area checksum"},
                                    {kArea + 1024 + 2, "LVM volume group metadata checksum"}}) {
    write_volume("vg {\nid = \"x\"\n}\n", 1024);
    disk_.flip(at);
    const PartitionReport report = inspect();
    EXPECT_EQ(report.verdict, Verdict::damaged) << finding;
    EXPECT_TRUE(has_finding(report.findings, finding, Severity::damage)) << finding;
  }
}

TEST_F(LvmTest, TruncatedVolumeIsReported) {
  write_volume("vg {}", 1024);
  disk_.resize(disk_.size() - kMiB);
  EXPECT_TRUE(has_finding(inspect().findings, "lvm is larger than the space", Severity::damage));
}

// ext4 of 16 MiB in extents of 1 MiB: its first half lies behind its second.
class LogicalVolumeTest : public LvmTest {
 protected:
  static constexpr std::uint64_t kFirstHalf = 17 * kMiB, kSecondHalf = 3 * kMiB;

  static std::string segment(int number, int first, const std::string& stripes) {
    return "segment" + std::to_string(number) + " {\nstart_extent = " + std::to_string(first) +
           "\nextent_count = 8\ntype = \"striped\"\nstripe_count = 1\t# linear\nstripes = [\n" + stripes +
           "\n]\n}\n";
  }
  static std::string group(const std::string& segments) {
    const std::string u(26, 'u');
    return "vg {\nid = \"x\"\nextent_size = 2048\nphysical_volumes {\npv0 {\nid = \"uu-uuuu-" + u +
           "\"\npe_start = 2048\n}\n}\nlogical_volumes {\nroot {\nstatus = [\"READ\", \"VISIBLE\"]\n" +
           segments +
           "}\nhidden {\nstatus = [\"READ\"]\n}\n}\n}\n# a comment\ncontents = \"Text Format Volume "
           "Group\"\n";
  }
  // False: mkfs is missing.
  bool make() {
    const Made root = make_image(16 * kMiB, {"mkfs.ext4", "-q", "-F", "-b", "1024", "FILE"});
    if (!root.image) return false;
    disk_.write(kFirstHalf, root.image->read(0, 8 * kMiB));
    disk_.write(kSecondHalf, root.image->read(8 * kMiB, 8 * kMiB));
    write_volume(group(segment(2, 8, "\"pv0\", 2") + segment(1, 0, "\"pv0\", 16")), 1024);
    return true;
  }
};

TEST_F(LogicalVolumeTest, FileSystemWithinIsChecked) {
  if (!make()) GTEST_SKIP() << "mkfs.ext4 is not installed";
  const PartitionReport report = inspect();
  EXPECT_EQ(report.kind, "lvm");
  EXPECT_EQ(report.verdict, Verdict::sound) << text_of(inspect_disk(disk_.source()));
  EXPECT_TRUE(report.not_checked.empty());
  EXPECT_EQ(report.checked.at(3), "vg/root (ext4): superblock crc32c");
}

TEST_F(LogicalVolumeTest, DamageWithinIsReportedWhereItLiesOnTheDisk) {
  if (!make()) GTEST_SKIP() << "mkfs.ext4 is not installed";
  disk_.flip(kSecondHalf + 8193 * 1024 - 8 * kMiB + 0x38);
  const PartitionReport report = inspect();
  EXPECT_EQ(report.verdict, Verdict::damaged);
  ASSERT_EQ(report.findings.size(), 1u) << text_of(inspect_disk(disk_.source()));
  EXPECT_EQ(report.findings[0].what, "vg/root (ext4): ext backup superblock in group 1: magic");
  EXPECT_EQ(report.findings[0].offset, kSecondHalf + 1024 + 0x38);
}

TEST_F(LogicalVolumeTest, VolumesThatReachElsewhereAreNotPassed) {
  for (const auto& [stripes, why] :
       {std::pair{"\"pv1\", 0", "reaches to other disks"}, {"\"pv0\", 0, \"pv1\", 0", "is striped"}}) {
    write_volume(group(segment(1, 0, stripes)), 1024);
    const PartitionReport report = inspect();
    EXPECT_EQ(report.verdict, Verdict::unknown) << why;
    EXPECT_NE(report.not_checked.at(0).find(why), std::string::npos) << report.not_checked.at(0);
  }
}

TEST_F(LogicalVolumeTest, VolumePastTheEndOfItsDiskIsReported) {
  write_volume(group(segment(1, 0, "\"pv0\", 30")), 1024);
  EXPECT_TRUE(has_finding(inspect().findings, "vg/root reaches beyond", Severity::damage));
}

TEST_F(LogicalVolumeTest, VolumeThatHoldsItsOwnPhysicalVolumeEnds) {
  std::string text = group(segment(1, 0, "\"pv0\", 0"));
  text.replace(text.find("pe_start = 2048"), 15, "pe_start = 0   ");
  write_volume(text, 1024);
  EXPECT_NE(inspect().verdict, Verdict::sound);
}

class Luks2Test : public testing::Test {
 protected:
  Luks2Test() {
    write_header(0, "LUKS\xba\xbe");
    write_header(16384, "SKUL\xba\xbe");
    disk_.write(16 * kMiB, std::string(4096, '\x99'));
  }
  void write_header(std::uint64_t at, const std::string& magic) {
    std::string header = magic + be(2, 2) + be(16384, 8) + be(3, 8) + std::string(48, '\0') + "sha256";
    header.resize(256);
    header += be(at, 8);
    header.resize(4096);
    header += R"({"keyslots":{}})";
    header.resize(16384);
    const Sha256 sum = sha256(view(header));
    std::copy(sum.begin(), sum.end(), header.begin() + 448);
    disk_.write(at, header);
  }
  DiskReport inspect() { return inspect_disk(disk_.source()); }

  Image disk_{32 * kMiB};
};

TEST_F(Luks2Test, IsEncryptedAndNotPassed) {
  const DiskReport report = inspect();
  EXPECT_EQ(report.partitions.at(0).kind, "luks2");
  EXPECT_EQ(report.verdict, Verdict::encrypted) << text_of(report);
  EXPECT_NE(text_of(report).find("encrypted, contents not checked"), std::string::npos);
}

TEST_F(Luks2Test, WrongBytesAreReported) {
  for (const auto& [at, finding] : {std::pair{5000u, "primary header sha256"},
                                    {16384u + 5000, "secondary header sha256"},
                                    {16384u, "secondary header is missing"},
                                    {9u, "primary header: size"}}) {
    disk_.flip(at);
    const DiskReport report = inspect();
    disk_.flip(at);
    EXPECT_EQ(report.verdict, Verdict::damaged) << finding;
    EXPECT_TRUE(has_finding(report.partitions.at(0).findings, finding, Severity::damage)) << text_of(report);
  }
}

TEST_F(Luks2Test, LostPrimaryHeaderIsReported) {
  disk_.zero(0, 16384);
  const DiskReport report = inspect();
  EXPECT_TRUE(has_finding(report.partitions.at(0).findings, "primary superblock is lost", Severity::damage));
}

struct Kind {
  const char* name;
  std::uint64_t at;
  std::string bytes;
  Verdict verdict;
};

class OtherKindTest : public testing::TestWithParam<Kind> {};

TEST_P(OtherKindTest, IsNamedAndNotPassed) {
  Image disk(32 * kMiB);
  disk.write(GetParam().at, GetParam().bytes);
  const DiskReport report = inspect_disk(disk.source());
  EXPECT_EQ(report.partitions.at(0).kind, GetParam().name);
  EXPECT_EQ(report.verdict, GetParam().verdict) << text_of(report);
  EXPECT_FALSE(report.partitions.at(0).not_checked.empty());
}

INSTANTIATE_TEST_SUITE_P(Signatures, OtherKindTest,
                         testing::Values(Kind{"bitlocker", 3, "-FVE-FS-", Verdict::encrypted},
                                         Kind{"luks1", 0,
                                              "LUKS\xba\xbe" + be(1, 2) + std::string(96, 'a') + be(4096, 4),
                                              Verdict::encrypted},
                                         Kind{"exfat", 3, "EXFAT   ", Verdict::unknown},
                                         Kind{"refs", 3, std::string("ReFS\0\0\0\0", 8), Verdict::unknown},
                                         Kind{"mdraid", 4096, "\xfc\x4e\x2b\xa9", Verdict::unknown}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Luks1Test, PayloadBeyondTheDiskIsReported) {
  Image disk(kMiB);
  disk.write(0, "LUKS\xba\xbe" + be(1, 2) + std::string(96, 'a') + be(4096, 4));
  EXPECT_EQ(inspect_disk(disk.source()).verdict, Verdict::damaged);
}

}  // namespace
}  // namespace azlin::verification::test
