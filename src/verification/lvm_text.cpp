#include "verification/lvm_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>
#include <utility>

namespace azlin::verification {
namespace {

// Words, quoted strings (marked by a leading quote), and the signs {}[]=, each a token of its own.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Empty at the end.
  std::string next() {
    skip_blanks();
    if (at_ >= text_.size()) return {};
    const char first = text_[at_];
    if (first == '"') return quoted();
    if (std::string_view("{}[]=,").find(first) != std::string_view::npos) return std::string(1, text_[at_++]);
    const std::size_t begin = at_;
    while (at_ < text_.size() && word(text_[at_])) ++at_;
    if (at_ == begin) ++at_;  // an unknown sign is a token that no rule takes
    return std::string(text_.substr(begin, at_ - begin));
  }

 private:
  static bool word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-+.@").find(c) != std::string_view::npos;
  }
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_[at_] == '\0' || std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else {
        return;
      }
    }
  }
  std::string quoted() {
    std::string out = "\"";
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    ++at_;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string unquoted(const std::string& token) {
  return token.starts_with('"') ? token.substr(1) : token;
}

bool parse_value(Scanner& scanner, std::vector<std::string>& values) {
  std::string token = scanner.next();
  if (token.empty()) return false;
  if (token != "[") {
    values.push_back(unquoted(token));
    return true;
  }
  for (token = scanner.next(); token != "]"; token = scanner.next()) {
    if (token.empty()) return false;
    if (token != ",") values.push_back(unquoted(token));
  }
  return true;
}

// Until "}", or the end of the text at depth 0.
bool parse_section(Scanner& scanner, LvmSection& section, int depth) {
  constexpr int kMaxDepth = 16;
  if (depth > kMaxDepth) return false;
  for (std::string name = scanner.next();; name = scanner.next()) {
    if (name.empty()) return depth == 0;
    if (name == "}") return depth > 0;
    const std::string sign = scanner.next();
    if (sign == "{") {
      if (!parse_section(scanner, section.sections[name], depth + 1)) return false;
    } else if (sign != "=" || !parse_value(scanner, section.values[name])) {
      return false;
    }
  }
}

std::string without_dashes(const std::string& uuid) {
  std::string out;
  std::ranges::copy_if(uuid, std::back_inserter(out), [](char c) { return c != '-'; });
  return out;
}

struct PhysicalVolume {
  std::string name;
  std::uint64_t start;  // bytes; where extent 0 lies
  std::uint64_t extent_bytes;
};

std::optional<PhysicalVolume> find_own(const LvmSection& group, const std::string& uuid) {
  constexpr std::uint64_t kSector = 512, kMost = 1u << 30;
  const LvmSection* all = group.section("physical_volumes");
  const auto extent = group.number("extent_size");
  if (all == nullptr || !extent || *extent == 0 || *extent > kMost) return std::nullopt;
  for (const auto& [name, volume] : all->sections) {
    const auto start = volume.number("pe_start");
    if (without_dashes(volume.text("id")) != uuid || !start || *start > kMost) continue;
    return PhysicalVolume{name, *start * kSector, *extent * kSector};
  }
  return std::nullopt;
}

// Adds a segment's stretch; says why it cannot.
std::string add_stretch(const LvmSection& segment, const PhysicalVolume& own,
                        std::vector<LvmStretch>& stretches) {
  constexpr std::uint64_t kMostExtents = 1u << 31;
  const auto first = segment.number("start_extent"), count = segment.number("extent_count");
  const auto stripes = segment.values.find("stripes");
  if (segment.text("type") != "striped") return "it is of type " + segment.text("type");
  if (segment.number("stripe_count") != 1 || stripes == segment.values.end() || stripes->second.size() != 2) {
    return "it is striped";
  }
  if (stripes->second[0] != own.name) return "it reaches to other disks";
  std::uint64_t extent = 0;
  const std::string& text = stripes->second[1];
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), extent);
  if (parsed.ec != std::errc{} || !first || !count || *count == 0 ||
      std::max({extent, *first, *count}) > kMostExtents) {
    return "its extents cannot be read";
  }
  stretches.push_back(
      {*first * own.extent_bytes, own.start + extent * own.extent_bytes, *count * own.extent_bytes});
  return {};
}

LvmVolume read_volume(const std::string& name, const LvmSection& volume, const PhysicalVolume& own) {
  LvmVolume result{.name = name};
  for (const auto& [key, segment] : volume.sections) {
    if (!key.starts_with("segment") || !result.why_not.empty()) continue;
    result.why_not = add_stretch(segment, own, result.stretches);
  }
  std::ranges::sort(result.stretches, {}, &LvmStretch::in_volume);
  std::uint64_t end = 0;
  for (const LvmStretch& stretch : result.stretches) {
    if (stretch.in_volume != end && result.why_not.empty()) result.why_not = "its segments leave gaps";
    end = stretch.in_volume + stretch.length;
  }
  if (result.stretches.empty() && result.why_not.empty()) result.why_not = "it has no segments";
  return result;
}

}  // namespace

std::optional<std::uint64_t> LvmSection::number(const std::string& key) const {
  const std::string value = text(key);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return number;
}

std::string LvmSection::text(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() || found->second.empty() ? std::string() : found->second[0];
}

const LvmSection* LvmSection::section(const std::string& key) const {
  const auto found = sections.find(key);
  return found == sections.end() ? nullptr : &found->second;
}

std::optional<LvmSection> parse_lvm_text(std::string_view text) {
  LvmSection root;
  Scanner scanner(text);
  if (!parse_section(scanner, root, 0)) return std::nullopt;
  return root;
}

std::vector<LvmVolume> logical_volumes(const LvmSection& root, const std::string& uuid) {
  std::vector<LvmVolume> volumes;
  for (const auto& [group_name, group] : root.sections) {
    const auto own = find_own(group, uuid);
    const LvmSection* all = group.section("logical_volumes");
    if (!own || all == nullptr) continue;
    for (const auto& [name, volume] : all->sections) {
      const auto status = volume.values.find("status");
      if (status == volume.values.end() || std::ranges::count(status->second, "VISIBLE") == 0) continue;
      volumes.push_back(read_volume(group_name + "/" + name, volume, *own));
    }
  }
  return volumes;
}

}  // namespace azlin::verification
