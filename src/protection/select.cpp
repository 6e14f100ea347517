// Which VMs a rule or a group means.
#include <algorithm>

#include "azlin/core/names.hpp"
#include "azlin/protection/file.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::protection {

namespace {

bool any_matches(const std::vector<std::string>& patterns, const std::string& text) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return matches(core::to_lower(pattern), core::to_lower(text));
         });
}

}  // namespace

// The usual two-pointer match: after a '*' it goes back to the last one and lets it take one character more.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, after_star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool Selector::selects(const azure::Vm& vm) const {
  if (!any_matches(names, vm.name) || !any_matches(groups, vm.resource_group)) return false;
  return std::all_of(tags.begin(), tags.end(), [&](const auto& wanted) {
    const auto* value = snapshot::find_tag(vm.tags, wanted.first);
    return value != nullptr && matches(wanted.second, *value);
  });
}

bool StageItem::exact() const {
  return name.find_first_of("*?") == std::string::npos;
}

}  // namespace azlin::protection
