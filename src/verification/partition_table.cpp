#include "verification/partition_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace azlin::verification {
namespace {

constexpr std::size_t kFirstEntry = 446;
constexpr int kMaxLogical = 128;

struct Entry {
  std::uint8_t status, type;
  std::uint64_t start, count;  // sectors
  bool used() const { return type != 0 && count != 0; }
  bool extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
  bool plausible() const { return status == 0 || status == 0x80; }
};

Entry entry_at(View sector, int index) {
  const std::size_t at = kFirstEntry + static_cast<std::size_t>(index) * 16;
  return {u8(sector, at), u8(sector, at + 4), le32(sector, at + 8), le32(sector, at + 12)};
}

std::string type_name(std::uint8_t type) {
  switch (type) {
    case 0x82:
      return "linux-swap";
    case 0x83:
      return "linux";
    case 0x8e:
      return "linux-lvm";
    case 0xef:
      return "esp";
    case 0x07:
    case 0x0b:
    case 0x0c:
      return "microsoft-basic";
    default:
      return {};
  }
}

void add(Table& table, int index, std::uint64_t start, const Entry& entry) {
  table.entries.push_back({index, start * table.sector_size, entry.count * table.sector_size,
                           hex_number(entry.type, 2), type_name(entry.type)});
}

void damage(Table& table, std::string what, std::string expected, std::string found, std::uint64_t at) {
  table.findings.push_back({Severity::damage, std::move(what), std::move(expected), std::move(found), at});
}

// Follows the chain of extended boot records. Each names one partition, relative to itself, and the next
// record, relative to the extended partition.
void read_logical(Reader& disk, Table& table, const Entry& extended) {
  std::set<std::uint64_t> seen;
  std::uint64_t record = extended.start;
  for (int index = 5; index < 5 + kMaxLogical; ++index) {
    const std::uint64_t at = record * table.sector_size;
    const auto sector = disk.read(at, 512);
    if (!sector || le16(*sector, 510) != 0xaa55) {
      damage(table, fmt::format("extended boot record of partition {}: end mark", index), "0xaa55",
             sector ? hex_number(le16(*sector, 510), 4) : "beyond the end of the disk", at);
      return;
    }
    if (!seen.insert(record).second) {
      damage(table, "the chain of extended boot records is a loop", "", "", at);
      return;
    }
    if (const Entry logical = entry_at(*sector, 0); logical.used())
      add(table, index, record + logical.start, logical);
    const Entry next = entry_at(*sector, 1);
    if (!next.used()) return;
    if (!next.extended() || next.start >= extended.count) {
      damage(table, "extended boot record: its link leaves the extended partition",
             fmt::format("below sector {}", extended.count), std::to_string(next.start), at + 462);
      return;
    }
    record = extended.start + next.start;
  }
}

// Four entries that could be an MBR: at least one used, and all with a valid status and within reach of the
// disk.
bool plausible_entries(View sector, std::uint64_t sectors) {
  int used = 0;
  for (int i = 0; i < 4; ++i) {
    const Entry entry = entry_at(sector, i);
    if (!entry.plausible()) return false;
    if (!entry.used()) continue;
    if (entry.start == 0 || entry.start + entry.count > sectors) return false;
    ++used;
  }
  return used > 0;
}

}  // namespace

bool Table::damaged() const {
  return std::ranges::any_of(findings, [](const Finding& f) { return f.severity == Severity::damage; });
}

bool looks_like_boot_sector(View sector) {
  if (has(sector, 3, "NTFS    ") || has(sector, 3, "EXFAT   ") || has(sector, 3, "-FVE-FS-")) return true;
  return (sector[0] == 0xeb || sector[0] == 0xe9) && (has(sector, 54, "FAT") || has(sector, 82, "FAT32"));
}

std::optional<Table> read_mbr(Reader& disk, std::uint32_t sector_size) {
  const auto sector = disk.read(0, 512);
  if (!sector || looks_like_boot_sector(*sector)) return std::nullopt;
  Table table{.kind = "mbr", .sector_size = sector_size};
  const bool marked = le16(*sector, 510) == 0xaa55;
  if (!marked) {
    if (!plausible_entries(*sector, disk.size() / sector_size)) return std::nullopt;
    damage(table, "MBR: end mark", "0xaa55", hex_number(le16(*sector, 510), 4), 510);
  }
  int used = 0;
  for (int i = 0; i < 4; ++i) {
    const Entry entry = entry_at(*sector, i);
    const std::uint64_t at = kFirstEntry + static_cast<std::uint64_t>(i) * 16;
    if (!entry.plausible()) {
      damage(table, fmt::format("MBR entry {}: status", i + 1), "0x00 or 0x80", hex_number(entry.status, 2),
             at);
    }
    if (entry.used() != (entry.type != 0 || entry.count != 0)) {
      damage(table, fmt::format("MBR entry {}: type and size do not go together", i + 1), "",
             fmt::format("type {}, {} sectors", hex_number(entry.type, 2), entry.count), at + 4);
    }
    if (!entry.used()) continue;
    ++used;
    if (entry.extended()) {
      read_logical(disk, table, entry);
    } else {
      add(table, i + 1, entry.start, entry);
    }
  }
  if (used == 0 && !table.damaged()) return std::nullopt;  // boot code without partitions
  table.checked.push_back("MBR entries (no checksum kept)");
  return table;
}

void check_entries(Table& table, std::uint64_t disk_size) {
  auto& entries = table.entries;
  std::ranges::sort(entries, {}, &TableEntry::offset);
  const TableEntry* before = nullptr;
  for (const TableEntry& entry : entries) {
    const std::uint64_t end = entry.offset + entry.length;
    if (end > disk_size) {
      damage(table, fmt::format("the disk is truncated: partition {} passes its end", entry.index),
             fmt::format("at least {} bytes", end), fmt::format("{} bytes", disk_size), entry.offset);
    }
    if (before != nullptr && before->offset + before->length > entry.offset) {
      damage(table, fmt::format("partitions {} and {} overlap", before->index, entry.index),
             fmt::format("from byte {}", before->offset + before->length), std::to_string(entry.offset),
             entry.offset);
    }
    if (before == nullptr || end > before->offset + before->length) before = &entry;
  }
  std::ranges::sort(entries, {}, &TableEntry::index);
}

Table read_table(Reader& disk, std::uint32_t sector_size) {
  auto table = read_gpt(disk, sector_size);
  if (!table) table = read_mbr(disk, sector_size == 0 ? 512 : sector_size);
  if (!table) return {.sector_size = sector_size == 0 ? 512 : sector_size};
  check_entries(*table, disk.size());
  return *table;
}

}  // namespace azlin::verification
