// azlin auth: where the token comes from.
#include <fmt/format.h>

#include "cli/command.hpp"

namespace azlin::cli {

namespace {

struct AuthStatusOptions {};
struct AuthLoginOptions {
  std::string tenant = "organizations";
};
struct AuthClearOptions {};

void bind(CLI::App& command, AuthStatusOptions&) {
  command.footer(
      "Example: azlin auth status\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const AuthStatusOptions&) {
  Console& console = runtime.console();
  nlohmann::ordered_json json = {{"cloud", runtime.cloud().name},
                                 {"sources", nlohmann::ordered_json::array()}};
  std::vector<std::vector<std::string>> rows;
  bool found = false;
  for (const auto& status : runtime.credentials().status()) {
    const bool used = status.applies && !found;
    found = found || status.applies;
    nlohmann::ordered_json item = {
        {"source", status.source}, {"applies", status.applies}, {"used", used}, {"detail", status.detail}};
    item["expiresAt"] =
        status.expires_at ? nlohmann::ordered_json(core::to_iso8601(*status.expires_at)) : nullptr;
    json["sources"].push_back(item);
    rows.push_back({used ? "✓" : status.applies ? "·" : " ", status.source, status.detail});
  }
  json["authenticated"] = found;
  console.line("Credentials for " + runtime.cloud().name + " (the first that applies is used):");
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  console.result(json, "sources");
  if (!found) {
    throw core::Error(core::ErrorKind::unauthorized, "no credential applies",
                      "run `az login` or `azlin auth login`");
  }
  return 0;
}

void bind(CLI::App& command, AuthLoginOptions& options) {
  command.add_option("--tenant", options.tenant, "Tenant id or domain")->capture_default_str();
  command.footer(
      "Shows an address and a code to enter there.\n"
      "Example: azlin auth login --tenant 00000000-0000-0000-0000-000000000002\n"
      "Exit codes: 0, 1, 2 the simulated Azure needs none, 5");
}

int run(Runtime& runtime, const AuthLoginOptions& options) {
  const auto token = runtime.credentials().login_with_device_code(
      options.tenant, [&](const std::string& text) { runtime.console().err() << text << '\n'
                                                                             << std::flush; },
      runtime.stop());
  runtime.console().line("✓ Logged in until " + core::to_display(token.expires_at) +
                         " UTC (renewed by itself)");
  runtime.console().result({{"loggedIn", true}, {"expiresAt", core::to_iso8601(token.expires_at)}});
  return 0;
}

void bind(CLI::App& command, AuthClearOptions&) {
  command.footer(
      "Example: azlin auth clear\n"
      "Exit codes: 0, 1, 2");
}

int run(Runtime& runtime, const AuthClearOptions&) {
  runtime.credentials().clear();
  runtime.console().line("✓ Cached tokens removed");
  runtime.console().result({{"cleared", true}});
  return 0;
}

}  // namespace

void add_auth_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "auth", "Credentials: status, login, clear");
  add_command<AuthStatusOptions>(*group, "status", "Which credential is used, and which others apply",
                                 chosen);
  add_command<AuthLoginOptions>(*group, "login", "Log in with a device code", chosen);
  add_command<AuthClearOptions>(*group, "clear", "Forget cached tokens", chosen);
}

}  // namespace azlin::cli
