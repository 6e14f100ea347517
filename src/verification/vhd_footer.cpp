#include "verification/vhd_footer.hpp"

#include <fmt/format.h>

#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

// One's complement of the sum of all bytes but the four of the checksum itself.
std::uint32_t footer_sum(View footer) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kVhdFooterSize; ++i) {
    if (i < 64 || i >= 68) sum += footer[i];
  }
  return ~sum;
}

}  // namespace

std::vector<Finding> check_vhd_footer(View footer, std::uint64_t disk_size) {
  if (!has(footer, 0, "conectix")) {
    return {{Severity::damage, "VHD footer: cookie (missing, or the image is truncated)", "conectix",
             hex(part(footer, 0, 8)), disk_size}};
  }
  std::vector<Finding> findings;
  const auto expect = [&](const char* what, std::uint64_t expected, std::uint64_t found, std::uint64_t at) {
    if (expected == found) return;
    findings.push_back({Severity::damage, std::string("VHD footer: ") + what, std::to_string(expected),
                        std::to_string(found), disk_size + at});
  };
  if (footer_sum(footer) != be32(footer, 64)) {
    findings.push_back({Severity::damage, "VHD footer: checksum", hex_number(footer_sum(footer)),
                        hex_number(be32(footer, 64)), disk_size + 64});
  }
  expect("format version", 0x00010000, be32(footer, 12), 12);
  expect("data offset of a fixed disk", ~std::uint64_t{0}, be64(footer, 16), 16);
  expect("current size", disk_size, be64(footer, 48), 48);
  expect("disk type (2 is fixed)", 2, be32(footer, 60), 60);
  return findings;
}

}  // namespace azlin::verification
