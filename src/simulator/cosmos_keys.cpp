// Access keys and connection strings; whether a name is taken; the regions that the service is in.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/crypto.hpp"
#include "simulator/dispatch.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kRegenerated = "cosmos key";

struct KeyKind {
  const char *kind, *member, *says;
};
constexpr KeyKind kKinds[] = {{"primary", "primaryMasterKey", "Primary"},
                              {"secondary", "secondaryMasterKey", "Secondary"},
                              {"primaryReadonly", "primaryReadonlyMasterKey", "Primary Read-Only"},
                              {"secondaryReadonly", "secondaryReadonlyMasterKey", "Secondary Read-Only"}};

Reply list_keys(Context& context, Request& request) {
  return Reply::json(200, require(context, request.target.id).hidden["keys"]);
}

Reply list_readonly_keys(Context& context, Request& request) {
  std::string id = request.target.id;  // by GET the path goes on to "/readonlykeys"
  if (const auto tail = lower(id).rfind("/readonlykeys"); tail != std::string::npos) id.resize(tail);
  const Json keys = require(context, id).hidden["keys"];
  return Reply::json(200, {{"primaryReadonlyMasterKey", keys["primaryReadonlyMasterKey"]},
                           {"secondaryReadonlyMasterKey", keys["secondaryReadonlyMasterKey"]}});
}

std::string connection_string(const Resource& account, const std::string& key) {
  const auto& name = account.name;
  if (api_of(account).name == "MongoDB")
    return fmt::format(
        "mongodb://{0}:{1}@{0}.mongo.cosmos.azure.com:10255/?ssl=true&replicaSet=globaldb&retrywrites=false"
        "&maxIdleTimeMS=120000&appName=@{0}@",
        name, percent_encode(key));
  return fmt::format("AccountEndpoint=https://{}.documents.azure.com:443/;AccountKey={};", name, key);
}

Reply list_connection_strings(Context& context, Request& request) {
  const Resource account = require(context, request.target.id);
  const std::string& api = api_of(account).name;
  Json list = Json::array();
  for (const auto& kind : kKinds)
    list.push_back(
        {{"connectionString", connection_string(account, account.hidden["keys"][kind.member])},
         {"description", fmt::format("{} {} Connection String", kind.says, api == "Sql" ? "SQL" : api)}});
  return Reply::json(200, {{"connectionStrings", list}});
}

Reply regenerate_key(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  check_idle(account);
  const std::string wanted =
      enum_value(text_at(request.object(), "/keyKind"),
                 {"primary", "secondary", "primaryReadonly", "secondaryReadonly"}, "keyKind");
  for (const auto& kind : kKinds)
    if (wanted == kind.kind) account.hidden["keys"][kind.member] = base64_encode(random_bytes(64));
  context.save(account);
  const Work work{kRegenerated, account.id, {}, core::Millis{500}, core::Millis{30'000}};
  return context.operations.start(request, LroShape::cosmos, account.location, work, 202);
}

Reply name_taken(Context& context, Request& request) {
  const bool taken = !context.state.list_by_ref(kCosmosType, request.param("name")).empty();
  return Reply::empty(taken ? 200 : 404);
}

Json region_body(const Request& request, const Location& region) {
  Json redundancies = {"Geo", "Local"};
  if (region.zones) redundancies.push_back("Zone");
  return {{"id", fmt::format("/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{}",
                             request.param("sub"), region.name)},
          {"name", region.display},
          {"type", "Microsoft.DocumentDB/locations"},
          {"properties",
           {{"supportsAvailabilityZone", region.zones},
            {"isResidencyRestricted", false},
            {"isSubscriptionRegionAccessAllowedForRegular", true},
            {"isSubscriptionRegionAccessAllowedForAz", region.zones},
            {"status", "Online"},
            {"backupStorageRedundancies", redundancies}}}};
}

Reply list_regions(Context&, Request& request) {
  Json value = Json::array();
  for (const auto& region : locations()) value.push_back(region_body(request, region));
  return Reply::json(200, {{"value", value}});
}

Reply get_region(Context&, Request& request) {
  const Location* region = find_location(request.param("location"));
  if (region == nullptr) throw_not_found(request.target.id);
  return Reply::json(200, region_body(request, *region));
}

}  // namespace

void register_cosmos_keys(Router& router, Context& context) {
  const std::string one = group_path(kCosmosType) + "/{account}";
  const std::string regions = "/subscriptions/{sub}/providers/Microsoft.DocumentDB/locations";
  const auto on = [&](const char* method, const std::string& path, const char* type, auto handler) {
    router.arm(method, path, type,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("POST", one + "/listKeys", kCosmosType, list_keys);
  on("POST", one + "/readonlykeys", kCosmosType, list_readonly_keys);
  on("GET", one + "/readonlykeys", kCosmosType, list_readonly_keys);
  on("POST", one + "/listConnectionStrings", kCosmosType, list_connection_strings);
  on("POST", one + "/regenerateKey", kCosmosType, regenerate_key);
  on("GET", regions, "Microsoft.DocumentDB/locations", list_regions);
  on("GET", regions + "/{location}", "Microsoft.DocumentDB/locations", get_region);
  on("HEAD", "/providers/Microsoft.DocumentDB/databaseAccountNames/{name}",
     "Microsoft.DocumentDB/databaseAccountNames", name_taken);
  context.operations.on(kRegenerated, [](Context&, const Json&) { return Json(); });
}

}  // namespace azlin::simulator
