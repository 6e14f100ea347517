#pragma once
// Whether a disk boots, read from its bytes as firmware and kernel would: partition table, root file system,
// host name.
#include <cstdint>
#include <functional>
#include <string>

namespace azlin::simulator {

// Reads `length` bytes at `offset`; both are multiples of 512 and within the disk.
using DiskReader = std::function<std::string(std::uint64_t offset, std::uint64_t length)>;

struct BootCheck {
  std::string fault;     // why it does not boot; empty: it does
  std::string hostname;  // from /etc/hostname; empty when it cannot be told
};

// A GUID partition table (the backup serves when the primary is damaged) or an MBR, and in it an ext4 root
// whose superblock is whole (magic, checksum where the file system has one) and whose root folder can be
// read. The first ext4 partition counts as the root.
BootCheck check_boot(std::uint64_t disk_bytes, const DiskReader& read);

}  // namespace azlin::simulator
