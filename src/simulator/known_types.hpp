#pragma once
// Resource types that Azure knows and of which none can exist here: lists are empty, GET, PATCH and actions
// answer 404 ResourceNotFound (of the parent, where that is missing, too), DELETE 204, PUT is refused with
// 409 OperationNotAllowed.
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

struct KnownSpace {
  const char* name;                // "Microsoft.Network"
  const char* versions;            // key of the table of api-versions
  std::vector<const char*> types;  // "virtualHubs/routeTables"
};

const std::vector<KnownSpace>& known_spaces();

// The route that answers a request which no other route matches; nullopt when its type is not of the table.
std::optional<Route> known_route(Context& context, const Request& request);

}  // namespace azlin::simulator
