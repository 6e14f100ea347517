#pragma once
// Long-running operations. The work of one is data (a kind and JSON), kept in the state until it is due, so
// that it survives a restart; what a kind does is registered by its provider. Used under Context::mutex.
#include <functional>
#include <map>
#include <string>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

struct Context;

// How a service answers while an operation runs.
enum class LroShape {
  disk,  // S/…/Microsoft.Compute/locations/{loc}/DiskOperations/{guid}; both headers; output in the status
         // document
  vm,  // S/…/Microsoft.Compute/locations/{loc}/operations/{guid}; both headers; no output in the document of
       // a PUT
  network,  // S/…/Microsoft.Network/locations/{loc}/operations/{guid}; both headers (operationResults as
            // Location)
  group,    // Location only: S/operationresults/{opaque}
  // The same under other providers' names; S/…/Microsoft.X/locations/{loc}/…
  keyvault,    // operationResults as Location alone
  storage,     // asyncoperations as Location alone
  cosmos,      // operationsStatus, operationResults
  protection,  // operationStatus, operationResults
};

struct Work {
  std::string kind;                            // registered with Operations::on
  std::string target;                          // id of the resource that it works on
  Json data;                                   // for the effect
  core::Millis demo{1'000}, realistic{1'000};  // how long it takes by latency profile; none takes no time
};

class Operations {
 public:
  // Does the work when its time has come and returns the operation's output (null: none). An ApiError that it
  // throws ends the operation as Failed.
  using Effect = std::function<Json(Context&, const Json& data)>;
  // Called instead of (or after) the effect when the operation fails: marks the resource, gives back what was
  // held.
  using OnFailure = std::function<void(Context&, const Json& data, const ApiError& error)>;

  explicit Operations(Context& context) : context_(context) {}
  void on(const std::string& kind, Effect effect, OnFailure on_failure = {});

  // Notes the work and answers with `status` (202, 201 or 200), `body` (null: empty) and the headers to poll
  // with. `output_in_document` false: the final status document carries no properties.output.
  Reply start(const Request& request, LroShape shape, const std::string& location, const Work& work,
              int status, const Json& body = nullptr, bool output_in_document = true);
  // Work in the background that nobody polls (a copy that goes on, a NIC held for 180 s).
  void schedule(const Work& work, core::Millis delay);
  // True while some operation (not scheduled work) on this resource runs.
  bool running_on(const std::string& target);
  // Ends what is running on or scheduled for the resource, without its effect: it was deleted or superseded.
  void cancel(const std::string& target, const std::string& kind);

  // Does all work that is due. Called before each request.
  void settle();

  // The reply to a GET of Azure-AsyncOperation and of Location.
  Reply status_document(const Request& request, const std::string& id);
  Reply location_result(const Request& request, const std::string& id);

 private:
  struct Kind {
    Effect effect;
    OnFailure on_failure;
  };
  void finish(const std::string& id, const std::string& kind, const std::string& target, const Json& data,
              const Json& shape);
  Context& context_;
  std::map<std::string, Kind> kinds_;
};

}  // namespace azlin::simulator
