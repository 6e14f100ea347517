#pragma once
// "Did you mean": the nearest known word.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace azlin::core {

// The word of `known` with the fewest edits to `word`, if those are few for its length (a third, at least
// one).
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

// "; did you mean 'high'?", or else "; known are: …".
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace azlin::core
