#include "simulator/plain_types.hpp"

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// Members beside "properties" that are kept as they are stated.
constexpr const char* kTopMembers[] = {"sku", "kind", "zones", "plan", "extendedLocation", "managedBy"};

constexpr const char* kIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities";

bool is_child(const std::string& type) {
  return std::count(type.begin(), type.end(), '/') > 1;
}

std::string parent_of(const std::string& id) {
  const auto name = id.rfind('/');
  return id.substr(0, id.rfind('/', name - 1));
}

void require_parent(Context& context, const std::string& id) {
  if (context.state.exists(parent_of(id))) return;
  const Target parent = parse_target("GET", split_path(parent_of(id)));
  throw ApiError(
      404, "ParentResourceNotFound",
      fmt::format("Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                  parent.name));
}

std::string path_of(const std::string& type) {
  const auto parts = split(type, '/');
  std::string path = group_path(parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i)
    path += "/" + parts[i] + (i + 1 < parts.size() ? fmt::format("/{{name{}}}", i) : "");
  return path;
}

Reply put(Context& context, Request& request, const PlainType& type) {
  drop_nulls_but_identities(request.json);
  if (is_child(type.type)) require_parent(context, request.target.id);
  const auto existing = context.state.find(request.target.id);
  Resource fresh = make_resource(context, request, type.type);
  for (const char* member : kTopMembers)
    if (request.json.contains(member)) fresh.body[member] = request.json[member];
  complete_identity(context, fresh.id, request.json, existing ? existing->body : Json(), fresh.body);
  const Json stated = subtree_at(request.json, "/properties");
  if (stated.is_object()) fresh.body["properties"] = stated;
  fresh.body["properties"].erase("provisioningState");  // read-only in Azure
  if (existing) fresh.hidden = existing->hidden;
  if (type.complete) type.complete(context, request, fresh, existing);
  if (type.has_state) fresh.body["properties"]["provisioningState"] = "Succeeded";
  context.save(fresh);
  return Reply::json(existing ? 200 : type.created, fresh.body);
}

// Tags are replaced, properties merged.
Reply patch(Context& context, Request& request, const PlainType& type) {
  drop_nulls_but_identities(request.json);
  const auto before = require(context, request.target.id);
  Request whole = request;
  whole.json = before.body;
  for (const auto& [name, value] : request.object().items()) {
    if (name == "properties")
      whole.json[name].merge_patch(value);
    else
      whole.json[name] = value;
  }
  whole.json["location"] = before.location;
  return put(context, whole, type);
}

Reply remove(Context& context, const Request& request, const PlainType& type) {
  const auto resource = context.state.find(request.target.id);
  if (!resource) return Reply::empty(204);
  if (type.check_delete) type.check_delete(context, *resource);
  if (type.deleted_at_once) {
    erase_with_children(context, resource->id);
    return Reply::empty(200);
  }
  const Work work{
      "plain.delete", resource->id, {{"id", resource->id}}, core::Millis{300}, core::Millis{3'000}};
  return context.operations.start(request, type.shape, resource->location, work, 202);
}

Reply list_children(Context& context, const Request& request, const std::string& type) {
  const std::string parent = request.target.id;
  if (!context.state.exists(parent)) throw_not_found(parent);
  ListFilter filter;
  filter.type = type;
  filter.id_prefix = lower(parent) + "/";
  return page_reply(request, context.state.page(filter, page_start(request), 1'000, {}));
}

void erase_user(Json& users, const std::string& id) {
  for (auto it = users.begin(); it != users.end();) it = same(it.key(), id) ? users.erase(it) : std::next(it);
}

}  // namespace

void register_plain_type(Router& router, Context& context, const PlainType& type) {
  const std::string path = path_of(type.type), one = path + "/{name}";
  router.arm("PUT", one, type.versions, [&context, type](Request& r) { return put(context, r, type); });
  router.arm("PATCH", one, type.versions, [&context, type](Request& r) { return patch(context, r, type); });
  router.arm("GET", one, type.versions, [&context](Request& r) { return get_resource(context, r); });
  router.arm("DELETE", one, type.versions, [&context, type](Request& r) { return remove(context, r, type); });
  if (is_child(type.type)) {
    router.arm("GET", path, type.versions,
               [&context, name = type.type](Request& r) { return list_children(context, r, name); });
    return;
  }
  const auto list = [&context, name = type.type](Request& r) { return list_resources(context, r, name); };
  router.arm("GET", path, type.versions, list);
  router.arm("GET", subscription_path(type.type), type.versions, list);
}

void drop_nulls_but_identities(Json& wanted) {
  const Json users = subtree_at(wanted, "/identity/userAssignedIdentities");
  drop_nulls(wanted);
  if (users.is_object()) wanted["identity"]["userAssignedIdentities"] = users;
}

void complete_identity(Context& context, const std::string& id, const Json& wanted, const Json& before,
                       Json& body) {
  const bool stated = wanted.is_object() && wanted.contains("identity") && wanted["identity"].is_object();
  if (!stated) {
    if (before.is_object() && before.contains("identity")) body["identity"] = before["identity"];
    return;
  }
  std::string type;
  for (const auto& part : split(text_at(wanted, "/identity/type", "None"), ',')) {
    const auto one = enum_value(trim(part), {"SystemAssigned", "UserAssigned", "None"}, "identity.type");
    type += (type.empty() ? "" : ", ") + one;
  }
  body.erase("identity");
  if (type == "None") return;
  Json identity = {{"type", type}};
  if (type.find("SystemAssigned") != std::string::npos) {
    identity["principalId"] = guid_from("principal " + lower(id));
    identity["tenantId"] = kTenant;
  }
  if (type.find("UserAssigned") != std::string::npos) {
    Json users = subtree_at(before, "/identity/userAssignedIdentities");
    if (!users.is_object()) users = Json::object();
    const Json wanted_users = wanted["identity"].value("userAssignedIdentities", Json::object());
    for (const auto& [user, change] : wanted_users.items()) {
      if (change.is_null()) {
        erase_user(users, user);
        continue;
      }
      const auto found = context.state.find(user);
      if (!found || !same(found->type, kIdentity))
        throw ApiError(
            400, "FailedIdentityOperation",
            fmt::format("Identity operation for resource '{}' failed with error 'Failed to perform resource "
                        "identity operation. Status: 'BadRequest'. Response: '{{\"error\":{{\"code\":"
                        "\"BadRequest\",\"message\":\"Resource '{}' was not found.\"}}}}'.",
                        id, user));
      users[found->id] = {{"principalId", found->body["properties"]["principalId"]},
                          {"clientId", found->body["properties"]["clientId"]}};
    }
    identity["userAssignedIdentities"] = users;
  }
  body["identity"] = identity;
}

void register_plain_deletion(Context& context) {
  context.operations.on("plain.delete", [](Context& ctx, const Json& data) {
    erase_with_children(ctx, text_at(data, "/id"));
    return Json();
  });
}

void register_identities(Router& router, Context& context) {
  const auto complete = [](Context&, const Request&, Resource& fresh, const std::optional<Resource>&) {
    auto& properties = fresh.body["properties"];
    properties["tenantId"] = kTenant;
    properties["principalId"] = guid_from("principal " + lower(fresh.id));
    properties["clientId"] = guid_from("client " + lower(fresh.id));
  };
  register_plain_type(router, context,
                      {.type = kIdentity,
                       .versions = kIdentity,
                       .complete = complete,
                       .has_state = false,
                       .deleted_at_once = true});
}

}  // namespace azlin::simulator
