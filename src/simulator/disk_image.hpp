#pragma once
// The images that simulated disks begin with: a GUID partition table and real file systems, made by mke2fs
// and mkfs.vfat (run without a shell). All of it is sparse; making one takes some tens of milliseconds.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "simulator/content_store.hpp"

namespace azlin::simulator {

// An OS image: an EFI system partition (FAT) and an ext4 root with /etc/{hostname,fstab,os-release} and some
// data. A data image: one ext4 partition. The spec is what ContentStore keeps: two volumes of equal spec
// share one image.
struct ImageSpec {
  enum class Kind { os, data };
  Kind kind = Kind::os;
  std::uint64_t size_gb = 30;
  std::string host;  // in /etc/hostname; "" for an image that many VMs share
};

std::string to_string(const ImageSpec& spec);         // "os:30:web", "data:64:"
ImageSpec parse_image_spec(const std::string& spec);  // throws core::Error (failed)

// A ContentStore::TemplateMaker. Throws core::Error (failed) when mke2fs is missing or fails; without
// mkfs.vfat the EFI system partition stays unformatted.
void make_image(const std::string& spec, const ContentStore::Sink& sink);

// --- The partition table (UEFI specification 2.10, chapter 5) ---

struct Partition {
  std::array<std::uint8_t, 16> type{}, id{};        // GUIDs in their on-disk byte order
  std::uint64_t first_sector = 0, last_sector = 0;  // inclusive
  std::string name;                                 // ASCII, at most 36 characters
};

// What a table consists of, to be written at the disk's begin and at its end.
struct PartitionTable {
  std::string front;  // protective MBR, primary header, entries: 34 sectors
  std::string back;   // entries, backup header: the last 33 sectors
};

// `disk_bytes` is a multiple of 512 and has room for both tables.
PartitionTable make_gpt(std::uint64_t disk_bytes, const std::array<std::uint8_t, 16>& disk_id,
                        const std::vector<Partition>& partitions);

std::uint32_t crc32(std::string_view bytes);  // ISO-HDLC, as GPT uses it

}  // namespace azlin::simulator
