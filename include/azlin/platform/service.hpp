#pragma once
// Control-plane calls on Cosmos DB, Storage, Key Vault, App Configuration, Data Protection and AKS, and
// finding such a resource by its name.
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"

namespace azlin::platform {

inline constexpr const char* kCosmosVersion = "2023-11-15";
inline constexpr const char* kStorageVersion = "2023-05-01";
inline constexpr const char* kKeyVaultVersion = "2022-07-01";
inline constexpr const char* kAppConfigVersion = "2022-05-01";
inline constexpr const char* kDataProtectionVersion = "2024-04-01";
inline constexpr const char* kAksVersion = "2023-08-01";

enum class Kind { cosmos, storage, key_vault, app_configuration, aks };

// "Microsoft.KeyVault/vaults", "2022-07-01", "Key Vault", "keyvault".
struct KindInfo {
  const char *type, *version, *label, *word;
};
const KindInfo& info(Kind kind);
inline constexpr Kind kAllKinds[] = {Kind::cosmos, Kind::storage, Kind::key_vault, Kind::app_configuration,
                                     Kind::aks};

struct Resource {
  Kind kind = Kind::storage;
  std::string id, name, resource_group, subscription;
  std::string location;  // normalised: "westus2"
  nlohmann::json body;   // as the service gave it
};

// A change that a dry run would have made.
struct Planned {
  std::string method, path;
  nlohmann::json body;
};

// Thread-safe. Borrows its arguments.
class Service {
 public:
  // With `dry_run`, calls that change something are noted there and not made.
  explicit Service(arm::ArmClient& arm, std::vector<Planned>* dry_run = nullptr)
      : arm_(arm), planned_(dry_run) {}
  arm::ArmClient& arm() { return arm_; }
  core::Clock& clock() { return arm_.clock(); }
  bool dry_run() const { return planned_ != nullptr; }

  // Throws arm::ArmError.
  nlohmann::json get(const std::string& path, const std::string& version, std::stop_token stop = {},
                     const std::vector<std::pair<std::string, std::string>>& query = {});
  std::optional<nlohmann::json> find(const std::string& path, const std::string& version,
                                     std::stop_token stop = {});
  std::vector<nlohmann::json> list(const std::string& path, const std::string& version,
                                   std::stop_token stop = {},
                                   const std::vector<std::pair<std::string, std::string>>& query = {});
  // A POST that only reads (listKeys, findRestorableTimeRanges): also made in a dry run.
  nlohmann::json ask(const std::string& path, const std::string& version, const nlohmann::json& body,
                     std::stop_token stop = {});
  // Changes something and waits until that has ended; its result (null in a dry run).
  nlohmann::json change(const std::string& method, const std::string& path, const std::string& version,
                        const nlohmann::json& body, std::stop_token stop = {},
                        const arm::Progress& progress = {},
                        const std::vector<std::pair<std::string, std::string>>& query = {});

  // Resources of one kind, of the subscription or one group; sorted by name.
  std::vector<Resource> resources(Kind kind, const std::string& subscription,
                                  const std::optional<std::string>& group, std::stop_token stop = {});
  // By name or full id, read afresh. Throws core::Error: not_found (naming what there is), usage when several
  // groups have one of that name.
  Resource resource(Kind kind, const std::string& subscription, const std::optional<std::string>& group,
                    const std::string& name, std::stop_token stop = {});

 private:
  arm::ArmClient& arm_;
  std::vector<Planned>* planned_;
};

// The geography that a region belongs to ("westus2" -> "United States"); "" when azlin does not know it.
// Key Vault backups are restored within one subscription and geography only.
std::string geography_of(const std::string& region);

}  // namespace azlin::platform
