#include "azlin/core/suggest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace azlin::core {

namespace {

// Levenshtein's distance, a row at a time.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > 100) return std::nullopt;
  std::optional<std::string> best;
  std::size_t fewest = 0;
  for (const auto& candidate : known) {
    const std::size_t count = edits(word, candidate);
    const std::size_t allowed = std::max<std::size_t>(candidate.size() < 4 ? 1 : 2, candidate.size() / 3);
    if (count <= allowed && (!best || count < fewest)) {
      best = candidate;
      fewest = count;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  if (const auto match = nearest(word, known)) return fmt::format("; did you mean '{}'?", *match);
  return fmt::format("; known are: {}", fmt::join(known, ", "));
}

}  // namespace azlin::core
