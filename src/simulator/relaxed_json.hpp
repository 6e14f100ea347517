#pragma once
// JSON as people write templates, and as `az deployment` sends them: comments, names without quotes, single
// quotes and commas at the end. Pure.
#include <string>
#include <string_view>

namespace azlin::simulator {

// The same in strict JSON, as far as it is one; what is wrong otherwise stays wrong.
std::string strict_json(std::string_view relaxed);

}  // namespace azlin::simulator
