#include "azlin/platform/data_plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/core/cancel.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

// Many items wait for one throttled service: more patience than for a single call.
http::RetryPolicy patient() {
  http::RetryPolicy policy;
  policy.max_attempts = 12;
  return policy;
}

// "SecretDisabled", "KeyDisabled": no question of who asks.
bool is_disabled(const std::string& code) {
  return code.ends_with("Disabled");
}

struct DataError {
  std::string code, message;
  const char* role = "";  // what would let the caller in
};

constexpr const char* kVaultRole =
    "the vault asks for roles: give this identity Key Vault Administrator on it (or Key Vault Secrets, "
    "Crypto and Certificates Officer), and allow some minutes for it to take effect";
constexpr const char* kVaultPolicy =
    "the vault asks for access policies: give this identity list, get, backup, restore and recover of "
    "secrets, keys and certificates";
constexpr const char* kStoreRole =
    "give this identity the role App Configuration Data Owner on the store (Data Reader is enough to "
    "export), or use --auth key";
constexpr const char* kBlobRole =
    "give this identity the role Storage Blob Data Contributor on the account (Reader is enough to export)";

std::string xml_element(const std::string& xml, const std::string& name) {
  const auto open = xml.find("<" + name + ">");
  if (open == std::string::npos) return "";
  const auto begin = open + name.size() + 2, end = xml.find("</" + name + ">", begin);
  return end == std::string::npos ? "" : xml.substr(begin, end - begin);
}

// Key Vault: {"error":{code,message,innererror:{code}}}; App Configuration: problem+json; Storage: XML.
DataError read_error(const http::Response& response) {
  const json body = parse_or_null(response.body);
  DataError out;
  if (const auto& error = at(body, "error"); error.is_object()) {
    out = {text(at(error, "innererror"), "code"), text(error, "message"), kVaultRole};
    if (out.code.empty()) out.code = text(error, "code");
    if (out.code == "AccessDenied") out.role = kVaultPolicy;
  } else if (body.is_object()) {
    out.code = last_segment(text(body, "type"));
    out.message = text(body, "detail").empty() ? text(body, "title") : text(body, "detail");
    out.role = kStoreRole;
  } else {
    out = {xml_element(response.body, "Code"), xml_element(response.body, "Message"), kBlobRole};
    out.message = out.message.substr(0, out.message.find('\n'));
  }
  if (out.code.empty()) out.code = response.header("x-ms-error-code").value_or("");
  if (out.message.empty() && response.status == 401)
    out.message = response.header("WWW-Authenticate").value_or("").substr(0, 300);
  return out;
}

std::string hint_of(int status, const DataError& error) {
  if (error.code == "ForbiddenByFirewall" || error.code == "AuthorizationFailure")
    return "the resource's firewall keeps this machine out: allow its address, or run azlin inside the "
           "network";
  if (status == 403 && is_disabled(error.code)) return "enable it first, or leave it out";
  if (status == 403) return error.role;
  if (status == 401) return "`azlin auth status` shows whose token it was";
  if (status == 429) return "the service throttles: run it again later; it goes on where it stopped";
  return "";
}

}  // namespace

void set_header(http::Headers& headers, std::string_view name, std::string value) {
  for (auto& [key, old] : headers) {
    if (!core::equal_ignoring_case(key, name)) continue;
    old = std::move(value);
    return;
  }
  headers.emplace_back(std::string(name), std::move(value));
}

DataPlane::DataPlane(http::Transport& transport, core::Clock& clock, const std::string& endpoint,
                     Authorize authorize, std::string what)
    : transport_(transport),
      clock_(clock),
      endpoint_(endpoint),
      authorize_(std::move(authorize)),
      what_(std::move(what)) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
  const auto origin = http::url_origin(endpoint_);
  if (!origin.starts_with("https://") && !(origin.starts_with("http://") && http::is_loopback_url(endpoint_)))
    throw Error(ErrorKind::usage, fmt::format("the endpoint '{}' of {} is not usable", endpoint_, what_),
                "it must be https, or http on this machine");
}

void DataPlane::wait_for_turn(std::stop_token stop) {
  while (true) {
    core::throw_if_stopped(stop, "waiting for a throttled service");
    core::Millis left{0};
    {
      const std::lock_guard lock(mutex_);
      left = blocked_until_ - clock_.now();
    }
    if (left <= core::Millis{0}) return;
    clock_.sleep_for(left, stop);
  }
}

void DataPlane::observe(const http::Response& response, const http::Outcome& outcome) {
  if (response.status != 429 && response.status != 503) return;
  const std::lock_guard lock(mutex_);
  ++throttled_;
  const auto wait = std::min(outcome.retry_after.value_or(core::Millis{0}), core::Millis{120'000});
  blocked_until_ = std::max(blocked_until_, clock_.now() + wait);
}

std::size_t DataPlane::throttled() const {
  const std::lock_guard lock(mutex_);
  return throttled_;
}

http::Response DataPlane::send(const DataCall& call, std::stop_token stop) {
  http::Request request;
  request.method = call.method;
  request.url = call.path.starts_with('/') ? endpoint_ + call.path : call.path;
  if (http::url_origin(request.url) != http::url_origin(endpoint_))
    throw Error(ErrorKind::failed,
                fmt::format("{}: azlin does not send its credential to another host", what_));
  request.headers = call.headers;
  request.body = call.body;
  request.total_timeout = call.timeout;
  bool fresh = false;
  const std::string url = request.url;
  http::RetryHooks hooks;
  hooks.before = [&](http::Request& attempt) {
    wait_for_turn(stop);
    attempt.url = url;
    authorize_(attempt, fresh, stop);
    fresh = false;
  };
  hooks.judge = [&](const http::Response& response, http::Outcome& outcome) { observe(response, outcome); };
  const auto repeatable = call.repeatable.value_or(http::repeatable_by_method(call.method));
  const auto exchange = [&] {
    return http::send_with_retry(transport_, clock_, patient(), request, repeatable, stop, hooks);
  };
  auto response = exchange();
  if (response.status == 401) {
    fresh = true;
    response = exchange();
  }
  if (response.status < 400) return response;
  const auto error = read_error(response);
  const bool refused = response.status == 401 || (response.status == 403 && !is_disabled(error.code));
  const auto kind = response.status == 404 ? ErrorKind::not_found
                    : refused              ? ErrorKind::unauthorized
                                           : ErrorKind::failed;
  throw arm::ArmError(kind,
                      fmt::format("{} of {}: HTTP {}{}{}", call.method, what_, response.status,
                                  error.code.empty() ? "" : " " + error.code,
                                  error.message.empty() ? "" : ": " + error.message),
                      hint_of(response.status, error), response.status, error.code,
                      response.header("x-ms-request-id").value_or(""), error.message);
}

std::optional<http::Response> DataPlane::find(const DataCall& call, std::stop_token stop) {
  try {
    return send(call, std::move(stop));
  } catch (const arm::ArmError& error) {
    if (error.status() != 404) throw;
    return std::nullopt;
  }
}

}  // namespace azlin::platform
