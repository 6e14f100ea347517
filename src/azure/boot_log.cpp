#include "azlin/azure/boot_log.hpp"

#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

namespace {

std::string last_lines(const std::string& text, std::size_t lines) {
  std::size_t begin = text.find_last_not_of("\r\n ");
  if (begin == std::string::npos) return {};
  const std::size_t end = begin + 1;
  while (lines > 0 && begin != std::string::npos) {
    begin = begin == 0 ? std::string::npos : text.rfind('\n', begin - 1);
    --lines;
  }
  const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
  return text.substr(from, end - from);
}

}  // namespace

std::string boot_log_tail(arm::ArmClient& arm, const std::string& vm_id, std::size_t lines,
                          std::stop_token stop) {
  try {
    arm::Call call;
    call.method = "POST";
    call.path = vm_id + "/retrieveBootDiagnosticsData";
    call.api_version = kVmVersion;
    call.query = {{"sasUriExpirationTimeInMinutes", "5"}};
    http::Request request;
    request.url = text(arm.send(call, stop).json(), "serialConsoleLogBlobUri");
    request.secret_path = true;
    if (request.url.empty()) return {};
    const auto reply = arm.transport().send(request, stop);
    return reply.status == 200 ? last_lines(reply.body, lines) : std::string();
  } catch (const core::Error& error) {
    if (error.kind() == core::ErrorKind::interrupted) throw;
    return {};
  }
}

}  // namespace azlin::azure
