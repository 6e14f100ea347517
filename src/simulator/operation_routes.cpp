// Where clients poll. The addresses are those that Operations::start handed out.
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// Compute uses one address for both headers; monitor=true makes it the Location's.
Reply compute_operation(Context& context, const Request& request) {
  const std::string& id = request.param("id");
  return request.has_query("monitor") ? context.operations.location_result(request, id)
                                      : context.operations.status_document(request, id);
}

Reply group_operation(Context& context, const Request& request) {
  const std::string job = base64url_decode(request.param("id"));
  return context.operations.location_result(request, job.starts_with("JobId-") ? job.substr(6) : "");
}

}  // namespace

void register_operations(Router& router, Context& context) {
  const auto compute = [&context](Request& request) { return compute_operation(context, request); };
  const std::string compute_path = "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/";
  router.arm("GET", compute_path + "DiskOperations/{id}", "Microsoft.Compute/locations/DiskOperations",
             compute);
  router.arm("GET", compute_path + "operations/{id}", "Microsoft.Compute/locations/operations", compute);
  const std::string network_path = "/subscriptions/{sub}/providers/Microsoft.Network/locations/{location}/";
  router.arm("GET", network_path + "operations/{id}", "Microsoft.Network/locations/operations",
             [&context](Request& request) {
               return context.operations.status_document(request, request.param("id"));
             });
  router.arm("GET", network_path + "operationResults/{id}", "Microsoft.Network/locations/operations",
             [&context](Request& request) {
               return context.operations.location_result(request, request.param("id"));
             });
  router.arm("GET", "/subscriptions/{sub}/operationresults/{id}", "Microsoft.Resources/resourceGroups",
             [&context](Request& request) { return group_operation(context, request); });
}

}  // namespace azlin::simulator
