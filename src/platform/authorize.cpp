// How a data-plane request proves who sends it: bearer token, access key, SAS.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <map>

#include "azlin/core/names.hpp"
#include "azlin/platform/data_plane.hpp"
#include "platform/encoding.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

std::string hmac_sha256(const std::string& key, const std::string& message) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), out, &length);
  return {reinterpret_cast<const char*>(out), length};
}

std::string decoded_key(const std::string& key, const char* what) {
  const auto bytes = base64_decode(key);
  if (!bytes || bytes->empty()) throw Error(ErrorKind::usage, fmt::format("the {} is not base64", what));
  return *bytes;
}

struct UrlParts {
  std::string host, path, query;  // "host:port" unless the port is the scheme's own
};
UrlParts split(const std::string& url) {
  UrlParts parts;
  const auto scheme = url.find("://");
  const auto begin = scheme + 3, slash = url.find('/', begin);
  parts.host = url.substr(begin, slash - begin);
  const std::string rest = slash == std::string::npos ? "/" : url.substr(slash);
  const auto mark = rest.find('?');
  parts.path = rest.substr(0, mark);
  if (mark != std::string::npos) parts.query = rest.substr(mark + 1);
  return parts;
}

std::string header_of(const http::Request& request, const char* name) {
  return http::Response{.headers = request.headers}.header(name).value_or("");
}

// The x-ms-* headers, in lower case, sorted.
std::string canonical_headers(const http::Request& request) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : request.headers) {
    const auto lower = core::to_lower(name);
    if (lower.starts_with("x-ms-")) sorted[lower] = value;
  }
  std::string out;
  for (const auto& [name, value] : sorted) out += name + ":" + value + "\n";
  return out;
}

// "/account/path\nname:value\n…" with decoded parameters, sorted.
std::string canonical_resource(const http::Request& request, const std::string& account) {
  const auto parts = split(request.url);
  std::map<std::string, std::string> sorted;
  for (std::size_t from = 0; from < parts.query.size();) {
    const auto end = std::min(parts.query.find('&', from), parts.query.size());
    const auto pair = parts.query.substr(from, end - from);
    const auto equals = pair.find('=');
    sorted[core::to_lower(percent_decode(pair.substr(0, equals)))] =
        equals == std::string::npos ? "" : percent_decode(pair.substr(equals + 1));
    from = end + 1;
  }
  std::string out = "/" + account + parts.path;
  for (const auto& [name, value] : sorted) out += "\n" + name + ":" + value;
  return out;
}

}  // namespace

std::string vault_audience(const std::string& vault_uri) {
  for (const char* suffix : {"vault.usgovcloudapi.net", "vault.azure.cn"})
    if (vault_uri.find(suffix) != std::string::npos) return std::string("https://") + suffix;
  return "https://vault.azure.net";
}

// "https://{store}.azconfig.io": the store's own address, which a custom test endpoint does not have.
std::string app_config_audience(const std::string& endpoint) {
  std::string origin = endpoint;
  while (origin.ends_with('/')) origin.pop_back();
  return http::is_loopback_url(origin) ? "https://azconfig.io" : origin;
}

std::string storage_audience() {
  return "https://storage.azure.com";
}

Authorize bearer(arm::CredentialChain& credentials, std::string audience) {
  return [&credentials, audience = std::move(audience)](http::Request& request, bool fresh,
                                                        std::stop_token stop) {
    set_header(request.headers, "Authorization",
               "Bearer " + credentials.token(audience, fresh, std::move(stop)).value);
  };
}

std::string sign_app_config(const http::Request& request, const std::string& id, const std::string& secret,
                            const std::string& date) {
  const auto parts = split(request.url);
  const std::string hash = base64_encode(sha256(request.body));
  const std::string to_sign =
      fmt::format("{}\n{}{}\n{};{};{}", request.method, parts.path,
                  parts.query.empty() ? "" : "?" + parts.query, date, parts.host, hash);
  return fmt::format(
      "HMAC-SHA256 Credential={}&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={}", id,
      base64_encode(hmac_sha256(decoded_key(secret, "access key's secret"), to_sign)));
}

Authorize app_config_key(core::Clock& clock, std::string id, const std::string& secret) {
  decoded_key(secret, "access key's secret");  // a bad one is refused before anything is sent
  return [&clock, id = std::move(id), secret](http::Request& request, bool, std::stop_token) {
    const auto date = http_date(clock.now());
    set_header(request.headers, "x-ms-date", date);
    set_header(request.headers, "x-ms-content-sha256", base64_encode(sha256(request.body)));
    set_header(request.headers, "Authorization", sign_app_config(request, id, secret, date));
  };
}

std::string sign_storage(const http::Request& request, const std::string& account, const std::string& key) {
  const std::string length = request.body.empty() ? "" : std::to_string(request.body.size());
  std::string to_sign = request.method + "\n";
  for (const std::string& value :
       {header_of(request, "Content-Encoding"), header_of(request, "Content-Language"), length,
        header_of(request, "Content-MD5"), header_of(request, "Content-Type"), std::string(),
        header_of(request, "If-Modified-Since"), header_of(request, "If-Match"),
        header_of(request, "If-None-Match"), header_of(request, "If-Unmodified-Since"),
        header_of(request, "Range")})
    to_sign += value + "\n";
  to_sign += canonical_headers(request) + canonical_resource(request, account);
  return fmt::format("SharedKey {}:{}", account,
                     base64_encode(hmac_sha256(decoded_key(key, "account key"), to_sign)));
}

Authorize storage_key(core::Clock& clock, std::string account, const std::string& key) {
  decoded_key(key, "account key");
  return [&clock, account = std::move(account), key](http::Request& request, bool, std::stop_token) {
    set_header(request.headers, "x-ms-date", http_date(clock.now()));
    set_header(request.headers, "Authorization", sign_storage(request, account, key));
  };
}

Authorize storage_sas(std::string sas) {
  if (sas.starts_with('?')) sas.erase(0, 1);
  return [sas = std::move(sas)](http::Request& request, bool, std::stop_token) {
    request.url += (request.url.find('?') == std::string::npos ? "?" : "&") + sas;
  };
}

}  // namespace azlin::platform
