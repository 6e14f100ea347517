#include "simulator/disk_image.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::simulator {
namespace {

template <typename T>
T little_endian(const std::string& bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[at + i]));
  return value;
}

// A header's own checksum is computed with its field set to zero.
void expect_valid_header(std::string header, std::uint64_t own, std::uint64_t other,
                         const std::string& entries) {
  EXPECT_EQ(header.substr(0, 8), "EFI PART");
  EXPECT_EQ(little_endian<std::uint64_t>(header, 24), own);
  EXPECT_EQ(little_endian<std::uint64_t>(header, 32), other);
  EXPECT_EQ(little_endian<std::uint32_t>(header, 88), crc32(entries));
  const auto checksum = little_endian<std::uint32_t>(header, 16);
  header.replace(16, 4, 4, '\0');
  EXPECT_EQ(checksum, crc32(header.substr(0, 92)));
}

TEST(DiskImageTest, Crc32MatchesItsCheckValue) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926u);
}

TEST(DiskImageTest, PartitionTableHasTwoHeadersThatAgree) {
  constexpr std::uint64_t kBytes = 1ull << 30, kLast = kBytes / 512 - 1;
  const auto table = make_gpt(kBytes, {1, 2, 3}, {{{9}, {8}, 2048, 4095, "root"}});
  ASSERT_EQ(table.front.size(), 34u * 512);
  ASSERT_EQ(table.back.size(), 33u * 512);
  EXPECT_EQ(table.front.substr(510, 2), "\x55\xAA");
  EXPECT_EQ(static_cast<unsigned char>(table.front[450]), 0xEE);
  const auto entries = table.front.substr(1024);
  EXPECT_EQ(entries, table.back.substr(0, 32 * 512));
  expect_valid_header(table.front.substr(512, 512), 1, kLast, entries);
  expect_valid_header(table.back.substr(32 * 512), kLast, 1, entries);
  EXPECT_EQ(little_endian<std::uint64_t>(table.back, 32 * 512 + 72), kLast - 32);
  EXPECT_EQ(little_endian<std::uint64_t>(entries, 40), 4095u);
}

TEST(DiskImageTest, SpecRoundTrips) {
  for (const char* text : {"os:30:web-1", "data:1024:"}) EXPECT_EQ(to_string(parse_image_spec(text)), text);
  for (const char* text : {"", "os", "os:30", "tape:1:", "os:x:", "os:0:"}) {
    EXPECT_THROW(parse_image_spec(text), core::Error) << text;
  }
}

class DiskImageStoreTest : public testing::Test {
 protected:
  test::TempDir dir_;
  ContentStore store_{dir_.path().string(), make_image};
};

TEST_F(DiskImageStoreTest, OsDiskHoldsFatAndExt4WhereItsTableSays) {
  const auto disk = store_.create_from_template("os:30:web", 30ull << 30);
  const auto table = store_.read(disk, 0, 34 * 512);
  expect_valid_header(table.substr(512, 512), 1, (30ull << 30) / 512 - 1, table.substr(1024));
  const auto esp = little_endian<std::uint64_t>(table, 1024 + 32),
             root = little_endian<std::uint64_t>(table, 1152 + 32);
  EXPECT_EQ(store_.read(disk, esp * 512, 512).substr(82, 5), "FAT32");
  const auto super = store_.read(disk, root * 512 + 1024, 1024);
  EXPECT_EQ(little_endian<std::uint16_t>(super, 0x38), 0xEF53);
  const auto blocks = little_endian<std::uint32_t>(super, 4);
  EXPECT_EQ(blocks * 4096ull, (little_endian<std::uint64_t>(table, 1152 + 40) - root + 1) * 512);
  std::uint64_t used = 0;
  for (const auto& range : store_.allocated(disk, {0, 30ull << 30}, 10'000)) used += range.length;
  EXPECT_LT(used, 16u << 20);
}

TEST_F(DiskImageStoreTest, DataDiskHoldsOneExt4Partition) {
  const auto disk = store_.create_from_template("data:1024:", 1024ull << 30);
  const auto table = store_.read(disk, 0, 34 * 512);
  const auto first = little_endian<std::uint64_t>(table, 1024 + 32);
  EXPECT_EQ(little_endian<std::uint16_t>(store_.read(disk, first * 512 + 1024, 512), 0x38), 0xEF53);
  EXPECT_EQ(little_endian<std::uint64_t>(table, 1152 + 32), 0u);
}

}  // namespace
}  // namespace azlin::simulator
