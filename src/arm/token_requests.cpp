#include "arm/token_requests.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "arm/error_body.hpp"
#include "arm/jwt.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/json_text.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using core::Millis;
using nlohmann::json;
using std::chrono::seconds;

std::string encode(const Form& form) {
  std::string out;
  for (const auto& [name, value] : form)
    out += (out.empty() ? "" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
  return out;
}

std::string text_of(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string()
             ? object[key].get<std::string>()
             : std::string{};
}

// A number, or a number in a string as managed identities send it.
std::optional<std::int64_t> number_of(const json& object, const char* key) {
  if (!object.contains(key)) return std::nullopt;
  if (object[key].is_number()) return object[key].get<std::int64_t>();
  const auto text = text_of(object, key);
  if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(text);
}

// "12/01/2025 10:30:00 +00:00", which App Service may send.
std::optional<core::TimePoint> parse_us_date(const std::string& text) {
  int month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char half[3] = {};
  const int read = std::sscanf(text.c_str(), "%d/%d/%d %d:%d:%d %2[AP]M", &month, &day, &year, &hour, &minute,
                               &second, half);
  if (read < 6) return std::nullopt;
  if (half[0] == 'P' && hour < 12) hour += 12;
  if (half[0] == 'A' && hour == 12) hour = 0;
  return core::parse_time(
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, hour, minute, second));
}

Token read_token(const json& reply, const std::string& source, core::TimePoint now) {
  Token token;
  token.value = text_of(reply, "access_token");
  token.source = source;
  if (token.value.empty())
    throw Error(ErrorKind::unauthorized, fmt::format("the {}'s endpoint answered without a token", source),
                "run it again; `azlin auth status` shows what is used");
  const auto claims = read_jwt(token.value);
  token.tenant = claims.tenant;
  const auto dated = parse_us_date(text_of(reply, "expires_on"));
  if (const auto epoch = number_of(reply, "expires_on"))
    token.expires_at = core::TimePoint{seconds{*epoch}};
  else if (dated)
    token.expires_at = *dated;
  else if (const auto lifetime = number_of(reply, "expires_in"))
    token.expires_at = now + seconds{*lifetime};
  else
    token.expires_at = claims.expires_at.value_or(now);
  return token;
}

http::Response post_form(const TokenContext& context, const std::string& url, const Form& form) {
  const auto origin = http::url_origin(url);
  if (!origin.starts_with("https://") && !http::is_loopback_url(url))
    throw Error(ErrorKind::usage,
                fmt::format("a secret is not sent to '{}': it is not https", url.substr(0, 200)),
                "check AZURE_AUTHORITY_HOST");
  http::Request request{
      .method = "POST", .url = url, .headers = {{"Content-Type", "application/x-www-form-urlencoded"}}};
  request.body = encode(form);
  request.total_timeout = Millis{30'000};
  http::RetryPolicy policy;
  policy.max_attempts = 4;
  // Asking for a token twice does no harm.
  return http::send_with_retry(context.transport, context.clock, policy, request, http::Repeatable::yes,
                               context.stop);
}

std::string login_hint(const std::string& code) {
  if (code == "invalid_client")
    return "check AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; the secret may have expired";
  if (code == "unauthorized_client") return "check AZURE_TENANT_ID and AZURE_CLIENT_ID";
  if (code == "invalid_grant") return "sign in again: `azlin auth login` or `az login`";
  return "`azlin auth status` shows what is used";
}

// The service's own trouble, which says nothing of who asks.
bool is_fault(int status) {
  return status >= 500 || status == 429 || status == 410 || status == 408;
}

[[noreturn]] void throw_refused(const std::string& source, const http::Response& response) {
  const auto error = parse_service_error(response.body);
  auto message = error.message.substr(0, error.message.find_first_of("\r\n"));
  const bool fault = is_fault(response.status);
  throw Error(
      fault ? ErrorKind::failed : ErrorKind::unauthorized,
      fmt::format("no token for the {}: {} {} {}", source, response.status, error.code, message),
      fault ? "the service that gives tokens fails or is busy: run it again later" : login_hint(error.code));
}

}  // namespace

std::string scope_of(const std::string& resource) {
  return resource + "/.default";
}

Token request_token(const TokenContext& context, const std::string& login_endpoint, const std::string& tenant,
                    const Form& form, const std::string& source, std::string* refresh) {
  const auto url = fmt::format("{}/{}/oauth2/v2.0/token", login_endpoint, http::percent_encode(tenant));
  const auto response = post_form(context, url, form);
  const auto body = core::parse_json(response.body);
  if (response.status != 200) throw_refused(source, response);
  if (refresh != nullptr) *refresh = text_of(body, "refresh_token");
  auto token = read_token(body, source, context.clock.now());
  if (token.tenant.empty()) token.tenant = tenant;
  return token;
}

std::optional<Token> request_identity_token(const TokenContext& context, const IdentityEndpoint& endpoint,
                                            const std::string& resource, std::string& why) {
  http::Request request{.url = endpoint.url + "&resource=" + http::percent_encode(resource),
                        .headers = endpoint.headers};
  http::RetryPolicy policy;
  policy.throttled_base = Millis{8'000};  // IMDS may be away for 70 s
  http::RetryHooks hooks;
  hooks.judge = [](const http::Response& response, http::Outcome& outcome) {
    // While IMDS is updated it answers 410 and 404.
    if (response.status == 404 || response.status == 410) outcome.status = 429;
  };
  const auto send = [&] {
    return http::send_with_retry(context.transport, context.clock, policy, request, http::Repeatable::yes,
                                 context.stop, hooks);
  };
  http::Response response;
  try {
    if (endpoint.probe) {  // no answer at all is not worth a second try: so a machine outside Azure looks
      request.connect_timeout = Millis{1'000};
      request.total_timeout = Millis{5'000};
      response = context.transport.send(request, context.stop);
    }
    if (response.status == 0 || response.status == 404 || response.status == 410 || response.status == 429 ||
        response.status >= 500)
      response = send();
  } catch (const http::NetworkError& error) {
    if (!endpoint.probe) throw;
    why = "no managed identity endpoint answers on this machine";
    return std::nullopt;
  }
  if (response.status == 400 || (endpoint.probe && response.status == 404)) {
    why = "this machine has no managed identity, or AZURE_CLIENT_ID names another one";
    return std::nullopt;
  }
  if (endpoint.probe && !core::parse_json(response.body).is_object()) {  // a proxy or a portal in between
    why = fmt::format("what answers for a managed identity here ({}) is none", response.status);
    return std::nullopt;
  }
  if (response.status != 200) throw_refused("managed identity", response);
  return read_token(core::parse_json(response.body), "managed identity", context.clock.now());
}

Token request_device_token(const TokenContext& context, const std::string& login_endpoint,
                           const std::string& tenant, const std::string& resource,
                           const std::function<void(const std::string&)>& show, std::string& refresh) {
  const auto base = fmt::format("{}/{}/oauth2/v2.0", login_endpoint, http::percent_encode(tenant));
  const auto begun =
      post_form(context, base + "/devicecode",
                {{"client_id", kPublicClient}, {"scope", scope_of(resource) + " offline_access"}});
  if (begun.status != 200) throw_refused("device code", begun);
  const auto code = core::parse_json(begun.body);
  show(text_of(code, "message"));

  Millis interval = seconds{number_of(code, "interval").value_or(5)};
  const auto until = context.clock.now() + seconds{number_of(code, "expires_in").value_or(900)};
  while (context.clock.now() < until) {
    if (!context.clock.sleep_for(interval, context.stop))
      throw Error(ErrorKind::interrupted, "interrupted while signing in");
    const auto response = post_form(context, base + "/token",
                                    {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                                     {"client_id", kPublicClient},
                                     {"device_code", text_of(code, "device_code")}});
    const auto body = core::parse_json(response.body);
    if (response.status == 200) {
      refresh = text_of(body, "refresh_token");
      return read_token(body, "device code", context.clock.now());
    }
    const auto error = text_of(body, "error");
    if (error == "slow_down")
      interval += seconds{5};
    else if (error == "authorization_declined")
      throw Error(ErrorKind::unauthorized, "the sign-in was declined", "run `azlin auth login` again");
    else if (error == "expired_token")
      break;
    else if (error != "authorization_pending")
      throw_refused("device code", response);
  }
  throw Error(ErrorKind::unauthorized, "nobody signed in before the code expired",
              "run `azlin auth login` again");
}

}  // namespace azlin::arm
