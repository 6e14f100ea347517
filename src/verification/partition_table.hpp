#pragma once
// Partition tables: MBR with logical partitions, GPT with both of its copies.
#include "verification/volume.hpp"

namespace azlin::verification {

struct TableEntry {
  int index = 0;
  std::uint64_t offset = 0, length = 0;  // bytes; not yet checked against the disk
  std::string type;                      // GUID in capitals, or "0x83"
  std::string name;                      // of the GPT types in use on Azure; else empty
};

struct Table {
  std::string kind = "none";
  std::uint32_t sector_size = 512;
  std::vector<TableEntry> entries;
  std::vector<std::string> checked;
  std::vector<Finding> findings;
  bool damaged() const;
};

// GPT when a header, a protective entry or the backup at the end of the disk says so; else MBR when sector 0
// holds one; else none. `sector_size` 0: both are tried.
Table read_table(Reader& disk, std::uint32_t sector_size);

// Sector 0 starts like a FAT or NTFS file system that fills the disk: not an MBR although it ends in 0x55aa.
bool looks_like_boot_sector(View sector);

// Parts of read_table, one a format. Each returns nullopt when the disk shows no trace of the format.
std::optional<Table> read_gpt(Reader& disk, std::uint32_t sector_size);
std::optional<Table> read_mbr(Reader& disk, std::uint32_t sector_size);

// Adds findings for entries that overlap or pass the end of the disk.
void check_entries(Table& table, std::uint64_t disk_size);

}  // namespace azlin::verification
