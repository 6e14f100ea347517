#include "azlin/verification/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "azlin/core/error.hpp"
#include "azlin/verification/sampling.hpp"
#include "verification/partition_table.hpp"
#include "verification/vhd_footer.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

using Inspector = bool (*)(Volume&);

// Those with a magic at the start come first: what a later mkfs leaves behind it lies further in.
constexpr std::array<Inspector, 9> kInspectors = {inspect_luks, inspect_bitlocker, inspect_lvm,
                                                  inspect_xfs,  inspect_ntfs,      inspect_ext,
                                                  inspect_swap, inspect_btrfs,     inspect_fat};

bool recognised(Volume& volume) {
  return std::ranges::any_of(kInspectors, [&](Inspector inspect) { return inspect(volume); });
}

bool holds_no_file_system(const std::string& type_name) {
  return type_name == "bios-boot" || type_name == "prep-boot" || type_name == "microsoft-reserved";
}

constexpr std::uint64_t kSample = 64 * 1024;
constexpr std::size_t kSamples = 32;

// Places that tell whether a volume is empty: allocated ones where they are known, else spread from start to
// end.
std::vector<Range> places_to_sample(const Volume& volume) {
  if (const auto allocated = volume.allocated()) return pick_samples(*allocated, kSamples, kSample, 1);
  std::vector<Range> places;
  const std::uint64_t length = std::min(kSample, volume.length()), room = volume.length() - length;
  for (std::uint64_t i = 0; i < kSamples; ++i) places.push_back({room / kSamples * i, length});
  places.push_back({room, length});
  return places;
}

// Says in the report how it was found out.
bool looks_empty(Volume& volume) {
  const auto places = places_to_sample(volume);
  for (const Range& place : places) {
    const auto bytes = volume.read(place.offset, place.length);
    if (!bytes || !all_zero(*bytes)) return false;
  }
  volume.checked(places.empty() ? "nothing is allocated" : fmt::format("zeros at {} places", places.size()));
  return true;
}

void inspect_unrecognised(Volume& volume, const std::string& type_name) {
  PartitionReport& report = volume.report();
  if (holds_no_file_system(type_name)) {
    report.kind = type_name;
    report.verdict = looks_empty(volume) ? Verdict::empty : Verdict::unknown;
    volume.not_checked("holds no file system, and no checksum of its own");
    return;
  }
  if (inspect_named_only(volume) || inspect_lost_superblock(volume)) return;
  const bool empty = looks_empty(volume);
  if (type_name == "esp" || type_name == "linux-lvm") {
    volume.damage(type_name == "esp" ? "an EFI system partition holds no FAT file system"
                                     : "an LVM partition holds no LVM label",
                  "", empty ? "zeros" : "other data", 0);
    return;
  }
  report.verdict = empty ? Verdict::empty : Verdict::unknown;
  if (!empty) volume.not_checked("contents: not recognised");
}

PartitionReport inspect_partition(Reader& disk, const TableEntry& entry) {
  PartitionReport report{
      .index = entry.index, .offset = entry.offset, .length = entry.length, .type = entry.type};
  Volume volume(disk, report);
  try {
    if (entry.offset >= disk.size()) {
      volume.damage("the partition lies beyond the end of the disk", fmt::format("below {}", disk.size()),
                    std::to_string(entry.offset), 0);
    } else {
      inspect_volume(volume, entry.name);
    }
  } catch (const ReadLimit&) {
    volume.weaken(Verdict::unknown);
    volume.not_checked("the rest: the limit of bytes to read was reached");
  }
  return report;
}

std::vector<PartitionReport> inspect_partitions(Reader& disk, const Table& table) {
  std::vector<PartitionReport> reports;
  for (const TableEntry& entry : table.entries) reports.push_back(inspect_partition(disk, entry));
  return reports;
}

std::size_t kinds_found(const std::vector<PartitionReport>& reports) {
  return static_cast<std::size_t>(
      std::ranges::count_if(reports, [](const PartitionReport& r) { return !r.kind.empty(); }));
}

// No table and no file system at the start: was there a table once? Partitions of the usual tools and of the
// images on Azure begin at these sectors.
void look_for_lost_table(Reader& disk, DiskReport& report) {
  constexpr std::array<std::uint64_t, 9> kStarts = {63,     2048,    10240,   206848, 227328,
                                                    411648, 1026048, 1050624, 2099200};
  for (const std::uint64_t sector : kStarts) {
    const std::uint64_t at = sector * 512;
    if (at >= disk.size()) return;
    PartitionReport found{.offset = at, .length = disk.size() - at};
    Volume volume(disk, found);
    if (!recognised(volume)) continue;
    report.findings.push_back({Severity::damage, "the partition table is lost",
                               "a table that names what lies here",
                               fmt::format("{} at byte {} and no table", found.kind, at), at});
    report.partitions[0].verdict = Verdict::unknown;  // not empty, whatever its samples were
    return;
  }
}

void inspect_whole_disk(Reader& disk, DiskReport& report) {
  report.table = "none";
  report.partitions = {inspect_partition(disk, {.index = 0, .offset = 0, .length = disk.size()})};
  if (report.partitions[0].kind.empty()) look_for_lost_table(disk, report);
}

void take(DiskReport& report, Table table, std::vector<PartitionReport> partitions) {
  report.table = table.kind;
  report.sector_size = table.sector_size;
  report.checked.insert(report.checked.end(), table.checked.begin(), table.checked.end());
  report.findings.insert(report.findings.end(), table.findings.begin(), table.findings.end());
  report.partitions = std::move(partitions);
}

// An MBR does not say how large its sectors are: the reading that finds more wins.
void inspect_mbr(Reader& disk, DiskReport& report, Table table, std::uint32_t sector_size) {
  auto partitions = inspect_partitions(disk, table);
  if (sector_size == 0 && kinds_found(partitions) == 0) {
    Table wide = read_table(disk, 4096);
    auto found = inspect_partitions(disk, wide);
    if (kinds_found(found) > 0) return take(report, std::move(wide), std::move(found));
    DiskReport whole = report;
    inspect_whole_disk(disk, whole);
    if (kinds_found(whole.partitions) > 0) {  // a file system whose first sector ends like an MBR
      report = std::move(whole);
      return;
    }
  }
  take(report, std::move(table), std::move(partitions));
}

void inspect_contents(Reader& disk, DiskReport& report, std::uint32_t sector_size) {
  Table table = read_table(disk, sector_size);
  report.sector_size = table.sector_size;
  if (table.kind == "none") {
    inspect_whole_disk(disk, report);
  } else if (table.kind == "mbr") {
    inspect_mbr(disk, report, std::move(table), sector_size);
  } else {
    auto partitions = inspect_partitions(disk, table);
    take(report, std::move(table), std::move(partitions));
  }
}

void check_size_and_footer(const BlockSource& source, DiskReport& report, const InspectOptions& options) {
  if (options.expected_size && *options.expected_size != report.size) {
    report.findings.push_back(
        {Severity::damage, report.size < *options.expected_size ? "the disk is truncated" : "the disk's size",
         fmt::format("{} bytes", *options.expected_size), fmt::format("{} bytes", report.size), report.size});
  }
  if (options.expected_size) report.checked.push_back("size");
  if (!options.vhd_footer) return;
  Bytes footer(kVhdFooterSize);
  if (source.size < kVhdFooterSize) {
    report.findings.push_back({Severity::damage, "VHD footer", "512 bytes", std::to_string(source.size), 0});
    return;
  }
  source.read(report.size, footer);
  report.bytes_read += footer.size();
  auto findings = check_vhd_footer(footer, report.size);
  report.findings.insert(report.findings.end(), findings.begin(), findings.end());
  report.checked.push_back("VHD footer");
}

Verdict overall(const DiskReport& report) {
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::damage) return Verdict::damaged;
  }
  if (!report.not_checked.empty()) return Verdict::unknown;
  Verdict verdict = Verdict::empty;
  for (const PartitionReport& partition : report.partitions) {
    if (holds_no_file_system(partition.kind)) continue;
    verdict = weakest(verdict, partition.verdict);
  }
  return verdict;
}

}  // namespace

void inspect_volume(Volume& volume, const std::string& type_name) {
  if (!recognised(volume)) inspect_unrecognised(volume, type_name);
}

DiskReport inspect_disk(const BlockSource& source, const InspectOptions& options) {
  if (options.sector_size != 0 && options.sector_size != 512 && options.sector_size != 4096) {
    throw core::Error(core::ErrorKind::usage,
                      fmt::format("a disk has no sectors of {} bytes", options.sector_size));
  }
  DiskReport report;
  const std::uint64_t footer = options.vhd_footer ? std::min(kVhdFooterSize, source.size) : 0;
  report.size = source.size - footer;
  check_size_and_footer(source, report, options);
  Reader disk(source, report.size, options.max_read);
  std::vector<Range> allocated;
  if (options.allocated) {
    allocated = normalised(*options.allocated, report.size);
    disk.set_allocated(&allocated);
  }
  try {
    inspect_contents(disk, report, options.sector_size);
  } catch (const ReadLimit&) {
    report.not_checked.push_back("the partition table: the limit of bytes to read was reached");
  }
  report.bytes_read += disk.bytes_read();
  report.verdict = overall(report);
  return report;
}

}  // namespace azlin::verification
