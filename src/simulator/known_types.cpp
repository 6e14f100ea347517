#include "simulator/known_types.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// nullptr: not in the table.
const KnownSpace* find_space(const Target& target) {
  for (const auto& space : known_spaces()) {
    if (!same(space.name, target.space)) continue;
    const std::string type = target.type.substr(std::min(target.type.size(), target.space.size() + 1));
    const bool known = std::any_of(space.types.begin(), space.types.end(),
                                   [&](const char* name) { return same(name, type); });
    if (known) return &space;
  }
  return nullptr;
}

// What the resource is part of, or stands on, must be there. Locations and scopes above groups are no
// resources.
void require_owners(Context& context, const Target& target) {
  if (lower(target.parent).find("/providers/") != std::string::npos) require(context, target.parent);
  const auto scope = split_path(target.parent).size(), first = scope + 2;
  const auto segments = split_path(target.id);
  if (target.group.empty() || (segments.size() > first && same(segments[first], "locations"))) return;
  const std::size_t end = target.name.empty() ? segments.size() : segments.size() - 2;
  std::string id = target.parent + "/providers/" + target.space;
  for (std::size_t i = first; i + 1 < end; i += 2) {
    id += "/" + segments[i] + "/" + segments[i + 1];
    if (!context.state.exists(id)) throw_not_found(id);
  }
}

// https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-troubleshoot
void refuse_without_license(const Target& target) {
  if (lower(target.type).find("schedulerequests") == std::string::npos) return;
  throw ApiError(400, "AadPremiumLicenseRequired",
                 "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.");
}

Reply answer_known(Context& context, const Request& request) {
  const Target& target = request.target;
  require_owners(context, target);
  const bool read = request.method == "GET" || request.method == "HEAD";
  if (target.name.empty()) {
    if (read) return Reply::json(200, {{"value", Json::array()}});
    throw ApiError(405, "MethodNotAllowed",
                   fmt::format("The requested resource does not support http method '{}'.", request.method));
  }
  if (request.method == "DELETE") return Reply::empty(204);
  if (request.method != "PUT") throw_not_found(target.id);
  refuse_without_license(target);
  throw ApiError(409, "OperationNotAllowed",
                 fmt::format("Resources of type '{}' are not offered by this simulated cloud.", target.type));
}

}  // namespace

std::optional<Route> known_route(Context& context, const Request& request) {
  const auto* space = find_space(request.target);
  const bool tenant = request.segments.size() > 2 && same(request.segments[1], "Microsoft.Management");
  if (space == nullptr && !tenant) return std::nullopt;
  return Route{request.method == "HEAD" ? "GET" : request.method,
               {},
               space != nullptr ? space->versions : "Microsoft.Resources/operations",
               Plane::arm,
               [&context](Request& r) { return answer_known(context, r); }};
}

}  // namespace azlin::simulator
