#pragma once
// Disk images in sparse files, made by the real tools.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "azlin/verification/inspection.hpp"
#include "support/temp_dir.hpp"

namespace azlin::verification::test {

class Image {
 public:
  explicit Image(std::uint64_t size);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  void resize(std::uint64_t size);
  void write(std::uint64_t offset, const std::vector<std::uint8_t>& bytes);
  void write(std::uint64_t offset, const std::string& text);
  std::vector<std::uint8_t> read(std::uint64_t offset, std::size_t length) const;
  std::uint64_t number(std::uint64_t offset, std::size_t bytes) const;  // little-endian
  void flip(std::uint64_t offset);                                      // inverts a byte
  void zero(std::uint64_t offset, std::uint64_t length);
  void copy_from(const Image& other, std::uint64_t offset);  // stays sparse

  // Fails the test's run with an exception on a read out of bounds. The image must outlive it.
  BlockSource source() const;

 private:
  azlin::test::TempDir dir_;
  std::string path_;
  int fd_;
  std::uint64_t size_;
};

// Runs a tool with "FILE" replaced by `path`; nullopt: the tool is not installed.
struct ToolResult {
  int exit_code;
  std::string output;
};
std::optional<ToolResult> run_tool(std::vector<std::string> argv, const std::string& path,
                                   const std::string& input = {});

// An image, or the tool that is missing.
struct Made {
  std::unique_ptr<Image> image;
  std::string missing;
};
Made make_image(std::uint64_t size, const std::vector<std::string>& argv, const std::string& input = {});

// A GPT with both copies, for sector sizes that sfdisk does not write into files.
struct GptEntry {
  std::string type;           // 16 bytes, as stored
  std::uint64_t first, last;  // sectors
};
void write_gpt(Image& image, std::uint32_t sector_size, const std::vector<GptEntry>& entries);

// `value` as `bytes` little- or big-endian bytes.
std::string le(std::uint64_t value, int bytes);
std::string be(std::uint64_t value, int bytes);

bool has_finding(const std::vector<Finding>& findings, const std::string& text, Severity severity);
std::string text_of(const DiskReport& report);

}  // namespace azlin::verification::test
