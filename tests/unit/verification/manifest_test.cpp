#include "azlin/verification/manifest.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::verification {
namespace {

constexpr std::uint32_t kBlock = 4u << 20;

Manifest with_blocks(std::size_t count) {
  Manifest manifest{.disk_size = 1u << 30, .block_size = kBlock};
  for (std::size_t i = 0; i < count; ++i) {
    BlockHash block{.offset = i * 2 * kBlock};
    block.hash.fill(static_cast<std::uint8_t>(i + 1));
    manifest.blocks.push_back(block);
  }
  return manifest;
}

}  // namespace

class ManifestTest : public testing::Test {};

// Computed from docs/manifest.md by another program (Python's hashlib).
TEST_F(ManifestTest, RootsAreTheDocumentedOnes) {
  EXPECT_EQ(to_hex(merkle_root(with_blocks(0))),
            "9e0a1990eae2a244aa40083d47f1a0e0b4c40ebb0392805e1b19d2d9fcedf2b9");
  EXPECT_EQ(to_hex(merkle_root(with_blocks(1))),
            "ae44588ea90d700ac2c3bf18afb083ddd1a7599b58b74934eff29597607a9ff7");
  EXPECT_EQ(to_hex(merkle_root(with_blocks(2))),
            "ad3e96436586e165500f0bb85b17464fc38c5676e14b541232e4b9f6fd4c08a1");
  EXPECT_EQ(to_hex(merkle_root(with_blocks(3))),
            "aee34daeae30e6ff91ea7c10de7ee8a1053d51c8f13e3f1c195abdc84e60f088");
  EXPECT_EQ(to_hex(merkle_root(with_blocks(5))),
            "6fb9b5e7f5b378e772c2599e4c0a470e79476157fb7801b22e38d8d1d0b4e5a9");
}

TEST_F(ManifestTest, RootDependsOnEveryPart) {
  const Manifest base = with_blocks(5);
  const Digest root = merkle_root(base);
  Manifest other = base;
  other.disk_size += 512;
  EXPECT_NE(merkle_root(other), root);
  other = base;
  other.block_size *= 2;
  EXPECT_NE(merkle_root(other), root);
  other = base;
  other.blocks[4].offset += kBlock;
  EXPECT_NE(merkle_root(other), root);
  other = base;
  other.blocks[2].hash[31] ^= 1;
  EXPECT_NE(merkle_root(other), root);
  other = base;
  other.blocks.pop_back();
  EXPECT_NE(merkle_root(other), root);
}

TEST_F(ManifestTest, StoredFormComesBackTheSame) {
  for (const std::size_t count : {0u, 1u, 7u}) {
    const Manifest manifest = with_blocks(count);
    const std::string bytes = encode(manifest);
    EXPECT_EQ(bytes.size(), 64 + 40 * count);
    EXPECT_EQ(bytes.substr(0, 8), "AZLNMANI");
    EXPECT_EQ(decode(bytes), manifest);
  }
}

TEST_F(ManifestTest, AnyWrongByteOfTheStoredFormIsRefused) {
  const std::string bytes = encode(with_blocks(3));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string wrong = bytes;
    wrong[i] = static_cast<char>(wrong[i] ^ 0x10);
    EXPECT_THROW(decode(wrong), core::Error) << "byte " << i;
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(decode(bytes.substr(0, length)), core::Error) << length << " bytes";
  }
}

TEST_F(ManifestTest, CompareNamesBlocksOfEitherSide) {
  Manifest a = with_blocks(4), b = with_blocks(5);
  b.blocks.erase(b.blocks.begin());
  b.blocks[1].hash[0] ^= 1;
  EXPECT_EQ(compare(a, b).differing,
            (std::vector<std::uint64_t>{0, 4 * std::uint64_t{kBlock}, 8 * std::uint64_t{kBlock}}));
  EXPECT_EQ(compare(a, b).differing, compare(b, a).differing);
  EXPECT_TRUE(compare(a, a).equal());
}

TEST_F(ManifestTest, CompareTellsOtherDiskSizesAndRefusesOtherBlockSizes) {
  Manifest a = with_blocks(2), b = a;
  b.disk_size *= 2;
  EXPECT_TRUE(compare(a, b).size_differs);
  EXPECT_FALSE(compare(a, b).equal());
  b.block_size /= 2;
  EXPECT_THROW(compare(a, b), core::Error);
}

}  // namespace azlin::verification
