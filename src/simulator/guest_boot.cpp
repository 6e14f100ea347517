#include <fmt/format.h>

#include "simulator/disk_image.hpp"
#include "simulator/guest.hpp"

namespace azlin::simulator {
namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::uint32_t adler32(const std::string& bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return (b << 16) | a;
}

std::string chunk(const std::string& type, const std::string& data) {
  const auto body = type + data;
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(crc32(body));
}

// A zlib stream of one stored block: at most 65,535 bytes.
std::string stored(const std::string& data) {
  const auto size = static_cast<std::uint16_t>(data.size());
  const auto low = [](unsigned v) { return static_cast<char>(v & 0xFF); };
  std::string stream = {
      '\x78', '\x01', '\x01', low(size), low(size >> 8u), low(~unsigned{size}), low(~unsigned{size} >> 8u)};
  return stream + data + big_endian(adler32(data));
}

}  // namespace

std::string serial_log(const Guest& guest, const std::string& fault) {
  std::string log = fmt::format(
      "[    0.000000] Linux version 6.1.0-18-cloud-amd64 (debian-kernel@lists.debian.org)\r\n"
      "[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/sda1 ro "
      "console=ttyS0\r\n"
      "[    0.004112] smpboot: Allowing {} CPUs, 0 hotplug CPUs\r\n"
      "[    1.172044] sd 0:0:0:0: [sda] Attached SCSI disk ({})\r\n",
      guest.cores, guest.os_disk);
  for (std::size_t i = 0; i < guest.data_disks.size(); ++i)
    log += fmt::format("[    1.{:06}] sd 1:0:0:{}: Attached SCSI disk ({})\r\n", 180000 + i, i,
                       guest.data_disks[i]);
  if (!fault.empty())
    return log +
           fmt::format(
               "[    2.310771] azlin-simulator: {}\r\n"
               "[    2.310902] VFS: Cannot open root device \"sda1\" or unknown-block(0,0): error -6\r\n"
               "[    2.310944] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
               fault);
  log += fmt::format(
      "[    2.201334] EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.\r\n"
      "[    3.418820] systemd[1]: Set hostname to <{0}>.\r\n"
      "[    5.902113] systemd[1]: Started walinuxagent.service - Azure Linux Agent.\r\n"
      "[    6.114090] systemd[1]: Started ssh.service - OpenBSD Secure Shell server.\r\n"
      "[    6.520774] systemd[1]: Reached target multi-user.target - Multi-User System.\r\n"
      "\r\nDebian GNU/Linux 12 {0} ttyS0\r\n\r\n{0} login: ",
      guest.hostname);
  return log;
}

std::string screenshot_png(bool up) {
  constexpr std::uint32_t kWidth = 160, kHeight = 120;
  std::string pixels;  // 8-bit grey, each row after its filter byte
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    pixels += '\0';
    pixels += std::string(kWidth, up && y >= 100 && y < 108 ? '\xC0' : '\0');
  }
  const std::string header =
      big_endian(kWidth) + big_endian(kHeight) + std::string("\x08\x00\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", stored(pixels)) + chunk("IEND", "");
}

}  // namespace azlin::simulator
