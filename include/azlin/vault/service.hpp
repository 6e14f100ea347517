#pragma once
// Calls on the Recovery Services provider: versions, waiting for its operations and jobs, and what to do
// about its refusals.
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/vault/model.hpp"

namespace azlin::vault {

inline constexpr const char* kVaultVersion = "2025-02-01";
inline constexpr const char* kBackupVersion = "2025-02-01";
// The version alone says that the secondary region's data is meant.
inline constexpr const char* kSecondaryVersion = "2023-01-15";

// Throws the same error with the step-by-step help that its code calls for.
[[noreturn]] void rethrow_with_help(const arm::ArmError& error, const std::string& doing);
// That help; "" for a code that needs none.
std::string help_for(const std::string& code, int status);

// A call that a dry run would have made.
struct Planned {
  std::string method, path;
  nlohmann::json body;
};

// A vault's calls, with errors explained. Thread-safe. Borrows its arguments.
class Service {
 public:
  // With `dry_run`, calls that change something are noted there and not made; discovery of VMs and databases
  // is no change.
  explicit Service(arm::ArmClient& arm, std::vector<Planned>* dry_run = nullptr)
      : arm_(arm), planned_(dry_run) {}
  arm::ArmClient& arm() { return arm_; }
  bool dry_run() const { return planned_ != nullptr; }
  core::Clock& clock() { return arm_.clock(); }

  // `doing` completes "cannot …". Throws arm::ArmError.
  nlohmann::json get(const std::string& path, const std::string& doing,
                     const std::string& version = kBackupVersion, std::stop_token stop = {});
  std::optional<nlohmann::json> find(const std::string& path, const std::string& doing,
                                     const std::string& version = kBackupVersion, std::stop_token stop = {});
  // Page by page; until `item` returns false. `filter` is a $filter or "".
  void list(const std::string& path, const std::string& filter, const std::string& doing,
            const std::function<bool(nlohmann::json&&)>& item, const std::string& version = kBackupVersion,
            std::stop_token stop = {});
  // A call that ends with its reply. null: no body.
  nlohmann::json send(const std::string& method, const std::string& path, const nlohmann::json& body,
                      const std::string& doing, const std::string& version = kBackupVersion,
                      std::stop_token stop = {});

  // Changes an ARM resource and waits until that has ended. The resource; null for DELETE.
  nlohmann::json run_resource(const std::string& method, const std::string& path, const nlohmann::json& body,
                              const std::string& doing, const std::string& version,
                              std::stop_token stop = {});

  // Begins an operation of the vault and waits for it. Its status document; null when the reply ended it.
  // Throws arm::ArmError with the operation's own code when it failed, core::Error (failed) when it has not
  // ended after four hours or its status cannot be read. `filter` goes into the query.
  nlohmann::json run(const VaultId& vault, const std::string& method, const std::string& path,
                     const nlohmann::json& body, const std::string& doing, std::stop_token stop = {},
                     const std::string& filter = {});
  // The same, but as soon as the service has named the job: its name (a GUID), "" when there is none.
  std::string begin_job(const VaultId& vault, const std::string& method, const std::string& path,
                        const nlohmann::json& body, const std::string& doing, std::stop_token stop = {});
  // Waits for an operation of a region (cross-region restore); the job's name.
  std::string begin_region_job(const std::string& region_path, const std::string& path,
                               const nlohmann::json& body, const std::string& doing,
                               std::stop_token stop = {});

 private:
  nlohmann::json poll(const std::string& path, const std::string& version, const std::string& doing,
                      core::Millis first, std::stop_token stop);
  bool plan(const std::string& method, const std::string& path, const nlohmann::json& body);
  arm::ArmClient& arm_;
  std::vector<Planned>* planned_;
};

// "key eq 'value' and …" from pairs; empty values are left out.
std::string filter_of(const std::vector<std::pair<std::string, std::string>>& conditions);
// A time as filters want it: "2024-01-02 03:04:05 PM".
std::string filter_time(core::TimePoint time);

}  // namespace azlin::vault
