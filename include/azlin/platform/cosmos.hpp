#pragma once
// Cosmos DB accounts: backup policy, regions, failover, and restore to a point in time into a new account.
// Source: Microsoft.DocumentDB 2023-11-15.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/platform/service.hpp"

namespace azlin::platform {

struct CosmosBackupPolicy {
  std::string type;  // Periodic, Continuous
  std::string tier;  // Continuous7Days, Continuous30Days; "": not shown by the service
  int interval_minutes = 0, retention_hours = 0;  // Periodic
  std::string redundancy;                         // Periodic: Geo, Local, Zone
  std::string migration;                          // InProgress, Completed, Failed; "": none
};
struct CosmosRegion {
  std::string name;  // as the service writes it: "West US"
  int priority = 0;  // 0 writes
  bool zones = false;
  std::string state;
};
struct CosmosAccount {
  Resource resource;
  CosmosBackupPolicy policy;
  std::vector<CosmosRegion> regions;  // by priority
  bool automatic_failover = false, many_writers = false;
  std::string consistency;  // Session, …
  std::string instance;     // of the running account, a GUID
  std::string api;          // Sql, MongoDB, Gremlin, Table, Cassandra
};
CosmosAccount read_cosmos(const Resource& account);

struct PolicyChange {
  std::optional<std::string> type, tier, redundancy;
  std::optional<int> interval_minutes, retention_hours;
};
// The body of the change. Pure. Throws core::Error (usage) for what the service refuses: a way back from
// Continuous, Continuous for Cassandra or with several writers, numbers out of range (60-1440 minutes; at
// least two intervals, at most 720 hours), a policy while a migration runs. `loses`: what is lost by it; ""
// nothing.
nlohmann::json plan_policy(const CosmosAccount& account, const PolicyChange& change, std::string& loses,
                           bool& irreversible);
void set_policy(Service& service, const CosmosAccount& account, const nlohmann::json& body,
                std::stop_token stop = {}, const arm::Progress& progress = {});

// ---- regions ----
// Region names are compared without case and spaces.
bool same_region(const std::string& a, const std::string& b);
// Plans throw core::Error: usage (a region that the account has or has not, that writes, several writers),
// busy (the account is being moved to continuous backup).
nlohmann::json plan_added_region(const CosmosAccount& account, const std::string& region, bool zones);
nlohmann::json plan_removed_region(const CosmosAccount& account, const std::string& region);
void set_regions(Service& service, const CosmosAccount& account, const nlohmann::json& body,
                 std::stop_token stop = {}, const arm::Progress& progress = {});
void set_automatic_failover(Service& service, const CosmosAccount& account, bool on,
                            std::stop_token stop = {}, const arm::Progress& progress = {});
// The region becomes the one that writes; the others keep their order.
nlohmann::json plan_failover(const CosmosAccount& account, const std::string& to);
void fail_over_cosmos(Service& service, const CosmosAccount& account, const nlohmann::json& body,
                      std::stop_token stop = {}, const arm::Progress& progress = {});

// ---- restore ----
struct RestorableAccount {
  std::string id, instance, name, location, api;
  core::TimePoint created, oldest;         // `oldest` is a lower bound only
  std::optional<core::TimePoint> deleted;  // of an account that is gone
  struct Region {
    std::string name;
    core::TimePoint created;
    std::optional<core::TimePoint> deleted;
  };
  std::vector<Region> regions;
};
// Live and deleted ones, by name then creation.
std::vector<RestorableAccount> list_restorable(Service& service, const std::string& subscription,
                                               std::stop_token stop = {});

struct RestorableResource {
  std::string database;
  std::vector<std::string> collections;
};
// What there was at that time and place. Empty for an API without such a list.
std::vector<RestorableResource> restorable_resources(Service& service, const RestorableAccount& account,
                                                     const std::string& region, core::TimePoint at,
                                                     std::stop_token stop = {});

struct CosmosRestore {
  std::string source, target, group, region;  // `region` "": where the source writes
  core::TimePoint at;
  std::vector<RestorableResource> only;  // empty: all
};
// The instance of that name that lived then. Throws core::Error: not_found, usage (the time is to come, or
// before its creation, or the account did not exist in the region then).
RestorableAccount choose_restorable(const std::vector<RestorableAccount>& all, const CosmosRestore& restore,
                                    core::TimePoint now);
// The body of the PUT. Pure.
nlohmann::json restore_body(const RestorableAccount& source, const CosmosRestore& restore);
// Makes the new account and waits. One that is there with the same restore parameters is followed instead of
// made again; another one is refused (usage). Returns its resource.
nlohmann::json restore_cosmos(Service& service, const std::string& subscription,
                              const RestorableAccount& source, const CosmosRestore& restore,
                              std::stop_token stop = {}, const arm::Progress& progress = {});

}  // namespace azlin::platform
