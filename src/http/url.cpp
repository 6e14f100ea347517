#include <curl/curl.h>

#include <memory>

#include "azlin/core/names.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::http {
namespace {

// libcurl's own reading of a URL: a check that parsed it otherwise could be fooled.
class ParsedUrl {
 public:
  explicit ParsedUrl(std::string_view url) : handle_(curl_url(), curl_url_cleanup) {
    const std::string text(url);
    ok_ = text.size() == url.size() && text.find('\\') == std::string::npos &&
          curl_url_set(handle_.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (!ok_ || curl_url_get(handle_.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    std::string out(text);
    curl_free(text);
    return core::to_lower(out);
  }

 private:
  std::unique_ptr<CURLU, void (*)(CURLU*)> handle_;
  bool ok_ = false;
};

bool is_loopback_host(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

bool is_loopback_url(std::string_view url) {
  return is_loopback_host(ParsedUrl(url).part(CURLUPART_HOST));
}

std::string url_origin(std::string_view url) {
  const ParsedUrl parsed(url);
  const auto host = parsed.part(CURLUPART_HOST);
  if (host.empty()) return {};
  return parsed.part(CURLUPART_SCHEME) + "://" + host + ":" + parsed.part(CURLUPART_PORT);
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::optional<std::string> Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (core::equal_ignoring_case(key, name)) return value;
  return std::nullopt;
}

}  // namespace azlin::http
