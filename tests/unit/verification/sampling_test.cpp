#include "azlin/verification/sampling.hpp"

#include <gtest/gtest.h>

#include <set>

#include "azlin/core/error.hpp"

namespace azlin::verification {

class SamplingTest : public testing::Test {};

TEST_F(SamplingTest, NormalisedJoinsSortsAndCuts) {
  EXPECT_EQ(normalised({{50, 10}, {0, 20}, {20, 5}, {10, 5}, {90, 20}, {70, 0}, {200, 5}}, 100),
            (std::vector<Range>{{0, 25}, {50, 10}, {90, 10}}));
  EXPECT_TRUE(normalised({}, 100).empty());
}

TEST_F(SamplingTest, NormalisedSurvivesRangesPastTheLastByte) {
  const std::uint64_t most = ~std::uint64_t{0};
  EXPECT_EQ(normalised({{10, most}}, 100), (std::vector<Range>{{10, 90}}));
}

TEST_F(SamplingTest, FewBlocksAreAllPicked) {
  const std::vector<Range> allocated = {{100, 50}, {4096, 8192}, {20000, 1000}};
  EXPECT_EQ(pick_samples(allocated, 100, 4096, 1),
            (std::vector<Range>{{100, 50}, {4096, 4096}, {8192, 4096}, {20000, 480}, {20480, 520}}));
}

TEST_F(SamplingTest, BlockSharedByTwoRangesIsPickedOnce) {
  EXPECT_EQ(pick_samples({{0, 100}, {200, 100}, {5000, 10}}, 100, 4096, 1),
            (std::vector<Range>{{0, 100}, {5000, 10}}));
}

TEST_F(SamplingTest, SameSeedPicksTheSameAndAnotherDoesNot) {
  const std::vector<Range> allocated = {{0, 1u << 30}};
  const auto first = pick_samples(allocated, 16, 4096, 42);
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(first, pick_samples(allocated, 16, 4096, 42));
  EXPECT_NE(first, pick_samples(allocated, 16, 4096, 43));
}

TEST_F(SamplingTest, SamplesAreDifferentAscendingAndAllocated) {
  const std::vector<Range> allocated = {{1u << 20, 1u << 20}, {1u << 24, 3u << 20}};
  const auto samples = pick_samples(allocated, 200, 8192, 5);
  ASSERT_EQ(samples.size(), 200u);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_GE(samples[i].offset, i == 0 ? 0 : samples[i - 1].end());
    const bool inside =
        (samples[i].offset >= allocated[0].offset && samples[i].end() <= allocated[0].end()) ||
        (samples[i].offset >= allocated[1].offset && samples[i].end() <= allocated[1].end());
    EXPECT_TRUE(inside) << samples[i].offset;
  }
}

TEST_F(SamplingTest, EveryBlockIsPickedAboutAsOften) {
  std::vector<int> picked(10);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    for (const Range& sample : pick_samples({{0, 4 * 4096}, {100 * 4096, 6 * 4096}}, 3, 4096, seed)) {
      const std::uint64_t block = sample.offset / 4096;
      ++picked.at(block < 4 ? block : block - 96);
    }
  }
  for (const int count : picked) EXPECT_NEAR(count, 600, 90);
}

TEST_F(SamplingTest, NothingAllocatedGivesNothing) {
  EXPECT_TRUE(pick_samples({}, 5, 4096, 1).empty());
  EXPECT_TRUE(pick_samples({{0, 8192}}, 0, 4096, 1).empty());
  EXPECT_THROW(pick_samples({{0, 8192}}, 1, 0, 1), core::Error);
}

}  // namespace azlin::verification
