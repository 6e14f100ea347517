// App Configuration's two ways to sign in: HMAC-SHA256 with an access key, and bearer tokens.
#include <fmt/format.h>

#include <cstring>

#include "simulator/appconfig.hpp"
#include "simulator/auth.hpp"
#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr core::Millis kTolerance{15 * 60'000};

[[noreturn]] void refuse(const std::string& challenge) {
  ApiError error(401, "unauthorized", "Unauthorized");
  error.headers.emplace_back("WWW-Authenticate", challenge);
  throw error;
}

[[noreturn]] void refuse_hmac(const std::string& why) {
  refuse(fmt::format("HMAC-SHA256 error=\"invalid_token\" error_description=\"{}\"", why));
}

// "HMAC-SHA256 Credential=…&SignedHeaders=…&Signature=…"; some samples join with ", ".
std::map<std::string, std::string> parameters(const std::string& header) {
  std::map<std::string, std::string> found;
  std::string text = header.substr(header.find(' ') + 1);
  if (text.find('&') == std::string::npos) std::replace(text.begin(), text.end(), ',', '&');
  for (const auto& part : split(text, '&')) {
    const auto equals = part.find('=');
    if (equals != std::string::npos) found[trim(part.substr(0, equals))] = trim(part.substr(equals + 1));
  }
  return found;
}

void check_date(const ConfigCall& call, const std::string& date) {
  const auto signed_at = config_date(date);
  if (!signed_at) refuse_hmac("Invalid access token date");
  const auto apart = call.now() > *signed_at ? call.now() - *signed_at : *signed_at - call.now();
  if (apart > kTolerance) refuse_hmac("The access token has expired");
}

const Json* find_key(const Resource& store, const std::string& id) {
  for (const auto& key : store.hidden["keys"])
    if (key["id"] == id) return &key;
  return nullptr;
}

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

void check_hmac(const ConfigCall& call, const std::string& header) {
  const Request& request = call.request;
  if (flag_at(call.resource.body, "/properties/disableLocalAuth", false))
    refuse(
        "Bearer error=\"invalid_token\", error_description=\"Local authentication is disabled for the "
        "store\"");
  auto given = parameters(header);
  for (const char* name : {"Credential", "SignedHeaders", "Signature"})
    if (given[name].empty())
      refuse_hmac(fmt::format("[{}] Authorization request header parameter is missing", name));
  const std::string names = lower(given["SignedHeaders"]);
  const bool own_date = names == "x-ms-date;host;x-ms-content-sha256";
  if (!own_date && names != "date;host;x-ms-content-sha256") refuse_hmac("Invalid SignedHeaders");
  const std::string date = request.header(own_date ? "x-ms-date" : "date").value_or("");
  check_date(call, date);
  const std::string hash = request.header("x-ms-content-sha256").value_or("");
  if (hash != base64_encode(sha256(request.body))) refuse_hmac("Invalid content hash");
  const Json* key = find_key(call.resource, given["Credential"]);
  if (key == nullptr) refuse_hmac("Invalid Credential");
  const std::string target = request.path + (request.raw_query.empty() ? "" : "?" + request.raw_query);
  const std::string wanted =
      config_signature(request.method, target, date, request.header("host").value_or(""), hash,
                       base64_decode((*key)["value"].get<std::string>()));
  if (wanted != given["Signature"]) refuse_hmac("Invalid Signature");
  if ((*key)["readOnly"] == true && !is_read(request))
    throw_config(403, "forbidden", "The access key is read-only");
}

// "Exactly the host", in its case; the service itself for all stores.
bool is_audience(const ConfigCall& call, const std::string& audience) {
  return audience == "https://" + call.resource.name + ".azconfig.io" || audience == "https://azconfig.io" ||
         audience == "https://appconfig.azure.com" || audience == call.request.base_url ||
         audience == call.context.store_url(call.resource.id);
}

void check_bearer(const ConfigCall& call, const std::string& header) {
  const auto parts = split(header, '.');
  const Json claims = parts.size() == 3 ? Json::parse(base64url_decode(parts[1]), nullptr, false) : Json();
  const std::string audience = claims.is_object() ? text_at(claims, "/aud") : "";
  TokenClaims token;
  try {
    token = check_token(call.request, call.now(), audience);
  } catch (const ApiError& error) {
    refuse(fmt::format("Bearer error=\"invalid_token\", error_description=\"{}\"", error.code));
  }
  if (!is_audience(call, audience))
    refuse("Bearer error=\"invalid_token\", error_description=\"The access token has an invalid audience\"");
  const std::string verb = is_read(call.request)             ? "read"
                           : call.request.method == "DELETE" ? "delete"
                                                             : "write";
  if (!call.context.access.allows(token.principal, std::string(kConfigType) + "/keyValues/" + verb,
                                  call.resource.id))
    throw_config(403, "forbidden", "The caller has no permission for this operation");
}

}  // namespace

// Microsoft's Python SDK sends "Nov, 21 2026 15:13:50.051979 GMT", which the service takes as well.
std::optional<core::TimePoint> config_date(const std::string& text) {
  for (const char* form : {"%a, %d %b %Y %H:%M:%S", "%b, %d %Y %H:%M:%S"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr) continue;
    if (*end == '.') end += 1 + std::strspn(end + 1, "0123456789");
    if (std::string_view(end) == " GMT" || std::string_view(end) == " UTC")
      return core::TimePoint{std::chrono::seconds(::timegm(&parts))};
  }
  return core::parse_time(text);
}

std::string config_signature(const std::string& method, const std::string& path_and_query,
                             const std::string& date, const std::string& host,
                             const std::string& content_hash, const std::string& secret) {
  return base64_encode(
      hmac_sha256(secret, fmt::format("{}\n{}\n{};{};{}", method, path_and_query, date, host, content_hash)));
}

void authorize_config(const ConfigCall& call) {
  const std::string header = call.request.header("authorization").value_or("");
  if (same(text_at(call.resource.body, "/properties/publicNetworkAccess"), "Disabled"))
    throw_config(403, "forbidden", "Access is denied due to the network rules of the store");
  if (starts_with_ignoring_case(header, "HMAC-SHA256 ")) return check_hmac(call, header);
  if (starts_with_ignoring_case(header, "Bearer ")) return check_bearer(call, header);
  refuse("HMAC-SHA256, Bearer");
}

}  // namespace azlin::simulator
