#include "cli/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "azlin/core/names.hpp"

namespace azlin::cli {

namespace {

// Insertions, deletions, replacements, and neighbours that changed places (optimal string alignment).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before, above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::vector<std::string> nearest(const std::string& wanted, const std::vector<std::string>& names) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& name : names) {
    const std::size_t distance = edit_distance(core::to_lower(wanted), core::to_lower(name));
    if (distance <= std::max<std::size_t>(2, wanted.size() / 3)) near.emplace_back(distance, name);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> result;
  for (const auto& [distance, name] : near) {
    if (result.size() < 3) result.push_back(name);
  }
  return result;
}

}  // namespace azlin::cli
