#include "azlin/arm/credential.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "arm/azure_cli.hpp"
#include "arm/jwt.hpp"
#include "arm/token_cache.hpp"
#include "arm/token_requests.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using core::Millis;

constexpr Millis kEarly{5 * 60'000};  // a token is renewed this long before it expires
constexpr Millis kLast{30'000};       // and, when that fails, used until then

std::string trimmed(std::string text) {
  const auto space = " \t\r\n";
  text.erase(0, std::min(text.find_first_not_of(space), text.size()));
  text.erase(text.find_last_not_of(space) + 1);
  return text;
}

// One place that tokens come from.
struct Source {
  std::string name;
  bool applies = false;
  bool definite = false;  // chosen by a setting: its failure is final, and nothing after it is asked
  std::string identity;   // under which its tokens are kept; "": not kept
  std::string detail;     // for people
  // nullopt: it turned out not to apply; `why` says why.
  std::function<std::optional<Token>(const TokenContext&, const std::string& resource, std::string& why)>
      fetch;
};

Token environment_token(const std::string& text, core::TimePoint now) {
  const auto value = trimmed(text);
  if (value.empty() || value.find_first_of(" \t\r\n") != std::string::npos)
    throw Error(ErrorKind::unauthorized, "AZLIN_ACCESS_TOKEN is not a token",
                "set it to the accessToken of `az account get-access-token`");
  const auto claims = read_jwt(value);
  if (claims.expires_at && *claims.expires_at <= now)
    throw Error(ErrorKind::unauthorized,
                fmt::format("AZLIN_ACCESS_TOKEN expired at {}", core::to_iso8601(*claims.expires_at)),
                "set a new one, or unset it so that another credential is used");
  return {value, claims.expires_at.value_or(now + std::chrono::hours{1}), "environment", claims.tenant};
}

std::string read_assertion(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  auto assertion = trimmed(text.str());
  if (assertion.empty())
    throw Error(ErrorKind::unauthorized,
                fmt::format("AZURE_FEDERATED_TOKEN_FILE '{}' cannot be read or is empty", path),
                "check that the workload identity's token is mounted");
  return assertion;
}

// Changes when somebody signs in or out of az, so that the tokens of the one before are not used.
std::string azure_cli_identity(const core::Env& env) {
  const auto folder = azure_cli_folder(env);
  struct stat info {};
  const bool known = stat((folder + "/azureProfile.json").c_str(), &info) == 0;
  return fmt::format("azure-cli:{}:{}.{}:{}", folder, known ? info.st_mtim.tv_sec : 0,
                     known ? info.st_mtim.tv_nsec : 0, env.get_or("AZURE_TENANT_ID", ""));
}

}  // namespace

class CredentialChain::Impl {
 public:
  Impl(http::Transport& transport, core::Clock& clock, core::ProcessRunner& processes, const core::Env& env,
       Cloud cloud, const std::string& cache_path)
      : transport_(transport),
        clock_(clock),
        processes_(processes),
        env_(env),
        cloud_(std::move(cloud)),
        cache_(cache_path) {
    login_ = env_.get_or("AZURE_AUTHORITY_HOST", cloud_.login_endpoint);
    while (login_.ends_with('/')) login_.pop_back();
  }

  Token token(const std::string& resource, bool fresh, const std::string* rejected, std::stop_token stop);
  std::vector<CredentialStatus> status();
  Token login(const std::string& tenant, const std::function<void(const std::string&)>& show,
              std::stop_token stop);
  void clear();
  const Cloud& cloud() const { return cloud_; }

 private:
  bool fits(const Token& token, Millis left) const { return token.expires_at - clock_.now() >= left; }
  std::vector<Source> sources();
  Source environment_source();
  Source simulator_source();
  Source principal_source();
  Source workload_source();
  Source identity_source();
  Source imds_source();
  Source cli_source();
  Source device_source();
  Token fetch(const std::vector<Source>& all, const std::string& resource, std::stop_token stop);
  std::optional<Token> kept(const std::vector<Source>& all, const std::string& resource, Millis left) const;
  Token remember(const Source& source, const std::string& resource, Token token);
  TokenContext context(std::stop_token stop) { return {transport_, clock_, std::move(stop)}; }
  std::string status_detail(const Source& source, CredentialStatus& status);

  http::Transport& transport_;
  core::Clock& clock_;
  core::ProcessRunner& processes_;
  const core::Env& env_;
  Cloud cloud_;
  std::string login_;
  TokenCache cache_;
  std::mutex mutex_;  // held while a token is fetched: one thread asks, the others wait for its answer
  std::map<std::string, Token> memory_;
};

Source CredentialChain::Impl::environment_source() {
  const auto value = env_.get("AZLIN_ACCESS_TOKEN");
  Source source{.name = "environment", .applies = value.has_value(), .definite = true};
  source.detail = value ? "AZLIN_ACCESS_TOKEN" : "AZLIN_ACCESS_TOKEN is not set";
  source.fetch = [value](const TokenContext& context, const std::string&, std::string&) {
    return environment_token(value.value_or(""), context.clock.now());
  };
  return source;
}

// The simulator plays a managed identity at its own address.
Source CredentialChain::Impl::simulator_source() {
  Source source{.name = "managed identity", .applies = true, .definite = true};
  source.detail = "of the simulator";
  const IdentityEndpoint endpoint{
      cloud_.arm_endpoint + "/metadata/identity/oauth2/token?api-version=2018-02-01",
      {{"Metadata", "true"}},
      false};
  source.fetch = [endpoint](const TokenContext& context, const std::string& resource, std::string& why) {
    return request_identity_token(context, endpoint, resource, why);
  };
  return source;
}

Source CredentialChain::Impl::principal_source() {
  const auto tenant = env_.get("AZURE_TENANT_ID"), client = env_.get("AZURE_CLIENT_ID"),
             secret = env_.get("AZURE_CLIENT_SECRET");
  Source source{.name = "service principal", .applies = tenant && client && secret, .definite = true};
  source.detail = "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are not all set";
  if (!source.applies) return source;
  source.detail = "client " + *client;
  source.identity = fmt::format("service-principal:{}:{}:{}", login_, *tenant, *client);
  source.fetch = [=, login = login_](const TokenContext& context, const std::string& resource, std::string&) {
    return request_token(context, login, *tenant,
                         {{"grant_type", "client_credentials"},
                          {"client_id", *client},
                          {"client_secret", *secret},
                          {"scope", scope_of(resource)}},
                         "service principal");
  };
  return source;
}

Source CredentialChain::Impl::workload_source() {
  const auto tenant = env_.get("AZURE_TENANT_ID"), client = env_.get("AZURE_CLIENT_ID"),
             file = env_.get("AZURE_FEDERATED_TOKEN_FILE");
  Source source{.name = "workload identity", .applies = tenant && client && file, .definite = true};
  source.detail = "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE are not all set";
  if (!source.applies) return source;
  source.detail = "client " + *client;
  source.identity = fmt::format("workload-identity:{}:{}:{}", login_, *tenant, *client);
  source.fetch = [=, login = login_](const TokenContext& context, const std::string& resource, std::string&) {
    return request_token(context, login, *tenant,
                         {{"grant_type", "client_credentials"},
                          {"client_id", *client},
                          {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                          {"client_assertion", read_assertion(*file)},
                          {"scope", scope_of(resource)}},
                         "workload identity");
  };
  return source;
}

// Where the host names the endpoint: App Service by IDENTITY_ENDPOINT, Cloud Shell by
// MSI_ENDPOINT.
Source CredentialChain::Impl::identity_source() {
  const auto modern = env_.get("IDENTITY_ENDPOINT"), header = env_.get("IDENTITY_HEADER"),
             old = env_.get("MSI_ENDPOINT");
  const auto client = env_.get("AZURE_CLIENT_ID");
  Source source{.name = "managed identity", .applies = (modern && header) || old, .definite = true};
  source.detail = "neither IDENTITY_ENDPOINT with IDENTITY_HEADER nor MSI_ENDPOINT is set";
  if (!source.applies) return source;
  IdentityEndpoint endpoint;
  if (modern && header) {
    endpoint = {*modern + "?api-version=2019-08-01", {{"X-IDENTITY-HEADER", *header}}, false};
  } else {
    endpoint = {*old + "?api-version=2017-09-01", {{"Metadata", "true"}}, false};
    if (const auto secret = env_.get("MSI_SECRET")) endpoint.headers.emplace_back("secret", *secret);
  }
  if (client) endpoint.url += "&client_id=" + http::percent_encode(*client);
  source.detail = modern ? "IDENTITY_ENDPOINT" : "MSI_ENDPOINT";
  source.identity = fmt::format("managed-identity:{}", endpoint.url);
  source.fetch = [endpoint](const TokenContext& context, const std::string& resource, std::string& why) {
    return request_identity_token(context, endpoint, resource, why);
  };
  return source;
}

Source CredentialChain::Impl::imds_source() {
  const auto client = env_.get("AZURE_CLIENT_ID");
  const auto host = env_.get_or("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254");
  IdentityEndpoint endpoint{
      host + "/metadata/identity/oauth2/token?api-version=2018-02-01", {{"Metadata", "true"}}, true};
  if (client) endpoint.url += "&client_id=" + http::percent_encode(*client);
  Source source{.name = "managed identity", .applies = true};
  source.detail = "asked when a token is needed (IMDS)";
  source.identity = fmt::format("managed-identity:{}", endpoint.url);
  source.fetch = [endpoint](const TokenContext& context, const std::string& resource, std::string& why) {
    return request_identity_token(context, endpoint, resource, why);
  };
  return source;
}

Source CredentialChain::Impl::cli_source() {
  Source source{.name = "azure cli", .applies = true, .identity = azure_cli_identity(env_)};
  source.fetch = [this](const TokenContext& context, const std::string& resource, std::string& why) {
    return fetch_az_token(processes_, env_, resource, why, context.stop);
  };
  return source;
}

Source CredentialChain::Impl::device_source() {
  const auto refresh = cache_.refresh_token(login_);
  Source source{.name = "device code", .applies = refresh.has_value(), .identity = "device-code:" + login_};
  source.detail = refresh ? "tenant " + refresh->tenant : "nobody signed in with `azlin auth login`";
  source.fetch = [this, refresh](const TokenContext& context, const std::string& resource, std::string&) {
    std::string next;
    auto token = request_token(context, login_, refresh->tenant,
                               {{"grant_type", "refresh_token"},
                                {"client_id", kPublicClient},
                                {"refresh_token", refresh->value},
                                {"scope", scope_of(resource) + " offline_access"}},
                               "device code", &next);
    if (!next.empty()) cache_.put_refresh_token(login_, {refresh->tenant, next});
    return token;
  };
  return source;
}

std::vector<Source> CredentialChain::Impl::sources() {
  if (cloud_.simulated) return {environment_source(), simulator_source()};
  return {environment_source(), principal_source(), workload_source(), identity_source(),
          imds_source(),        cli_source(),       device_source()};
}

// A kept token of the first source that has one. A definite source is never passed over.
std::optional<Token> CredentialChain::Impl::kept(const std::vector<Source>& all, const std::string& resource,
                                                 Millis left) const {
  for (const auto& source : all) {
    if (!source.applies) continue;
    auto token = source.identity.empty() ? std::nullopt : cache_.find(source.identity, resource);
    if (token && fits(*token, left)) return token;
    if (source.definite) return std::nullopt;
  }
  return std::nullopt;
}

Token CredentialChain::Impl::remember(const Source& source, const std::string& resource, Token token) {
  memory_[resource] = token;
  if (!source.identity.empty()) cache_.put(source.identity, resource, token, clock_.now());
  core::log_debug("token for {} from the {}, until {}", resource, source.name,
                  core::to_iso8601(token.expires_at));
  return token;
}

Token CredentialChain::Impl::fetch(const std::vector<Source>& all, const std::string& resource,
                                   std::stop_token stop) {
  std::string tried;
  std::optional<Error> refused;
  for (const auto& source : all) {
    if (!source.applies) continue;
    std::string why;
    try {
      if (auto token = source.fetch(context(stop), resource, why))
        return remember(source, resource, std::move(*token));
    } catch (const Error& error) {
      if (source.definite || error.kind() == ErrorKind::interrupted) throw;
      if (!refused) refused = error;  // of what a person signed in to; a later source may still do
      why = error.what();
    }
    if (source.definite)
      throw Error(ErrorKind::unauthorized, fmt::format("no token: {}", why), "`azlin auth status`");
    tried += (tried.empty() ? "" : "; ") + why;
  }
  if (refused) throw *refused;
  throw Error(ErrorKind::unauthorized, "there is no Azure credential: " + tried,
              "run `az login` or `azlin auth login`, or set AZLIN_ACCESS_TOKEN; `azlin auth status` shows "
              "each source");
}

Token CredentialChain::Impl::token(const std::string& resource, bool fresh, const std::string* rejected,
                                   std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  const auto found = memory_.find(resource);
  const bool renewed = rejected != nullptr && found != memory_.end() && found->second.value != *rejected;
  if (found != memory_.end() && (!fresh || renewed) && fits(found->second, kEarly)) return found->second;
  const auto all = sources();
  if (!fresh) {
    if (auto token = kept(all, resource, kEarly)) return memory_[resource] = *token;
  }
  try {
    return fetch(all, resource, std::move(stop));
  } catch (const Error& error) {
    if (fresh || error.kind() == ErrorKind::interrupted) throw;
    std::optional<Token> last =
        found != memory_.end() ? std::optional(found->second) : kept(all, resource, kLast);
    if (!last || !fits(*last, kLast)) throw;
    core::log_warn("the token cannot be renewed, the old one is used until {}: {}",
                   core::to_iso8601(last->expires_at), error.what());
    return *last;
  }
}

std::vector<CredentialStatus> CredentialChain::Impl::status() {
  const std::lock_guard lock(mutex_);
  std::vector<CredentialStatus> out;
  for (const auto& source : sources()) {
    CredentialStatus status{.source = source.name, .applies = source.applies, .detail = source.detail};
    status.detail = status_detail(source, status);
    out.push_back(std::move(status));
  }
  return out;
}

std::string CredentialChain::Impl::status_detail(const Source& source, CredentialStatus& status) {
  if (!source.applies) return source.detail;
  std::optional<Token> token =
      source.identity.empty() ? std::nullopt : cache_.find(source.identity, cloud_.arm_audience);
  std::string why;
  try {
    const bool asks_no_service = source.name == "azure cli" || source.name == "environment";
    if (!token && asks_no_service) token = source.fetch(context({}), cloud_.arm_audience, why);
  } catch (const Error& error) {
    why = error.what();
  }
  if (!why.empty() || (!token && source.name == "azure cli")) {
    status.applies = false;
    return why;
  }
  if (!token) {
    status.applies = source.definite || source.name == "device code";
    return source.detail;
  }
  status.expires_at = token->expires_at;
  const auto who = read_jwt(token->value).who;
  auto detail = who.empty() ? source.detail : who;
  if (!token->tenant.empty()) detail += (detail.empty() ? "tenant " : ", tenant ") + token->tenant;
  return detail;
}

Token CredentialChain::Impl::login(const std::string& tenant,
                                   const std::function<void(const std::string&)>& show,
                                   std::stop_token stop) {
  if (cloud_.simulated)
    throw Error(ErrorKind::usage, "the simulator needs no sign-in", "run the command itself");
  const auto where = tenant.empty() ? std::string("organizations") : tenant;
  std::string refresh;
  auto token =
      request_device_token(context(std::move(stop)), login_, where, cloud_.arm_audience, show, refresh);
  const std::lock_guard lock(mutex_);
  const auto home = token.tenant.empty() ? where : token.tenant;
  if (!refresh.empty()) cache_.put_refresh_token(login_, {home, refresh});
  return remember(device_source(), cloud_.arm_audience, std::move(token));
}

void CredentialChain::Impl::clear() {
  const std::lock_guard lock(mutex_);
  memory_.clear();
  cache_.clear();
}

CredentialChain::CredentialChain(http::Transport& transport, core::Clock& clock,
                                 core::ProcessRunner& processes, const core::Env& env, const Cloud& cloud,
                                 const std::string& cache_path)
    : impl_(std::make_unique<Impl>(transport, clock, processes, env, cloud, cache_path)) {}

CredentialChain::~CredentialChain() = default;

Token CredentialChain::token(const std::string& resource, bool fresh, std::stop_token stop) {
  return impl_->token(resource, fresh, nullptr, std::move(stop));
}

Token CredentialChain::arm_token(bool fresh, std::stop_token stop) {
  return impl_->token(impl_->cloud().arm_audience, fresh, nullptr, std::move(stop));
}

Token CredentialChain::arm_token_after(const std::string& rejected, std::stop_token stop) {
  return impl_->token(impl_->cloud().arm_audience, true, &rejected, std::move(stop));
}

std::vector<CredentialStatus> CredentialChain::status() {
  return impl_->status();
}

Token CredentialChain::login_with_device_code(const std::string& tenant,
                                              const std::function<void(const std::string&)>& show,
                                              std::stop_token stop) {
  return impl_->login(tenant, show, std::move(stop));
}

void CredentialChain::clear() {
  impl_->clear();
}

}  // namespace azlin::arm
