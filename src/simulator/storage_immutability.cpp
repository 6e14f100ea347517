// What keeps a container's blobs from being changed: legal holds and immutability policies.
// Source: REST reference, Blob Containers (2023-05-01).
#include <fmt/format.h>

#include "simulator/auth.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/storage_containers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::int64_t kMostDays = 146'000;
constexpr int kMostExtensions = 5;
constexpr std::size_t kMostTags = 10;
constexpr const char* kPolicyType =
    "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies";

Json entry(Context& context, const Request& request) {
  return {{"timestamp", core::to_iso8601(context.now())},
          {"objectIdentifier", request.principal},
          {"tenantId", kTenant}};
}

// ---- legal holds: tags, each of 3 to 23 letters and digits ----

std::vector<std::string> wanted_tags(const Request& request) {
  const Json& body = request.object();
  const Json tags = body.value("tags", Json());
  if (!tags.is_array() || tags.empty() || tags.size() > kMostTags) throw_storage_value("tags");
  std::vector<std::string> out;
  for (const auto& tag : tags) {
    const std::string text = tag.is_string() ? lower(tag.get<std::string>()) : "";
    if (text.size() < 3 || text.size() > 23 ||
        !std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c); }))
      throw_storage_value("tags");
    out.push_back(text);
  }
  return out;
}

Reply change_hold(Context& context, Request& request, bool set) {
  Resource container = container_of(context, request);
  const auto wanted = wanted_tags(request);
  Json& properties = container.body["properties"];
  Json kept = Json::array();
  const Json before = properties.value("/legalHold/tags"_json_pointer, Json::array());
  for (const auto& held : before)
    if (set || std::find(wanted.begin(), wanted.end(), held["tag"]) == wanted.end()) kept.push_back(held);
  for (const auto& tag : wanted) {
    const bool there =
        std::any_of(kept.begin(), kept.end(), [&](const Json& held) { return held["tag"] == tag; });
    if (!set || there) continue;
    kept.push_back(entry(context, request));
    kept.back()["tag"] = tag;
  }
  if (kept.size() > kMostTags) throw_storage_value("tags");
  const bool held = !kept.empty();
  properties["hasLegalHold"] = held;
  properties.erase("legalHold");
  if (held) properties["legalHold"] = {{"hasLegalHold", true}, {"tags", kept}};
  if (held && flag_at(request.object(), "/allowProtectedAppendWritesAll", false))
    properties["legalHold"]["protectedAppendWritesHistory"] = {
        {"allowProtectedAppendWritesAll", true}, {"timestamp", core::to_iso8601(context.now())}};
  touch_container(context, container);
  context.save(container);
  Json tags = Json::array();
  for (const auto& one : kept) tags.push_back(one["tag"]);
  return Reply::json(200, {{"hasLegalHold", held}, {"tags", tags}});
}

// ---- immutability policies ----

Json policy_of(const Resource& container) {
  return container.body["properties"].value("immutabilityPolicy", Json());
}

std::string state_of(const Resource& container) {
  return text_at(policy_of(container), "/properties/state");
}

// Without a policy: of no days, as after its deletion.
Reply show_policy(const Resource& container, const Json& policy) {
  Json body = {{"id", container.id + "/immutabilityPolicies/default"},
               {"name", "default"},
               {"type", kPolicyType},
               {"etag", policy.is_null() ? Json("\"\"") : policy["etag"]},
               {"properties", policy.is_null()
                                  ? Json{{"immutabilityPeriodSinceCreationInDays", 0}, {"state", "Unlocked"}}
                                  : policy["properties"]}};
  return Reply::json(200, body).with("ETag", body["etag"]);
}

std::string bare(std::string etag) {
  std::erase(etag, '"');
  return lower(etag);
}

void check_match(const Request& request, const Json& policy, bool required) {
  const auto wanted = request.header("if-match");
  if (!wanted && required)
    throw ApiError(400, "MissingRequiredHeader", "The header If-Match is required for this operation.");
  if (!wanted || *wanted == "*") return;
  if (policy.is_null() || bare(*wanted) != bare(policy["etag"]))
    throw ApiError(412, "PreconditionFailed",
                   "The condition specified using HTTP conditional header(s) is not met.");
}

[[noreturn]] void refuse_state() {
  throw ApiError(409, "ContainerImmutabilityPolicyLocked",
                 "Operation not allowed on immutability policy with current state");
}

std::int64_t wanted_days(const Request& request) {
  const auto days = number_at(request.object(), "/properties/immutabilityPeriodSinceCreationInDays", 0);
  if (days < 1 || days > kMostDays) throw_storage_value("immutabilityPeriodSinceCreationInDays");
  return days;
}

Reply save_policy(Context& context, const Request& request, Resource& container, Json policy,
                  const char* update) {
  Json step = entry(context, request);
  step["update"] = update;
  step["immutabilityPeriodSinceCreationInDays"] =
      policy["properties"]["immutabilityPeriodSinceCreationInDays"];
  policy["updateHistory"].push_back(step);
  policy["etag"] = fmt::format("\"8d{}\"", new_guid().substr(24));
  container.body["properties"]["immutabilityPolicy"] = policy;
  container.body["properties"]["hasImmutabilityPolicy"] = true;
  touch_container(context, container);
  context.save(container);
  return show_policy(container, policy);
}

Reply put_policy(Context& context, Request& request) {
  Resource container = container_of(context, request);
  const Json before = policy_of(container);
  check_match(request, before, false);
  if (state_of(container) == "Locked") refuse_state();
  Json properties = {{"immutabilityPeriodSinceCreationInDays", wanted_days(request)}, {"state", "Unlocked"}};
  const bool some = flag_at(request.object(), "/properties/allowProtectedAppendWrites", false),
             all = flag_at(request.object(), "/properties/allowProtectedAppendWritesAll", false);
  if (some && all) throw_storage_value("allowProtectedAppendWrites, allowProtectedAppendWritesAll");
  properties["allowProtectedAppendWrites"] = some;
  properties["allowProtectedAppendWritesAll"] = all;
  Json policy = {{"properties", properties}, {"updateHistory", Json::array()}};
  if (!before.is_null()) policy["updateHistory"] = before["updateHistory"];
  return save_policy(context, request, container, policy, "put");
}

Reply delete_policy(Context& context, Request& request) {
  Resource container = container_of(context, request);
  check_match(request, policy_of(container), true);
  if (state_of(container) == "Locked") refuse_state();
  container.body["properties"].erase("immutabilityPolicy");
  container.body["properties"]["hasImmutabilityPolicy"] = false;
  touch_container(context, container);
  context.save(container);
  return show_policy(container, nullptr);
}

Reply lock_policy(Context& context, Request& request) {
  Resource container = container_of(context, request);
  Json policy = policy_of(container);
  check_match(request, policy, true);
  if (state_of(container) != "Unlocked") refuse_state();
  policy["properties"]["state"] = "Locked";
  return save_policy(context, request, container, policy, "lock");
}

Reply extend_policy(Context& context, Request& request) {
  Resource container = container_of(context, request);
  Json policy = policy_of(container);
  check_match(request, policy, true);
  if (state_of(container) != "Locked") refuse_state();
  const auto days = wanted_days(request);
  const Json& history = policy["updateHistory"];
  const auto extended = std::count_if(history.begin(), history.end(),
                                      [](const Json& step) { return step["update"] == "extend"; });
  if (days <= policy["properties"]["immutabilityPeriodSinceCreationInDays"] || extended >= kMostExtensions)
    throw_storage_value("immutabilityPeriodSinceCreationInDays");
  policy["properties"]["immutabilityPeriodSinceCreationInDays"] = days;
  return save_policy(context, request, container, policy, "extend");
}

}  // namespace

void check_not_immutable(const Resource& container) {
  if (container.body["properties"]["hasLegalHold"] == true)
    throw ApiError(409, "ContainerHasLegalHold",
                   "The requested operation is not allowed as the container has one or more legal holds.");
}

void register_immutability(Router& router, Context& context) {
  const std::string one = group_path(kStorageType) + "/{account}/blobServices/default/containers/{container}",
                    policy = one + "/immutabilityPolicies/default";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kStorageType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("POST", one + "/setLegalHold",
     [](Context& cloud, Request& request) { return change_hold(cloud, request, true); });
  on("POST", one + "/clearLegalHold",
     [](Context& cloud, Request& request) { return change_hold(cloud, request, false); });
  on("GET", policy, [](Context& cloud, Request& request) {
    const Resource container = container_of(cloud, request);
    return show_policy(container, policy_of(container));
  });
  on("PUT", policy, put_policy);
  on("DELETE", policy, delete_policy);
  on("POST", policy + "/lock", lock_policy);
  on("POST", policy + "/extend", extend_policy);
}

}  // namespace azlin::simulator
