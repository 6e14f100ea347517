#pragma once
// Bounded reads of a disk, and the window on one partition that the file-system checks work on.
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "azlin/verification/inspection.hpp"
#include "verification/bytes.hpp"

namespace azlin::verification {

// Thrown by Reader when max_read is used up. Caught where a partition's check begins; never leaves
// inspect_disk.
struct ReadLimit {};

// Reads in chunks and keeps the last few, as each read of a remote disk is a request. Not thread-safe.
class Reader {
 public:
  static constexpr std::uint64_t kChunk = 64 * 1024;
  static constexpr std::size_t kKeptChunks = 64;  // 4 MiB
  static constexpr std::uint64_t kMaxRead = 16u << 20;
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

  Reader(const BlockSource& source, std::uint64_t size, std::uint64_t max_read)
      : source_(source), size_(size), left_(max_read) {}

  std::uint64_t size() const { return size_; }
  // nullptr when nobody knows. Sorted, without overlaps.
  const std::vector<Range>* allocated() const { return allocated_; }
  void set_allocated(const std::vector<Range>* ranges) { allocated_ = ranges; }
  std::uint64_t bytes_read() const { return bytes_read_; }

  // nullopt when the range is not wholly on the disk or longer than kMaxRead.
  std::optional<Bytes> read(std::uint64_t offset, std::uint64_t length);

 private:
  const Bytes& chunk(std::uint64_t number);
  void fetch(std::uint64_t offset, std::span<std::uint8_t> out);

  const BlockSource& source_;
  std::uint64_t size_;
  std::uint64_t left_;
  std::uint64_t bytes_read_ = 0;
  const std::vector<Range>* allocated_ = nullptr;
  std::list<std::pair<std::uint64_t, Bytes>> kept_;  // newest first
};

// The one that claims less: damaged, else unknown, else encrypted, else sound, else empty.
Verdict weakest(Verdict a, Verdict b);

// A partition seen through its report. Offsets are bytes from the partition's start.
class Volume {
 public:
  // `outer`: the volume that this one lies in, for a logical volume.
  Volume(Reader& disk, PartitionReport& report, const Volume* outer = nullptr)
      : disk_(disk), report_(report), nested_(outer != nullptr) {}

  std::uint64_t length() const { return report_.length; }
  PartitionReport& report() { return report_; }
  bool nested() const { return nested_; }
  // The allocated ranges within the volume, from its own start; nullopt when nobody knows.
  std::optional<std::vector<Range>> allocated() const;

  // nullopt when the range is not wholly in the partition and on the disk.
  std::optional<Bytes> read(std::uint64_t offset, std::uint64_t length);

  void recognised(std::string kind);  // verdict sound until damage is found
  void checked(std::string what) { report_.checked.push_back(std::move(what)); }
  void not_checked(std::string what) { report_.not_checked.push_back(std::move(what)); }
  void damage(std::string what, std::string expected, std::string found, std::uint64_t at);
  void note(std::string what, std::string expected, std::string found, std::uint64_t at);

  // Damage unless the two are equal; shown as hexadecimal numbers of `digits`.
  bool expect_sum(const std::string& what, std::uint64_t expected, std::uint64_t found, std::uint64_t at,
                  int digits = 8);
  // Damage when a file system of `bytes` does not fit the partition.
  bool expect_fits(const std::string& kind, std::uint64_t bytes);
  void weaken(Verdict verdict) { report_.verdict = weakest(report_.verdict, verdict); }
  bool damaged() const { return report_.verdict == Verdict::damaged; }

 private:
  static constexpr std::size_t kMaxFindings = 50;
  void add(Finding finding);

  Reader& disk_;
  PartitionReport& report_;
  bool nested_;
  std::size_t seen_ = 0;  // findings, also those no longer listed
};

std::string hex_number(std::uint64_t value, int digits = 8);  // "0x0000abcd"

// Looks for every kind and fills the volume's report. `type_name` is what the partition table calls it; may
// be empty.
void inspect_volume(Volume& volume, const std::string& type_name);

// One file per family. Each returns false, with the report untouched, when the volume is not of its kind.
bool inspect_ext(Volume& volume);
bool inspect_xfs(Volume& volume);
bool inspect_btrfs(Volume& volume);
bool inspect_fat(Volume& volume);
bool inspect_ntfs(Volume& volume);
bool inspect_lvm(Volume& volume);
bool inspect_swap(Volume& volume);
bool inspect_luks(Volume& volume);
bool inspect_bitlocker(Volume& volume);
bool inspect_named_only(Volume& volume);  // kinds known by name alone: exFAT, ReFS, md RAID, …

// The start of the volume is not recognised, but a backup of a superblock is found: reports the loss as
// damage.
bool inspect_lost_superblock(Volume& volume);

}  // namespace azlin::verification
