#pragma once
// Registering VMs with a vault, so that it can reach their databases.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Borrows the service. One thread.
class RegistrationManager {
 public:
  RegistrationManager(Service& service, VaultId vault) : service_(service), vault_(std::move(vault)) {}

  // Discovers the VM, registers it and waits until its databases have been looked for. A VM that is
  // registered already is returned as it is. Throws core::Error (not_found) when the service does not offer
  // the VM, saying why it may not.
  Container enroll(const std::string& vm_id, Workload workload, std::stop_token stop = {});
  // Repeats it for a registered VM (troubleshooting).
  Container enroll_again(const std::string& vm_id, Workload workload, std::stop_token stop = {});
  // Throws core::Error (failed) naming the items that are still protected.
  void withdraw(const std::string& vm_id, std::stop_token stop = {});

  std::vector<Container> list(std::stop_token stop = {});
  std::optional<Container> find(const std::string& vm_id, std::stop_token stop = {});
  // Throws core::Error (not_found) with the hint to register it.
  Container require(const std::string& vm_id, std::stop_token stop = {});
  // Looks for new databases of the workload in a registered VM.
  void rediscover(const Container& container, Workload workload, std::stop_token stop = {});

 private:
  std::string container_name(const std::string& vm_id, std::stop_token stop);
  Container put(const std::string& name, const std::string& vm_id, Workload workload, const char* operation,
                std::stop_token stop);
  Service& service_;
  VaultId vault_;
};

}  // namespace azlin::vault
