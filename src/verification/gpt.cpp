// GPT: UEFI specification 2.10, chapter 5.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/partition_table.hpp"

namespace azlin::verification {
namespace {

constexpr std::string_view kSignature = "EFI PART";
constexpr std::uint64_t kMaxEntriesBytes = 1 << 20;
constexpr std::uint64_t kMaxLba = std::uint64_t{1} << 47;  // keeps byte offsets within 64 bits

struct Header {
  std::uint64_t at = 0;  // bytes
  bool present = false;  // the signature is there
  bool sound = false;
  std::uint64_t alternate, first_usable, last_usable, entries_lba;
  std::uint32_t count, entry_size, entries_sum;
  Bytes guid, entries;
};

struct Where {
  const char* name;  // "primary" or "backup"
  std::uint64_t lba;
};

void damage(Table& table, std::string what, std::string expected, std::string found, std::uint64_t at) {
  table.findings.push_back({Severity::damage, std::move(what), std::move(expected), std::move(found), at});
}

void note(Table& table, std::string what, std::string expected, std::string found, std::uint64_t at) {
  table.findings.push_back({Severity::note, std::move(what), std::move(expected), std::move(found), at});
}

bool equal_or_damage(Table& table, const std::string& what, std::uint64_t expected, std::uint64_t found,
                     std::uint64_t at) {
  if (expected != found) damage(table, what, hex_number(expected), hex_number(found), at);
  return expected == found;
}

bool header_sum_holds(Table& table, const Where& where, Bytes sector, std::uint64_t at) {
  const std::uint32_t size = le32(sector, 12);
  if (size < 92 || size > sector.size()) {
    damage(table, fmt::format("GPT {} header: size", where.name), "92", std::to_string(size), at + 12);
    return false;
  }
  const std::uint32_t kept = le32(sector, 16);
  std::fill_n(sector.begin() + 16, 4, std::uint8_t{0});
  return equal_or_damage(table, fmt::format("GPT {} header crc32", where.name), crc32(part(sector, 0, size)),
                         kept, at + 16);
}

// The entries behind a header whose own checksum holds.
bool read_entries(Reader& disk, Table& table, const Where& where, Header& h) {
  const std::uint64_t bytes = std::uint64_t{h.count} * h.entry_size;
  const std::uint64_t at = h.entries_lba * table.sector_size;
  if (h.entry_size < 128 || !power_of_two(h.entry_size) || bytes == 0 || bytes > kMaxEntriesBytes) {
    damage(table, fmt::format("GPT {} header: size of the entries", where.name), "128 bytes each",
           fmt::format("{} of {} bytes", h.count, h.entry_size), h.at + 80);
    return false;
  }
  auto entries = h.entries_lba < kMaxLba ? disk.read(at, bytes) : std::nullopt;
  if (!entries) {
    damage(table, fmt::format("GPT {} entries lie beyond the end of the disk", where.name),
           fmt::format("at most byte {}", disk.size()), std::to_string(at), h.at + 72);
    return false;
  }
  h.entries = std::move(*entries);
  return equal_or_damage(table, fmt::format("GPT {} entries crc32", where.name), crc32(h.entries),
                         h.entries_sum, at);
}

Header read_header(Reader& disk, Table& table, const Where& where) {
  Header h{.at = where.lba * table.sector_size};
  const auto sector = where.lba < kMaxLba ? disk.read(h.at, table.sector_size) : std::nullopt;
  h.present = sector && has(*sector, 0, kSignature);
  if (!h.present) {
    damage(table, fmt::format("GPT {} header: signature", where.name), std::string(kSignature),
           sector ? hex(part(*sector, 0, 8)) : "beyond the end of the disk", h.at);
    return h;
  }
  if (!header_sum_holds(table, where, *sector, h.at)) return h;
  h.alternate = le64(*sector, 32);
  h.first_usable = le64(*sector, 40);
  h.last_usable = le64(*sector, 48);
  h.guid = Bytes(sector->begin() + 56, sector->begin() + 72);
  h.entries_lba = le64(*sector, 72);
  h.count = le32(*sector, 80);
  h.entry_size = le32(*sector, 84);
  h.entries_sum = le32(*sector, 88);
  if (!equal_or_damage(table, fmt::format("GPT {} header: own place", where.name), where.lba,
                       le64(*sector, 24), h.at + 24)) {
    return h;
  }
  if (h.first_usable > h.last_usable || h.last_usable >= kMaxLba) {
    damage(table, fmt::format("GPT {} header: usable range", where.name), "first before last",
           fmt::format("{}–{}", h.first_usable, h.last_usable), h.at + 40);
    return h;
  }
  h.sound = read_entries(disk, table, where, h);
  return h;
}

// A GUID as text: the first three fields are little-endian.
std::string guid_text(View raw) {
  return fmt::format("{:08X}-{:04X}-{:04X}-{:02X}{:02X}-{:02X}{:02X}{:02X}{:02X}{:02X}{:02X}", le32(raw, 0),
                     le16(raw, 4), le16(raw, 6), raw[8], raw[9], raw[10], raw[11], raw[12], raw[13], raw[14],
                     raw[15]);
}

struct TypeName {
  std::string_view guid;
  const char* name;
};
constexpr std::array<TypeName, 8> kTypes = {{{"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "esp"},
                                             {"21686148-6449-6E6F-744E-656564454649", "bios-boot"},
                                             {"9E1A2D38-C612-4316-AA26-8B49521E5A8B", "prep-boot"},
                                             {"E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "microsoft-reserved"},
                                             {"EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "microsoft-basic"},
                                             {"0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "linux-swap"},
                                             {"E6D6D379-F507-44C2-A23C-238F2A3DF928", "linux-lvm"},
                                             {"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "linux"}}};

std::string type_name(const std::string& guid) {
  for (const TypeName& type : kTypes) {
    if (type.guid == guid) return type.name;
  }
  return {};
}

void list_entries(Table& table, const Header& h) {
  for (std::uint32_t i = 0; i < h.count; ++i) {
    const View raw = part(h.entries, std::size_t{i} * h.entry_size, 128);
    if (all_zero(part(raw, 0, 16))) continue;
    const std::uint64_t first = le64(raw, 32), last = le64(raw, 40);
    const int index = static_cast<int>(i) + 1;
    if (first > last || first < h.first_usable || last > h.last_usable) {
      damage(table, fmt::format("GPT partition {} leaves the usable range", index),
             fmt::format("within sectors {}–{}", h.first_usable, h.last_usable),
             fmt::format("{}–{}", first, last),
             h.entries_lba * table.sector_size + std::uint64_t{i} * h.entry_size);
      if (first > last || last >= kMaxLba) continue;
    }
    const std::string guid = guid_text(raw);
    table.entries.push_back(
        {index, first * table.sector_size, (last - first + 1) * table.sector_size, guid, type_name(guid)});
  }
}

void compare_copies(Table& table, const Header& primary, const Header& backup) {
  const bool same = primary.guid == backup.guid && primary.first_usable == backup.first_usable &&
                    primary.last_usable == backup.last_usable && primary.count == backup.count &&
                    primary.entry_size == backup.entry_size && primary.entries_sum == backup.entries_sum;
  if (!same) {
    damage(table, "GPT primary and backup differ",
           guid_text(primary.guid) + " " + hex_number(primary.entries_sum),
           guid_text(backup.guid) + " " + hex_number(backup.entries_sum), backup.at);
  } else if (backup.alternate != primary.at / table.sector_size) {
    damage(table, "GPT backup header does not point at the primary", "1", std::to_string(backup.alternate),
           backup.at + 32);
  } else {
    table.checked.push_back("GPT primary against backup");
  }
}

void check_protective(Reader& disk, Table& table) {
  const auto sector = disk.read(0, 512);
  if (!sector || le16(*sector, 510) != 0xaa55) {
    damage(table, "protective MBR: end mark", "0xaa55",
           sector ? hex_number(le16(*sector, 510), 4) : "nothing", 510);
    return;
  }
  for (std::size_t at = 446; at < 510; at += 16) {
    if (u8(*sector, at + 4) != 0xee) continue;
    if (le32(*sector, at + 8) != 1) {
      damage(table, "protective MBR: first sector", "1", std::to_string(le32(*sector, at + 8)), at + 8);
    }
    table.checked.push_back("protective MBR");
    return;
  }
  damage(table, "protective MBR: no entry of type 0xee", "0xee", hex_number(u8(*sector, 450), 2), 450);
}

bool protective(View sector) {
  if (le16(sector, 510) != 0xaa55) return false;
  for (std::size_t at = 450; at < 510; at += 16) {
    if (u8(sector, at) == 0xee && le32(sector, at + 4) == 1) return true;
  }
  return false;
}

bool has_header(Reader& disk, std::uint64_t at) {
  const auto bytes = disk.read(at, kSignature.size());
  return bytes && has(*bytes, 0, kSignature);
}

// The sector size at which some header is found; 0 when there is none.
std::uint32_t find_sector_size(Reader& disk, std::uint32_t wanted) {
  for (const std::uint32_t size : {512u, 4096u}) {
    if ((wanted == 0 || wanted == size) && has_header(disk, size)) return size;
  }
  for (const std::uint32_t size : {512u, 4096u}) {
    const bool fits = disk.size() >= 2 * size && (wanted == 0 || wanted == size);
    if (fits && has_header(disk, disk.size() / size * size - size)) return size;
  }
  return 0;
}

}  // namespace

std::optional<Table> read_gpt(Reader& disk, std::uint32_t sector_size) {
  const auto first = disk.read(0, 512);
  if (!first) return std::nullopt;
  std::uint32_t size = find_sector_size(disk, sector_size);
  if (size == 0 && !protective(*first)) return std::nullopt;
  if (size == 0) size = sector_size == 0 ? 512 : sector_size;
  Table table{.kind = "gpt", .sector_size = size};
  const std::uint64_t sectors = disk.size() / size;
  if (sectors < 2) return std::nullopt;
  check_protective(disk, table);
  const Header primary = read_header(disk, table, {"primary", 1});
  // The primary knows where its backup was put; a disk that was enlarged has room behind it.
  const std::uint64_t last = primary.sound ? primary.alternate : sectors - 1;
  if (last >= sectors) {
    damage(table, "the disk is truncated: the backup GPT header lies beyond its end",
           last < kMaxLba ? fmt::format("at least {} bytes", (last + 1) * size) : "a place on the disk",
           fmt::format("{} bytes", disk.size()), primary.at + 32);
  }
  if (last < sectors - 1) {
    note(table, "the disk is larger than its GPT (enlarged, and not yet used)", std::to_string(sectors - 1),
         std::to_string(last), primary.at + 32);
  }
  const Header backup = last < sectors ? read_header(disk, table, {"backup", last}) : Header{};
  if (primary.sound) table.checked.push_back("GPT primary header and entries crc32");
  if (backup.sound) table.checked.push_back("GPT backup header and entries crc32");
  if (primary.sound && backup.sound) compare_copies(table, primary, backup);
  if (primary.sound || backup.sound) list_entries(table, primary.sound ? primary : backup);
  return table;
}

}  // namespace azlin::verification
