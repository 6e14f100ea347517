#pragma once
// "Did you mean …?"
#include <string>
#include <vector>

namespace azlin::cli {

// Names within a few typing errors of `wanted` (ignoring case), nearest first, at most three.
std::vector<std::string> nearest(const std::string& wanted, const std::vector<std::string>& names);

}  // namespace azlin::cli
