// LVM physical volumes, and the file systems in logical volumes that lie on one disk.
// Format: lib/label/label.h and lib/format_text/layout.h of LVM2.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/lvm_text.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

constexpr std::uint32_t kLvmSeed = 0xf597a6cf;
constexpr std::uint64_t kLvmSector = 512;

struct MetadataArea {
  std::uint64_t offset, size;
};

// The text of a volume group in its circular buffer, which begins after the area's first sector. Empty: none
// is kept here, or it is damaged.
std::string check_metadata_text(Volume& volume, const MetadataArea& area, View header) {
  const std::uint64_t start = le64(header, 40), size = le64(header, 48);
  const std::uint32_t sum = le32(header, 56), flags = le32(header, 60);
  if (start == 0 || size == 0) {
    volume.not_checked("volume group metadata: none on this physical volume");
    return {};
  }
  if ((flags & 1) != 0) {
    volume.weaken(Verdict::unknown);
    volume.not_checked("contents: the metadata is kept on other physical volumes");
    return {};
  }
  if (start < kLvmSector || start >= area.size || size > area.size - kLvmSector || size > Reader::kMaxRead) {
    volume.damage("LVM metadata lies outside its area", fmt::format("within {} bytes", area.size),
                  fmt::format("{} bytes at {}", size, start), area.offset + 40);
    return {};
  }
  const std::uint64_t before_wrap = std::min(size, area.size - start);
  const auto first = volume.read(area.offset + start, before_wrap);
  const auto second = volume.read(area.offset + kLvmSector, size - before_wrap);
  if (!first || !second) return {};
  const bool holds =
      volume.expect_sum("LVM volume group metadata checksum", crc32_raw(crc32_raw(kLvmSeed, *first), *second),
                        sum, area.offset + start);
  if (!holds) return {};
  volume.checked("volume group metadata crc32");
  std::string text(first->begin(), first->end());
  text.append(second->begin(), second->end());
  return text;
}

std::string check_metadata_area(Volume& volume, const MetadataArea& area) {
  const auto header = volume.read(area.offset, kLvmSector);
  if (!header) {
    volume.damage("LVM metadata area lies beyond the end", "", std::to_string(area.offset), area.offset);
    return {};
  }
  constexpr std::string_view kMagic = " LVM2 x[5A%r0N*>";
  volume.checked("metadata area header crc32");
  if (!volume.expect_sum("LVM metadata area checksum", crc32_raw(kLvmSeed, View(*header).subspan(4)),
                         le32(*header, 0), area.offset)) {
    return {};
  }
  if (!has(*header, 4, kMagic) || le64(*header, 24) != area.offset) {
    volume.damage("LVM metadata area header", fmt::format("start {}", area.offset),
                  fmt::format("start {}", le64(*header, 24)), area.offset + 4);
    return {};
  }
  return check_metadata_text(volume, area, *header);
}

// Where a byte of a logical volume lies on its physical volume.
const LvmStretch& stretch_of(const LvmVolume& logical, std::uint64_t offset) {
  const auto after = std::ranges::upper_bound(logical.stretches, offset, {}, &LvmStretch::in_volume);
  return *std::prev(after);
}

std::uint64_t place_of(const LvmVolume& logical, std::uint64_t offset) {
  const LvmStretch& stretch = stretch_of(logical, offset);
  return stretch.on_disk + (offset - stretch.in_volume);
}

// What `inner` says goes into the report of the physical volume, under the logical volume's name.
void merge(Volume& volume, const LvmVolume& logical, const PartitionReport& inner) {
  const std::string name = inner.kind.empty() ? logical.name : logical.name + " (" + inner.kind + ")";
  for (const std::string& what : inner.checked) volume.checked(name + ": " + what);
  for (const std::string& what : inner.not_checked) volume.not_checked(name + ": " + what);
  for (const Finding& f : inner.findings) {
    const std::uint64_t at = place_of(logical, std::min(f.offset, inner.length - 1));
    const auto tell = f.severity == Severity::damage ? &Volume::damage : &Volume::note;
    (volume.*tell)(name + ": " + f.what, f.expected, f.found, at);
  }
  if (inner.verdict != Verdict::empty) volume.weaken(inner.verdict);
}

void inspect_logical_volume(Volume& volume, const LvmVolume& logical) {
  for (const LvmStretch& stretch : logical.stretches) {
    if (stretch.on_disk + stretch.length <= volume.length()) continue;
    volume.damage(logical.name + " reaches beyond its physical volume",
                  fmt::format("within {} bytes", volume.length()),
                  std::to_string(stretch.on_disk + stretch.length), 0);
    return;
  }
  PartitionReport inner{.length = logical.stretches.back().in_volume + logical.stretches.back().length};
  const BlockSource source{inner.length, [&](std::uint64_t offset, std::span<std::uint8_t> out) {
                             while (!out.empty()) {
                               const LvmStretch& stretch = stretch_of(logical, offset);
                               const std::uint64_t left = stretch.in_volume + stretch.length - offset;
                               const auto take = std::min<std::uint64_t>(left, out.size());
                               const auto bytes = volume.read(place_of(logical, offset), take);
                               if (!bytes) throw ReadLimit{};  // the disk ends before the partition does
                               std::ranges::copy(*bytes, out.begin());
                               out = out.subspan(take);
                               offset += take;
                             }
                           }};
  Reader reader(source, inner.length, Reader::kUnlimited);  // the disk's own reader keeps the limit
  Volume nested(reader, inner, &volume);
  inspect_volume(nested, {});
  merge(volume, logical, inner);
}

void inspect_logical_volumes(Volume& volume, const std::string& text, const std::string& uuid) {
  if (volume.nested()) {
    volume.weaken(Verdict::unknown);
    volume.not_checked("contents: a physical volume within a logical volume");
    return;
  }
  const auto root = parse_lvm_text(text);
  if (!root) {
    volume.damage("LVM metadata is no LVM2 text", "", "", 0);
    return;
  }
  for (const LvmVolume& logical : logical_volumes(*root, uuid)) {
    if (logical.why_not.empty()) {
      inspect_logical_volume(volume, logical);
    } else {
      volume.weaken(Verdict::unknown);
      volume.not_checked(logical.name + ": " + logical.why_not);
    }
  }
}

void check_physical_volume(Volume& volume, View label, std::uint64_t at) {
  const std::size_t begin = le32(label, 20);
  if (begin < 32 || begin + 40 > label.size()) {
    volume.damage("LVM label: place of its header", "32", std::to_string(begin), at + 20);
    return;
  }
  volume.expect_fits("lvm", le64(label, begin + 32));
  std::string text;
  int list = 0;  // 0: data areas, 1: metadata areas; an entry of zeros ends each
  for (std::size_t entry = begin + 40; entry + 16 <= label.size() && list < 2; entry += 16) {
    const MetadataArea area{le64(label, entry), le64(label, entry + 8)};
    if (area.offset == 0) {
      ++list;
    } else if (list == 1) {
      std::string found = check_metadata_area(volume, area);
      if (text.empty()) text = std::move(found);
    }
  }
  const View uuid = part(label, begin, 32);
  if (!text.empty()) inspect_logical_volumes(volume, text, std::string(uuid.begin(), uuid.end()));
}

}  // namespace

bool inspect_lvm(Volume& volume) {
  const auto head = volume.read(0, 4 * kLvmSector);
  if (!head) return false;
  for (std::uint64_t sector = 0; sector < 4; ++sector) {
    const std::uint64_t at = sector * kLvmSector;
    const View label = part(*head, at, kLvmSector);
    if (!has(label, 0, "LABELONE") || !has(label, 24, "LVM2 001")) continue;
    volume.recognised("lvm");
    volume.checked("label crc32");
    const std::uint32_t sum = crc32_raw(kLvmSeed, label.subspan(20));
    if (volume.expect_sum("LVM label checksum", sum, le32(label, 16), at + 16)) {
      volume.expect_sum("LVM label: own sector", sector, le64(label, 8), at + 8);
      check_physical_volume(volume, label, at);
    }
    return true;
  }
  return false;
}

}  // namespace azlin::verification
