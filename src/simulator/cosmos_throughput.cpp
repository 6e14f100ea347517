// Provisioned throughput of databases and containers: a number that is kept, nothing that is measured.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kTail = "/throughputSettings/default";
constexpr std::int64_t kLeast = 400, kStep = 100, kLeastAutoscale = 1'000;

// ".../sqlDatabases/d" of ".../sqlDatabases/d/throughputSettings/default".
Resource item_of(Context& context, const Request& request) {
  const std::string path = "/" + fmt::format("{}", fmt::join(request.segments, "/"));
  return require(context, path.substr(0, path.size() - std::string_view(kTail).size()));
}

Json shown(const Resource& item) {
  Json resource = item.hidden["throughput"];
  resource["minimumThroughput"] = std::to_string(kLeast);
  resource["isOfferReplacePending"] = "false";
  return {{"id", item.id + kTail},
          {"name", "default"},
          {"type", item.type + "/throughputSettings"},
          {"properties", {{"resource", resource}}}};
}

Reply get_throughput(Context& context, Request& request) {
  const Resource item = item_of(context, request);
  if (item.hidden.value("throughput", Json()).is_null())
    throw ApiError(404, "NotFound",
                   fmt::format("The resource '{}' has no throughput of its own.", item.name));
  return Reply::json(200, shown(item));
}

Reply put_throughput(Context& context, Request& request) {
  Resource item = item_of(context, request);
  if (item.hidden.value("throughput", Json()).is_null())
    throw_cosmos("Throughput cannot be set on a resource that was made without it.");
  const Json wanted =
      checked_throughput(request.object().value("/properties/resource"_json_pointer, Json::object()));
  if (wanted.is_null()) throw_cosmos("A throughput, or autoscale settings, are required.");
  if (wanted.contains("throughput") != item.hidden["throughput"].contains("throughput"))
    throw_cosmos("The kind of throughput is changed by migrateToAutoscale or migrateToManualThroughput.");
  item.hidden["throughput"] = wanted;
  context.save(item);
  const Work work{kCosmosItem, item.id, {{"body", shown(item)}}, core::Millis{500}, core::Millis{30'000}};
  return context.operations.start(request, LroShape::cosmos, account_above(context, request).location, work,
                                  202);
}

}  // namespace

Json checked_throughput(const Json& options) {
  const auto plain = number_at(options, "/throughput", 0);
  const auto most = number_at(options, "/autoscaleSettings/maxThroughput", 0);
  if (plain == 0 && most == 0) return nullptr;
  if (plain != 0 && most != 0) throw_cosmos("Give either a throughput or autoscale settings.");
  if (plain != 0 && (plain < kLeast || plain % kStep != 0))
    throw_cosmos(fmt::format("The throughput must be {} or more, in steps of {}.", kLeast, kStep));
  if (most != 0 && (most < kLeastAutoscale || most % kLeastAutoscale != 0))
    throw_cosmos(fmt::format("maxThroughput must be a multiple of {}.", kLeastAutoscale));
  if (plain != 0) return {{"throughput", plain}};
  return {{"autoscaleSettings", {{"maxThroughput", most}}}};
}

void add_throughput_routes(Router& router, Context& context, const std::string& item) {
  router.arm("GET", item + kTail, kCosmosType,
             [&context](Request& request) { return get_throughput(context, request); });
  router.arm("PUT", item + kTail, kCosmosType,
             [&context](Request& request) { return put_throughput(context, request); });
}

}  // namespace azlin::simulator
