#include "azlin/verification/block_hash.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <set>

#include "azlin/core/error.hpp"

namespace azlin::verification {
namespace {

constexpr std::uint32_t kBlock = 4096;

// A disk in memory that counts what is read. Ten blocks and a short one.
class BlockHashTest : public testing::Test {
 protected:
  BlockHashTest() : disk_(10 * kBlock + 512) {
    std::mt19937 random(7);
    for (std::size_t i = 0; i < disk_.size(); ++i) disk_[i] = static_cast<std::uint8_t>(random());
    for (const std::size_t block : {2u, 5u, 6u}) zero(block * kBlock, kBlock);
  }
  void zero(std::size_t at, std::size_t length) {
    std::fill_n(disk_.begin() + static_cast<long>(at), length, 0);
  }

  BlockSource source() {
    return {disk_.size(), [this](std::uint64_t offset, std::span<std::uint8_t> out) {
              ASSERT_LE(offset + out.size(), disk_.size());
              std::copy_n(disk_.begin() + static_cast<long>(offset), out.size(), out.begin());
              const std::lock_guard lock(mutex_);
              reads_.push_back({offset, out.size()});
            }};
  }
  std::vector<Range> all() const { return {{0, disk_.size()}}; }
  Manifest hash(const std::vector<Range>& allocated) { return hash_disk(source(), allocated, options_); }

  std::vector<std::uint8_t> disk_;
  std::vector<Range> reads_;
  std::mutex mutex_;
  HashOptions options_{.block_size = kBlock, .readers = 3};
};

TEST_F(BlockHashTest, BlocksOfZerosAreLeftOut) {
  const Manifest manifest = hash(all());
  std::vector<std::uint64_t> offsets;
  for (const BlockHash& block : manifest.blocks) offsets.push_back(block.offset / kBlock);
  EXPECT_EQ(offsets, (std::vector<std::uint64_t>{0, 1, 3, 4, 7, 8, 9, 10}));
  EXPECT_EQ(manifest.disk_size, disk_.size());
}

TEST_F(BlockHashTest, HashIsOfTheBlockAsItStandsOnTheDisk) {
  std::fill(disk_.begin(), disk_.end(), 0);
  std::fill_n(disk_.begin(), kBlock, 'a');
  // printf 'a%.0s' {1..4096} | sha256sum
  EXPECT_EQ(to_hex(hash(all()).blocks.at(0).hash),
            "c93eee2d0db02f10acc7460d9576e122dcf8cd53c4bf8dfcae1b3e74ebcfff5a");
}

TEST_F(BlockHashTest, EqualContentsGiveEqualRootsWhateverIsCalledAllocated) {
  zero(100, 900);  // a hole within block 0
  const Manifest whole = hash(all());
  const Manifest sparse = hash({{kBlock, kBlock},
                                {0, 100},
                                {1000, kBlock - 1000},
                                {3 * kBlock, 2 * kBlock},
                                {7 * kBlock, 4 * kBlock}});
  EXPECT_EQ(whole, sparse);
  EXPECT_EQ(merkle_root(whole), merkle_root(sparse));
}

TEST_F(BlockHashTest, EachBlockIsReadOnceAndOnlyWhereAllocated) {
  hash({{100, 50}, {300, 100}, {8 * kBlock + 512, 2 * kBlock}});
  std::ranges::sort(reads_, {}, &Range::offset);
  EXPECT_EQ(reads_,
            (std::vector<Range>{
                {100, 300}, {8 * kBlock + 512, kBlock - 512}, {9 * kBlock, kBlock}, {10 * kBlock, 512}}));
}

TEST_F(BlockHashTest, NumberOfReadersDoesNotMatter) {
  const Manifest expected = hash(all());
  for (const int readers : {1, 2, 16}) {
    options_.readers = readers;
    EXPECT_EQ(hash(all()), expected) << readers;
  }
}

TEST_F(BlockHashTest, ChangedBlockIsNamedByItsOffset) {
  const Manifest before = hash(all());
  disk_[3 * kBlock + 17] ^= 1;
  disk_[5 * kBlock] = 1;     // was zeros
  zero(8 * kBlock, kBlock);  // is zeros now
  const Comparison result = compare(before, hash(all()));
  EXPECT_EQ(result.differing, (std::vector<std::uint64_t>{3 * kBlock, 5 * kBlock, 8 * kBlock}));
  EXPECT_FALSE(result.equal());
}

TEST_F(BlockHashTest, HashingChangesGivesTheManifestOfTheWholeDisk) {
  const Manifest base = hash(all());
  disk_[3 * kBlock + 17] ^= 1;
  disk_[6 * kBlock + 5] = 9;
  zero(9 * kBlock, kBlock);
  reads_.clear();
  const Manifest next =
      hash_changes(source(), base, {{3 * kBlock, 512}, {6 * kBlock, 512}, {9 * kBlock, kBlock}}, options_);
  EXPECT_EQ(reads_.size(), 3u);
  EXPECT_EQ(next, hash(all()));
}

TEST_F(BlockHashTest, HashingChangesFollowsADiskThatGrewOrShrank) {
  const Manifest base = hash(all());
  disk_.resize(12 * kBlock, 0);
  disk_[11 * kBlock + 3] = 4;
  EXPECT_EQ(hash_changes(source(), base, {{11 * kBlock, 512}}, options_), hash(all()));
  disk_.resize(8 * kBlock + 100);
  EXPECT_EQ(hash_changes(source(), base, {}, options_), hash(all()));
}

TEST_F(BlockHashTest, ProgressEndsAtTheTotal) {
  std::uint64_t last = 0, total = 0;
  options_.progress = [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_GT(done, last);
    last = done;
    total = of;
  };
  hash(all());
  EXPECT_EQ(last, disk_.size());
  EXPECT_EQ(total, disk_.size());
}

TEST_F(BlockHashTest, ErrorOfAReadEndsTheRunAndIsThrown) {
  const BlockSource broken{disk_.size(), [](std::uint64_t offset, std::span<std::uint8_t>) {
                             if (offset == 4 * kBlock) throw core::Error(core::ErrorKind::failed, "503");
                           }};
  try {
    hash_disk(broken, all(), options_);
    FAIL() << "nothing was thrown";
  } catch (const core::Error& error) {
    EXPECT_STREQ(error.what(), "503");
  }
}

TEST_F(BlockHashTest, StopInterrupts) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  try {
    hash(all());
    FAIL() << "nothing was thrown";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::interrupted);
  }
}

TEST_F(BlockHashTest, MemoryIsBoundedByTheReaders) {
  std::atomic<int> now{0}, most{0};
  const BlockSource counting{disk_.size(), [&](std::uint64_t, std::span<std::uint8_t> out) {
                               const int here = ++now;
                               for (int seen = most;
                                    here > seen && !most.compare_exchange_weak(seen, here);) {
                               }
                               EXPECT_LE(out.size(), kBlock);
                               --now;
                             }};
  hash_disk(counting, all(), options_);
  EXPECT_LE(most, 3);
}

TEST_F(BlockHashTest, SizesOfNothingAreRefused) {
  options_.block_size = 0;
  EXPECT_THROW(hash(all()), core::Error);
  options_ = {.block_size = kBlock, .readers = 0};
  EXPECT_THROW(hash(all()), core::Error);
}

TEST_F(BlockHashTest, NothingAllocatedIsADiskOfZeros) {
  const Manifest nothing = hash({});
  std::fill(disk_.begin(), disk_.end(), 0);
  EXPECT_EQ(hash(all()), nothing);
  EXPECT_TRUE(nothing.blocks.empty());
}

}  // namespace
}  // namespace azlin::verification
