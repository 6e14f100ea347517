// FAT12, FAT16, FAT32. Layout: Microsoft "FAT32 File System Specification" 1.03.
#include <fmt/format.h>

#include <algorithm>

#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

struct Boot {
  std::uint32_t sector, cluster_sectors, reserved, fats, root_entries, fat_sectors;
  std::uint64_t sectors;
  std::uint64_t data_sectors() const {
    const std::uint64_t root = (std::uint64_t{root_entries} * 32 + sector - 1) / sector;
    const std::uint64_t used = reserved + std::uint64_t{fats} * fat_sectors + root;
    return used < sectors ? sectors - used : 0;
  }
  std::uint64_t clusters() const { return data_sectors() / cluster_sectors; }
  int bits() const {
    // 32 has no fixed root folder; the other two are told apart by the number of clusters alone.
    if (root_entries == 0) return 32;
    return clusters() < 4085 ? 12 : 16;
  }
};

std::optional<Boot> parse(View raw) {
  if (le16(raw, 510) != 0xaa55 || (raw[0] != 0xeb && raw[0] != 0xe9)) return std::nullopt;
  Boot b{.sector = le16(raw, 11),
         .cluster_sectors = raw[13],
         .reserved = le16(raw, 14),
         .fats = raw[16],
         .root_entries = le16(raw, 17),
         .fat_sectors = le16(raw, 22),
         .sectors = le16(raw, 19)};
  if (b.fat_sectors == 0) b.fat_sectors = le32(raw, 36);
  if (b.sectors == 0) b.sectors = le32(raw, 32);
  const bool plausible = power_of_two(b.sector) && b.sector >= 512 && b.sector <= 4096 &&
                         power_of_two(b.cluster_sectors) && b.reserved > 0 && b.fats > 0 && b.fats <= 2 &&
                         (raw[21] == 0xf0 || raw[21] >= 0xf8) && b.fat_sectors > 0 && b.sectors > 0;
  if (!plausible) return std::nullopt;
  return b;
}

void check_info_sector(Volume& volume, const Boot& b, View raw) {
  const std::uint32_t number = le16(raw, 48);
  if (number == 0 || number == 0xffff) return;
  const std::uint64_t at = std::uint64_t{number} * b.sector;
  const auto info = volume.read(at, 512);
  if (number >= b.reserved || !info) {
    volume.damage("FAT32 FSInfo sector lies outside", fmt::format("below {}", b.reserved),
                  std::to_string(number), 48);
    return;
  }
  for (const auto& [where, signature] :
       {std::pair{0u, 0x41615252u}, {484u, 0x61417272u}, {508u, 0xaa550000u}}) {
    volume.expect_sum("FAT32 FSInfo signature", signature, le32(*info, where), at + where);
  }
  const std::uint32_t free = le32(*info, 488);
  if (free != 0xffffffff && free > b.clusters()) {
    volume.damage("FAT32 FSInfo free clusters", fmt::format("at most {}", b.clusters()), std::to_string(free),
                  at + 488);
  }
  volume.checked("FSInfo");
}

void check_backup_boot(Volume& volume, const Boot& b, View raw) {
  const std::uint32_t number = le16(raw, 50);
  if (number == 0 || number == 0xffff) return;
  const std::uint64_t at = std::uint64_t{number} * b.sector;
  const auto copy = volume.read(at, 512);
  if (number >= b.reserved || !copy) {
    volume.damage("FAT32 backup boot sector lies outside", fmt::format("below {}", b.reserved),
                  std::to_string(number), 50);
    return;
  }
  const View values = part(raw, 11, 53), copied = part(*copy, 11, 53);
  if (!std::ranges::equal(values, copied) || le16(*copy, 510) != 0xaa55) {
    volume.damage("FAT32 backup boot sector differs", hex(values), hex(copied), at + 11);
    return;
  }
  // Label, serial number, boot code and the in-use flag (65) may be written in the first sector alone.
  for (std::size_t i = 0; i < 510; ++i) {
    if (raw[i] == (*copy)[i] || i == 65) continue;
    volume.note("FAT32 boot sector and its backup differ in label or boot code", hex_number(raw[i], 2),
                hex_number((*copy)[i], 2), at + i);
    break;
  }
  volume.checked("backup boot sector");
}

// Was the file system in use? Windows keeps it in the second FAT entry, Linux in the boot sector.
bool in_use(const Boot& b, View raw, View fat) {
  if ((u8(raw, b.bits() == 32 ? 65 : 37) & 1) != 0) return true;
  if (b.bits() == 32) return (le32(fat, 4) & 0x08000000) == 0;
  return b.bits() == 16 && (le16(fat, 2) & 0x8000) == 0;
}

void check_fats(Volume& volume, const Boot& b, View raw) {
  constexpr std::uint64_t kMost = 32u << 20, kStep = 1u << 20;
  const std::uint64_t first = std::uint64_t{b.reserved} * b.sector;
  const std::uint64_t bytes = std::uint64_t{b.fat_sectors} * b.sector;
  if (bytes * 8 / static_cast<unsigned>(b.bits()) < b.clusters() + 2) {
    volume.damage("FAT is too small for its clusters", fmt::format("{} entries", b.clusters() + 2),
                  fmt::format("{} bytes", bytes), 22);
  }
  const auto head = volume.read(first, 8);
  if (!head) return;
  volume.expect_sum("FAT media byte", raw[21], (*head)[0], first, 2);
  const bool mirrored = b.bits() != 32 || (le16(raw, 40) & 0x80) == 0;
  if (b.fats < 2 || !mirrored) return;
  const bool dirty = in_use(b, raw, *head);
  for (std::uint64_t at = 0; at < std::min(bytes, kMost); at += kStep) {
    const std::uint64_t length = std::min(kStep, bytes - at);
    const auto one = volume.read(first + at, length), two = volume.read(first + bytes + at, length);
    if (!one || !two) return;
    const auto differ = std::ranges::mismatch(*one, *two);
    if (differ.in1 == one->end()) continue;
    const std::uint64_t where = first + at + static_cast<std::uint64_t>(differ.in1 - one->begin());
    const auto tell = dirty ? &Volume::note : &Volume::damage;
    (volume.*tell)(dirty ? "the two FATs differ (the file system was in use)" : "the two FATs differ",
                   hex_number(*differ.in1, 2), hex_number(*differ.in2, 2), where);
    return;
  }
  volume.checked("the two FATs against each other");
  if (bytes > kMost) volume.not_checked("FATs after the first 32 MiB");
}

}  // namespace

bool inspect_fat(Volume& volume) {
  const auto raw = volume.read(0, 512);
  if (!raw) return false;
  const auto boot = parse(*raw);
  if (!boot) return false;
  const int bits = boot->bits();
  volume.recognised(fmt::format("fat{}", bits));
  volume.checked("boot sector values, size against the partition");
  if (boot->data_sectors() == 0 || boot->clusters() == 0) {
    volume.damage("FAT has no room for data", "", fmt::format("{} sectors", boot->sectors), 32);
    return true;
  }
  if (!volume.expect_fits(volume.report().kind, boot->sectors * boot->sector)) return true;
  if (bits == 32) {
    check_info_sector(volume, *boot, *raw);
    check_backup_boot(volume, *boot, *raw);
    if (const std::uint32_t root = le32(*raw, 44) & 0x0fffffff; root < 2 || root >= boot->clusters() + 2) {
      volume.damage("FAT32 root folder lies outside", "", std::to_string(root), 44);
    }
  }
  check_fats(volume, *boot, *raw);
  return true;
}

}  // namespace azlin::verification
