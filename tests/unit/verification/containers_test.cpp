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
  write_volume(std::string(3000, 't'), kAreaSize - 1000);
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
