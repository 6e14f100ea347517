#pragma once
// What requests on disks and on snapshots have in common: their routes, PUT on what is there, and what a
// second PUT may not change. disk_rules.hpp holds the rules of a single value.
#include <functional>
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

struct DiskKind {
  std::string name;      // "disk", "snapshot", as messages say it
  std::string type;      // kDiskType, kSnapshotType
  std::string versions;  // key of its API versions: the type, too
  // `fresh`: the resource as the request describes it, with its location and tags checked.
  std::function<Reply(const Request&, const Resource& fresh)> create;
  // PUT on an existing one, with `replace`, and PATCH.
  std::function<Reply(const Request&, Resource resource, bool replace)> update;
  std::function<Reply(const Request&, const Resource&)> remove;
};

// PUT, PATCH, GET, DELETE, both lists, beginGetAccess and endGetAccess.
void register_disk_kind(Router& router, Context& context, const DiskKind& kind);

// 409 OperationNotAllowed: somebody holds a SAS on the disk or snapshot (`kind`) that is to be deleted.
void check_no_access(Context& context, const Resource& resource, const std::string& kind);

// "Security Type 'TrustedLaunch' is not supported for CreateOption 'Copy'": a copy has its source's.
void refuse_security_profile(const Json& properties, const std::string& option);

// 409 PropertyChangeNotAllowed where `wanted`, the properties of a PUT or PATCH, states another origin,
// generation or security type.
void check_same_origin(const Resource& resource, const Json& wanted);

// Tags of the request's body, checked. PUT replaces them, PATCH only when it states them.
void update_tags(Resource& resource, const Json& body, bool replace);

}  // namespace azlin::simulator
