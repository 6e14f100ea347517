#include "azlin/core/secret_text.hpp"

#include <array>
#include <cctype>

#include "azlin/core/names.hpp"

namespace azlin::core {
namespace {

// Longer names end with one of these, and so are meant too (client_secret, SharedAccessKey).
constexpr std::array<std::string_view, 8> kNames = {
    "sig=", "password=", "pwd=", "client_assertion=", "secret=", "token=", "accesskey=", "accountkey="};
constexpr std::string_view kBearer = "bearer", kAfterValue = "&;\"'<>";

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

bool begins_with(std::string_view text, std::string_view lower_case) {
  return equal_ignoring_case(text.substr(0, lower_case.size()), lower_case);
}

std::size_t value_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && !is_blank(text[length]) &&
         kAfterValue.find(text[length]) == kAfterValue.npos)
    ++length;
  return length;
}

std::size_t token_length(std::string_view text) {
  constexpr std::string_view kSigns = "._~+/=-";
  std::size_t length = 0;
  while (length < text.size() && (std::isalnum(static_cast<unsigned char>(text[length])) != 0 ||
                                  kSigns.find(text[length]) != kSigns.npos))
    ++length;
  return length;
}

// Length of the name in front of a secret at the front of `text`; 0: there is none.
std::size_t name_length(std::string_view text) {
  for (const auto name : kNames)
    if (begins_with(text, name)) return name.size();
  if (!begins_with(text, kBearer)) return 0;
  std::size_t length = kBearer.size();
  while (length < text.size() && is_blank(text[length])) ++length;
  return length == kBearer.size() ? 0 : length;
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t name = name_length(text);
    const auto rest = text.substr(name);
    const std::size_t secret = name == 0               ? 0
                               : text[name - 1] == '=' ? value_length(rest)
                                                       : token_length(rest);
    if (secret == 0) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    out.append(text.substr(0, name)).append("REDACTED");
    text.remove_prefix(name + secret);
  }
  return out;
}

}  // namespace azlin::core
