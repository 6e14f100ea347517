#include <array>

#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"

namespace azlin::core {
namespace {

constexpr std::array<std::string_view, 18> kAllowed = {
    "api-version", "$filter",    "$top",       "$expand", "$select",       "$orderby",
    "comp",        "restype",    "access",     "monitor", "resource",      "timeout",
    "include",     "maxresults", "statusonly", "recurse", "forcedeletion", "forcedeletiontypes"};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string redact_parameter(std::string_view parameter) {
  const auto equals = parameter.find('=');
  const auto name = parameter.substr(0, equals);
  const auto key = to_lower(percent_decoded(name));
  for (const auto allowed : kAllowed)
    if (key == allowed) return std::string(parameter);
  if (equals == std::string_view::npos) return "REDACTED";
  return std::string(name) + "=REDACTED";
}

// The part before the query, without user info.
std::string without_user(std::string_view address) {
  const auto slashes = address.find("//");
  const std::size_t start = slashes == std::string_view::npos ? 0 : slashes + 2;
  const auto host_end = address.find('/', start);
  const auto authority =
      address.substr(start, host_end == std::string_view::npos ? host_end : host_end - start);
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(address);
  return std::string(address.substr(0, start)) + std::string(address.substr(start + at + 1));
}

}  // namespace

std::string redact_url(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const auto question = url.find('?');
  std::string out = without_user(url.substr(0, question));
  char separator = '?';
  for (auto rest = question == std::string_view::npos ? std::string_view{} : url.substr(question + 1);
       !rest.empty();) {
    const auto end = rest.find('&');
    out += separator + redact_parameter(rest.substr(0, end));
    separator = '&';
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  return out;
}

}  // namespace azlin::core
