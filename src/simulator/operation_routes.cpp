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

// Azure Backup writes "Inprogress".
Reply protection_status(Context& context, const Request& request) {
  Reply reply = context.operations.status_document(request, request.param("id"));
  Json document = Json::parse(reply.body);
  if (document.value("status", "") != "InProgress") return reply;
  document["status"] = "Inprogress";
  reply.body = document.dump();
  return reply;
}

// The addresses of the providers whose versions key is "{space}/locations".
void register_plain(Router& router, Context& context, const std::string& space, const std::string& document,
                    const std::string& location) {
  const std::string path = "/subscriptions/{sub}/providers/" + space + "/locations/{location}/";
  const std::string versions = space + "/locations";
  router.arm("GET", path + location + "/{id}", versions, [&context](Request& request) {
    return context.operations.location_result(request, request.param("id"));
  });
  if (document.empty()) return;
  router.arm("GET", path + document + "/{id}", versions,
             [&context, protection = space == "Microsoft.DataProtection"](Request& request) {
               return protection ? protection_status(context, request)
                                 : context.operations.status_document(request, request.param("id"));
             });
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
  register_plain(router, context, "Microsoft.KeyVault", "", "operationResults");
  register_plain(router, context, "Microsoft.Storage", "", "asyncoperations");
  register_plain(router, context, "Microsoft.DocumentDB", "operationsStatus", "operationResults");
  register_plain(router, context, "Microsoft.DataProtection", "operationStatus", "operationResults");
  router.arm("GET", "/subscriptions/{sub}/operationresults/{id}", "Microsoft.Resources/resourceGroups",
             [&context](Request& request) { return group_operation(context, request); });
}

}  // namespace azlin::simulator
