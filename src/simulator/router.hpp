#pragma once
// Which handler answers a request.
//
// A template is a path whose segments are literals (compared ignoring case), `{name}` (one segment) or, first
// only,
// `{*scope}` (any number of segments, at least one; the parameter is "/a/b/c"). Of several templates that
// match, the one with the fewest parameters wins.
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/message.hpp"

namespace azlin::simulator {

using Handler = std::function<Reply(Request&)>;

// What is checked before the handler runs.
enum class Plane {
  arm,   // token, api-version, subscription, group, permissions, locks, policies, throttle; under the state's
         // lock, in one transaction that is rolled back when the handler throws
  open,  // nothing (token endpoints, metadata, admin); under the state's lock
  data,  // nothing and no lock (reads of disk contents): the handler locks Context::mutex itself for the
         // state
};

struct Route {
  std::string method;
  std::vector<std::string> segments;
  std::string
      versions;  // key of the table in api_versions.cpp: "Microsoft.Compute/disks"; empty for other planes
  Plane plane = Plane::arm;
  Handler handler;
};

struct Match {
  const Route* route = nullptr;  // null: no route
  std::map<std::string, std::string> params;
  bool path_known = false;  // another method has a route for this path
};

class Router {
 public:
  // Throws std::invalid_argument for a route that is already there or a versions key that is not in the
  // table.
  void arm(std::string_view method, std::string_view path, std::string_view versions, Handler handler);
  void open(std::string_view method, std::string_view path, Handler handler);
  void data(std::string_view method, std::string_view path, Handler handler);

  // HEAD finds GET's route when it has none of its own.
  Match find(const std::string& method, const std::vector<std::string>& segments) const;
  bool has_space(std::string_view space) const;  // some route is under /providers/{space}/
  // "Microsoft.Compute/disks/write" and so on: what the routes under /providers/{space}/ do, in order, each
  // once.
  std::set<std::string> actions(std::string_view space) const;

 private:
  void add(std::string_view method, std::string_view path, std::string_view versions, Plane plane,
           Handler handler);
  std::vector<Route> routes_;
  std::set<std::string> known_;  // method and path of each
};

}  // namespace azlin::simulator
