#include "azlin/verification/sampling.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "azlin/core/error.hpp"

namespace azlin::verification {
namespace {

// SplitMix64 (Vigna): the distributions of <random> differ between libraries.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    // What is above the last whole multiple of `bound` would favour small results.
    const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / bound * bound;
    for (;;) {
      if (const std::uint64_t value = next(); value < limit) return value % bound;
    }
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t state_;
};

// The blocks first … last that a range begins: one that reaches into its first block leaves that one to the
// range before.
struct Run {
  std::uint64_t first, count, before;  // before: how many blocks all earlier runs hold
  const Range* range;
};

std::vector<Run> runs_of(const std::vector<Range>& ranges, std::uint32_t block_size) {
  std::vector<Run> runs;
  std::uint64_t next_free = 0, before = 0;
  for (const Range& range : ranges) {
    const std::uint64_t first = std::max(range.offset / block_size, next_free);
    const std::uint64_t last = (range.end() - 1) / block_size;
    if (last < first) continue;
    runs.push_back({first, last - first + 1, before, &range});
    before += last - first + 1;
    next_free = last + 1;
  }
  return runs;
}

Range block_of(const std::vector<Run>& runs, std::uint64_t number, std::uint32_t block_size) {
  const auto after = std::ranges::upper_bound(runs, number, {}, &Run::before);
  const Run& run = *std::prev(after);
  const std::uint64_t start = (run.first + (number - run.before)) * block_size;
  const std::uint64_t begin = std::max(start, run.range->offset);
  return {begin, std::min(start + block_size, run.range->end()) - begin};
}

}  // namespace

std::vector<Range> normalised(std::vector<Range> ranges, std::uint64_t size) {
  std::ranges::sort(ranges, {}, &Range::offset);
  std::vector<Range> joined;
  for (Range range : ranges) {
    if (range.offset >= size || range.length == 0) continue;
    range.length = std::min(range.length, size - range.offset);
    if (!joined.empty() && joined.back().end() >= range.offset) {
      joined.back().length = std::max(joined.back().end(), range.end()) - joined.back().offset;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

std::vector<Range> pick_samples(const std::vector<Range>& allocated, std::size_t count,
                                std::uint32_t block_size, std::uint64_t seed) {
  if (block_size == 0) throw core::Error(core::ErrorKind::usage, "a block of 0 bytes cannot be sampled");
  const auto ranges = normalised(allocated, std::numeric_limits<std::uint64_t>::max());
  const auto runs = runs_of(ranges, block_size);
  const std::uint64_t blocks = runs.empty() ? 0 : runs.back().before + runs.back().count;
  // Floyd's algorithm: every subset of the wanted size is equally likely.
  std::set<std::uint64_t> chosen;
  Random random(seed);
  for (std::uint64_t top = blocks - std::min<std::uint64_t>(count, blocks); top < blocks; ++top) {
    const std::uint64_t pick = random.below(top + 1);
    chosen.insert(chosen.contains(pick) ? top : pick);
  }
  std::vector<Range> samples;
  for (const std::uint64_t number : chosen) samples.push_back(block_of(runs, number, block_size));
  return samples;
}

}  // namespace azlin::verification
