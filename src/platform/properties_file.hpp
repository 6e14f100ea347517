#pragma once
// Java properties files: "key=value" lines, escapes, continuation lines. Source: java.util.Properties.load.
#include <string>
#include <utility>
#include <vector>

namespace azlin::platform {

// Characters outside ASCII are written as \uXXXX.
std::string to_properties(const std::vector<std::pair<std::string, std::string>>& pairs);
// In their order. Throws core::Error (usage) for a malformed \u, naming `name` and the line.
std::vector<std::pair<std::string, std::string>> parse_properties(const std::string& text,
                                                                  const std::string& name);

}  // namespace azlin::platform
