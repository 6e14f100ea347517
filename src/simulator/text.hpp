#pragma once
// Text helpers of the simulator: it shares none with the client.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azlin::simulator {

std::string lower(std::string_view text);
bool same(std::string_view a, std::string_view b);  // ignoring ASCII case
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

// Bad escapes stay as they are. `plus_is_space` is for queries and forms.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but unreserved characters is escaped.
std::string percent_encode(std::string_view text);

// "/a/b%2Fc//d" -> {"a", "b/c", "d"}
std::vector<std::string> split_path(std::string_view path);
std::vector<std::string> split(std::string_view text, char separator);
std::string trim(std::string_view text);

// "A=1&%24top=2" -> {{"A","1"},{"$top","2"}}
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

// A random GUID, lower case.
std::string new_guid();
bool is_guid(std::string_view text);
// The same GUID for the same text.
std::string guid_from(std::string_view text);

std::string base64url_encode(std::string_view bytes);
// Empty when `text` is not base64url.
std::string base64url_decode(std::string_view text);

// `*` matches any run of characters, also '/', `?` one; ignoring case.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace azlin::simulator
