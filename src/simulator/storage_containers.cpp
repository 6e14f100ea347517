// Blob containers in ARM: create, change, list, leases, soft delete. Records of their own: the containers
// that hold blobs are Azurite's. Source: REST reference, Blob Containers (2023-05-01).
#include "simulator/storage_containers.hpp"

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kDeletedType = "Microsoft.Storage/storageAccounts/blobServices/deletedContainers";
constexpr std::size_t kMostListed = 5'000;
constexpr int kShortestLease = 15, kLongestLease = 60;

bool good_name(const std::string& name) {
  if (name == "$root" || name == "$web" || name == "$logs") return true;
  return name.size() >= 3 && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         name.find("--") == std::string::npos && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isdigit(c) || (c >= 'a' && c <= 'z') || c == '-';
         });
}

void check_name(const std::string& name) {
  if (!good_name(name))
    throw ApiError(400, "InvalidResourceName",
                   fmt::format("The name '{}' is invalid: 3 to 63 lower-case letters, digits and single "
                               "hyphens, with a letter or digit at both ends.",
                               name));
}

Resource account_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kStorageType, request.param("account")));
}

// "" or the state of the lease at this moment: Leased, Breaking.
std::string lease_now(Context& context, const Resource& container) {
  if (!container.hidden.contains("lease")) return "";
  const Json& lease = container.hidden["lease"];
  const std::int64_t now = context.now().time_since_epoch().count(), until = lease["until"];
  if (until != 0 && until <= now) return "";
  return lease.value("breaking", false) ? "Breaking" : "Leased";
}

Json shown(Context& context, const Resource& container) {
  Json body = container.body;
  Json& properties = body["properties"];
  const std::string lease = lease_now(context, container);
  const bool ended = lease.empty() && container.hidden.contains("lease");
  properties["leaseStatus"] = lease.empty() ? "Unlocked" : "Locked";
  properties["leaseState"] = !lease.empty()                                       ? lease
                             : !ended                                             ? "Available"
                             : container.hidden["lease"].value("breaking", false) ? "Broken"
                                                                                  : "Expired";
  if (lease == "Leased")
    properties["leaseDuration"] = container.hidden["lease"]["until"] == 0 ? "Infinite" : "Fixed";
  return body;
}

void check_access(const Resource& account, const Json& properties) {
  const std::string access = text_at(properties, "/publicAccess", "None");
  if (access != "None" && !flag_at(account.body, "/properties/allowBlobPublicAccess", false))
    throw ApiError(409, "PublicAccessNotPermitted",
                   "Public access is not permitted on this storage account.");
}

void apply(Context& context, const Resource& account, Resource& container, const Json& wanted) {
  Json& properties = container.body["properties"];
  if (wanted.contains("publicAccess")) {
    properties["publicAccess"] =
        enum_value(text_at(wanted, "/publicAccess"), {"None", "Blob", "Container"}, "publicAccess");
    check_access(account, properties);
  }
  if (wanted.contains("metadata")) {
    if (!wanted["metadata"].is_object() || !std::all_of(wanted["metadata"].begin(), wanted["metadata"].end(),
                                                        [](const Json& value) { return value.is_string(); }))
      throw_storage_value("metadata");
    properties["metadata"] = wanted["metadata"];
  }
  for (const char* member : {"defaultEncryptionScope", "denyEncryptionScopeOverride"})
    if (wanted.contains(member)) properties[member] = wanted[member];
  touch_container(context, container);
}

Resource new_container(const Resource& account, const std::string& name) {
  Resource container;
  container.id = account.id + "/blobServices/default/containers/" + name;
  container.type = kContainerType;
  container.name = name;
  container.body = {{"id", container.id}, {"name", name}, {"type", kContainerType}};
  container.body["properties"] = {{"publicAccess", "None"},
                                  {"deleted", false},
                                  {"remainingRetentionDays", 0},
                                  {"hasImmutabilityPolicy", false},
                                  {"hasLegalHold", false},
                                  {"defaultEncryptionScope", "$account-encryption-key"},
                                  {"denyEncryptionScopeOverride", false}};
  return container;
}

Reply put_container(Context& context, Request& request) {
  const Resource account = account_of(context, request);
  const std::string& name = request.param("container");
  check_name(name);
  Json body = request.json.is_object() ? request.json : Json::object();
  drop_nulls(body);
  const auto existing = context.state.find(request.target.id);
  Resource container = existing ? *existing : new_container(account, name);
  apply(context, account, container, body.value("properties", Json::object()));
  context.save(container);
  return Reply::json(existing ? 200 : 201, shown(context, container));
}

Reply patch_container(Context& context, Request& request) {
  const Resource account = account_of(context, request);
  Resource container = container_of(context, request);
  Json body = request.object();
  drop_nulls(body);
  apply(context, account, container, body.value("properties", Json::object()));
  context.save(container);
  return Reply::json(200, shown(context, container));
}

// For as many days as the account's soft delete of containers says, it is listed with $include=deleted.
void keep_deleted(Context& context, const Resource& account, const Resource& container) {
  const Json& policy = account.hidden["blobs"]["containerDeleteRetentionPolicy"];
  if (policy["enabled"] != true) return;
  Resource deleted = container;
  const std::string version = base64url_encode(new_guid()).substr(0, 16);
  deleted.id = fmt::format("{}/blobServices/default/deletedContainers/{}/{}", account.id, container.name,
                           lower(version));
  deleted.type = kDeletedType;
  deleted.hidden = {
      {"until", (context.now() + std::chrono::days{policy["days"].get<int>()}).time_since_epoch().count()}};
  Json& properties = deleted.body["properties"];
  properties["deleted"] = true;
  properties["deletedTime"] = core::to_iso8601(context.now());
  properties["version"] = version;
  context.save(deleted);
}

Reply delete_container(Context& context, Request& request) {
  const Resource account = account_of(context, request);
  const auto container = context.state.find(request.target.id);
  if (!container) return Reply::empty(204);
  check_not_immutable(*container);
  if (!lease_now(context, *container).empty())
    throw ApiError(
        412, "LeaseIdMissing",
        "There is currently a lease on the container and no lease ID was specified in the request.");
  keep_deleted(context, account, *container);
  context.state.erase(container->id);
  return Reply::empty(200);
}

std::vector<Resource> below(Context& context, const Resource& account, const char* type) {
  ListFilter filter;
  filter.type = type;
  filter.id_prefix = lower(account.id) + "/";
  return context.state.list(filter);
}

Json shown_deleted(Context& context, Resource deleted) {
  constexpr std::int64_t kDay = 86'400'000;
  const std::int64_t left =
      deleted.hidden["until"].get<std::int64_t>() - context.now().time_since_epoch().count();
  Json body = shown(context, deleted);
  body["properties"]["remainingRetentionDays"] = (left + kDay - 1) / kDay;
  return body;
}

std::size_t page_size(const Request& request) {
  const std::string text = request.query_or("$maxpagesize", "5000");
  const bool digits = !text.empty() && text.size() < 6 &&
                      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || std::stoul(text) == 0 || std::stoul(text) > kMostListed) throw_storage_value("$maxpagesize");
  return std::stoul(text);
}

// The prefix of "startswith(name, 'a')"; others: 400.
std::string name_prefix(const Request& request) {
  const std::string filter = trim(request.query_or("$filter", ""));
  if (filter.empty()) return "";
  const auto open = filter.find('\''), close = filter.rfind('\'');
  if (!starts_with_ignoring_case(filter, "startswith(name,") || open == close || !filter.ends_with(")"))
    throw_storage_value("$filter");
  return filter.substr(open + 1, close - open - 1);
}

Reply list_containers(Context& context, Request& request) {
  const Resource account = account_of(context, request);
  const std::string prefix = name_prefix(request),
                    after = base64url_decode(request.query_or("$skiptoken", ""));
  const std::size_t size = page_size(request);
  std::map<std::string, Json> found;  // by name, then the deleted ones of that name
  for (const auto& container : below(context, account, kContainerType))
    found[container.name] = shown(context, container);
  if (same(request.query_or("$include", ""), "deleted"))
    for (const auto& deleted : below(context, account, kDeletedType))
      if (deleted.hidden["until"] > context.now().time_since_epoch().count())
        found[deleted.name + "/" + last_segment(deleted.id)] = shown_deleted(context, deleted);
  Json value = Json::array();
  std::string last;
  bool more = false;
  for (const auto& [key, body] : found) {
    if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
    more = value.size() == size;
    if (more) break;
    value.push_back(body);
    last = key;
  }
  Json reply = {{"value", value}};
  if (more) {
    std::string url = request.base_url + request.path + "?";
    for (const auto& [name, text] : parse_query(request.raw_query))
      if (!same(name, "$skiptoken")) url += percent_encode(name) + "=" + percent_encode(text) + "&";
    reply["nextLink"] = url + "%24skiptoken=" + base64url_encode(last);
  }
  return Reply::json(200, reply);
}

[[noreturn]] void refuse_lease(const char* code, const char* message) {
  throw ApiError(409, code, message);
}

void check_lease_id(const Resource& container, const Json& body) {
  if (!container.hidden.contains("lease"))
    refuse_lease("LeaseNotPresentWithLeaseOperation", "There is currently no lease on the container.");
  if (container.hidden["lease"]["id"] != lower(text_at(body, "/leaseId")))
    refuse_lease("LeaseIdMismatchWithLeaseOperation",
                 "The lease ID specified did not match the lease ID for the container.");
}

std::int64_t lease_end(Context& context, std::int64_t seconds) {
  if (seconds == -1) return 0;
  if (seconds < kShortestLease || seconds > kLongestLease) throw_storage_value("leaseDuration");
  return context.now().time_since_epoch().count() + seconds * 1'000;
}

void acquire(Context& context, Resource& container, const Json& body) {
  const std::string proposed = lower(text_at(body, "/proposedLeaseId"));
  if (!proposed.empty() && !is_guid(proposed)) throw_storage_value("proposedLeaseId");
  const std::string id = proposed.empty() ? new_guid() : proposed;
  if (!lease_now(context, container).empty() && container.hidden["lease"]["id"] != id)
    refuse_lease("LeaseAlreadyPresent", "There is already a lease present.");
  const auto seconds = number_at(body, "/leaseDuration", 0);
  container.hidden["lease"] = {{"id", id}, {"seconds", seconds}, {"until", lease_end(context, seconds)}};
}

Reply lease(Context& context, Request& request) {
  Resource container = container_of(context, request);
  Json body = request.object();
  drop_nulls(body);
  const std::string action =
      enum_value(text_at(body, "/action"), {"Acquire", "Renew", "Change", "Release", "Break"}, "action");
  if (action == "Acquire") acquire(context, container, body);
  if (action == "Renew" || action == "Change" || action == "Release") check_lease_id(container, body);
  if (action == "Break" && lease_now(context, container).empty())
    refuse_lease("LeaseNotPresentWithLeaseOperation", "There is currently no lease on the container.");
  Json& held = container.hidden["lease"];
  if (action == "Renew") held["until"] = lease_end(context, held["seconds"]);
  if (action == "Change") {
    if (!is_guid(text_at(body, "/proposedLeaseId"))) throw_storage_value("proposedLeaseId");
    held["id"] = lower(text_at(body, "/proposedLeaseId"));
  }
  Json reply = {{"leaseId", held["id"]}};
  if (action == "Break") {
    const auto seconds = std::clamp<std::int64_t>(number_at(body, "/breakPeriod", 0), 0, kLongestLease);
    held["breaking"] = true;
    held["until"] = context.now().time_since_epoch().count() + seconds * 1'000;
    reply = {{"leaseTimeSeconds", std::to_string(seconds)}};
  }
  if (action == "Release") container.hidden.erase("lease");
  context.save(container);
  return Reply::json(200, reply);
}

}  // namespace

Resource container_of(Context& context, const Request& request) {
  const Resource account = account_of(context, request);
  auto container =
      context.state.find(account.id + "/blobServices/default/containers/" + request.param("container"));
  if (!container) throw ApiError(404, "ContainerNotFound", "The specified container does not exist.");
  return std::move(*container);
}

void touch_container(Context& context, Resource& container) {
  container.body["etag"] = fmt::format("\"0x8D{}\"", new_guid().substr(24));
  container.body["properties"]["lastModifiedTime"] = core::to_iso8601(context.now());
}

void check_containers_let_go(Context& context, const Resource& account) {
  for (const auto& container : below(context, account, kContainerType)) {
    const bool locked =
        text_at(container.body, "/properties/immutabilityPolicy/properties/state") == "Locked";
    if (!locked && container.body["properties"]["hasLegalHold"] != true) continue;
    throw ApiError(409, "AccountProtectedFromDeletion",
                   fmt::format("{} is protected from deletion. The container(s) {} have {}.", account.name,
                               container.name, locked ? "a locked immutability policy" : "a legal hold"));
  }
}

void register_storage_containers(Router& router, Context& context) {
  const std::string path = group_path(kStorageType) + "/{account}/blobServices/default/containers",
                    one = path + "/{container}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kStorageType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", path, list_containers);
  on("GET", one, [](Context& cloud, Request& request) {
    return Reply::json(200, shown(cloud, container_of(cloud, request)));
  });
  on("PUT", one, put_container);
  on("PATCH", one, patch_container);
  on("DELETE", one, delete_container);
  on("POST", one + "/lease", lease);
  register_immutability(router, context);
}

}  // namespace azlin::simulator
