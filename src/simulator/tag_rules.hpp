#pragma once
// Azure's limits on tags.
#include "simulator/message.hpp"

namespace azlin::simulator {

inline constexpr std::size_t kMaxTags = 50;
inline constexpr std::size_t kMaxTagName = 512;
inline constexpr std::size_t kMaxTagValue = 256;

void check_tags(const Json& tags);  // see resources.hpp

// `tags` with those of `changes` set; a name that differs only in case is replaced, keeping the old spelling.
Json merge_tags(const Json& tags, const Json& changes);
// `tags` without those of `changes` whose name and value are the same.
Json remove_tags(const Json& tags, const Json& changes);

// Characters (not bytes) of UTF-8 text, in UTF-16 units as Azure counts.
std::size_t utf16_length(const std::string& text);

}  // namespace azlin::simulator
