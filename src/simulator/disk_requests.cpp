#include "simulator/disk_requests.hpp"

#include <fmt/format.h>

#include "simulator/disk_model.hpp"
#include "simulator/disk_rules.hpp"
#include "simulator/resources.hpp"
#include "simulator/sas.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

Reply put(Context& context, const Request& request, const DiskKind& kind) {
  check_disk_name(request.target.name, kind.name);
  checked_properties(request.object(), same(kind.type, kDiskType));
  const auto fresh = make_resource(context, request, kind.type);  // checks location and tags
  auto existing = context.state.find(request.target.id);
  if (!existing) return kind.create(request, fresh);
  if (existing->body["properties"].value("provisioningState", "") != "Failed")
    return kind.update(request, std::move(*existing), true);
  // What a failed creation left is made anew.
  check_idle(context, *existing);
  auto reply = kind.create(request, fresh);
  release_contents(context, *existing);
  return reply;
}

Reply remove(Context& context, const Request& request, const DiskKind& kind) {
  const auto resource = context.state.find(request.target.id);
  if (!resource) return Reply::empty(204);
  return kind.remove(request, *resource);
}

}  // namespace

void register_disk_kind(Router& router, Context& context, const DiskKind& kind) {
  const auto& versions = kind.versions;
  const auto one = group_path(versions) + "/{name}";
  router.arm("PUT", one, versions,
             [&context, kind](Request& request) { return put(context, request, kind); });
  router.arm("PATCH", one, versions, [&context, kind](Request& request) {
    return kind.update(request, require(context, request.target.id), false);
  });
  router.arm("GET", one, versions, [&context](Request& request) { return get_resource(context, request); });
  router.arm("DELETE", one, versions,
             [&context, kind](Request& request) { return remove(context, request, kind); });
  for (const auto& path : {group_path(versions), subscription_path(versions)}) {
    router.arm("GET", path, versions, [&context, type = kind.type](Request& request) {
      return list_resources(context, request, type);
    });
  }
  router.arm("POST", one + "/beginGetAccess", versions, [&context](Request& request) {
    return begin_get_access(context, request, require(context, request.target.id));
  });
  router.arm("POST", one + "/endGetAccess", versions, [&context](Request& request) {
    return end_get_access(context, request, require(context, request.target.id));
  });
}

void check_no_access(Context& context, const Resource& resource, const std::string& kind) {
  if (!has_active_sas(context, resource)) return;
  throw_not_allowed(
      fmt::format("There is an active shared access signature outstanding for {0} {1}. Call EndGetAccess "
                  "before deleting the {0}.",
                  kind, resource.name));
}

void refuse_security_profile(const Json& properties, const std::string& option) {
  if (!properties.contains("securityProfile") || properties["securityProfile"].is_null()) return;
  throw ApiError(
      400, "BadRequest",
      fmt::format(
          "Security Type '{}' is not supported for CreateOption '{}'. The security type of the source is "
          "used.",
          properties["securityProfile"].value("securityType", ""), option));
}

void check_same_origin(const Resource& resource, const Json& wanted) {
  const auto& properties = resource.body["properties"];
  const auto compare = [&](const Json& now, const Json& then, const char* member, const std::string& path) {
    const auto text = string_or_empty(now, member);
    if (!text.empty() && !same(text, then.value(member, ""))) throw_change_not_allowed(path, resource.name);
  };
  if (wanted.contains("creationData") && wanted["creationData"].is_object()) {
    for (const char* member : {"createOption", "sourceResourceId", "sourceUniqueId"}) {
      compare(wanted["creationData"], properties["creationData"], member,
              std::string("creationData.") + member);
    }
  }
  compare(wanted, properties, "hyperVGeneration", "hyperVGeneration");
  if (wanted.contains("securityProfile") && wanted["securityProfile"].is_object()) {
    compare(wanted["securityProfile"], properties.value("securityProfile", Json::object()), "securityType",
            "securityProfile");
  }
}

void update_tags(Resource& resource, const Json& body, bool replace) {
  const Json tags = body.value("tags", Json());
  if (body.contains("tags")) check_tags(tags.is_null() ? Json::object() : tags);
  if (replace || body.contains("tags")) resource.body["tags"] = tags.is_object() ? tags : Json::object();
}

}  // namespace azlin::simulator
