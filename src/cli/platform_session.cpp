#include "cli/platform_session.hpp"

#include <fmt/format.h>

#include <ostream>

#include "azlin/backup/manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/recovery.hpp"
#include "azlin/platform/seal.hpp"
#include "cli/dry_run.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

void bind_resource(CLI::App& command, ResourceArgument& argument, const char* what) {
  command.add_option("name", argument.name, fmt::format("{}: its name, or its full id", what))->required();
  command.add_option("-g,--resource-group", argument.resource_group, "Resource group it is in");
}

void bind_auth(CLI::App& command, AuthArgument& argument) {
  command
      .add_option("--auth", argument.mode,
                  "login: a token of this identity; key: an access key of the resource, asked from Azure")
      ->check(CLI::IsMember({"login", "key"}))
      ->capture_default_str();
}

void bind_password(CLI::App& command, PasswordArgument& argument) {
  auto* file = command.add_option("--password-file", argument.file,
                                  "File with the backup's password (else AZLIN_BACKUP_PASSWORD)");
  command
      .add_flag("--unencrypted", argument.unencrypted,
                "Leave the files as the service sends them: a Key Vault backup is opaque and bound to its "
                "subscription")
      ->excludes(file);
}

std::optional<std::string> password_of(Runtime& runtime, const PasswordArgument& argument) {
  if (argument.unencrypted) return std::nullopt;
  auto password = platform::backup_password(argument.file, runtime.env());
  if (!password)
    throw Error(ErrorKind::usage, "the backup needs a password to encrypt its files",
                "set AZLIN_BACKUP_PASSWORD, give --password-file, or say --unencrypted");
  platform::check_new_password(*password);
  return password;
}

core::TimePoint time_of(const std::string& text) {
  const auto time = core::parse_time(text);
  if (!time) throw Error(ErrorKind::usage, "'" + text + "' is no time", "such as 2025-12-01T08:00:00Z");
  return *time;
}

PlatformSession::PlatformSession(Runtime& runtime)
    : runtime_(runtime), service_(runtime.arm(), runtime.dry_run() ? &planned_ : nullptr) {}

platform::BackupLog& PlatformSession::log() {
  if (!log_) log_ = std::make_unique<platform::BackupLog>(runtime_.home() + "/platform.db");
  return *log_;
}

platform::Resource PlatformSession::resource(platform::Kind kind, const ResourceArgument& argument) {
  const bool by_id = argument.name.starts_with("/subscriptions/");
  return service_.resource(kind, by_id ? "" : runtime_.subscription(), argument.resource_group, argument.name,
                           stop());
}

std::string PlatformSession::known_region(const std::string& region) {
  auto name = core::normalize_region(region);
  backup::check_regions(runtime_.arm(), runtime_.subscription(), {name}, stop());
  return name;
}

namespace {

std::string property(const platform::Resource& resource, const char* key) {
  const auto body = resource.body.value("properties", nlohmann::json::object());
  const auto found = body.find(key);
  if (found == body.end() || !found->is_string())
    throw Error(ErrorKind::failed, fmt::format("Azure does not say {} of {}", key, resource.name),
                "it may still be being made; look again later");
  return found->get<std::string>();
}

}  // namespace

std::unique_ptr<platform::DataPlane> PlatformSession::vault_data(const platform::Resource& vault) {
  const auto uri = property(vault, "vaultUri");
  return std::make_unique<platform::DataPlane>(
      runtime_.transport(), runtime_.clock(), uri,
      platform::bearer(runtime_.credentials(), platform::vault_audience(uri)), "vault " + vault.name);
}

std::unique_ptr<platform::DataPlane> PlatformSession::store_data(const platform::Resource& store,
                                                                 const AuthArgument& auth) {
  const auto endpoint = property(store, "endpoint");
  auto authorize = platform::bearer(runtime_.credentials(), platform::app_config_audience(endpoint));
  if (auth.mode == "key") {
    const auto keys = service_.ask(store.id + "/listKeys", platform::kAppConfigVersion, nullptr, stop());
    if (!keys.contains("value") || keys["value"].empty())
      throw Error(ErrorKind::unauthorized, fmt::format("store {} has no access keys", store.name),
                  "its local authentication may be switched off: use --auth login");
    const auto& key = keys["value"].front();
    authorize = platform::app_config_key(runtime_.clock(), key.value("id", ""), key.value("value", ""));
  }
  return std::make_unique<platform::DataPlane>(runtime_.transport(), runtime_.clock(), endpoint,
                                               std::move(authorize), "store " + store.name);
}

// The same kind of work on the same thing by a process that is gone: its lock must not be in the way.
void PlatformSession::settle(const std::string& kind, const std::string& target) {
  for (const auto& operation : runtime_.journal().interrupted()) {
    if (operation.kind != kind || !core::equal_ignoring_case(operation.target, target)) continue;
    const auto done = platform::recover(service_, runtime_.journal(), operation, stop());
    for (const auto& note : done.notes) console().note("earlier run: " + note);
  }
}

void PlatformSession::change(const std::string& kind, const std::string& target, const ordered_json& plan,
                             const std::function<void()>& work) {
  if (dry_run()) {
    work();
    return;
  }
  const std::string full = platform::kJournalPrefix + kind;
  settle(full, target);
  auto operation = runtime_.journal().start(full, target, plan.dump(), core::to_lower(target));
  const auto step = operation.begin(kind, "{}");
  try {
    work();
    operation.done(step);
    operation.succeed();
  } catch (const Error& error) {
    operation.failed(step, error.what());
    error.kind() == ErrorKind::interrupted ? operation.interrupt(error.what()) : operation.fail(error.what());
    throw;
  }
}

int PlatformSession::print_planned(const ordered_json& more) {
  std::vector<PlannedCall> calls;
  for (const auto& call : planned_)
    calls.push_back({call.method, call.path, call.body.is_null() ? "" : call.body.dump()});
  print_dry_run(console(), calls, more);
  return 0;
}

ProgressLine::ProgressLine(Console& console, std::string what) : console_(console), what_(std::move(what)) {}

ProgressLine::~ProgressLine() {
  if (drawn_) console_.err() << "\r\033[K" << std::flush;
}

void ProgressLine::update(std::uint64_t done, std::uint64_t all, const std::string& detail) {
  if (console_.quiet()) return;
  const std::lock_guard lock(mutex_);
  const std::uint64_t percent = all == 0 ? 0 : done * 100 / all;
  const std::string count =
      fmt::format("{}  {} of {}{}", what_, done, all, detail.empty() ? "" : "  " + detail);
  if (console_.err_is_terminal()) {
    const auto filled = static_cast<std::size_t>(percent / 5);
    console_.err() << fmt::format("\r\033[K[{}{}] {:3} %  {}", std::string(filled, '='),
                                  std::string(20 - filled, ' '), percent, count)
                   << std::flush;
    drawn_ = true;
  } else if (percent / 10 > last_tenth_) {
    console_.note(fmt::format("{} %  {}", percent, count));
  }
  last_tenth_ = percent / 10;
}

}  // namespace azlin::cli
