#include "arm/azure_cli.hpp"

#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "arm/jwt.hpp"
#include "azlin/core/error.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

constexpr core::Millis kTimeLimit{60'000};  // az needs seconds to start, more on a small machine

// "2025-12-01 14:03:22.123456" in this machine's zone.
std::optional<core::TimePoint> parse_local_time(const std::string& text) {
  const auto as_utc = core::parse_time(text);
  if (!as_utc) return std::nullopt;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*as_utc).time_since_epoch().count();
  const std::time_t wall = seconds;
  std::tm fields{};
  gmtime_r(&wall, &fields);
  fields.tm_isdst = -1;
  const auto utc = std::mktime(&fields);
  if (utc == std::time_t{-1}) return std::nullopt;
  return core::TimePoint{std::chrono::seconds{utc}};
}

std::string text_of(const json& object, const char* key) {
  return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : std::string{};
}

// az's last error line, cut to what a person reads. It never holds a token.
std::string last_error(const std::string& err) {
  std::istringstream lines(err);
  std::string found;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("ERROR:") || found.empty()) found = line;
  return found.substr(0, 400);
}

bool is_signed_out(const std::string& err) {
  return err.find("Please run 'az login' to setup account") != std::string::npos ||
         err.find("az login --identity") != std::string::npos;
}

[[noreturn]] void throw_az_failed(const std::string& program, const core::ProcessResult& result) {
  if (result.timed_out)
    throw Error(ErrorKind::unauthorized,
                fmt::format("{} gave no token within {}", program, core::to_display(kTimeLimit)),
                "try `az account get-access-token` yourself, or set AZLIN_ACCESS_TOKEN");
  const bool stale =
      result.err.find("az login") != std::string::npos || result.err.find("AADSTS") != std::string::npos;
  throw Error(ErrorKind::unauthorized,
              fmt::format("{} account get-access-token failed ({}): {}", program, result.exit_code,
                          last_error(result.err)),
              stale ? "the Azure CLI's sign-in is no longer valid: run `az login`"
                    : "try `az account get-access-token` yourself");
}

}  // namespace

std::string azure_cli_program(const core::Env& env) {
  return env.get_or("AZLIN_AZ", "az");
}

std::string azure_cli_folder(const core::Env& env) {
  if (const auto folder = env.get("AZURE_CONFIG_DIR")) return *folder;
  const auto home = env.get("HOME");
  return home ? *home + "/.azure" : std::string{};
}

Token parse_az_token(const std::string& output) {
  const auto parsed = json::parse(output, nullptr, false);
  Token token;
  if (parsed.is_object()) token.value = text_of(parsed, "accessToken");
  if (token.value.empty())
    throw Error(ErrorKind::unauthorized, "the Azure CLI's answer holds no access token",
                "try `az account get-access-token --output json` yourself");
  const auto claims = read_jwt(token.value);
  token.source = "azure cli";
  token.tenant = text_of(parsed, "tenant");
  const auto local = parse_local_time(text_of(parsed, "expiresOn"));
  if (parsed.contains("expires_on") && parsed["expires_on"].is_number())
    token.expires_at = core::TimePoint{std::chrono::seconds{parsed["expires_on"].get<std::int64_t>()}};
  else if (claims.expires_at)
    token.expires_at = *claims.expires_at;
  else if (local)
    token.expires_at = *local;
  else
    throw Error(ErrorKind::unauthorized, "the Azure CLI's answer does not say when its token expires",
                "update the Azure CLI: `az upgrade`");
  return token;
}

std::optional<Token> fetch_az_token(core::ProcessRunner& processes, const core::Env& env,
                                    const std::string& resource, std::string& why, std::stop_token stop) {
  const auto program = azure_cli_program(env);
  core::ProcessRequest request;
  request.argv = {program, "account", "get-access-token", "--output", "json", "--resource", resource};
  if (const auto tenant = env.get("AZURE_TENANT_ID"))
    request.argv.insert(request.argv.end(), {"--tenant", *tenant});
  request.extra_env = {{"AZURE_CORE_COLLECT_TELEMETRY", "no"}, {"AZURE_CORE_NO_COLOR", "true"}};
  request.time_limit = kTimeLimit;
  core::ProcessResult result;
  try {
    result = processes.run(request, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    why = fmt::format("the Azure CLI ('{}') is not installed", program);
    return std::nullopt;
  }
  if (result.exit_code == 0) return parse_az_token(result.out);
  if (stop.stop_requested())
    throw Error(ErrorKind::interrupted, "interrupted while the Azure CLI was asked for a token");
  if (result.exit_code == 1 && is_signed_out(result.err)) {
    why = "nobody is signed in to the Azure CLI (`az login`)";
    return std::nullopt;
  }
  throw_az_failed(program, result);
}

std::optional<std::string> azure_cli_default_subscription(const core::Env& env) {
  const auto folder = azure_cli_folder(env);
  if (folder.empty()) return std::nullopt;
  std::ifstream file(folder + "/azureProfile.json");
  std::stringstream text;
  text << file.rdbuf();
  auto content = text.str();
  if (content.starts_with("\xef\xbb\xbf")) content.erase(0, 3);  // az writes a byte-order mark
  const auto profile = json::parse(content, nullptr, false);
  if (!profile.is_object() || !profile.contains("subscriptions") || !profile["subscriptions"].is_array())
    return std::nullopt;
  for (const auto& subscription : profile["subscriptions"])
    if (subscription.is_object() && subscription.value("isDefault", false))
      return text_of(subscription, "id");
  return std::nullopt;
}

}  // namespace azlin::arm
