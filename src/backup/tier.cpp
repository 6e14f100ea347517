#include "azlin/backup/tier.hpp"

#include <algorithm>

#include "backup/calendar.hpp"

namespace azlin::backup {

const char* to_string(Tier tier) {
  switch (tier) {
    case Tier::daily:
      return "daily";
    case Tier::weekly:
      return "weekly";
    case Tier::monthly:
      return "monthly";
  }
  return "daily";
}

std::optional<Tier> parse_tier(std::string_view text) {
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly}) {
    if (text == to_string(tier)) return tier;
  }
  return std::nullopt;
}

Tier due_tier(bool weekly_on, bool monthly_on, const std::vector<TierMark>& existing, core::TimePoint now) {
  for (const auto& mark : existing) now = std::max(now, mark.created);
  const auto any = [&](auto matches) { return std::any_of(existing.begin(), existing.end(), matches); };
  const bool has_monthly = any([&](const TierMark& mark) {
    return mark.tier == Tier::monthly && month_of(mark.created) == month_of(now);
  });
  if (monthly_on && !has_monthly) return Tier::monthly;
  const bool has_weekly = any([&](const TierMark& mark) {
    return mark.tier != Tier::daily && sunday_of(mark.created) == sunday_of(now);
  });
  return weekly_on && !has_weekly ? Tier::weekly : Tier::daily;
}

}  // namespace azlin::backup
