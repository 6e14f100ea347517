#pragma once
// The footer of a fixed VHD: Microsoft "Virtual Hard Disk Image Format Specification" 1.0.
#include "azlin/verification/inspection.hpp"
#include "verification/bytes.hpp"

namespace azlin::verification {

constexpr std::uint64_t kVhdFooterSize = 512;

// What is wrong with the footer of a disk of `disk_size` bytes. It lies at byte `disk_size`.
std::vector<Finding> check_vhd_footer(View footer, std::uint64_t disk_size);

}  // namespace azlin::verification
