#pragma once
// What every handler and effect works with. One a server; `mutex` guards all of it but the clock and the
// faults, which lock themselves.
#include <any>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "azlin/simulator/server.hpp"
#include "simulator/access.hpp"
#include "simulator/auth.hpp"
#include "simulator/faults.hpp"
#include "simulator/operations.hpp"
#include "simulator/request_log.hpp"
#include "simulator/sim_clock.hpp"
#include "simulator/state.hpp"
#include "simulator/store_planes.hpp"
#include "simulator/throttle.hpp"

namespace azlin::simulator {

struct Context {
  explicit Context(const std::string& dir)
      : state_dir(dir), state(dir + "/simulator.db"), operations(*this) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Held by the server for Plane::arm and Plane::open. A handler of Plane::data locks it for as long as it
  // reads or writes the state, never while it reads disk contents.
  std::mutex mutex;
  std::string state_dir;
  State state;
  SimClock clock;
  Operations operations;
  Faults faults;
  Throttle throttle;
  Access access{state};
  RequestLog log;
  Latency latency = Latency::none;
  core::Millis graph_lag{0};  // Resource Graph does not see what is newer

  // Per resource type in lower case: rewrites the body of a `live` resource for the present moment.
  std::map<std::string, State::Presenter> presenters;
  // Run when a resource goes away with its group, before it is erased: frees what the provider holds for it.
  // By type in lower case.
  std::map<std::string, std::function<void(Context&, const Resource&)>> on_erase;
  // How a resource is saved whose tags were changed from outside its provider: with a new ETag, where it has
  // one. By type in lower case; others are saved as they are.
  std::map<std::string, std::function<void(Context&, Resource&)>> on_tags;
  // Run by reset, before the state is cleared.
  std::vector<std::function<void()>> on_reset;
  // Long-lived helpers of providers, by name (disk contents, …).
  std::map<std::string, std::any> helpers;

  // The stores with addresses of their own (Key Vault, App Configuration).
  std::vector<StorePlane> store_planes;
  // "https://127.0.0.1:PORT" of the store's own listener, opened when it is not there yet; set by the server.
  std::function<std::string(const std::string& id)> store_url = [](const std::string&) { return ""; };
  // Where clients sign in: the TLS listener when there is one. Set by the server.
  std::string main_url;
  std::string blob_endpoint;  // of Options

  core::TimePoint now() const { return clock.now(); }
  // How long work takes under the present latency profile.
  core::Millis delay(core::Millis demo, core::Millis realistic) const;
  // "1", or "0" when operations take no time.
  std::string retry_after() const { return latency == Latency::none ? "0" : "1"; }
  // The body to answer with: the stored one, or what the presenter makes of it when the resource is live.
  Json present(const Resource& resource) const;
  void save(Resource& resource) { state.save(resource, now()); }
};

}  // namespace azlin::simulator
