#pragma once
// What the commands on platform resources share: finding the resource, its data plane, the journal, dry runs
// and progress.
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/platform/backup_log.hpp"
#include "azlin/platform/data_plane.hpp"
#include "azlin/platform/service.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

struct ResourceArgument {
  std::string name;
  std::optional<std::string> resource_group;
};
// A positional name (or full id) and -g.
void bind_resource(CLI::App& command, ResourceArgument& argument, const char* what);

// How to prove who asks for data: "login" (the credential chain) or "key" (an access key).
struct AuthArgument {
  std::string mode = "login";
};
void bind_auth(CLI::App& command, AuthArgument& argument);

struct PasswordArgument {
  std::optional<std::string> file;
  bool unencrypted = false;
};
void bind_password(CLI::App& command, PasswordArgument& argument);
// Throws core::Error (usage) when there is no password and it was not said that none is wanted.
std::optional<std::string> password_of(Runtime& runtime, const PasswordArgument& argument);

// Throws core::Error (usage) for what is no time.
core::TimePoint time_of(const std::string& text);

// One command's work. Borrows the runtime.
class PlatformSession {
 public:
  explicit PlatformSession(Runtime& runtime);

  Runtime& runtime() { return runtime_; }
  Console& console() { return runtime_.console(); }
  std::stop_token stop() const { return runtime_.stop(); }
  bool dry_run() const { return runtime_.dry_run(); }
  platform::Service& service() { return service_; }
  platform::BackupLog& log();

  platform::Resource resource(platform::Kind kind, const ResourceArgument& argument);
  // "West US 2" -> "westus2". Throws core::Error (usage) when the subscription has no such region.
  std::string known_region(const std::string& region);

  std::unique_ptr<platform::DataPlane> vault_data(const platform::Resource& vault);
  std::unique_ptr<platform::DataPlane> store_data(const platform::Resource& store, const AuthArgument& auth);

  // Notes the change in the journal and makes it; first settles what a dead run left on the same target. In a
  // dry run `work` only plans, and nothing is noted. `plan` may have `look`, `lookVersion`, `again`
  // (platform/recovery.hpp).
  void change(const std::string& kind, const std::string& target, const nlohmann::ordered_json& plan,
              const std::function<void()>& work);

  // Prints the calls that would be made, and returns 0.
  int print_planned(const nlohmann::ordered_json& more = nlohmann::ordered_json::object());

 private:
  void settle(const std::string& kind, const std::string& target);
  Runtime& runtime_;
  std::vector<platform::Planned> planned_;
  platform::Service service_;
  std::unique_ptr<platform::BackupLog> log_;
};

// "[=====>     ]  45 %  2,250 of 5,000 items": redrawn on a terminal, a line each tenth elsewhere.
// Thread-safe.
class ProgressLine {
 public:
  ProgressLine(Console& console, std::string what);
  ~ProgressLine();
  // `detail` follows the count. `all` 0: not known yet.
  void update(std::uint64_t done, std::uint64_t all, const std::string& detail = {});

 private:
  Console& console_;
  std::string what_;
  std::mutex mutex_;
  std::uint64_t last_tenth_ = 0;
  bool drawn_ = false;
};

}  // namespace azlin::cli
