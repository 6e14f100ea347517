// Boot diagnostics: the serial log and a screenshot, read by URL without a token.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/page_blob.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kPath = "/bootdiagnostics/{vm}/{blob}";
constexpr const char* kLog = "serialconsole.log";
constexpr const char* kScreenshot = "screenshot.png";

// Kept from one call to the next, so that a URL lives as long as it says.
std::string signature(const Resource& vm, const std::string& blob, std::int64_t expires) {
  return guid_from(fmt::format("{}|{}|{}", vm.key(), blob, expires));
}

std::string blob_url(const Request& request, const Resource& vm, const std::string& blob,
                     std::int64_t expires) {
  return fmt::format("{}/bootdiagnostics/{}/{}?sv=2018-03-28&sr=b&sp=r&se={}&sig={}", request.base_url,
                     text_at(vm.body, "/properties/vmId"), blob, expires, signature(vm, blob, expires));
}

Reply retrieve(Context& context, Request& request) {
  const auto vm = require(context, request.target.id);
  const auto text = request.query_or("sasuriexpirationtimeinminutes", "120");
  const auto minutes = std::strtol(text.c_str(), nullptr, 10);
  if (minutes < 1 || minutes > 1440)
    throw ApiError(
        400, "InvalidParameter",
        fmt::format(
            "The value '{}' of parameter 'sasUriExpirationTimeInMinutes' is invalid. It must be between "
            "1 and 1440.",
            text),
        "sasUriExpirationTimeInMinutes");
  if (!flag_at(vm.body, "/properties/diagnosticsProfile/bootDiagnostics/enabled", false))
    throw ApiError(409, "OperationNotAllowed",
                   fmt::format("Boot diagnostics is not enabled on VM '{}'.", vm.name));
  const auto expires = (context.now() + core::Millis{minutes * 60'000}).time_since_epoch().count() / 1000;
  return Reply::json(200, {{"consoleScreenshotBlobUri", blob_url(request, vm, kScreenshot, expires)},
                           {"serialConsoleLogBlobUri", blob_url(request, vm, kLog, expires)}});
}

Reply refused(int status, const char* code, const char* message) {
  return Reply::text(status, storage_error_xml(code, message), "application/xml")
      .with("x-ms-error-code", code);
}

std::optional<Resource> find_vm(Context& context, const std::string& vm_id) {
  ListFilter filter;
  filter.type = kVmType;
  for (auto& vm : context.state.list(filter))
    if (text_at(vm.body, "/properties/vmId") == vm_id) return std::move(vm);
  return std::nullopt;
}

Reply read_blob(Context& context, Request& request) {
  const auto blob = request.param("blob");
  const auto vm = find_vm(context, request.param("vm"));
  const auto expires = std::strtoll(request.query_or("se", "0").c_str(), nullptr, 10);
  if (!vm || (blob != kLog && blob != kScreenshot))
    return refused(404, "BlobNotFound", "The specified blob does not exist.");
  if (request.query_or("sig", "") != signature(*vm, blob, expires) ||
      context.now().time_since_epoch().count() / 1000 >= expires)
    return refused(
        403, "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
        "correctly including the signature.");
  const auto fault = text_at(vm->hidden, "/fault");
  if (blob == kScreenshot)
    return Reply::text(200, screenshot_png(power_of(*vm) == "running" && fault.empty()), "image/png");
  const bool booted = vm->hidden.contains("booted_at");
  return Reply::text(200, booted ? serial_log(guest_of(context, *vm), fault) : "", "text/plain");
}

}  // namespace

void register_boot_diagnostics(Router& router, Context& context) {
  router.arm("POST", group_path(kVmType) + "/{name}/retrieveBootDiagnosticsData", kVmType,
             [&context](Request& request) { return retrieve(context, request); });
  router.open("GET", kPath, [&context](Request& request) { return read_blob(context, request); });
}

}  // namespace azlin::simulator
