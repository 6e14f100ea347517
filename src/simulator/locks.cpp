#include "simulator/locks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Authorization/locks";

bool is_at_or_below(const std::string& id, const std::string& scope) {
  return id == scope || id.starts_with(scope + "/");
}

bool stops(const Resource& lock, const std::string& target, const std::string& method) {
  const bool read_only = lock.body["properties"]["level"] == "ReadOnly";
  const bool deletes = method == "DELETE";
  if (!deletes && !read_only) return false;
  return is_at_or_below(target, lock.ref) || (deletes && is_at_or_below(lock.ref, target));
}

Json lock_body(const Request& request) {
  const Json& given = request.object().value("properties", Json::object());
  const std::string level = given.value("level", "");
  for (const char* known : {"CanNotDelete", "ReadOnly"}) {
    if (!same(level, known)) continue;
    Json properties = {{"level", known}};
    if (given.contains("notes")) properties["notes"] = given["notes"];
    return properties;
  }
  throw ApiError(400, "LockLevelInvalid",
                 fmt::format("The lock level '{}' is invalid. Use CanNotDelete or ReadOnly.", level));
}

Reply put_lock(Context& context, Request& request) {
  const std::string scope = request.param("scope");
  const Target target = parse_target("GET", split_path(scope));
  if (target.subscription.empty())
    throw ApiError(400, "InvalidLockScope", "A lock needs a subscription, group or resource.");
  if (split_path(scope).size() > 2 && !context.state.exists(scope)) throw_not_found(scope);
  Resource lock;
  lock.id = fmt::format("{}/providers/{}/{}", scope, kType, request.param("name"));
  const auto existing = context.state.find(lock.id);
  if (existing) lock = *existing;
  lock.type = kType;
  lock.name = request.param("name");
  lock.ref = lower(scope);
  lock.body = {{"id", lock.id}, {"name", lock.name}, {"type", kType}, {"properties", lock_body(request)}};
  context.save(lock);
  return Reply::json(existing ? 200 : 201, lock.body);
}

// At a scope: the locks that hold for it, from above, too, and those below it.
Reply list_locks(Context& context, const Request& request, const std::string& scope) {
  const bool at_scope = same(request.query_or("$filter", ""), "atScope()");
  ListFilter filter;
  filter.type = kType;
  Json value = Json::array();
  for (const auto& lock : context.state.list(filter)) {
    if (is_at_or_below(lower(scope), lock.ref) || (!at_scope && is_at_or_below(lock.ref, lower(scope))))
      value.push_back(lock.body);
  }
  return Reply::json(200, {{"value", value}});
}

}  // namespace

void check_locks(State& state, const Request& request) {
  if (request.method == "GET" || request.method == "HEAD" || same(request.target.type, kType)) return;
  const bool tags = same(request.target.type, "Microsoft.Resources/tags");
  const std::string target = lower(tags ? request.target.parent : request.target.id);
  const std::string method = tags && request.method == "DELETE" ? "PUT" : request.method;
  ListFilter filter;
  filter.type = kType;
  std::vector<std::string> locked;
  for (const auto& lock : state.list(filter)) {
    if (stops(lock, target, method)) locked.push_back(lock.id.substr(0, lock.ref.size()));
  }
  if (locked.empty()) return;
  throw ApiError(
      409, "ScopeLocked",
      fmt::format("The scope '{}' cannot perform {} operation because following scope(s) are locked: '{}'. "
                  "Please remove the lock and try again.",
                  tags ? request.target.parent : request.target.id, method == "DELETE" ? "delete" : "write",
                  fmt::join(locked, ",")));
}

void register_locks(Router& router, Context& context) {
  const std::string path = std::string("/{*scope}/providers/") + kType;
  router.arm("GET", path, kType,
             [&context](Request& request) { return list_locks(context, request, request.param("scope")); });
  router.arm("PUT", path + "/{name}", kType,
             [&context](Request& request) { return put_lock(context, request); });
  router.arm("GET", path + "/{name}", kType, [&context](Request& request) {
    const auto lock = context.state.find(request.target.id);
    if (!lock)
      throw ApiError(404, "LockNotFound",
                     fmt::format("The lock '{}' could not be found.", request.param("name")));
    return Reply::json(200, lock->body);
  });
  router.arm("DELETE", path + "/{name}", kType, [&context](Request& request) {
    return Reply::empty(context.state.erase(request.target.id) ? 200 : 204);
  });
}

}  // namespace azlin::simulator
