#include "azlin/vault/registration.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kManagement = "AzureWorkload";

const char* service_word(Workload workload) {
  return workload == Workload::sql ? "SQLDataBase" : "SAPHanaDatabase";
}

std::string vm_name(const std::string& vm_id) {
  return last_segment(vm_id);
}

}  // namespace

std::vector<Container> RegistrationManager::list(std::stop_token stop) {
  std::vector<Container> containers;
  service_.list(
      vault_.id() + "/backupProtectionContainers", filter_of({{"backupManagementType", kManagement}}),
      "list registered VMs of vault " + vault_.name,
      [&](json&& body) {
        containers.push_back(parse_container(body));
        return true;
      },
      kBackupVersion, stop);
  return containers;
}

std::optional<Container> RegistrationManager::find(const std::string& vm_id, std::stop_token stop) {
  for (const auto& container : list(stop)) {
    if (!core::equal_ignoring_case(container.vm_id, vm_id)) continue;
    const auto body =
        service_.find(container.id, "read the registration of " + vm_name(vm_id), kBackupVersion, stop);
    return body ? std::optional(parse_container(*body)) : std::nullopt;
  }
  return std::nullopt;
}

Container RegistrationManager::require(const std::string& vm_id, std::stop_token stop) {
  auto container = find(vm_id, stop);
  if (!container)
    throw Error(ErrorKind::not_found,
                fmt::format("{} is not registered with vault {}", vm_name(vm_id), vault_.name),
                fmt::format("run `azlin vault register-vm {}`", vm_name(vm_id)));
  return *container;
}

// The service's own name for the VM's container, from its list.
std::string RegistrationManager::container_name(const std::string& vm_id, std::stop_token stop) {
  const std::string name = vm_name(vm_id);
  service_.run(vault_, "POST", vault_.fabric() + "/refreshContainers", nullptr, "discover VMs", stop,
               filter_of({{"backupManagementType", kManagement}}));
  std::string found;
  service_.list(
      vault_.fabric() + "/protectableContainers", filter_of({{"backupManagementType", kManagement}}),
      "list VMs that can be registered",
      [&](json&& body) {
        if (core::equal_ignoring_case(text(at(body, "properties"), "containerId"), vm_id))
          found = text(body, "name");
        return found.empty();
      },
      kBackupVersion, stop);
  if (found.empty())
    throw Error(
        ErrorKind::not_found, fmt::format("vault {} does not offer {} for registration", vault_.name, name),
        "1. It must be in the vault's region and subscription. 2. It may be registered with another vault: "
        "`azlin vault registration-status " +
            name + "`. 3. It must run, with its agent ready.");
  return found;
}

Container RegistrationManager::put(const std::string& name, const std::string& vm_id, Workload workload,
                                   const char* operation, std::stop_token stop) {
  const std::string path = vault_.fabric() + "/protectionContainers/" + name;
  const json body = {{"properties",
                      {{"backupManagementType", kManagement},
                       {"containerType", "VMAppContainer"},
                       {"sourceResourceId", vm_id},
                       {"workloadType", service_word(workload)},
                       {"operationType", operation}}}};
  service_.run(vault_, "PUT", path, body, "register " + vm_name(vm_id), stop);
  if (service_.dry_run()) return {};
  return parse_container(
      service_.get(path, "read the registration of " + vm_name(vm_id), kBackupVersion, stop));
}

Container RegistrationManager::enroll(const std::string& vm_id, Workload workload, std::stop_token stop) {
  if (auto existing = find(vm_id, stop)) return *existing;
  return put(container_name(vm_id, stop), vm_id, workload, "Register", stop);
}

Container RegistrationManager::enroll_again(const std::string& vm_id, Workload workload,
                                            std::stop_token stop) {
  return put(require(vm_id, stop).name, vm_id, workload, "Reregister", stop);
}

void RegistrationManager::withdraw(const std::string& vm_id, std::stop_token stop) {
  const Container container = require(vm_id, stop);
  service_.run(vault_, "DELETE", container.id, nullptr, "unregister " + vm_name(vm_id), stop);
}

void RegistrationManager::rediscover(const Container& container, Workload workload, std::stop_token stop) {
  service_.run(vault_, "POST", container.id + "/inquire", nullptr,
               "look for databases in " + container.friendly_name, stop,
               filter_of({{"backupManagementType", kManagement}, {"workloadType", service_word(workload)}}));
}

}  // namespace azlin::vault
