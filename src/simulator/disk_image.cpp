#include "simulator/disk_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"

namespace azlin::simulator {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using Guid = std::array<std::uint8_t, 16>;

constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kAlign = kMiB / kSector;  // partitions begin on whole MiB
constexpr std::uint64_t kEspBytes = 64 * kMiB;    // FAT32 needs 33 MiB
constexpr std::uint64_t kEntries = 128, kEntryBytes = 128, kEntrySectors = kEntries * kEntryBytes / kSector;
constexpr std::uint64_t kTableSectors = 1 + kEntrySectors;  // a header and its entries

// C12A7328-F81F-11D2-BA4B-00A0C93EC93B and 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as on disk
constexpr Guid kEfiSystem = {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11,
                             0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B};
constexpr Guid kLinuxData = {0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47,
                             0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4};

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::failed, "disk image: " + what);
}

template <typename T>
void put_little_endian(std::string& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[at + i] = static_cast<char>((value >> (8 * i)) & 0xFF);
}

void put_guid(std::string& bytes, std::size_t at, const Guid& guid) {
  std::copy(guid.begin(), guid.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

// A random-looking id that is always the same for the same text (version 4 bits set).
Guid guid_of(std::string_view text) {
  Guid guid{};
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (std::size_t i = 0; i < guid.size(); ++i) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    guid[i] = static_cast<std::uint8_t>(hash >> 40);
  }
  guid[7] = static_cast<std::uint8_t>((guid[7] & 0x0F) | 0x40);
  guid[8] = static_cast<std::uint8_t>((guid[8] & 0x3F) | 0x80);
  return guid;
}

// As mke2fs and fstab write it: the bytes in order.
std::string uuid_of(std::string_view text) {
  std::string out;
  const auto guid = guid_of(text);
  for (std::size_t i = 0; i < guid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", guid[i]);
  }
  return out;
}

class ScratchFolder {
 public:
  ScratchFolder() : path_((fs::temp_directory_path() / "azlin-image-XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) fail("cannot make a folder in " + fs::temp_directory_path().string());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// Reproducible bytes that do not compress to nothing.
std::string sample_bytes(std::string_view seed, std::size_t count) {
  std::string bytes(count, '\0');
  std::uint64_t state = 0x9E3779B97F4A7C15ull;
  for (const char c : seed) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

void populate_root(const fs::path& root, const ImageSpec& spec) {
  const auto id = to_string(spec);
  write_file(root / "etc/hostname", (spec.host.empty() ? "localhost" : spec.host) + "\n");
  write_file(root / "etc/fstab",
             fmt::format("UUID={} / ext4 defaults,discard 0 1\nLABEL=EFI /boot/efi vfat umask=0077 0 1\n",
                         uuid_of(id)));
  write_file(root / "etc/os-release",
             "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n"
             "VERSION=\"12 "
             "(bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n");
  write_file(root / "etc/passwd",
             "root:x:0:0:root:/root:/bin/bash\nazureuser:x:1000:1000:Azure user:/home/azureuser:/bin/bash\n");
  for (const char* folder :
       {"boot/efi", "dev", "home/azureuser", "proc", "root", "run", "sys", "tmp", "usr", "var/log"}) {
    fs::create_directories(root / folder);
  }
  write_file(root / "var/lib/app/data.bin", sample_bytes(id, 256 * 1024));
}

void populate_data(const fs::path& root, const ImageSpec& spec) {
  write_file(root / "data/readme.txt",
             fmt::format("Data disk of {}\n", spec.host.empty() ? "this machine" : spec.host));
  write_file(root / "data/records.bin", sample_bytes(to_string(spec), 512 * 1024));
}

// The tools lie in sbin, which is not on everybody's PATH. nullopt: it is not installed.
std::optional<std::string> tool(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/local/sbin/", "/usr/bin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return {};
}

void run_tool(std::vector<std::string> argv) {
  core::ProcessRequest request;
  request.argv = std::move(argv);
  request.extra_env["E2FSPROGS_FAKE_TIME"] = "1735689600";  // equal images on every run: 2025-01-01
  const auto result = core::SystemProcessRunner().run(request);
  if (result.exit_code != 0) fail(fmt::format("{} failed: {}", request.argv[0], result.err));
}

void make_sparse_file(const std::string& path, std::uint64_t bytes) {
  std::ofstream{path};
  fs::resize_file(path, bytes);
}

void make_ext4(const std::string& path, std::uint64_t bytes, const std::string& root, const ImageSpec& spec) {
  const auto mke2fs = tool("mke2fs");
  if (!mke2fs) fail("mke2fs is not installed (Debian: e2fsprogs)");
  make_sparse_file(path, bytes);
  const auto uuid = uuid_of(to_string(spec));
  run_tool({*mke2fs, "-q", "-F", "-t", "ext4", "-U", uuid, "-L",
            spec.kind == ImageSpec::Kind::os ? "root" : "data", "-J", "size=16", "-E",
            "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0,hash_seed=" + uuid, "-d", root, path});
}

bool make_fat(const std::string& path) {
  const auto mkfs = tool("mkfs.vfat");
  if (!mkfs) return false;
  make_sparse_file(path, kEspBytes);
  run_tool({*mkfs, "--invariant", "-F", "32", "-n", "EFI", path});
  return true;
}

// The parts of a sparse file that hold data.
void copy_data(const std::string& path, std::uint64_t to, const ContentStore::Sink& sink) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("cannot read " + path);
  std::string buffer;
  for (off_t begin = 0; (begin = ::lseek(file, begin, SEEK_DATA)) >= 0;) {
    const off_t end = ::lseek(file, begin, SEEK_HOLE);
    while (begin < end) {
      buffer.resize(static_cast<std::size_t>(std::min<off_t>(end - begin, static_cast<off_t>(kMiB))));
      const auto got = ::pread(file, buffer.data(), buffer.size(), begin);
      if (got <= 0) break;
      sink(to + static_cast<std::uint64_t>(begin),
           std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
      begin += got;
    }
  }
  ::close(file);
}

// The header at `own`, for entries at `entries_at`, whose other copy is at `other`.
std::string gpt_header(std::uint64_t own, std::uint64_t other, std::uint64_t entries_at,
                       std::uint64_t sectors, const Guid& disk_id, std::string_view entries) {
  std::string header(kSector, '\0');
  header.replace(0, 8, "EFI PART");
  put_little_endian<std::uint32_t>(header, 8, 0x00010000);
  put_little_endian<std::uint32_t>(header, 12, 92);
  put_little_endian(header, 24, own);
  put_little_endian(header, 32, other);
  put_little_endian(header, 40, kTableSectors + 1);            // first usable
  put_little_endian(header, 48, sectors - kTableSectors - 1);  // last usable
  put_guid(header, 56, disk_id);
  put_little_endian(header, 72, entries_at);
  put_little_endian(header, 80, static_cast<std::uint32_t>(kEntries));
  put_little_endian(header, 84, static_cast<std::uint32_t>(kEntryBytes));
  put_little_endian(header, 88, crc32(entries));
  put_little_endian(header, 16, crc32(std::string_view(header).substr(0, 92)));
  return header;
}

std::string protective_mbr(std::uint64_t sectors) {
  std::string mbr(kSector, '\0');
  mbr[446 + 2] = 0x02;                     // starts at cylinder 0, head 0, sector 2
  mbr[446 + 4] = static_cast<char>(0xEE);  // GPT
  mbr.replace(446 + 5, 3, "\xFF\xFF\xFF", 3);
  put_little_endian<std::uint32_t>(mbr, 446 + 8, 1);
  put_little_endian(mbr, 446 + 12,
                    static_cast<std::uint32_t>(std::min<std::uint64_t>(sectors - 1, 0xFFFFFFFF)));
  mbr[510] = 0x55;
  mbr[511] = static_cast<char>(0xAA);
  return mbr;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320 : 0);
  }
  return ~crc;
}

PartitionTable make_gpt(std::uint64_t disk_bytes, const Guid& disk_id,
                        const std::vector<Partition>& partitions) {
  const auto sectors = disk_bytes / kSector;
  std::string entries(kEntries * kEntryBytes, '\0');
  std::size_t at = 0;
  for (const auto& partition : partitions) {
    put_guid(entries, at, partition.type);
    put_guid(entries, at + 16, partition.id);
    put_little_endian(entries, at + 32, partition.first_sector);
    put_little_endian(entries, at + 40, partition.last_sector);
    for (std::size_t i = 0; i < std::min<std::size_t>(partition.name.size(), 36); ++i) {
      entries[at + 56 + 2 * i] = partition.name[i];  // UTF-16, little-endian
    }
    at += kEntryBytes;
  }
  const auto last = sectors - 1;
  return {protective_mbr(sectors) + gpt_header(1, last, 2, sectors, disk_id, entries) + entries,
          entries + gpt_header(last, 1, last - kEntrySectors, sectors, disk_id, entries)};
}

std::string to_string(const ImageSpec& spec) {
  return fmt::format("{}:{}:{}", spec.kind == ImageSpec::Kind::os ? "os" : "data", spec.size_gb, spec.host);
}

ImageSpec parse_image_spec(const std::string& spec) {
  ImageSpec parsed;
  const auto first = spec.find(':');
  const auto second = spec.find(':', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos) fail("not an image: " + spec);
  const auto kind = spec.substr(0, first);
  if (kind != "os" && kind != "data") fail("not an image: " + spec);
  parsed.kind = kind == "os" ? ImageSpec::Kind::os : ImageSpec::Kind::data;
  const auto* end = spec.data() + second;
  const auto number = std::from_chars(spec.data() + first + 1, end, parsed.size_gb);
  if (number.ec != std::errc() || number.ptr != end || parsed.size_gb == 0) fail("not an image: " + spec);
  parsed.host = spec.substr(second + 1);
  return parsed;
}

void make_image(const std::string& text, const ContentStore::Sink& sink) {
  const auto spec = parse_image_spec(text);
  const bool os = spec.kind == ImageSpec::Kind::os;
  const ScratchFolder scratch;
  const auto bytes = spec.size_gb << 30;
  const auto esp_sectors = os ? kEspBytes / kSector : 0;
  const auto root_first = kAlign + esp_sectors;
  const auto root_sectors = (bytes / kSector - kTableSectors - root_first) / kAlign * kAlign;

  std::vector<Partition> partitions;
  if (os) {
    partitions.push_back(
        {kEfiSystem, guid_of(text + "/esp"), kAlign, kAlign + esp_sectors - 1, "EFI System"});
    if (make_fat(scratch.file("esp"))) copy_data(scratch.file("esp"), kAlign * kSector, sink);
    populate_root(scratch.file("files"), spec);
  } else {
    populate_data(scratch.file("files"), spec);
  }
  partitions.push_back(
      {kLinuxData, guid_of(text + "/root"), root_first, root_first + root_sectors - 1, os ? "root" : "data"});
  make_ext4(scratch.file("ext4"), root_sectors * kSector, scratch.file("files"), spec);
  copy_data(scratch.file("ext4"), root_first * kSector, sink);

  const auto table = make_gpt(bytes, guid_of(text), partitions);
  sink(0, table.front);
  sink(bytes - table.back.size(), table.back);
}

}  // namespace azlin::simulator
