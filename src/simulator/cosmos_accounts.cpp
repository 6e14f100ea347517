// Accounts: create, change, delete, keys.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/crypto.hpp"
#include "simulator/dispatch.hpp"
#include "simulator/identity.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/platform.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

const std::vector<std::string> kConsistency = {"Eventual", "Session", "BoundedStaleness", "Strong",
                                               "ConsistentPrefix"};
const std::vector<std::string> kKinds = {"GlobalDocumentDB", "MongoDB", "Parse"};

void check_name(const std::string& name) {
  const bool good =
      name.size() >= 3 && name.size() <= 44 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isdigit(c) || (c >= 'a' && c <= 'z') || c == '-';
      });
  if (!good)
    throw_cosmos(fmt::format(
        "Database account name '{}' is invalid: 3 to 44 lower-case letters, digits and hyphens.", name));
}

void check_unique(Context& context, const std::string& name) {
  if (!context.state.list_by_ref(kCosmosType, name).empty())
    throw_cosmos(fmt::format("Dns record for {} under zone Document is already taken.", name));
}

Json checked_consistency(const Json& wanted) {
  const std::string level =
      enum_value(text_at(wanted, "/defaultConsistencyLevel"), kConsistency, "defaultConsistencyLevel");
  return {{"defaultConsistencyLevel", level},
          {"maxIntervalInSeconds", number_at(wanted, "/maxIntervalInSeconds", 5)},
          {"maxStalenessPrefix", number_at(wanted, "/maxStalenessPrefix", 100)}};
}

// Members that simply become the account's.
void apply_plain(Resource& account, const Json& properties) {
  for (const char* member :
       {"enableAutomaticFailover", "enableMultipleWriteLocations", "isVirtualNetworkFilterEnabled",
        "publicNetworkAccess", "disableLocalAuth", "enableFreeTier", "ipRules", "networkAclBypass",
        "networkAclBypassResourceIds", "disableKeyBasedMetadataWriteAccess", "minimalTlsVersion",
        "virtualNetworkRules", "apiProperties", "cors", "capacity", "enablePartitionMerge",
        "analyticalStorageConfiguration", "defaultIdentity"})
    if (properties.contains(member)) account.body["properties"][member] = properties[member];
  if (properties.contains("consistencyPolicy"))
    account.body["properties"]["consistencyPolicy"] = checked_consistency(properties["consistencyPolicy"]);
  const bool writers = flag_at(account.body, "/properties/enableMultipleWriteLocations", false);
  if (writers && is_continuous(account))
    throw_cosmos("Multiple write locations are not supported with continuous backup.");
}

Resource blank(Context& context, const std::string& id, const std::string& location,
               const std::string& kind) {
  Resource account;
  account.id = id;
  account.name = last_segment(id);
  account.type = kCosmosType;
  account.location = location;
  account.ref = account.name;
  account.live = true;
  account.hidden = {{"instance", new_guid()}, {"since", core::to_iso8601(context.now())}};
  for (const char* key :
       {"primaryMasterKey", "secondaryMasterKey", "primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"})
    account.hidden["keys"][key] = base64_encode(random_bytes(64));
  account.body = {
      {"id", id}, {"name", account.name}, {"type", kCosmosType}, {"location", location}, {"kind", kind}};
  account.body["properties"] = {
      {"provisioningState", "Succeeded"},
      {"databaseAccountOfferType", "Standard"},
      {"instanceId", account.hidden["instance"]},
      {"createMode", "Default"},
      {"enableAutomaticFailover", false},
      {"enableMultipleWriteLocations", false},
      {"enableAnalyticalStorage", false},
      {"publicNetworkAccess", "Enabled"},
      {"capabilities", Json::array()},
      {"consistencyPolicy", checked_consistency({{"defaultConsistencyLevel", "Session"}})},
      {"backupPolicy", checked_backup_policy({{"type", "Periodic"}})}};
  return account;
}

// Locations come back with endpoints and the three lists that Azure derives from them.
Json present(Context& context, const Resource& account) {
  Json body = account.body;
  Json& properties = body["properties"];
  properties["documentEndpoint"] = fmt::format("https://{}.documents.azure.com:443/", account.name);
  for (const char* list : {"locations", "writeLocations", "readLocations", "failoverPolicies"})
    properties[list] = Json::array();
  for (const auto& region : account.hidden["regions"]) {
    const std::string name = region["name"], display = find_location(name)->display;
    const bool writes =
        region["priority"] == 0 || flag_at(properties, "/enableMultipleWriteLocations", false);
    Json entry = {{"id", account.name + "-" + name},
                  {"locationName", display},
                  {"failoverPriority", region["priority"]}};
    properties["failoverPolicies"].push_back(entry);
    entry["documentEndpoint"] = fmt::format("https://{}-{}.documents.azure.com:443/", account.name, name);
    entry["isZoneRedundant"] = region["zones"];
    entry["provisioningState"] = context.faults.region_down(name) ? "Offline" : "Succeeded";
    properties["locations"].push_back(entry);
    properties["readLocations"].push_back(entry);
    if (writes) properties["writeLocations"].push_back(entry);
  }
  return body;
}

Reply create(Context& context, const Request& request, const Json& wanted) {
  const Resource made = make_resource(context, request, kCosmosType);
  const Json properties = wanted.value("properties", Json::object());
  const std::string kind = enum_value(text_at(wanted, "/kind", "GlobalDocumentDB"), kKinds, "kind");
  Resource account = blank(context, made.id, made.location, kind);
  if (made.body.contains("tags")) account.body["tags"] = made.body["tags"];
  apply_identity_of(account.body, wanted);
  account.hidden["regions"] = checked_locations(properties.value("locations", Json::array()), made.location);
  for (const char* member : {"capabilities", "enableAnalyticalStorage"})
    if (properties.contains(member)) account.body["properties"][member] = properties[member];
  if (properties.contains("backupPolicy"))
    account.body["properties"]["backupPolicy"] = checked_backup_policy(properties["backupPolicy"]);
  apply_plain(account, properties);
  Json then = Json::object();
  if (same(text_at(properties, "/createMode"), "Restore")) {
    Json databases = Json::array();
    for (const auto& database : checked_restore(context, properties, kind, made.location))
      databases.push_back({{"name", database.name}, {"containers", database.containers}});
    then["databases"] = databases;
    account.body["properties"]["createMode"] = "Restore";
    account.body["properties"]["restoreParameters"] = properties["restoreParameters"];
    account.body["properties"]["backupPolicy"] =
        checked_backup_policy(properties.value("backupPolicy", Json{{"type", "Continuous"}}));
    if (!is_continuous(account)) throw_cosmos("A restored account has continuous backup.");
    begin_change(context, account, "Initializing", core::Millis{3'000}, core::Millis{1'800'000}, then);
  } else {
    begin_change(context, account, "Initializing", core::Millis{1'000}, core::Millis{300'000}, then);
  }
  if (is_continuous(account)) note_restorable(context, account, false);
  return Reply::json(200, present(context, account));
}

// Azure takes regions, and automatic failover, in a request of their own only.
void check_alone(const Json& properties, const char* member) {
  if (properties.contains(member) && properties.size() > 1)
    throw_cosmos(
        fmt::format("A change of '{}' cannot be combined with other changes of the account.", member));
}

// What a client only repeats is no change: `az` sends an empty `apiProperties` with everything.
void drop_unchanged(const Resource& account, Json& properties) {
  const Json& present = account.body["properties"];
  for (auto member = properties.begin(); member != properties.end();) {
    const bool empty = member->is_structured() && member->empty();
    const bool regions = member.key() == "locations" && !empty &&
                         checked_locations(*member, account.location) == account.hidden["regions"];
    const bool same_value = present.contains(member.key()) && present[member.key()] == *member;
    member = empty || regions || same_value ? properties.erase(member) : std::next(member);
  }
}

Reply change(Context& context, Resource account, const Json& wanted, bool whole) {
  Json properties = wanted.value("properties", Json::object());
  check_idle(account);
  if (whole)  // said at creation, and again in each PUT
    for (const char* member : {"databaseAccountOfferType", "createMode", "restoreParameters"})
      properties.erase(member);
  drop_unchanged(account, properties);
  if (!whole || properties.contains("locations")) check_alone(properties, "locations");
  if (!whole) check_alone(properties, "enableAutomaticFailover");
  if (wanted.contains("tags")) {
    check_tags(wanted["tags"]);
    account.body["tags"] = wanted["tags"];
  }
  apply_identity_of(account.body, wanted);
  if (properties.contains("locations")) change_locations(context, account, properties["locations"]);
  if (properties.contains("backupPolicy")) change_backup_policy(context, account, properties["backupPolicy"]);
  apply_plain(account, properties);
  begin_change(context, account, "Updating", core::Millis{1'000}, core::Millis{120'000});
  if (is_continuous(account)) note_restorable(context, account, false);
  return Reply::json(200, present(context, account));
}

Reply put_account(Context& context, Request& request) {
  check_name(request.target.name);
  Json wanted = request.object();
  drop_nulls(wanted);
  if (!same(text_at(wanted, "/properties/databaseAccountOfferType"), "Standard"))
    throw_cosmos("The property databaseAccountOfferType is required and must be Standard.");
  if (auto existing = context.state.find(request.target.id)) {
    if (same(text_at(wanted, "/properties/createMode"), "Restore") &&
        text_at(existing->body, "/properties/createMode") != "Restore")
      throw_cosmos(
          fmt::format("Dns record for {} under zone Document is already taken.", request.target.name));
    make_resource(context, request, kCosmosType);  // checks location and tags
    return change(context, std::move(*existing), wanted, true);
  }
  check_unique(context, request.target.name);
  return create(context, request, wanted);
}

Reply patch_account(Context& context, Request& request) {
  Json wanted = request.object();
  drop_nulls(wanted);
  return change(context, require(context, request.target.id), wanted, false);
}

Json finish(Context& context, const Json& data) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return nullptr;
  account->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*account);
  std::vector<CosmosEvents::Database> databases;
  for (const auto& entry : data["then"].value("databases", Json::array()))
    databases.push_back({entry["name"], entry["containers"].get<std::vector<std::string>>()});
  make_databases(context, *account, databases, context.now());
  return nullptr;
}

// The account is marked Failed; what was asked for can be asked for again.
void fail(Context& context, const Json& data, const ApiError&) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return;
  account->body["properties"]["provisioningState"] = "Failed";
  context.save(*account);
}

Reply delete_account(Context& context, Request& request) {
  const auto account = context.state.find(request.target.id);
  if (!account) return Reply::empty(204);
  erase_with_children(context, account->id);  // its hook notes the end for a restore
  Work work{"cosmos deleted", account->id, {}, core::Millis{1'000}, core::Millis{300'000}};
  return context.operations.start(request, LroShape::cosmos, account->location, work, 202);
}

}  // namespace

void throw_cosmos(const std::string& message) {
  throw ApiError(400, "BadRequest", message);
}

void check_idle(const Resource& account) {
  const bool migrating =
      text_at(account.body, "/properties/backupPolicy/migrationState/status") == "InProgress";
  const std::string state = text_at(account.body, "/properties/provisioningState");
  if (!migrating && (state == "Succeeded" || state == "Failed")) return;
  throw ApiError(
      412, "PreconditionFailed",
      fmt::format(
          "There is already an operation in progress which requires exclusive lock on this service {}. "
          "Please retry the operation after sometime.",
          account.name));
}

void begin_change(Context& context, Resource& account, const std::string& state, core::Millis demo,
                  core::Millis realistic, const Json& then) {
  account.body["properties"]["provisioningState"] = state;
  context.save(account);
  context.operations.schedule({kCosmosReady, account.id, {{"id", account.id}, {"then", then}}},
                              context.delay(demo, realistic));
}

void register_cosmos(Router& router, Context& context) {
  const std::string path = group_path(kCosmosType), one = path + "/{account}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kCosmosType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  const auto list = [](Context& cloud, Request& request) {
    return list_resources(cloud, request, kCosmosType);
  };
  on("GET", path, list);
  on("GET", subscription_path(kCosmosType), list);
  on("GET", one, get_resource);
  on("PUT", one, put_account);
  on("PATCH", one, patch_account);
  on("DELETE", one, delete_account);
  context.presenters[lower(kCosmosType)] = [&context](const Resource& account) {
    return present(context, account);
  };
  context.on_erase[lower(kCosmosType)] = [](Context& cloud, const Resource& account) {
    if (is_continuous(account)) note_restorable(cloud, account, true);
  };
  context.operations.on(kCosmosReady, finish, fail);
  context.operations.on("cosmos deleted", [](Context&, const Json&) { return Json(); });
  // The service answers for accounts from its other regions.
  answer_during_outage(context, [](const Request& request) {
    return starts_with_ignoring_case(request.target.type, kCosmosType) && request.method != "PUT";
  });
  register_cosmos_keys(router, context);
  register_cosmos_regions(router, context);
  register_cosmos_databases(router, context);
  register_cosmos_restorable(router, context);
}

void seed_cosmos_account(Context& context, const SeedCosmosAccount& seed) {
  check_name(seed.name);
  seed_group(context, seed.group, seed.locations.at(0));
  const std::string location = check_location(seed.locations.at(0), kCosmosType);
  Resource account =
      blank(context, fmt::format("{}/providers/{}/{}", seed_group_id(seed.group), kCosmosType, seed.name),
            location, enum_value(seed.kind, kKinds, "kind"));
  const auto since = context.now() - std::chrono::days(seed.age_days);
  account.created = since;
  account.hidden["since"] = core::to_iso8601(since);
  Json regions = Json::array();
  for (const auto& name : seed.locations)
    regions.push_back({{"locationName", name}, {"failoverPriority", regions.size()}});
  account.hidden["regions"] = checked_locations(regions, location);
  Json& properties = account.body["properties"];
  properties["consistencyPolicy"] = checked_consistency({{"defaultConsistencyLevel", seed.consistency}});
  properties["enableAutomaticFailover"] = seed.automatic_failover;
  properties["backupPolicy"] = checked_backup_policy(
      same(seed.backup, "Periodic")
          ? Json{{"type", "Periodic"}}
          : Json{{"type", "Continuous"}, {"continuousModeProperties", {{"tier", seed.backup}}}});
  if (seed.tags.is_object()) account.body["tags"] = seed.tags;
  context.save(account);
  make_databases(context, account, seed.databases, since);
  if (is_continuous(account)) note_restorable(context, account, false);
}

}  // namespace azlin::simulator
