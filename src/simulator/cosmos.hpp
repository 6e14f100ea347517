#pragma once
// Cosmos DB in the simulated cloud: accounts, their regions and backup policy, databases and containers by
// name, and the restore to a point in time. Documents are not simulated. Rules: docs/simulator-platform.md.
#include <optional>
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kCosmosType = "Microsoft.DocumentDB/databaseAccounts";
inline constexpr const char* kRestorableType = "Microsoft.DocumentDB/locations/restorableDatabaseAccounts";
inline constexpr const char* kCosmosReady =
    "cosmos ready";  // kind of the work that ends a change of an account

inline constexpr const char* kCosmosItem =
    "cosmos item";  // kind of the work that only takes its time: its reply is data["body"]

// How an API of Cosmos DB names its databases and containers. Tables have no databases above them.
struct CosmosApi {
  std::string name;  // apiType: "Sql"
  std::string databases,
      containers;  // types below the account: "sqlDatabases", "containers"; databases "" for tables
  std::string restorable_databases, restorable_containers, restorable_resources, rid_parameter;
};
const std::vector<CosmosApi>& cosmos_apis();
const CosmosApi& api_of(const Resource& account);

[[noreturn]] void throw_cosmos(const std::string& message);  // 400 BadRequest
// 412 PreconditionFailed while a change of the account, or its migration to continuous backup, is under way.
void check_idle(const Resource& account);
// Saves the account as being changed; it is Succeeded again when the time is over.
void begin_change(Context& context, Resource& account, const std::string& state, core::Millis demo,
                  core::Millis realistic, const Json& then = Json::object());

// Access keys, connection strings, taken names and the regions of the service.
void register_cosmos_keys(Router& router, Context& context);

// ---- backup policy ----
Json checked_backup_policy(const Json& wanted);
void change_backup_policy(Context& context, Resource& account, const Json& wanted);
bool is_continuous(const Resource& account);

// ---- regions ----
Json checked_locations(const Json& wanted, const std::string& location);  // [{name, priority, zones}]
void change_locations(Context& context, Resource& account, const Json& wanted);
void register_cosmos_regions(Router& router, Context& context);

// ---- what there was when ----
// One creation or deletion of a database or container.
struct CosmosEvent {
  std::string instance, kind, name, rid,
      parent;  // kind: "database" or "container"; parent: the database's rid
  core::TimePoint at{};
  bool created = true;
};
class CosmosEvents {
 public:
  explicit CosmosEvents(Context& context);
  void add(const CosmosEvent& event);
  std::vector<CosmosEvent> list(const std::string& instance, const std::string& kind);
  // What existed at a time: databases by rid and name, with the names of their containers.
  struct Database {
    std::string name;
    std::vector<std::string> containers;
  };
  std::vector<Database> at(const std::string& instance, core::TimePoint time);
  void clear();

 private:
  Context& context_;
};
CosmosEvents& cosmos_events(Context& context);
// {"throughput": N} or {"autoscaleSettings": {"maxThroughput": N}} of a request's options, checked; null:
// none.
Json checked_throughput(const Json& options);
void add_throughput_routes(Router& router, Context& context, const std::string& item);
void register_cosmos_databases(Router& router, Context& context);
// The account of a request on something below it. Throws 404.
Resource account_above(Context& context, const Request& request);
// Makes databases and containers in an account: [{name, containers: [name]}].
void make_databases(Context& context, const Resource& account,
                    const std::vector<CosmosEvents::Database>& databases, core::TimePoint at);

// ---- restorable accounts ----
// Makes or updates the account's entry; `deleted` also notes the end.
void note_restorable(Context& context, const Resource& account, bool deleted);
void register_cosmos_restorable(Router& router, Context& context);
// The databases to make in an account that is created with createMode Restore. Throws 400 BadRequest.
std::vector<CosmosEvents::Database> checked_restore(Context& context, const Json& properties,
                                                    const std::string& kind, const std::string& location);

struct SeedCosmosAccount {
  std::string name, group = "Production", kind = "GlobalDocumentDB", consistency = "Session",
                    backup = "Continuous30Days";
  std::vector<std::string> locations = {"eastus"};
  bool automatic_failover = false;
  int age_days = 10;
  std::vector<CosmosEvents::Database> databases;
  Json tags;
};
void seed_cosmos_account(Context& context, const SeedCosmosAccount& account);

}  // namespace azlin::simulator
