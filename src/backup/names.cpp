#include "azlin/backup/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/names.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kMostNamesListed = 10;
constexpr std::size_t kLongestReason = 200;

std::string listed(const std::vector<std::string>& names, const std::vector<std::size_t>& which) {
  std::string out;
  for (std::size_t i = 0; i < which.size() && i < kMostNamesListed; ++i) out += "\n  " + names[which[i]];
  if (which.size() > kMostNamesListed) out += fmt::format("\n  and {} more", which.size() - kMostNamesListed);
  return out;
}

}  // namespace

std::string set_name(std::string_view vm, Tier tier, core::TimePoint time, int attempt) {
  return snapshot::set_name(vm, std::string("backup-") + to_string(tier), time, attempt);
}

std::size_t find_by_prefix(const std::vector<std::string>& names, std::string_view text,
                           std::string_view what) {
  std::vector<std::size_t> matches;
  for (std::size_t i = 0; i < names.size() && !text.empty(); ++i) {
    const std::string_view name = names[i];
    if (core::equal_ignoring_case(name, text)) return i;
    if (core::equal_ignoring_case(name.substr(0, text.size()), text)) matches.push_back(i);
  }
  if (matches.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no {} '{}'", what, text),
                fmt::format("`azlin {} list` shows what there is", what));
  }
  if (matches.size() > 1) {
    throw Error(ErrorKind::usage,
                fmt::format("{} {}s begin with '{}':{}", matches.size(), what, text, listed(names, matches)),
                "give more of the name");
  }
  return matches.front();
}

void check_hold_reason(std::string_view reason) {
  std::size_t units = 0;
  for (const char each : reason) {
    const auto byte = static_cast<unsigned char>(each);
    if ((byte & 0xC0U) != 0x80U) units += byte >= 0xF0U ? 2 : 1;
  }
  if (units < 1 || units > kLongestReason)
    throw Error(ErrorKind::usage,
                fmt::format("the reason of a hold has 1 to {} characters, not {}", kLongestReason, units),
                "nothing was changed; see --reason");
  const auto is_control = [](char each) { return static_cast<unsigned char>(each) < 0x20U || each == 0x7F; };
  if (std::any_of(reason.begin(), reason.end(), is_control))
    throw Error(ErrorKind::usage, "the reason of a hold is one line, without control characters",
                "nothing was changed; see --reason");
}

}  // namespace azlin::backup
