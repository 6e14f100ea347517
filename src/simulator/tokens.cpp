// Token endpoints: managed identity, and Microsoft Entra's for service principals, refresh tokens and device
// code.
#include <fmt/format.h>

#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using Form = std::map<std::string, std::string>;

constexpr const char* kDeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
constexpr std::int64_t kDeviceLife = 900;

std::int64_t epoch_seconds(core::TimePoint time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Form parse_form(const std::string& text) {
  Form form;
  for (const auto& [name, value] : parse_query(text)) form[lower(name)] = value;
  return form;
}

std::string value_of(const Form& form, const std::string& name) {
  const auto found = form.find(name);
  return found == form.end() ? "" : found->second;
}

Reply identity_error(int status, const std::string& error, const std::string& description) {
  return Reply::json(status, {{"error", error}, {"error_description", description}});
}

// GET as on a VM (IMDS), POST with a form as older clients do. Values are strings.
Reply identity_token(Context& context, const Request& request) {
  if (request.header("metadata").value_or("") != "true")
    return identity_error(400, "invalid_request", "Required metadata header not specified");
  if (request.header("x-forwarded-for"))
    return identity_error(400, "invalid_request", "X-Forwarded-For header is not allowed");
  Form fields(request.query.begin(), request.query.end());
  for (const auto& [name, value] : request.method == "POST" ? parse_form(request.body) : Form())
    fields[name] = value;
  const std::string resource = value_of(fields, "resource");
  if (request.method == "GET" && request.api_version.empty())
    return identity_error(400, "invalid_request", "Required query variable 'api-version' is missing");
  if (resource.empty())
    return identity_error(400, "invalid_request", "Required query variable 'resource' is missing");
  TokenClaims claims;
  claims.audience = resource;
  if (!value_of(fields, "client_id").empty()) claims.client = value_of(fields, "client_id");
  if (!value_of(fields, "object_id").empty()) claims.principal = value_of(fields, "object_id");
  claims.issued = context.now();
  claims.expires = claims.issued + kTokenLife;
  const std::string life = std::to_string(kTokenLife.count() / 1'000);
  return Reply::json(200, {{"access_token", make_token(claims)},
                           {"client_id", claims.client},
                           {"expires_in", life},
                           {"ext_expires_in", life},
                           {"expires_on", std::to_string(epoch_seconds(claims.expires))},
                           {"not_before", std::to_string(epoch_seconds(claims.issued))},
                           {"resource", resource},
                           {"token_type", "Bearer"}});
}

Reply oauth_error(Context& context, int status, const std::string& error, int number,
                  const std::string& text) {
  return Reply::json(status, {{"error", error},
                              {"error_description", fmt::format("AADSTS{}: {}", number, text)},
                              {"error_codes", {number}},
                              {"timestamp", core::to_iso8601(context.now())},
                              {"trace_id", new_guid()},
                              {"correlation_id", new_guid()}});
}

std::string audience_of_scope(const std::string& scope) {
  for (const auto& part : split(scope, ' ')) {
    if (part.ends_with("/.default")) return part.substr(0, part.size() - 9);
  }
  return "https://management.azure.com/";
}

Reply issue(Context& context, const Form& form, const std::string& principal, bool refreshable) {
  TokenClaims claims;
  claims.audience = audience_of_scope(value_of(form, "scope"));
  claims.client = value_of(form, "client_id");
  claims.principal = principal;
  claims.issued = context.now();
  claims.expires = claims.issued + kTokenLife;
  Json body = {{"token_type", "Bearer"},
               {"expires_in", kTokenLife.count() / 1'000 - 1},
               {"ext_expires_in", kTokenLife.count() / 1'000 - 1},
               {"access_token", make_token(claims)}};
  if (refreshable) {
    body["scope"] = value_of(form, "scope");
    body["refresh_token"] = "simulated-refresh." + base64url_encode(principal);
  }
  return Reply::json(200, body);
}

// Any secret is good but one that says it is not: "wrong" and "expired" stand for the two failures that
// people meet.
Reply client_credentials(Context& context, const Form& form) {
  const std::string client = value_of(form, "client_id"), secret = value_of(form, "client_secret");
  const std::string assertion = value_of(form, "client_assertion");
  if (client.empty())
    return oauth_error(context, 400, "invalid_request", 900144,
                       "The request body must contain the following parameter: 'client_id'.");
  if (secret.empty() && assertion.empty())
    return oauth_error(
        context, 401, "invalid_client", 7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
  if (secret == "wrong")
    return oauth_error(context, 401, "invalid_client", 7000215, "Invalid client secret provided.");
  if (secret == "expired")
    return oauth_error(context, 401, "invalid_client", 7000222,
                       "The provided client secret keys are expired.");
  return issue(context, form, guid_from(client), false);
}

Reply refresh(Context& context, const Form& form) {
  const std::string token = value_of(form, "refresh_token");
  const std::string prefix = "simulated-refresh.";
  const std::string principal =
      token.starts_with(prefix) ? base64url_decode(token.substr(prefix.size())) : "";
  if (principal.empty())
    return oauth_error(context, 400, "invalid_grant", 9002313,
                       "Invalid request. The refresh token is malformed.");
  return issue(context, form, principal, true);
}

Json device_codes(State& state) {
  return Json::parse(state.meta("device_codes").value_or("{}"));
}

Reply device_code(Context& context, const Request& request) {
  const Form form = parse_form(request.body);
  if (value_of(form, "client_id").empty())
    return oauth_error(context, 400, "invalid_request", 900144,
                       "The request body must contain the following parameter: 'client_id'.");
  const std::string code = new_guid();
  std::string user_code = code.substr(0, 8);
  std::transform(user_code.begin(), user_code.end(), user_code.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  Json codes = device_codes(context.state);
  codes[code] = {
      {"user", user_code}, {"expires", epoch_seconds(context.now()) + kDeviceLife}, {"answer", "pending"}};
  context.state.set_meta("device_codes", codes.dump());
  const std::string uri = request.base_url + "/_simulator/devicelogin";
  return Reply::json(
      200, {{"device_code", code},
            {"user_code", user_code},
            {"verification_uri", uri},
            {"expires_in", kDeviceLife},
            {"interval", context.latency == Latency::none ? 1 : 5},
            {"message", fmt::format("To sign in, open the page {} and enter the code {} to authenticate.",
                                    uri, user_code)}});
}

Reply device_token(Context& context, const Form& form) {
  const Json codes = device_codes(context.state);
  const auto found = codes.find(value_of(form, "device_code"));
  if (found == codes.end())
    return oauth_error(context, 400, "bad_verification_code", 70018, "Invalid device code.");
  if ((*found)["expires"] <= epoch_seconds(context.now()))
    return oauth_error(context, 400, "expired_token", 70020,
                       "The provided value for the input parameter 'device_code' has expired.");
  const std::string answer = (*found)["answer"];
  if (answer == "pending")
    return oauth_error(context, 400, "authorization_pending", 70016,
                       "OAuth 2.0 device flow error. Authorization is pending.");
  if (answer == "declined")
    return oauth_error(context, 400, "authorization_declined", 70017, "The user declined.");
  return issue(context, form, kDefaultPrincipal, true);
}

Reply oauth_token(Context& context, const Request& request) {
  const Form form = parse_form(request.body);
  const std::string grant = value_of(form, "grant_type");
  const std::string& tenant = request.param("tenant");
  if (!same(tenant, kTenant) && !same(tenant, "organizations") && !same(tenant, "common"))
    return oauth_error(context, 400, "invalid_request", 90002, fmt::format("Tenant '{}' not found.", tenant));
  if (grant == "client_credentials") return client_credentials(context, form);
  if (grant == "refresh_token") return refresh(context, form);
  if (grant == kDeviceGrant || grant == "device_code") return device_token(context, form);
  return oauth_error(context, 400, "unsupported_grant_type", 70003,
                     fmt::format("The app requested an unsupported grant type '{}'.", grant));
}

// What a person does in the browser: POST {"userCode":"…","answer":"approved"|"declined"}.
Reply device_login(Context& context, const Request& request) {
  Json codes = device_codes(context.state);
  const std::string wanted = request.object().value("userCode", ""),
                    answer = request.object().value("answer", "approved");
  for (auto& [code, entry] : codes.items()) {
    if (!same(entry["user"].get<std::string>(), wanted)) continue;
    entry["answer"] = answer;
    context.state.set_meta("device_codes", codes.dump());
    return Reply::json(200, {{"answer", answer}});
  }
  throw ApiError(404, "NotFound", "no sign-in waits with this code");
}

}  // namespace

void register_tokens(Router& router, Context& context) {
  const auto identity = [&context](Request& request) { return identity_token(context, request); };
  router.open("GET", "/metadata/identity/oauth2/token", identity);
  router.open("POST", "/metadata/identity/oauth2/token", identity);
  router.open("POST", "/{tenant}/oauth2/v2.0/token",
              [&context](Request& request) { return oauth_token(context, request); });
  router.open("POST", "/{tenant}/oauth2/v2.0/devicecode",
              [&context](Request& request) { return device_code(context, request); });
  router.open("POST", "/_simulator/devicelogin",
              [&context](Request& request) { return device_login(context, request); });
}

}  // namespace azlin::simulator
