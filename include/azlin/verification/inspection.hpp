#pragma once
// Looks at the contents of a disk and says what was found: footer, partition table, file systems and their
// checksums. Pure: it reads through a BlockSource and changes nothing.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "azlin/verification/block_source.hpp"

namespace azlin::verification {

// What is claimed about a partition or a disk. Only `sound` is a pass.
enum class Verdict {
  sound,      // recognised, and every check that was made held
  damaged,    // at least one check failed
  encrypted,  // LUKS or BitLocker: the header was seen, the contents were not checked
  unknown,    // holds data that is not recognised, or has no check: not checked
  empty,      // every place looked at holds zeros
};
const char* to_string(Verdict verdict);  // "sound", "damaged", …

enum class Severity {
  note,    // a difference that a running or resized system leaves behind; not damage by itself
  damage,  // the bytes cannot be what the file system or partitioning tool wrote
};
const char* to_string(Severity severity);  // "note", "damage"

struct Finding {
  Severity severity = Severity::damage;
  std::string what;      // e.g. "ext4 superblock checksum"
  std::string expected;  // as text; may be empty when `what` says it all
  std::string found;
  std::uint64_t offset = 0;  // bytes from the start of the disk
};

// One partition, or the whole disk when it has no partition table (index 0). An LVM physical volume reports
// the file systems of its logical volumes too, as "group/volume (kind): …", and is no better than the weakest
// of them.
struct PartitionReport {
  int index = 0;             // number as Linux counts: GPT entry + 1; MBR 1–4, logical from 5
  std::uint64_t offset = 0;  // bytes from the start of the disk
  std::uint64_t length = 0;  // bytes
  std::string type;  // what the partition table says: a GPT type GUID or "0x83"; empty on a whole disk
  std::string kind;  // what was found: "ext4", "xfs", "btrfs", "fat32", "ntfs", "lvm", "swap", "luks2", …
  Verdict verdict = Verdict::unknown;
  std::vector<std::string> checked;      // what was compared, e.g. "superblock crc32c"
  std::vector<std::string> not_checked;  // what was left out, and why
  std::vector<Finding> findings;
};

struct DiskReport {
  std::uint64_t size = 0;         // bytes of the disk, without a footer
  std::string table;              // "gpt", "mbr" or "none"
  std::uint32_t sector_size = 0;  // bytes; 512 or 4096
  Verdict verdict = Verdict::unknown;
  std::vector<std::string> checked;      // of footer and partition table
  std::vector<std::string> not_checked;  // of the same, and why
  std::vector<Finding> findings;         // of size, footer and partition table
  std::vector<PartitionReport> partitions;
  std::uint64_t bytes_read = 0;
};

struct InspectOptions {
  std::optional<std::uint64_t>
      expected_size;              // bytes the service reports for the disk; another size is damage
  bool vhd_footer = false;        // the source ends with the 512-byte footer that a SAS on a disk shows
  std::uint32_t sector_size = 0;  // 512, 4096, or 0: find out
  // What the service calls allocated, if it was asked: "empty" is then a fact, not a guess from samples.
  std::optional<std::vector<Range>> allocated{};
  std::uint64_t max_read = 1u << 30;  // bytes; what is left then is reported as not checked
};

// Inspects the disk behind `source`. Whatever the bytes are, it ends, and reads at most max_read of them.
// The disk's verdict is the weakest of its parts: damaged, else unknown, else encrypted, else sound, else
// empty; partitions whose type promises no file system (boot code, reserved space) do not count. Throws what
// source.read throws, and core::Error (usage) on a sector size that is none.
DiskReport inspect_disk(const BlockSource& source, const InspectOptions& options = {});

// The report as lines for people, without a final newline each.
std::vector<std::string> to_lines(const DiskReport& report);

}  // namespace azlin::verification
