#include "archive/s3_client.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <fstream>
#include <map>

#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kAlgorithm = "AWS4-HMAC-SHA256";
constexpr const char* kFirstRegion = "us-east-1";  // where a region is not said

std::string hmac(const std::string& key, const std::string& message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), out.data(), &length);
  return {reinterpret_cast<const char*>(out.data()), length};
}

std::string hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

// "20251201T080000Z"
std::string stamp(core::TimePoint time) {
  std::string out;
  for (const char c : core::to_iso8601(std::chrono::floor<std::chrono::seconds>(time))) {
    if (c != '-' && c != ':') out += c;
  }
  return out;
}

struct UrlParts {
  std::string host, path, query;  // host as curl sends it: without the scheme's own port
};
UrlParts split(const std::string& url) {
  UrlParts out;
  const auto begin = url.find("://") + 3, slash = url.find('/', begin), mark = url.find('?', slash);
  out.host = url.substr(begin, slash - begin);
  const std::string own_port = url.starts_with("https") ? ":443" : ":80";
  if (out.host.ends_with(own_port)) out.host.resize(out.host.size() - own_port.size());
  out.path = url.substr(slash, mark - slash);
  if (mark != std::string::npos) out.query = url.substr(mark + 1);
  return out;
}

std::string encode_path(const std::string& key) {
  std::string out;
  for (std::size_t at = 0; at <= key.size();) {
    const auto slash = std::min(key.find('/', at), key.size());
    out += http::percent_encode(key.substr(at, slash - at));
    if (slash < key.size()) out += '/';
    at = slash + 1;
  }
  return out;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string first_of(std::string_view xml, const std::string& tag) {
  const auto all = texts_of(xml, tag);
  return all.empty() ? "" : all.front();
}

// "key = value" lines below [profile].
std::map<std::string, std::string> read_profile(const std::string& file, const std::string& profile) {
  const auto trimmed = [](std::string text) {
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \t\r") + 1);
    return text;
  };
  std::map<std::string, std::string> out;
  std::ifstream in(file);
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    line = trimmed(line);
    if (line.starts_with("[")) inside = line == "[" + profile + "]";
    const auto equals = line.find('=');
    if (inside && equals != std::string::npos && line[0] != '#' && line[0] != ';')
      out[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
  }
  return out;
}

}  // namespace

S3Credentials find_s3_credentials(const Destination& destination, const core::Env& env) {
  const auto of = [](const std::map<std::string, std::string>& map, const char* name) {
    const auto found = map.find(name);
    return found == map.end() ? std::string() : found->second;
  };
  const auto& given = destination.env;
  S3Credentials out{of(given, "AWS_ACCESS_KEY_ID"), of(given, "AWS_SECRET_ACCESS_KEY"),
                    of(given, "AWS_SESSION_TOKEN")};
  if (!out.key_id.empty() && !out.secret.empty()) return out;
  std::string file = of(given, "AWS_SHARED_CREDENTIALS_FILE"), profile = of(given, "AWS_PROFILE");
  if (file.empty()) file = env.get_or("HOME", "") + "/.aws/credentials";
  if (profile.empty()) profile = "default";
  const auto kept = read_profile(file, profile);
  out = {of(kept, "aws_access_key_id"), of(kept, "aws_secret_access_key"), of(kept, "aws_session_token")};
  if (!out.key_id.empty() && !out.secret.empty()) return out;
  throw Error(ErrorKind::unauthorized,
              fmt::format("azlin has no credentials to read the object lock of {}", destination.text),
              "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; a role of the machine is not "
              "used here");
}

void sign_s3(http::Request& request, const S3Credentials& credentials, const std::string& region,
             core::TimePoint now) {
  const UrlParts url = split(request.url);
  const std::string time = stamp(now), day = time.substr(0, 8), nothing = sha256_text("");
  std::map<std::string, std::string> headers = {
      {"host", url.host}, {"x-amz-content-sha256", nothing}, {"x-amz-date", time}};
  if (!credentials.token.empty()) headers["x-amz-security-token"] = credentials.token;
  std::string listed, names;
  request.headers.clear();
  for (const auto& [name, value] : headers) {
    listed += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
    if (name != "host") request.headers.emplace_back(name, value);
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, url.path, url.query, listed, names, nothing);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", day, region);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, sha256_text(canonical));
  const std::string key =
      hmac(hmac(hmac(hmac("AWS4" + credentials.secret, day), region), "s3"), "aws4_request");
  request.headers.emplace_back("Authorization",
                               fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                           credentials.key_id, scope, names, hex(hmac(key, to_sign))));
}

std::vector<std::string> texts_of(std::string_view xml, const std::string& tag) {
  const std::string open = "<" + tag + ">", close = "</" + tag + ">";
  std::vector<std::string> out;
  for (auto at = xml.find(open); at != std::string_view::npos; at = xml.find(open, at)) {
    at += open.size();
    const auto end = xml.find(close, at);
    if (end == std::string_view::npos) break;
    std::string text(xml.substr(at, end - at));
    for (const auto& [entity, character] :
         {std::pair("&lt;", "<"), std::pair("&gt;", ">"), std::pair("&quot;", "\""), std::pair("&apos;", "'"),
          std::pair("&#39;", "'"), std::pair("&amp;", "&")})
      replace_all(text, entity, character);
    out.push_back(std::move(text));
  }
  return out;
}

S3Client::S3Client(S3Place place, S3Credentials credentials, http::Transport& transport)
    : place_(std::move(place)), credentials_(std::move(credentials)), transport_(transport) {
  if (!place_.region.empty()) return;
  // "https://s3.eu-west-1.amazonaws.com"
  const auto host = place_.endpoint.find("://s3."), end = place_.endpoint.find(".amazonaws.com");
  place_.region = kFirstRegion;
  if (host != std::string::npos && end != std::string::npos && end > host + 6)
    place_.region = place_.endpoint.substr(host + 6, end - host - 6);
}

// As the engine's own library: Amazon's buckets by the name of the host, those of others by the path.
std::string S3Client::url(const std::string& key, const std::string& query) const {
  std::string endpoint = place_.endpoint;
  if (endpoint.ends_with("://s3.amazonaws.com") && place_.region != kFirstRegion)
    endpoint = fmt::format("https://s3.{}.amazonaws.com", place_.region);
  const bool amazon = endpoint.ends_with(".amazonaws.com") || endpoint.ends_with(".amazonaws.com.cn");
  const std::string object = key.empty() ? "" : encode_path(key);
  std::string out;
  if (amazon && !place_.path_style && place_.bucket.find('.') == std::string::npos)
    out = fmt::format("{}{}.{}/{}", endpoint.substr(0, endpoint.find("://") + 3), place_.bucket,
                      endpoint.substr(endpoint.find("://") + 3), object);
  else
    out = fmt::format("{}/{}{}{}", endpoint, http::percent_encode(place_.bucket), object.empty() ? "" : "/",
                      object);
  return query.empty() ? out : out + "?" + query;
}

http::Response S3Client::send(const std::string& method, const std::string& key, const std::string& query,
                              std::stop_token stop) {
  core::SystemClock clock;  // the store's time is real, whatever is rehearsed
  for (bool again = true;; again = false) {
    const http::Request request{.method = method, .url = url(key, query)};
    const http::RetryHooks sign{
        [&](http::Request& each) { sign_s3(each, credentials_, place_.region, clock.now()); }, {}};
    auto response =
        http::send_with_retry(transport_, clock, {}, request, http::repeatable_by_method(method), stop, sign);
    // A bucket of another region says which.
    const auto region = response.header("x-amz-bucket-region").value_or(first_of(response.body, "Region"));
    const bool elsewhere = response.status == 301 || response.status == 307 || response.status == 400;
    if (!again || !elsewhere || region.empty() || region == place_.region) return response;
    place_.region = region;
  }
}

void S3Client::fail(const http::Response& response, const std::string& doing) const {
  const auto code = first_of(response.body, "Code"), message = first_of(response.body, "Message");
  const std::string what =
      fmt::format("{} failed on bucket {} of {}: HTTP {}{}{}{}{}", doing, place_.bucket, place_.endpoint,
                  response.status, code.empty() ? "" : ", ", code, message.empty() ? "" : ": ", message);
  if (response.status == 401 || response.status == 403)
    throw Error(
        ErrorKind::unauthorized, what,
        "the credentials need s3:GetBucketObjectLockConfiguration, s3:GetBucketVersioning, s3:ListBucket, "
        "s3:GetObject and s3:GetObjectRetention");
  if (response.status == 404) throw Error(ErrorKind::not_found, what);
  throw Error(ErrorKind::failed, what);
}

std::optional<std::string> S3Client::setting(const std::string& name, std::stop_token stop) {
  const auto response = send("GET", "", name + "=", stop);
  if (response.status == 200) return response.body;
  const bool missing = response.status == 404 && first_of(response.body, "Code") != "NoSuchBucket";
  if (missing || response.status == 405 || response.status == 501) return std::nullopt;
  fail(response, "reading ?" + name);
}

std::vector<std::string> S3Client::list(std::stop_token stop) {
  std::vector<std::string> out;
  for (std::string token;;) {
    const std::string prefix = place_.prefix.empty() ? "" : place_.prefix + "/";
    std::string query = fmt::format("list-type=2&prefix={}", http::percent_encode(prefix));
    if (!token.empty()) query = fmt::format("continuation-token={}&{}", http::percent_encode(token), query);
    const auto response = send("GET", "", query, stop);
    if (response.status != 200) fail(response, "listing");
    for (auto& key : texts_of(response.body, "Key")) out.push_back(std::move(key));
    if (first_of(response.body, "IsTruncated") != "true") return out;
    token = first_of(response.body, "NextContinuationToken");
    if (token.empty()) fail(response, "listing (it said that there is more, and not where)");
  }
}

http::Response S3Client::head(const std::string& key, std::stop_token stop) {
  auto response = send("HEAD", key, "", stop);
  if (response.status != 200) fail(response, "asking for " + key);
  return response;
}

}  // namespace azlin::archive
