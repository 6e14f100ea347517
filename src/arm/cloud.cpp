#include "azlin/arm/cloud.hpp"

#include <fmt/format.h>

#include <array>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;

// Without a trailing '/'. A token goes there, so it must be https, or this machine.
std::string checked_endpoint(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const bool allowed = http::url_origin(url).starts_with("https://") ||
                       (http::url_origin(url).starts_with("http://") && http::is_loopback_url(url));
  if (!allowed || url.find_first_of("?#@ ") != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("AZLIN_ARM_ENDPOINT '{}' is not usable", url.substr(0, 200)),
                "give an https address, or an http address on this machine such as http://127.0.0.1:8080");
  return url;
}

}  // namespace

Cloud find_cloud(const std::string& name) {
  static const std::array<Cloud, 4> kClouds = {{
      {"AzureCloud", "https://management.azure.com", "https://management.azure.com",
       "https://login.microsoftonline.com", "core.windows.net", false},
      {"AzureUSGovernment", "https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net",
       "https://login.microsoftonline.us", "core.usgovcloudapi.net", false},
      {"AzureChinaCloud", "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn",
       "https://login.chinacloudapi.cn", "core.chinacloudapi.cn", false},
      {"simulator", "", "https://management.azure.com", "", "core.windows.net", true},
  }};
  for (const auto& cloud : kClouds)
    if (core::equal_ignoring_case(cloud.name, name)) return cloud;
  throw Error(ErrorKind::usage, fmt::format("there is no cloud named '{}'", name),
              "the clouds are AzureCloud, AzureUSGovernment, AzureChinaCloud and simulator");
}

Cloud choose_cloud(const std::optional<std::string>& flag, const core::Env& env, const core::Config& config) {
  Cloud cloud = find_cloud(core::setting(flag, env, "AZLIN_CLOUD", config, "cloud").value_or("AzureCloud"));
  if (const auto endpoint = env.get("AZLIN_ARM_ENDPOINT")) {
    cloud.arm_endpoint = checked_endpoint(*endpoint);
    if (!cloud.simulated) cloud.name = "custom";
  }
  return cloud;
}

}  // namespace azlin::arm
