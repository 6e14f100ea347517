#include "simulator/store_planes.hpp"

#include <fmt/format.h>

#include "simulator/context.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

std::optional<Resource> find_store(Context& context, const StoreAddress& address) {
  if (!address.id.empty()) return context.state.find(address.id);
  const auto found = context.state.list_by_ref(address.plane->type, address.name);
  if (found.empty()) return std::nullopt;
  return found.front();
}

const StorePlane* plane_of(const Context& context, const Resource& store) {
  for (const auto& plane : context.store_planes)
    if (same(plane.type, store.type)) return &plane;
  return nullptr;
}

Reply run(Context& context, const StorePlane& plane, Resource& store, Request& request) {
  if (context.faults.region_down(store.location))
    throw ApiError(503, "ServiceUnavailable",
                   fmt::format("The service in region '{}' is unavailable. Please retry.", store.location));
  if (request.method == "GET" || request.method == "HEAD") return plane.handle(store, request);
  store::Transaction transaction(context.state.db());
  Reply reply = plane.handle(store, request);
  transaction.commit();
  return reply;
}

Reply answer(Context& context, const StorePlane& plane, Resource& store, Request& request) {
  try {
    return run(context, plane, store, request);
  } catch (const ApiError& error) {
    return plane.render(error);
  } catch (const Json::exception& error) {
    return plane.render(ApiError(400, "BadParameter", error.what()));
  }
}

}  // namespace

std::optional<StoreAddress> store_of_host(const Context& context, std::string_view host) {
  const std::string name = lower(host.substr(0, host.find(':')));
  const auto dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  for (const auto& plane : context.store_planes) {
    for (const auto& domain : plane.domains) {
      if (name.substr(dot + 1) == domain) return StoreAddress{"", &plane, name.substr(0, dot)};
    }
  }
  return std::nullopt;
}

Reply dispatch_store(Context& context, const StoreAddress& address, Request& request) {
  request.request_id = new_guid();
  request.api_version = request.query_or("api-version", "");
  const std::lock_guard lock(context.mutex);
  context.operations.settle();
  auto store = find_store(context, address);
  const StorePlane* plane = store ? plane_of(context, *store) : nullptr;
  if (plane == nullptr) return Reply::empty(0);
  Reply reply;
  try {
    reply = answer(context, *plane, *store, request);
  } catch (const std::exception& error) {
    reply = Reply::error(
        ApiError(500, "InternalServerError", fmt::format("The simulator failed: {}", error.what())));
  }
  reply.with("x-ms-request-id", request.request_id);
  if (const auto id = request.header("x-ms-client-request-id")) reply.with("x-ms-client-request-id", *id);
  return reply;
}

std::vector<std::string> all_stores(Context& context) {
  std::vector<std::string> ids;
  for (const auto& plane : context.store_planes) {
    ListFilter filter;
    filter.type = plane.type;
    for (const auto& store : context.state.list(filter)) ids.push_back(store.id);
  }
  return ids;
}

}  // namespace azlin::simulator
