// NTFS. Layout: "NTFS Documentation" of the Linux-NTFS project.
#include <fmt/format.h>

#include <algorithm>

#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

constexpr std::size_t kStride = 512;    // bytes that one fixup guards
constexpr std::uint64_t kMirrored = 4;  // records kept in $MFTMirr

struct Boot {
  std::uint32_t sector;
  std::uint64_t cluster, sectors, mft, mirror, record;  // bytes; lcn for mft and mirror
};

std::optional<Boot> parse(Volume& volume, View raw) {
  Boot b{.sector = le16(raw, 11), .sectors = le64(raw, 40), .mft = le64(raw, 48), .mirror = le64(raw, 56)};
  const auto wrong = [&](const char* what, std::uint64_t found, std::uint64_t at) {
    volume.damage(fmt::format("NTFS boot sector: {} is impossible", what), "", std::to_string(found), at);
    return std::nullopt;
  };
  if (!power_of_two(b.sector) || b.sector < 256 || b.sector > 4096) return wrong("sector size", b.sector, 11);
  const std::uint32_t per_cluster = raw[13] > 0x80 ? (raw[13] < 0xe8 ? 0 : 1u << (256 - raw[13])) : raw[13];
  if (!power_of_two(per_cluster)) return wrong("cluster size", raw[13], 13);
  b.cluster = std::uint64_t{b.sector} * per_cluster;
  const int record = static_cast<std::int8_t>(raw[64]);
  if (record < -16 || record == 0) return wrong("record size", raw[64], 64);
  b.record = record < 0 ? std::uint64_t{1} << -record : static_cast<std::uint64_t>(record) * b.cluster;
  if (b.record < 512 || b.record > 65536 || b.record % kStride != 0)
    return wrong("record size", b.record, 64);
  if (b.sectors == 0 || b.sectors >> 50 != 0) return wrong("number of sectors", b.sectors, 40);
  const std::uint64_t clusters = b.sectors * b.sector / b.cluster;
  if (b.mft == 0 || b.mft >= clusters) return wrong("place of $MFT", b.mft, 48);
  if (b.mirror == 0 || b.mirror >= clusters) return wrong("place of $MFTMirr", b.mirror, 56);
  return b;
}

// Puts back the two bytes at the end of each stride. False when the marks there do not match: a torn write.
bool undo_fixups(Bytes& record) {
  const std::size_t at = le16(record, 4), count = le16(record, 6);
  if (count != record.size() / kStride + 1 || at < 40 || at + count * 2 > kStride) return false;
  for (std::size_t i = 1; i < count; ++i) {
    const std::size_t mark = i * kStride - 2;
    if (le16(record, mark) != le16(record, at)) return false;
    std::copy_n(record.begin() + static_cast<std::ptrdiff_t>(at + 2 * i), 2,
                record.begin() + static_cast<std::ptrdiff_t>(mark));
  }
  // The marks themselves may differ between a record and its mirror.
  std::fill_n(record.begin() + static_cast<std::ptrdiff_t>(at), count * 2, std::uint8_t{0});
  return true;
}

std::optional<Bytes> record_at(Volume& volume, const Boot& b, std::uint64_t at, const std::string& name) {
  auto record = volume.read(at, b.record);
  if (!record) {
    volume.damage(fmt::format("NTFS {} lies beyond the end", name), "", "", at);
    return std::nullopt;
  }
  if (!has(*record, 0, "FILE")) {
    volume.damage(fmt::format("NTFS {}: signature", name), "FILE", hex(part(*record, 0, 4)), at);
    return std::nullopt;
  }
  if (!undo_fixups(*record)) {
    volume.damage(fmt::format("NTFS {}: fixups do not match (torn or overwritten)", name), "", "", at);
    return std::nullopt;
  }
  const std::uint32_t used = le32(*record, 24);
  if (used < 48 || used > record->size()) {
    volume.damage(fmt::format("NTFS {}: used size", name), fmt::format("at most {}", record->size()),
                  std::to_string(used), at + 24);
    return std::nullopt;
  }
  return record;
}

void check_records(Volume& volume, const Boot& b) {
  for (std::uint64_t i = 0; i < kMirrored; ++i) {
    const std::uint64_t at = b.mft * b.cluster + i * b.record;
    const std::uint64_t mirror_at = b.mirror * b.cluster + i * b.record;
    const auto record = record_at(volume, b, at, fmt::format("$MFT record {}", i));
    const auto mirror = record_at(volume, b, mirror_at, fmt::format("$MFTMirr record {}", i));
    if (!record || !mirror) continue;
    const View used = part(*record, 0, le32(*record, 24));
    const auto differ = std::ranges::mismatch(used, *mirror);
    if (differ.in1 == used.end()) continue;
    const auto where = static_cast<std::size_t>(differ.in2 - mirror->begin());
    // Another log sequence number: the second write was still to come.
    const bool older = le64(*record, 8) != le64(*mirror, 8) && where >= 8 && where < 16;
    const auto tell = older ? &Volume::note : &Volume::damage;
    (volume.*tell)(fmt::format("NTFS record {}: $MFT and $MFTMirr differ at byte {}", i, where),
                   hex_number((*record)[where], 2), hex_number((*mirror)[where], 2), mirror_at + where);
  }
  volume.checked("$MFT records 0 to 3 with fixups, $MFTMirr");
}

void check_backup_boot(Volume& volume, const Boot& b, View raw) {
  const std::uint64_t at = b.sectors * b.sector;  // the sector after the last that the file system counts
  const auto copy = volume.read(at, 512);
  if (!copy) {
    volume.damage("NTFS backup boot sector lies beyond the end", "", "", at);
    return;
  }
  const auto differ = std::ranges::mismatch(raw, *copy);
  if (differ.in1 == raw.end()) {
    volume.checked("backup boot sector");
    return;
  }
  const auto where = static_cast<std::size_t>(differ.in1 - raw.begin());
  if (where < 84 || le16(*copy, 510) != 0xaa55) {
    volume.damage(fmt::format("NTFS backup boot sector differs at byte {}", where), hex_number(raw[where], 2),
                  hex_number((*copy)[where], 2), at + where);
  } else {
    volume.note(fmt::format("NTFS backup boot sector: boot code differs at byte {}", where),
                hex_number(raw[where], 2), hex_number((*copy)[where], 2), at + where);
  }
}

}  // namespace

bool inspect_ntfs(Volume& volume) {
  const auto raw = volume.read(0, 512);
  if (!raw || !has(*raw, 3, "NTFS    ")) return false;
  volume.recognised("ntfs");
  if (le16(*raw, 510) != 0xaa55) {
    volume.damage("NTFS boot sector: end mark", "0xaa55", hex_number(le16(*raw, 510), 4), 510);
  }
  const auto boot = parse(volume, *raw);
  if (!boot) return true;
  volume.checked("boot sector values, size against the partition");
  if (!volume.expect_fits("ntfs", boot->sectors * boot->sector)) return true;
  check_backup_boot(volume, *boot, *raw);
  check_records(volume, *boot);
  return true;
}

}  // namespace azlin::verification
