#pragma once
// Resource types that have no behaviour here beyond being kept: what a client states is stored, checked for
// the members that Azure asks for, read back, listed and deleted. See docs/simulator.md for which ones.
#include <functional>
#include <optional>
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

struct PlainType {
  // Fills what Azure adds (defaults, read-only members); throws ApiError for what it refuses. `existing` is
  // what a PUT replaces.
  using Complete =
      std::function<void(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing)>;
  using CheckDelete = std::function<void(Context&, const Resource&)>;

  std::string type;               // "Microsoft.Compute/galleries/images"; its parent must exist
  std::string versions;           // key of the table of api-versions
  Complete complete = {};         // may be empty
  CheckDelete check_delete = {};  // may be empty
  bool has_state = true;          // properties.provisioningState
  int created = 201;              // status of a PUT that makes it
  bool deleted_at_once = false;   // DELETE answers 200; else it is an operation of this shape
  LroShape shape = LroShape::vm;
};

// PUT, PATCH, GET, DELETE and lists: of a top-level type in its group and subscription, of a child below its
// parent.
void register_plain_type(Router& router, Context& context, const PlainType& type);

// Adds principalId and tenantId to the identity that `body` states, as Azure does when it makes one.
// Identities of users must exist; null takes one away. `id` is the resource's; what `before` has and is not
// stated stays.
void complete_identity(Context& context, const std::string& id, const Json& wanted, const Json& before,
                       Json& body);

// drop_nulls of a request, but for identity.userAssignedIdentities, where a null means something.
void drop_nulls_but_identities(Json& wanted);

// The operation that their DELETEs start; first.
void register_plain_deletion(Context& context);
void register_plain_compute(Router& router, Context& context);
void register_plain_network(Router& router, Context& context);
void register_galleries(Router& router, Context& context);
void register_ssh_keys(Router& router, Context& context);
void register_identities(Router& router, Context& context);

}  // namespace azlin::simulator
