#include "simulator/guest_disk.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "simulator/disk_image.hpp"

namespace azlin::simulator {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

template <class T>
T little(const std::string& bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T) && at + i < bytes.size(); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[at + i])) << (8 * i));
  return value;
}

std::uint32_t crc32c(const std::string& bytes, std::size_t count) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::size_t i = 0; i < count; ++i) {
    crc ^= static_cast<unsigned char>(bytes[i]);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return crc;
}

// First sectors of the partitions of a GUID table whose header is at sector `at`; nullopt: there is no whole
// one.
std::optional<std::vector<std::uint64_t>> read_gpt(const DiskReader& read, std::uint64_t at,
                                                   std::uint64_t sectors) {
  std::string header = read(at * kSectorBytes, kSectorBytes);
  if (header.compare(0, 8, "EFI PART") != 0) return std::nullopt;
  const auto size = little<std::uint32_t>(header, 12), wanted = little<std::uint32_t>(header, 16);
  if (size < 92 || size > kSectorBytes) return std::nullopt;
  header.replace(16, 4, 4, '\0');
  if (crc32(std::string_view(header).substr(0, size)) != wanted) return std::nullopt;
  const auto first = little<std::uint64_t>(header, 72);
  const std::uint64_t count = little<std::uint32_t>(header, 80), bytes = little<std::uint32_t>(header, 84);
  if (bytes < 128 || count == 0 || count * bytes > 65'536 || first + count * bytes / kSectorBytes > sectors)
    return std::nullopt;
  const auto entries =
      read(first * kSectorBytes, (count * bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes);
  if (crc32(std::string_view(entries).substr(0, count * bytes)) != little<std::uint32_t>(header, 88))
    return std::nullopt;
  std::vector<std::uint64_t> starts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto start = little<std::uint64_t>(entries, i * bytes + 32);
    if (start != 0 && start < sectors) starts.push_back(start);
  }
  return starts;
}

// nullopt: there is no partition table at all.
std::optional<std::vector<std::uint64_t>> partitions(const DiskReader& read, std::uint64_t sectors) {
  for (const auto at : {std::uint64_t{1}, sectors - 1})
    if (auto found = read_gpt(read, at, sectors)) return found;
  const auto mbr = read(0, kSectorBytes);
  if (little<std::uint16_t>(mbr, 510) != 0xAA55) return std::nullopt;
  std::vector<std::uint64_t> starts;
  for (std::size_t i = 446; i < 510; i += 16) {
    const std::uint64_t start = little<std::uint32_t>(mbr, i + 8);
    const bool protective = static_cast<unsigned char>(mbr[i + 4]) == 0xEE;
    if (mbr[i + 4] != 0 && !protective && start != 0 && start < sectors) starts.push_back(start);
  }
  if (starts.empty()) return std::nullopt;
  return starts;
}

// Just enough of ext4 to find a small file. Throws std::runtime_error for what cannot be read.
class Ext4 {
 public:
  Ext4(const DiskReader& read, std::uint64_t base) : read_(read), base_(base) {
    super_ = bytes(1024, 1024);
    if (little<std::uint16_t>(super_, 0x38) != 0xEF53)
      throw std::runtime_error("bad magic number in super-block");
    const bool has_checksum = (little<std::uint32_t>(super_, 0x64) & 0x400) != 0;
    if (has_checksum && crc32c(super_, 0x3FC) != little<std::uint32_t>(super_, 0x3FC))
      throw std::runtime_error("invalid superblock checksum");
    const auto shift = little<std::uint32_t>(super_, 0x18);
    if (shift > 6 || little<std::uint32_t>(super_, 0x28) == 0)
      throw std::runtime_error("bad geometry in super-block");
    block_ = std::uint64_t{1024} << shift;
    inode_size_ = std::max<std::uint64_t>(little<std::uint16_t>(super_, 0x58), 128);
    const bool wide = (little<std::uint32_t>(super_, 0x60) & 0x80) != 0;
    descriptor_size_ = wide ? std::max<std::uint64_t>(little<std::uint16_t>(super_, 0xFE), 32) : 32;
  }

  // The inode of a folder's entry. 0: there is none.
  std::uint32_t look_up(std::uint32_t folder, const std::string& name) {
    const auto data = contents(folder, 0x4000);
    for (std::size_t at = 0; at + 8 <= data.size();) {
      const auto length = little<std::uint16_t>(data, at + 4);
      if (length < 8) break;
      const auto inode = little<std::uint32_t>(data, at);
      if (inode != 0 && data.compare(at + 8, static_cast<unsigned char>(data[at + 6]), name) == 0)
        return inode;
      at += length;
    }
    return 0;
  }

  // The first 64 KiB of a file or folder; `kind` is the type bits of its mode.
  std::string contents(std::uint32_t inode, std::uint16_t kind) {
    const auto node = read_inode(inode);
    if ((little<std::uint16_t>(node, 0) & 0xF000) != kind)
      throw std::runtime_error("an inode is not what it should be");
    const std::uint64_t size = std::min<std::uint64_t>(little<std::uint32_t>(node, 4), 65'536);
    if (little<std::uint16_t>(node, 0x28) != 0xF30A || little<std::uint16_t>(node, 0x28 + 6) != 0)
      throw std::runtime_error("an extent tree cannot be read");
    std::string data;
    const auto entries = little<std::uint16_t>(node, 0x28 + 2);
    for (std::size_t i = 0; i < entries && i < 4 && data.size() < size; ++i) {
      const auto at = 0x28 + 12 * (i + 1);
      const auto place =
          std::uint64_t{little<std::uint16_t>(node, at + 6)} << 32 | little<std::uint32_t>(node, at + 8);
      data += bytes(place * block_,
                    std::min<std::uint64_t>(little<std::uint16_t>(node, at + 4) * block_, 65'536));
    }
    return data.substr(0, size);
  }

 private:
  // `count` bytes of the file system, aligned to sectors by widening.
  std::string bytes(std::uint64_t offset, std::uint64_t count) {
    const auto begin = (base_ + offset) / kSectorBytes * kSectorBytes;
    const auto end = (base_ + offset + count + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    return read_(begin, end - begin).substr(base_ + offset - begin, count);
  }

  std::string read_inode(std::uint32_t inode) {
    const auto per_group = little<std::uint32_t>(super_, 0x28);
    const std::uint64_t group = (inode - 1) / per_group, index = (inode - 1) % per_group;
    const auto table_block = block_ == 1024 ? 2 : 1;
    const auto descriptor =
        bytes(static_cast<std::uint64_t>(table_block) * block_ + group * descriptor_size_, descriptor_size_);
    std::uint64_t table = little<std::uint32_t>(descriptor, 8);
    if (descriptor_size_ >= 64) table |= std::uint64_t{little<std::uint32_t>(descriptor, 0x28)} << 32;
    return bytes(table * block_ + index * inode_size_, 128);
  }

  const DiskReader& read_;
  std::uint64_t base_;
  std::string super_;
  std::uint64_t block_ = 0, inode_size_ = 0, descriptor_size_ = 0;
};

std::string host_name(Ext4& root) {
  constexpr std::uint32_t kRootInode = 2;
  constexpr std::uint16_t kFolder = 0x4000, kFile = 0x8000;
  root.contents(kRootInode, kFolder);
  const auto etc = root.look_up(kRootInode, "etc");
  const auto file = etc == 0 ? 0 : root.look_up(etc, "hostname");
  if (file == 0) return {};
  auto text = root.contents(file, kFile);
  return text.substr(0, text.find_first_of("\r\n \t"));
}

}  // namespace

BootCheck check_boot(std::uint64_t disk_bytes, const DiskReader& read) {
  const auto sectors = disk_bytes / kSectorBytes;
  if (sectors < 2048) return {"the disk is too small to boot from", ""};
  try {
    const auto starts = partitions(read, sectors);
    if (!starts) return {"no valid partition table on the OS disk", ""};
    for (const auto start : *starts) {
      const auto base = start * kSectorBytes;
      if (base + 4096 > disk_bytes || little<std::uint16_t>(read(base + 1024, kSectorBytes), 0x38) != 0xEF53)
        continue;
      try {
        Ext4 root(read, base);
        return {"", host_name(root)};
      } catch (const std::exception& error) {
        return {std::string("EXT4-fs: ") + error.what(), ""};
      }
    }
    return {"no ext4 file system in any partition of the OS disk", ""};
  } catch (const std::exception& error) {
    return {std::string("the OS disk cannot be read: ") + error.what(), ""};
  }
}

}  // namespace azlin::simulator
