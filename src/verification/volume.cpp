#include "verification/volume.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace azlin::verification {

void Reader::fetch(std::uint64_t offset, std::span<std::uint8_t> out) {
  if (out.size() > left_) throw ReadLimit{};
  left_ -= out.size();
  bytes_read_ += out.size();
  source_.read(offset, out);
}

const Bytes& Reader::chunk(std::uint64_t number) {
  const auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const auto& c) { return c.first == number; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return kept_.front().second;
  }
  Bytes bytes(std::min(kChunk, size_ - number * kChunk));
  fetch(number * kChunk, bytes);
  kept_.emplace_front(number, std::move(bytes));
  if (kept_.size() > kKeptChunks) kept_.pop_back();
  return kept_.front().second;
}

std::optional<Bytes> Reader::read(std::uint64_t offset, std::uint64_t length) {
  if (length > kMaxRead || offset > size_ || length > size_ - offset) return std::nullopt;
  Bytes out(length);
  if (length > 4 * kChunk) {  // large: past the cache
    fetch(offset, out);
    return out;
  }
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t at = offset + done;
    const Bytes& from = chunk(at / kChunk);
    const std::uint64_t skip = at % kChunk;
    const std::uint64_t take = std::min(length - done, from.size() - skip);
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(skip), take,
                out.begin() + static_cast<std::ptrdiff_t>(done));
    done += take;
  }
  return out;
}

std::optional<Bytes> Volume::read(std::uint64_t offset, std::uint64_t length) {
  if (offset > report_.length || length > report_.length - offset) return std::nullopt;
  return disk_.read(report_.offset + offset, length);
}

std::optional<std::vector<Range>> Volume::allocated() const {
  if (disk_.allocated() == nullptr) return std::nullopt;
  std::vector<Range> within;
  for (const Range& range : *disk_.allocated()) {
    const std::uint64_t begin = std::max(range.offset, report_.offset);
    const std::uint64_t end = std::min(range.end(), report_.offset + report_.length);
    if (begin < end) within.push_back({begin - report_.offset, end - begin});
  }
  return within;
}

void Volume::recognised(std::string kind) {
  report_.kind = std::move(kind);
  report_.verdict = Verdict::sound;
}

void Volume::add(Finding finding) {
  if (report_.findings.size() < kMaxFindings) report_.findings.push_back(std::move(finding));
  if (++seen_ == kMaxFindings + 1) not_checked("more findings: only the first are listed");
}

void Volume::damage(std::string what, std::string expected, std::string found, std::uint64_t at) {
  report_.verdict = Verdict::damaged;
  add({Severity::damage, std::move(what), std::move(expected), std::move(found), report_.offset + at});
}

void Volume::note(std::string what, std::string expected, std::string found, std::uint64_t at) {
  add({Severity::note, std::move(what), std::move(expected), std::move(found), report_.offset + at});
}

bool Volume::expect_sum(const std::string& what, std::uint64_t expected, std::uint64_t found,
                        std::uint64_t at, int digits) {
  if (expected == found) return true;
  damage(what, hex_number(expected, digits), hex_number(found, digits), at);
  return false;
}

bool Volume::expect_fits(const std::string& kind, std::uint64_t bytes) {
  const std::uint64_t start = report_.offset;
  const std::uint64_t there = start > disk_.size() ? 0 : std::min(report_.length, disk_.size() - start);
  if (bytes <= there) return true;
  damage(kind + " is larger than the space it lies in", fmt::format("at least {} bytes", bytes),
         fmt::format("{} bytes", there), 0);
  return false;
}

Verdict weakest(Verdict a, Verdict b) {
  for (const Verdict verdict : {Verdict::damaged, Verdict::unknown, Verdict::encrypted, Verdict::sound}) {
    if (a == verdict || b == verdict) return verdict;
  }
  return Verdict::empty;
}

std::string hex_number(std::uint64_t value, int digits) {
  return fmt::format("0x{:0{}x}", value, digits);
}

}  // namespace azlin::verification
