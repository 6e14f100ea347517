#pragma once
// Checks what azlin needs, one by one, each with what to do about a failure. Changes nothing.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace azlin::arm {
class ArmClient;
class CredentialChain;
}  // namespace azlin::arm
namespace azlin::core {
class Clock;
class Env;
class ProcessRunner;
}  // namespace azlin::core

namespace azlin::backup {

enum class CheckState { ok, warning, failed, skipped };

struct Check {
  std::string name;  // "token", "permissions on Production"
  CheckState state = CheckState::ok;
  std::string detail;  // what was found
  std::string remedy;  // what to do; empty when ok
};

// Every ARM action that azlin's commands use, with what it is for. docs/security.md gives them as a custom
// role.
struct NeededAction {
  const char* action;
  const char* purpose;
};
const std::vector<NeededAction>& needed_actions();

struct DoctorInput {
  std::string home;          // state folder
  std::string subscription;  // may be empty: then it is not known, and what needs it is skipped
  std::optional<std::string> resource_group;
  std::string login_program = "az";
  bool needs_azure_cli = true;  // false: another source gives the token
};

// The machine: state folder and file modes, the Azure CLI, ssh.
std::vector<Check> check_machine(const DoctorInput& input, core::ProcessRunner& processes,
                                 std::stop_token stop);
// The service: token, clock skew, subscription, permissions on each resource group that holds VMs (or the one
// named).
std::vector<Check> check_service(const DoctorInput& input, arm::ArmClient& arm,
                                 arm::CredentialChain& credentials, std::stop_token stop);
// One VM: found and running, managed disks, locks, snapshot counts of its disks against 500, core quota of
// its region.
std::vector<Check> check_vm(const std::string& vm_id, arm::ArmClient& arm, std::stop_token stop);

}  // namespace azlin::backup
