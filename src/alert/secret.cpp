#include "azlin/alert/secret.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "azlin/core/error.hpp"

namespace azlin::alert {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::string_view kEnv = "env:", kFile = "file:";
constexpr std::size_t kMaxSize = 64 * 1024;

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxSize + 8, '\0');  // one too long is told by its size
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad()) throw Error(ErrorKind::failed, "cannot read the secret file " + path);
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  return content;
}

// A segment that no person would type: long, and letters mixed with digits.
bool looks_random(std::string_view segment) {
  const auto any = [&](auto test) {
    return std::any_of(segment.begin(), segment.end(), [&](unsigned char c) { return test(c) != 0; });
  };
  return segment.size() >= 20 && any([](int c) { return std::isdigit(c); }) &&
         any([](int c) { return std::isalpha(c); });
}

}  // namespace

std::optional<SecretRef> SecretRef::parse(std::string_view text) {
  const bool env = text.starts_with(kEnv) && is_variable_name(text.substr(kEnv.size()));
  const bool file = text.starts_with(kFile) && text.substr(kFile.size()).starts_with('/');
  if (!env && !file) return std::nullopt;
  return SecretRef(std::string(text));
}

std::string SecretRef::read(const core::Env& env) const {
  std::string value;
  if (text_.starts_with(kEnv)) {
    const auto found = env.get(text_.substr(kEnv.size()));
    if (!found) throw Error(ErrorKind::failed, "the secret " + text_ + " is not set");
    value = *found;
  } else {
    value = read_file(text_.substr(kFile.size()));
  }
  if (value.empty()) throw Error(ErrorKind::failed, "the secret " + text_ + " is empty");
  if (value.size() > kMaxSize) throw Error(ErrorKind::failed, "the secret " + text_ + " is over 64 KiB");
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(value.begin(), value.end(), is_control))
    throw Error(ErrorKind::failed, "the secret " + text_ + " holds a line break or control character");
  return value;
}

bool url_holds_secret(std::string_view url) {
  const auto scheme = url.find("://");
  const auto rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  const auto path_at = std::min(rest.find_first_of("/?#"), rest.size());
  if (rest.substr(0, path_at).find('@') != std::string_view::npos) return true;
  auto path = rest.substr(path_at);
  if (path.find_first_of("?#") != std::string_view::npos) return true;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    if (looks_random(path.substr(0, end))) return true;
    path.remove_prefix(end);
  }
  return false;
}

}  // namespace azlin::alert
