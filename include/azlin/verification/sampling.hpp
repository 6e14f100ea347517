#pragma once
// Which allocated blocks to read when not all are read.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "azlin/verification/block_source.hpp"

namespace azlin::verification {

// Sorted, without overlaps, neighbours joined; empty ranges and what passes `size` are dropped.
std::vector<Range> normalised(std::vector<Range> ranges, std::uint64_t size);

// Up to `count` different blocks of `block_size` bytes (on its multiples), each touching `allocated`,
// ascending, cut to the allocated part they touch first. Every block is equally likely, and the same seed
// picks the same blocks on every machine. All blocks when there are no more than `count`. Throws core::Error
// (usage) when block_size is 0.
std::vector<Range> pick_samples(const std::vector<Range>& allocated, std::size_t count,
                                std::uint32_t block_size, std::uint64_t seed);

}  // namespace azlin::verification
