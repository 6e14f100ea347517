#pragma once
// Short ways to write times and points in tests.
#include <stdexcept>
#include <string>

#include "azlin/backup/retention.hpp"

namespace azlin::backup {

inline core::TimePoint at(const std::string& text) {
  const auto time = core::parse_time(text);
  if (!time) throw std::invalid_argument(text);
  return *time;
}

inline Point point(Tier tier, const std::string& time, const std::string& name = {}) {
  Point out;
  out.tier = tier;
  out.created = at(time);
  out.region = "eastus";
  out.name = name.empty() ? std::string(to_string(tier)) + "-" + time : name;
  return out;
}

}  // namespace azlin::backup
