#pragma once
// Endpoints of a cloud.
#include <optional>
#include <string>

#include "azlin/core/config.hpp"
#include "azlin/core/env.hpp"

namespace azlin::arm {

struct Cloud {
  std::string name;            // AzureCloud, AzureUSGovernment, AzureChinaCloud, simulator, custom
  std::string arm_endpoint;    // "https://management.azure.com", no trailing '/'
  std::string arm_audience;    // for tokens: "https://management.azure.com"
  std::string login_endpoint;  // "https://login.microsoftonline.com"
  std::string storage_suffix;  // "core.windows.net"
  bool simulated = false;      // results say so on stderr
};

// By name (ignoring case). For "simulator" the endpoint stays empty until the caller knows the address.
// Throws core::Error (usage) for another name.
Cloud find_cloud(const std::string& name);

// --cloud, else AZLIN_CLOUD, else `cloud` in the configuration, else AzureCloud; AZLIN_ARM_ENDPOINT replaces
// the endpoint (https, or http on loopback only: core::Error (usage)).
Cloud choose_cloud(const std::optional<std::string>& flag, const core::Env& env, const core::Config& config);

}  // namespace azlin::arm
