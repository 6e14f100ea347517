// Whatever the bytes are, an inspection ends, stays on the disk and keeps to its limit of reads.
// Image::source throws on a read out of bounds. AZLIN_FUZZ_ROUNDS sets the number of rounds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "unit/verification/image.hpp"
#include "verification/bytes.hpp"

namespace azlin::verification::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMaxRead = 64 * kMiB;

unsigned rounds() {
  const char* text = std::getenv("AZLIN_FUZZ_ROUNDS");
  return text == nullptr ? 60 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

void inspect(const Image& image) {
  const DiskReport report =
      inspect_disk(image.source(), {.vhd_footer = image.size() % 3 == 0, .max_read = kMaxRead});
  EXPECT_LE(report.bytes_read, kMaxRead + 512);
  EXPECT_FALSE(to_lines(report).empty());
}

struct Start {
  const char* name;
  std::uint64_t size;
  std::vector<std::string> argv;
  std::string input;
};

class FuzzTest : public testing::TestWithParam<Start> {};

// Bytes change where structures lie: most often in a sector that is not all zeros.
TEST_P(FuzzTest, FlippedBytesDoNoHarm) {
  const Made made = make_image(GetParam().size, GetParam().argv, GetParam().input);
  if (!made.image) GTEST_SKIP() << made.missing << " is not installed";
  std::vector<std::uint64_t> sectors;
  for (std::uint64_t at = 0; at < made.image->size(); at += 512) {
    if (!all_zero(made.image->read(at, 512))) sectors.push_back(at);
  }
  ASSERT_FALSE(sectors.empty());
  std::mt19937_64 random(20260101);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  for (unsigned round = 0; round < rounds(); ++round) {
    std::vector<std::pair<std::uint64_t, std::vector<std::uint8_t>>> before;
    for (std::uint64_t change = 0; change <= below(6); ++change) {
      // The first sectors decide most.
      const std::uint64_t sector = below(2) == 0 ? sectors[below(std::min<std::size_t>(sectors.size(), 12))]
                                                 : sectors[below(sectors.size())];
      const std::uint64_t at = sector + below(504);
      before.emplace_back(at, made.image->read(at, 8));
      std::vector<std::uint8_t> bytes(below(8) + 1);
      const std::uint64_t kind = below(3);
      for (auto& byte : bytes) byte = kind == 0 ? 0xff : kind == 1 ? 0 : static_cast<std::uint8_t>(random());
      made.image->write(at, bytes);
    }
    ASSERT_NO_THROW(inspect(*made.image)) << "round " << round;
    for (auto undo = before.rbegin(); undo != before.rend(); ++undo)
      made.image->write(undo->first, undo->second);
  }
}

TEST_P(FuzzTest, AnyLengthDoesNoHarm) {
  const Made made = make_image(GetParam().size, GetParam().argv, GetParam().input);
  if (!made.image) GTEST_SKIP() << made.missing << " is not installed";
  std::mt19937_64 random(7);
  for (std::uint64_t size = made.image->size(); size > 0;
       size = size * 3 / 4 - random() % std::min(size / 2 + 1, kMiB)) {
    made.image->resize(size);
    ASSERT_NO_THROW(inspect(*made.image)) << size;
    if (size < 512) break;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Starts, FuzzTest,
    testing::Values(
        Start{"ext4", 32 * kMiB, {"mkfs.ext4", "-q", "-F", "-b", "1024", "FILE"}, ""},
        Start{"ext2", 16 * kMiB, {"mkfs.ext2", "-q", "-F", "FILE"}, ""},
        Start{"xfs", 300 * kMiB, {"mkfs.xfs", "-q", "-f", "FILE"}, ""},
        Start{"xfs_v4", 300 * kMiB, {"mkfs.xfs", "-q", "-f", "-m", "crc=0", "FILE"}, ""},
        Start{"btrfs", 128 * kMiB, {"mkfs.btrfs", "-q", "-f", "FILE"}, ""},
        Start{"fat32", 64 * kMiB, {"mkfs.vfat", "-F", "32", "FILE"}, ""},
        Start{"fat16", 16 * kMiB, {"mkfs.vfat", "-F", "16", "FILE"}, ""},
        Start{"ntfs", 16 * kMiB, {"mkntfs", "-q", "-Q", "-F", "FILE"}, ""},
        Start{"swap", kMiB, {"mkswap", "FILE"}, ""},
        Start{"gpt",
              16 * kMiB,
              {"sfdisk", "-q", "--no-reread", "--no-tell-kernel", "FILE"},
              "label: gpt\n,4M\n,4M\n,\n"},
        Start{"mbr",
              16 * kMiB,
              {"sfdisk", "-q", "--no-reread", "--no-tell-kernel", "FILE"},
              "label: dos\nsize=4M\nstart=10240,type=5\nstart=12288,size=2M\nstart=18432,size=1M\n"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RandomDataTest, DoesNoHarm) {
  Image image(2 * kMiB);
  std::mt19937_64 random(99);
  static const std::vector<std::pair<std::uint64_t, std::string>> kMagics = {
      {0, "XFSB"},       {3, "NTFS    "},      {1024 + 56, "\x53\xef"}, {65536 + 64, "_BHRfS_M"},
      {512, "LABELONE"}, {4086, "SWAPSPACE2"}, {0, "LUKS\xba\xbe"},     {512, "EFI PART"},
      {510, "\x55\xaa"}, {0, "\xeb\x3c\x90"},  {536, "LVM2 001"}};
  for (unsigned round = 0; round < rounds() * 3; ++round) {
    std::vector<std::uint8_t> bytes(256 * 1024);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % (round % 4 == 0 ? 3 : 256));
    image.write(0, bytes);
    for (const auto& [at, magic] : kMagics) {
      if (random() % 3 == 0) image.write(at, magic);
    }
    ASSERT_NO_THROW(inspect(image)) << "round " << round;
  }
}

}  // namespace
}  // namespace azlin::verification::test
