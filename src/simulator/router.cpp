#include "simulator/router.hpp"

#include <stdexcept>

#include "simulator/api_versions.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool is_param(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{';
}
bool is_scope(const std::string& segment) {
  return segment.size() > 3 && segment.starts_with("{*");
}

std::string param_name(const std::string& segment) {
  const std::size_t skip = is_scope(segment) ? 2 : 1;
  return segment.substr(skip, segment.size() - skip - 1);
}

// Lower is better: a literal costs nothing, a parameter one, a scope more than any number of parameters.
int cost(const Route& route) {
  int total = 0;
  for (const auto& segment : route.segments) total += is_scope(segment) ? 1000 : is_param(segment) ? 1 : 0;
  return total;
}

bool matches(const Route& route, const std::vector<std::string>& path) {
  const bool scoped = !route.segments.empty() && is_scope(route.segments[0]);
  if (scoped ? path.size() < route.segments.size() : path.size() != route.segments.size()) return false;
  const std::size_t shift = path.size() - route.segments.size();
  for (std::size_t i = scoped ? 1 : 0; i < route.segments.size(); ++i) {
    if (!is_param(route.segments[i]) && !same(route.segments[i], path[i + shift])) return false;
  }
  return true;
}

std::map<std::string, std::string> bind(const Route& route, const std::vector<std::string>& path) {
  std::map<std::string, std::string> params;
  const std::size_t shift = path.size() - route.segments.size();
  for (std::size_t i = 0; i < route.segments.size(); ++i) {
    if (is_scope(route.segments[i])) {
      std::string scope;
      for (std::size_t j = 0; j <= shift; ++j) scope += "/" + path[j];
      params[param_name(route.segments[i])] = scope;
    } else if (is_param(route.segments[i])) {
      params[param_name(route.segments[i])] = path[i + shift];
    }
  }
  return params;
}

}  // namespace

void Router::add(std::string_view method, std::string_view path, std::string_view versions, Plane plane,
                 Handler handler) {
  Route route{std::string(method), split_path(path), std::string(versions), plane, std::move(handler)};
  if (!known_.insert(route.method + " " + std::string(path)).second)
    throw std::invalid_argument("two routes for " + route.method + " " + std::string(path));
  routes_.push_back(std::move(route));
}

void Router::arm(std::string_view method, std::string_view path, std::string_view versions, Handler handler) {
  if (find_versions(versions) == nullptr)
    throw std::invalid_argument("no api-versions for " + std::string(versions));
  add(method, path, versions, Plane::arm, std::move(handler));
}

void Router::open(std::string_view method, std::string_view path, Handler handler) {
  add(method, path, {}, Plane::open, std::move(handler));
}

void Router::data(std::string_view method, std::string_view path, Handler handler) {
  add(method, path, {}, Plane::data, std::move(handler));
}

Match Router::find(const std::string& method, const std::vector<std::string>& segments) const {
  Match match;
  int best = 0;
  bool exact = false;
  for (const auto& route : routes_) {
    if (!matches(route, segments)) continue;
    match.path_known = true;
    const bool own = route.method == method;
    if (!own && !(method == "HEAD" && route.method == "GET" && !exact)) continue;
    if (match.route != nullptr && own == exact && cost(route) >= best) continue;
    match.route = &route;
    best = cost(route);
    exact = own;
  }
  if (match.route != nullptr) match.params = bind(*match.route, segments);
  return match;
}

std::set<std::string> Router::actions(std::string_view space) const {
  std::set<std::string> all;
  for (const auto& route : routes_) {
    const Target target = parse_target(route.method, route.segments);
    const bool list = route.method == "GET" && target.name.empty();
    if (route.plane == Plane::arm && same(target.space, space) && !list &&
        target.type.find('/') != std::string::npos)
      all.insert(target.action);
  }
  return all;
}

bool Router::has_space(std::string_view space) const {
  for (const auto& route : routes_) {
    for (std::size_t i = 0; i + 1 < route.segments.size(); ++i) {
      if (same(route.segments[i], "providers") && same(route.segments[i + 1], space)) return true;
    }
  }
  return false;
}

}  // namespace azlin::simulator
