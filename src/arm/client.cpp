#include "azlin/arm/client.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "arm/error_body.hpp"
#include "arm/operation.hpp"
#include "arm/throttle.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/json_text.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/run_id.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using core::Millis;
using nlohmann::json;

// Of a path as Azure gives it: what may stand in a path stays.
std::string encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = std::string_view("/!$&'()*+,;=:@").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : http::percent_encode(std::string_view(&c, 1));
  }
  return out;
}

std::string path_with_query(const Call& call) {
  auto out = fmt::format("{}?api-version={}", encode_path(call.path), http::percent_encode(call.api_version));
  for (const auto& [name, value] : call.query) {
    const bool odata = name.starts_with('$');
    out += fmt::format("&{}{}={}", odata ? "$" : "", http::percent_encode(odata ? name.substr(1) : name),
                       http::percent_encode(value));
  }
  return out;
}

// Codes with which the service says that nothing was begun because something else is under way.
bool is_transient_conflict(int status, const ServiceError& error) {
  if (error.code == "AnotherOperationInProgress" || error.code == "RetryableError" ||
      error.code == "ReferencedResourceNotProvisioned")
    return status == 409 || status == 429 || status == 400;
  return status == 409 && error.code == "Conflict" &&
         error.message.find("concurrent request") != std::string::npos;
}

// A 404 of the resource itself, said by the service: not of what it is in, and not by a proxy.
bool means_absent(const ArmError& error) {
  if (error.status() != 404) return false;
  for (const char* other : {"ResourceGroupNotFound", "SubscriptionNotFound", "InvalidSubscriptionId",
                            "InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound"})
    if (core::equal_ignoring_case(error.code(), other)) return false;
  return !error.code().empty() || !error.request_id().empty() || error.service_message().empty();
}

// A 401 that no new token of ours mends: the tenant asks for a claim (a second factor, another network).
bool is_claims_challenge(const http::Response& response) {
  return response.header("WWW-Authenticate").value_or("").find("insufficient_claims") != std::string::npos;
}

ArmError claims_error(const std::string& what, const http::Response& response) {
  const auto plain = make_arm_error(what, response);
  return ArmError(ErrorKind::unauthorized, plain.what(),
                  "your tenant asks for a new sign-in (conditional access): `az logout`, then `az login`, on "
                  "a network and "
                  "device that its policy allows",
                  401, plain.code().empty() ? "InsufficientClaims" : plain.code(), plain.request_id(),
                  plain.service_message());
}

bool says_type(const http::Response& response, const char* word) {
  return core::to_lower(response.header("Content-Type").value_or("")).find(word) != std::string::npos;
}

bool says_json(const http::Response& response) {
  return !response.header("Content-Type") || says_type(response, "json");
}

// The sign-in page of a network, or a proxy's own: no service answers with one, and nothing was done.
bool is_web_page(const http::Response& response) {
  return response.status < 300 && !response.body.empty() && says_type(response, "html");
}

constexpr const char* kReplyHint =
    "run it again; if it stays, a proxy may be changing replies (`--debug` shows the requests)";

ArmError invalid_reply(const std::string& what, const http::Response& response) {
  return ArmError(ErrorKind::failed, what, kReplyHint, response.status, "InvalidReply",
                  response.header("x-ms-correlation-request-id")
                      .value_or(response.header("x-ms-request-id").value_or("")),
                  "");
}

}  // namespace

json Reply::json() const {
  if (body.empty()) return nullptr;
  auto parsed = core::parse_json(body);
  if (!parsed.is_discarded()) return parsed;
  throw invalid_reply(
      fmt::format("the service's reply ({} bytes, status {}) is not valid JSON", body.size(), status),
      {.status = status, .headers = headers});
}

std::optional<std::string> Reply::header(std::string_view name) const {
  return http::Response{.headers = headers}.header(name);
}

// One request on its way through tokens, throttling and retry.
struct ArmClient::Exchange {
  std::string what;  // for errors: "GET /subscriptions/…"
  http::Request request;
  http::Repeatable repeatable = http::Repeatable::yes;
  std::optional<int> outage_attempts;
  bool wants_json = false;  // a body that is not JSON is read again
  json parsed;              // when wants_json and the reply had a body
  http::Response response;

  Reply take_reply() { return {response.status, std::move(response.headers), std::move(response.body)}; }
};

ArmClient::ArmClient(http::Transport& transport, core::Clock& clock, CredentialChain& credential,
                     ClientOptions options)
    : transport_(transport),
      clock_(clock),
      credential_(credential),
      options_(std::move(options)),
      origin_(http::url_origin(options_.endpoint)),
      throttle_(std::make_unique<ThrottleGate>(clock, options_.retry.longest_retry_after)) {}

ArmClient::~ArmClient() = default;

std::string ArmClient::absolute(const std::string& url) const {
  return url.starts_with('/') && !url.starts_with("//") ? options_.endpoint + url : url;
}

bool ArmClient::is_own(const std::string& url) const {
  return http::url_origin(absolute(url)) == origin_;
}

// Sends until there is a reply that is not to be retried; `exchange.response` holds it, whatever its status.
void ArmClient::exchange(Exchange& exchange, std::stop_token stop) {
  auto& request = exchange.request;
  if (!is_own(request.url))
    throw Error(
        ErrorKind::failed,
        fmt::format("{}: azlin does not send its token to {}", exchange.what, core::redact_url(request.url)),
        "the service's answer led there: look at https_proxy and at AZLIN_ARM_ENDPOINT");
  request.total_timeout = options_.request_timeout;
  request.headers.emplace_back("Accept", "application/json");
  request.headers.emplace_back("x-ms-client-request-id", core::new_guid());
  request.headers.emplace_back("x-ms-correlation-request-id", core::run_id());
  request.headers.emplace_back("Authorization", "");
  const auto keys = throttle_keys(request.method, request.url);

  std::string used, fresh;
  bool broken = false;
  http::RetryHooks hooks;
  hooks.before = [&](http::Request& attempt) {
    throttle_->wait(keys, stop);
    used = fresh.empty() ? credential_.arm_token(false, stop).value : fresh;
    attempt.headers.back().second = "Bearer " + used;
  };
  hooks.judge = [&](const http::Response& response, http::Outcome& outcome) {
    throttle_->observe(keys, response);
    broken = false;
    if (response.status >= 400 && is_transient_conflict(response.status, parse_service_error(response.body)))
      outcome.status = 429;  // not begun, and no outage: it is waited for
    if (!exchange.wants_json || response.status >= 300 || response.body.empty() || !says_json(response))
      return;
    exchange.parsed = core::parse_json(response.body);
    broken = exchange.parsed.is_discarded();
    if (broken) outcome.status = 502;  // cut off on the way: reading it again is safe
  };
  http::RetryPolicy policy = options_.retry;
  policy.outage_attempts = exchange.outage_attempts.value_or(policy.outage_attempts);
  const auto send = [&] {
    exchange.response =
        http::send_with_retry(transport_, clock_, policy, request, exchange.repeatable, stop, hooks);
  };

  send();
  if (exchange.response.status == 401 && !is_claims_challenge(exchange.response)) {
    fresh = credential_.arm_token_after(used, stop).value;
    if (fresh != used) send();
  }
  if (is_web_page(exchange.response))
    throw invalid_reply(exchange.what + ": a web page came instead of the service's answer",
                        exchange.response);
  if (broken)
    throw invalid_reply(fmt::format("{}: the service's reply ({} bytes, status {}) is not valid JSON",
                                    exchange.what, exchange.response.body.size(), exchange.response.status),
                        exchange.response);
}

namespace {

void throw_if_failed(const std::string& what, const http::Response& response) {
  if (response.status == 401 && is_claims_challenge(response)) throw claims_error(what, response);
  if (response.status >= 400 || (response.status >= 300 && response.status != 304))
    throw make_arm_error(what, response);
}

}  // namespace

Reply ArmClient::send(const Call& call, std::stop_token stop) {
  Exchange exchange;
  exchange.what = call.method + " " + call.path;
  exchange.request = {
      .method = call.method, .url = options_.endpoint + path_with_query(call), .headers = call.headers};
  exchange.request.body = call.body.value_or("");
  if (call.body) exchange.request.headers.emplace_back("Content-Type", "application/json");
  exchange.repeatable = call.repeatable.value_or(http::repeatable_by_method(call.method));
  exchange.outage_attempts = call.outage_attempts;
  exchange.wants_json = call.method == "GET";
  this->exchange(exchange, std::move(stop));
  throw_if_failed(exchange.what, exchange.response);
  return exchange.take_reply();
}

std::optional<Reply> ArmClient::find(const Call& call, std::stop_token stop) {
  try {
    return send(call, std::move(stop));
  } catch (const ArmError& error) {
    if (!means_absent(error)) throw;
    return std::nullopt;
  }
}

Reply ArmClient::get_url(const std::string& url, bool wants_json, std::stop_token stop) {
  Exchange exchange;
  exchange.request.url = absolute(url);
  exchange.what = "GET " + core::redact_url(exchange.request.url);
  exchange.wants_json = wants_json;
  this->exchange(exchange, std::move(stop));
  throw_if_failed(exchange.what, exchange.response);
  return exchange.take_reply();
}

Operation ArmClient::begin(const Call& call, std::stop_token stop) {
  const Reply reply = send(call, std::move(stop));
  auto operation = read_begin(call, path_with_query(call),
                              {.status = reply.status, .headers = reply.headers, .body = reply.body},
                              clock_.now(), [this](const std::string& url) { return is_own(url); });
  operation.poll_url = operation.poll_url.empty() ? "" : absolute(operation.poll_url);
  operation.location_url = operation.location_url.empty() ? "" : absolute(operation.location_url);
  if (operation.next_delay < Millis{0}) operation.next_delay = options_.default_poll;
  return operation;
}

json ArmClient::run(const Call& call, std::stop_token stop, const Progress& progress) {
  return wait(begin(call, stop), stop, progress);
}

void ArmClient::list(const Call& call, const std::function<bool(json&&)>& item, std::stop_token stop) {
  std::set<std::string> seen;
  std::string url = options_.endpoint + path_with_query(call);
  while (seen.insert(url).second) {
    core::throw_if_stopped(stop, "listing");
    Exchange page;
    page.what = "GET " + call.path;
    page.request = {.url = url, .headers = call.headers};
    page.wants_json = true;
    exchange(page, stop);
    throw_if_failed(page.what, page.response);
    page.response.body = {};
    if (!page.parsed.is_object() || !page.parsed.contains("value") || !page.parsed["value"].is_array())
      throw Error(ErrorKind::failed, page.what + ": the reply holds no list", kReplyHint);
    for (auto& element : page.parsed["value"])
      if (!item(std::move(element))) return;
    const auto next = page.parsed.find("nextLink");
    if (next == page.parsed.end() || !next->is_string() || next->get_ref<const std::string&>().empty())
      return;
    url = absolute(next->get<std::string>());
  }
  throw Error(ErrorKind::failed, fmt::format("GET {}: the service's pages go round in a circle", call.path),
              "run it again; the list would not have been complete");
}

}  // namespace azlin::arm
