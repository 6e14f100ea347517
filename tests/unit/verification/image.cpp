#include "unit/verification/image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "azlin/core/process.hpp"
#include "verification/checksum.hpp"

namespace azlin::verification::test {
namespace {

void require(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what);
}

View view(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) & 0xff : 0);
  return out;
}

std::string be(std::uint64_t value, int bytes) {
  std::string out = le(value, bytes);
  std::ranges::reverse(out);
  return out;
}

Image::Image(std::uint64_t size)
    : path_(dir_.file("disk.img")),
      fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
      size_(size) {
  require(fd_ >= 0, "open " + path_);
  resize(size);
}

Image::~Image() {
  ::close(fd_);
}

void Image::resize(std::uint64_t size) {
  require(::ftruncate(fd_, static_cast<off_t>(size)) == 0, "ftruncate");
  size_ = size;
}

void Image::write(std::uint64_t offset, const std::vector<std::uint8_t>& bytes) {
  require(offset + bytes.size() <= size_, "write beyond the image");
  const auto done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  require(done == static_cast<ssize_t>(bytes.size()), "pwrite");
}

void Image::write(std::uint64_t offset, const std::string& text) {
  write(offset, std::vector<std::uint8_t>(text.begin(), text.end()));
}

std::vector<std::uint8_t> Image::read(std::uint64_t offset, std::size_t length) const {
  std::vector<std::uint8_t> bytes(length);
  const auto done = ::pread(fd_, bytes.data(), length, static_cast<off_t>(offset));
  require(done == static_cast<ssize_t>(length), "pread");
  return bytes;
}

std::uint64_t Image::number(std::uint64_t offset, std::size_t bytes) const {
  std::uint64_t value = 0;
  const auto raw = read(offset, bytes);
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | raw[i];
  return value;
}

void Image::flip(std::uint64_t offset) {
  auto byte = read(offset, 1);
  byte[0] = static_cast<std::uint8_t>(~byte[0]);
  write(offset, byte);
}

void Image::zero(std::uint64_t offset, std::uint64_t length) {
  write(offset, std::vector<std::uint8_t>(length));
}

void Image::copy_from(const Image& other, std::uint64_t offset) {
  constexpr std::uint64_t kStep = 1 << 20;
  for (std::uint64_t at = 0; at < other.size(); at += kStep) {
    const auto bytes = other.read(at, std::min(kStep, other.size() - at));
    if (!all_zero(bytes)) write(offset + at, bytes);
  }
}

BlockSource Image::source() const {
  return {size_, [this](std::uint64_t offset, std::span<std::uint8_t> out) {
            require(offset <= size_ && out.size() <= size_ - offset, "read out of bounds");
            const auto got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
            require(got == static_cast<ssize_t>(out.size()), "pread");
          }};
}

std::optional<ToolResult> run_tool(std::vector<std::string> argv, const std::string& path,
                                   const std::string& input) {
  std::ranges::replace(argv, std::string("FILE"), path);
  // These tools live in sbin, which is not on every PATH.
  for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/"}) {
    const std::string program = folder + argv[0];
    if (::access(program.c_str(), X_OK) != 0) continue;
    argv[0] = program;
    core::SystemProcessRunner runner;
    const auto result = runner.run({.argv = argv, .input = input});
    return ToolResult{result.exit_code, result.out + result.err};
  }
  return std::nullopt;
}

Made make_image(std::uint64_t size, const std::vector<std::string>& argv, const std::string& input) {
  auto image = std::make_unique<Image>(size);
  const auto result = run_tool(argv, image->path(), input);
  if (!result) return {nullptr, argv[0]};
  require(result->exit_code == 0, argv[0] + ": " + result->output);
  return {std::move(image), {}};
}

void write_gpt(Image& image, std::uint32_t sector_size, const std::vector<GptEntry>& entries) {
  const std::uint64_t last = image.size() / sector_size - 1;
  const std::uint64_t table = (128 * 128 + sector_size - 1) / sector_size;
  std::string list;
  for (const GptEntry& entry : entries) {
    list +=
        entry.type + std::string(16, '\x42') + le(entry.first, 8) + le(entry.last, 8) + std::string(80, '\0');
  }
  list.resize(128 * 128);
  const auto header = [&](std::uint64_t own, std::uint64_t other, std::uint64_t entries_at) {
    const auto with = [&](std::uint32_t sum) {
      return "EFI PART" + le(0x00010000, 4) + le(92, 4) + le(sum, 4) + le(0, 4) + le(own, 8) + le(other, 8) +
             le(2 + table, 8) + le(last - table - 1, 8) + std::string(16, '\x17') + le(entries_at, 8) +
             le(128, 4) + le(128, 4) + le(crc32(view(list)), 4);
    };
    return with(crc32(view(with(0))));
  };
  image.write(446, std::string(4, '\0') + '\xee' + std::string(3, '\0') + le(1, 4) + le(last, 4));
  image.write(510, "\x55\xaa");
  image.write(sector_size, header(1, last, 2));
  image.write(2 * sector_size, list);
  image.write((last - table) * sector_size, list);
  image.write(last * sector_size, header(last, 1, last - table));
}

bool has_finding(const std::vector<Finding>& findings, const std::string& text, Severity severity) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return finding.severity == severity && finding.what.find(text) != std::string::npos;
  });
}

std::string text_of(const DiskReport& report) {
  std::string text;
  for (const std::string& line : to_lines(report)) text += line + "\n";
  return text;
}

}  // namespace azlin::verification::test
