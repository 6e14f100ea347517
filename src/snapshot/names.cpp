#include "azlin/snapshot/names.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>

#include "azlin/core/names.hpp"

namespace azlin::snapshot {

namespace {

constexpr std::size_t kLongestSetName = 80 - std::string_view("-lun63").size();

// FNV-1a: names two long VM names apart, guards nothing.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

bool is_allowed(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

}  // namespace

std::string set_name(std::string_view vm, std::string_view kind, core::TimePoint time, int attempt) {
  std::string tail = fmt::format("-{}-{}", kind, core::to_name_stamp(time));
  if (attempt > 1) tail += fmt::format("-{}", attempt);
  std::string head(vm);
  for (char& c : head) c = is_allowed(c) ? c : '-';
  if (head.size() + tail.size() > kLongestSetName) {
    const std::string hash = fmt::format("-{:08x}", hash_of(core::to_lower(vm)));
    head.resize(kLongestSetName - tail.size() - hash.size());
    head += hash;
  }
  return head + tail;
}

std::string member_name(std::string_view set, int lun) {
  return lun < 0 ? std::string(set) : fmt::format("{}-lun{}", set, lun);
}

}  // namespace azlin::snapshot
