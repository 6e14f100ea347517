// What is no file system: swap, LUKS, BitLocker, and kinds known by name alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "verification/checksum.hpp"
#include "verification/volume.hpp"

namespace azlin::verification {
namespace {

// LUKS2: "LUKS2 On-Disk Format Specification" 1.1.1.
struct LuksHeader {
  std::uint64_t at;
  const char* magic;
  const char* name;
};

// The JSON area's length comes from the header itself; nullopt when it is no valid length.
std::optional<std::uint64_t> luks2_size(View binary) {
  const std::uint64_t size = be64(binary, 8);
  if (size < 16384 || size > (4u << 20) || !power_of_two(size)) return std::nullopt;
  return size;
}

std::optional<std::uint64_t> check_luks2_header(Volume& volume, const LuksHeader& header) {
  const auto binary = volume.read(header.at, 4096);
  if (!binary || !has(*binary, 0, std::string_view(header.magic, 6))) {
    volume.damage(fmt::format("LUKS2 {} header is missing", header.name), "", "", header.at);
    return std::nullopt;
  }
  const auto size = luks2_size(*binary);
  auto whole = size ? volume.read(header.at, *size) : std::nullopt;
  if (!whole) {
    volume.damage(fmt::format("LUKS2 {} header: size", header.name), "", std::to_string(be64(*binary, 8)),
                  header.at + 8);
    return std::nullopt;
  }
  if (!has(*binary, 72, std::string_view("sha256\0", 7))) {
    volume.not_checked(fmt::format("{} header: its checksum is not sha256", header.name));
    return size;
  }
  const Bytes kept(binary->begin() + 448, binary->begin() + 480);
  std::fill_n(whole->begin() + 448, 64, std::uint8_t{0});
  const Sha256 digest = sha256(*whole);
  volume.checked(fmt::format("{} header sha256", header.name));
  if (!std::ranges::equal(digest, kept)) {
    volume.damage(fmt::format("LUKS2 {} header sha256", header.name), hex(digest), hex(kept),
                  header.at + 448);
  }
  return size;
}

void check_luks2(Volume& volume) {
  const auto size = check_luks2_header(volume, {0, "LUKS\xba\xbe", "primary"});
  if (size) check_luks2_header(volume, {*size, "SKUL\xba\xbe", "secondary"});
}

void mark_encrypted(Volume& volume) {
  if (!volume.damaged()) volume.report().verdict = Verdict::encrypted;
  volume.not_checked("contents: encrypted");
}

struct Signature {
  std::uint64_t at;
  std::string_view text;
  const char* kind;
};
constexpr std::array<Signature, 7> kNamedOnly = {{{3, "EXFAT   ", "exfat"},
                                                  {3, std::string_view("ReFS\0\0\0\0", 8), "refs"},
                                                  {4096, "\xfc\x4e\x2b\xa9", "mdraid"},
                                                  {0, "\xfc\x4e\x2b\xa9", "mdraid"},
                                                  {32769, "CD001", "iso9660"},
                                                  {0, "hsqs", "squashfs"},
                                                  {1024, "\x10\x20\xf5\xf2", "f2fs"}}};

}  // namespace

bool inspect_swap(Volume& volume) {
  for (const std::uint64_t page : {4096u, 8192u, 16384u, 65536u}) {
    const auto head = volume.read(0, page);
    if (!head) return false;
    const bool hibernated = has(*head, page - 10, std::string_view("S1SUSPEND\0", 10));
    if (!hibernated && !has(*head, page - 10, "SWAPSPACE2")) continue;
    volume.recognised("swap");
    volume.checked("swap header, size against the partition (no checksum kept)");
    const std::uint32_t version = le32(*head, 1024), last = le32(*head, 1028), bad = le32(*head, 1032);
    if (version != 1) volume.damage("swap version", "1", std::to_string(version), 1024);
    if (last == 0) volume.damage("swap has no pages", "", "0", 1028);
    if (bad > (page - 1536 - 10) / 4)
      volume.damage("swap: number of bad pages", "", std::to_string(bad), 1032);
    volume.expect_fits("swap", (std::uint64_t{last} + 1) * page);
    if (hibernated) volume.note("swap holds a hibernated system", "SWAPSPACE2", "S1SUSPEND", page - 10);
    return true;
  }
  return false;
}

bool inspect_luks(Volume& volume) {
  const auto head = volume.read(0, 1024);
  if (!head || !has(*head, 0, "LUKS\xba\xbe")) return false;
  const std::uint16_t version = be16(*head, 6);
  volume.recognised(version == 1 ? "luks1" : "luks2");
  if (version == 2) {
    check_luks2(volume);
  } else if (version == 1) {
    volume.checked("header values (LUKS1 keeps no checksum)");
    const std::uint64_t payload = std::uint64_t{be32(*head, 104)} * 512;
    if (payload < 1024 || payload > volume.length()) {
      volume.damage("LUKS1 payload lies outside", fmt::format("within {} bytes", volume.length()),
                    std::to_string(payload), 104);
    }
  } else {
    volume.damage("LUKS version", "1 or 2", std::to_string(version), 6);
  }
  mark_encrypted(volume);
  return true;
}

bool inspect_bitlocker(Volume& volume) {
  const auto head = volume.read(0, 512);
  if (!head || !has(*head, 3, "-FVE-FS-")) return false;
  volume.recognised("bitlocker");
  mark_encrypted(volume);
  return true;
}

bool inspect_named_only(Volume& volume) {
  for (const Signature& signature : kNamedOnly) {
    const auto found = volume.read(signature.at, signature.text.size());
    if (!found || !has(*found, 0, signature.text)) continue;
    volume.report().kind = signature.kind;
    volume.report().verdict = Verdict::unknown;
    volume.not_checked(fmt::format("{}: azlin has no check for it", signature.kind));
    return true;
  }
  return false;
}

bool inspect_lost_superblock(Volume& volume) {
  struct Copy {
    std::uint64_t at;
    std::string_view magic;
    std::size_t magic_at;
    const char* kind;
  };
  const std::uint64_t last = volume.length() >= 512 ? volume.length() - 512 : 0;
  const std::array<Copy, 9> copies = {{{8193 * 1024, "\x53\xef", 0x38, "ext"},
                                       {16384 * 2048, "\x53\xef", 0x38, "ext"},
                                       {32768ull * 4096, "\x53\xef", 0x38, "ext"},
                                       {512, "XAGF", 0, "xfs"},
                                       {4096, "XAGF", 0, "xfs"},
                                       {64 << 20, "_BHRfS_M", 64, "btrfs"},
                                       {6 * 512, "FAT32   ", 82, "fat32"},
                                       {last, "NTFS    ", 3, "ntfs"},
                                       {16384, "SKUL\xba\xbe", 0, "luks2"}}};
  for (const Copy& copy : copies) {
    const auto sector = volume.read(copy.at, 512);
    if (!sector || !has(*sector, copy.magic_at, copy.magic)) continue;
    // Two bytes alone are no evidence: the copy must also know its size and its group.
    if (copy.magic.size() == 2 && (le32(*sector, 0x18) > 6 || le16(*sector, 0x5a) != 1)) continue;
    volume.report().kind = copy.kind;
    volume.damage(
        fmt::format("{}: the primary superblock is lost, a copy remains at byte {}", copy.kind, copy.at),
        "a superblock", "none", 0);
    return true;
  }
  return false;
}

}  // namespace azlin::verification
