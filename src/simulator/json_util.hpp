#pragma once
// Reading request bodies the way Azure does: null is absent, enum values come in any case, ids are matched
// ignoring case.
#include <string>
#include <string_view>
#include <vector>

#include "simulator/message.hpp"

namespace azlin::simulator {

// Takes every null out of objects, at any depth.
void drop_nulls(Json& value);

// The string, number or subtree at a JSON pointer; a fallback (or null) when it is not there or of another
// type.
std::string text_at(const Json& value, const std::string& pointer, const std::string& fallback = {});
std::int64_t number_at(const Json& value, const std::string& pointer, std::int64_t fallback);
bool flag_at(const Json& value, const std::string& pointer, bool fallback);
Json subtree_at(const Json& value, const std::string& pointer);

// The canonical spelling among `allowed`. Throws ApiError 400 InvalidParameter with `property` as target.
std::string enum_value(const std::string& text, const std::vector<std::string>& allowed,
                       const std::string& property);

// 400 InvalidParameter "Required parameter 'X' is missing (null)."
[[noreturn]] void refuse_missing(const std::string& property);
// 409 PropertyChangeNotAllowed "Changing property 'X' is not allowed."
[[noreturn]] void refuse_change(const std::string& property);

// The last segment of an id; the text itself when it has no slash.
std::string last_segment(std::string_view id);

}  // namespace azlin::simulator
