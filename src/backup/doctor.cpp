#include "azlin/backup/doctor.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/arm/client.hpp"
#include "azlin/azure/access.hpp"
#include "azlin/core/fields.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/process.hpp"
#include "azlin/store/damage.hpp"

namespace azlin::backup {

using core::fields::flag;
using core::fields::list;
using core::fields::member;
using core::fields::number;
using core::fields::text;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kComputeVersion = "2024-07-01";
constexpr const char* kDiskVersion = "2023-10-02";
constexpr auto kToleratedSkew = std::chrono::seconds(60);

Check ok(std::string name, std::string detail) {
  return {std::move(name), CheckState::ok, std::move(detail), {}};
}
Check warning(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), CheckState::warning, std::move(detail), std::move(remedy)};
}
Check failed(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), CheckState::failed, std::move(detail), std::move(remedy)};
}
Check failed(std::string name, const core::Error& error) {
  return failed(std::move(name), error.what(), error.hint());
}

Check check_folder(const std::string& home) {
  const std::string name = "state folder";
  struct stat info {};
  if (stat(home.c_str(), &info) != 0) return ok(name, home + " is not there yet; it is made on first use");
  if (access(home.c_str(), W_OK) != 0)
    return failed(name, home + " cannot be written", "give yourself write access, or set AZLIN_HOME");
  if ((info.st_mode & 077U) != 0) {
    return failed(name, fmt::format("{} has mode {:o}: others can look in", home, info.st_mode & 0777U),
                  "chmod 700 " + home);
  }
  std::error_code error;
  const auto space = fs::space(home, error);
  if (!error && space.available < 100ULL * 1024 * 1024) {
    return warning(name, fmt::format("{} has {} MB left", home, space.available >> 20U),
                   "free some space: the journal must be written");
  }
  return ok(name, home);
}

Check check_files(const std::string& home) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(home, error)) {
    struct stat info {};
    const std::string path = entry.path().string();
    if (!entry.is_regular_file(error) || stat(path.c_str(), &info) != 0) continue;
    const bool secret = path.ends_with(".db") || path.ends_with("tokens.json");
    if (secret && (info.st_mode & 077U) != 0) {
      return failed("file modes", fmt::format("{} has mode {:o}", path, info.st_mode & 0777U),
                    "chmod 600 " + path);
    }
  }
  return ok("file modes", "databases and tokens are readable by you alone");
}

Check check_databases(const std::string& home) {
  const std::string name = "databases";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(home, error)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".db")) continue;
    try {
      const auto damage = store::damage_of(path);
      if (damage.empty()) continue;
      return failed(name, fmt::format("{} is damaged: {}", path, damage),
                    "the next command that needs it puts it aside; `azlin state rebuild` then refills what "
                    "Azure knows");
    } catch (const core::Error& unusable) {
      return failed(name, unusable);
    }
  }
  return ok(name, "sound");
}

Check check_program(const char* name, const std::vector<std::string>& argv, const std::string& remedy,
                    core::ProcessRunner& processes, std::stop_token stop) {
  core::ProcessRequest request;
  request.argv = argv;
  request.time_limit = core::Millis(30'000);
  try {
    const auto result = processes.run(request, stop);
    if (result.exit_code == 0) return ok(name, argv.front() + " answers");
    const auto line = result.err.substr(0, result.err.find('\n'));
    return failed(name, fmt::format("`{} {}` ended with {}: {}", argv[0], argv[1], result.exit_code, line),
                  remedy);
  } catch (const core::Error& error) {
    return failed(name, error.what(), remedy);
  }
}

// The groups that hold VMs, at most 10: what is not checked is said.
std::vector<std::string> groups_with_vms(arm::ArmClient& arm, const std::string& subscription,
                                         std::stop_token stop) {
  std::set<std::string> groups;
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/providers/Microsoft.Compute/virtualMachines";
  call.api_version = kComputeVersion;
  arm.list(
      call,
      [&](json&& vm) {
        groups.insert(core::to_lower(core::ResourceId::parse(text(vm, "id")).resource_group));
        return groups.size() < 10;
      },
      stop);
  return {groups.begin(), groups.end()};
}

Check check_permissions(arm::ArmClient& arm, const std::string& subscription, const std::string& group,
                        std::stop_token stop) {
  const std::string name = "permissions on " + group;
  try {
    const auto permissions =
        azure::list_permissions(arm, "/subscriptions/" + subscription + "/resourceGroups/" + group, stop);
    std::string missing;
    std::size_t count = 0;
    for (const auto& needed : needed_actions()) {
      if (azure::is_granted(permissions, needed.action)) continue;
      missing += fmt::format("\n      {} ({})", needed.action, needed.purpose);
      ++count;
    }
    if (count == 0) return ok(name, fmt::format("all {} actions are granted", needed_actions().size()));
    return failed(name,
                  fmt::format("{} of {} actions are not granted:{}", count, needed_actions().size(), missing),
                  "assign Contributor, or the custom role in docs/security.md, on the resource group");
  } catch (const core::Error& error) {
    return failed(name, error);
  }
}

Check check_locks(arm::ArmClient& arm, const std::string& vm_id, std::stop_token stop) {
  std::string found;
  arm::Call call;
  call.path =
      vm_id.substr(0, core::to_lower(vm_id).find("/providers/")) + "/providers/Microsoft.Authorization/locks";
  call.api_version = "2016-09-01";
  arm.list(
      call,
      [&](json&& lock) {
        found += fmt::format(" {} ({})", text(lock, "name"), text(member(lock, "properties"), "level"));
        return true;
      },
      stop);
  if (found.empty()) return ok("locks", "none");
  return warning("locks", "the resource group or what is in it is locked:" + found,
                 "CanNotDelete stops retention from deleting backups, ReadOnly stops backups altogether");
}

Check check_quota(arm::ArmClient& arm, const std::string& subscription, const std::string& region,
                  std::stop_token stop) {
  std::optional<Check> result;
  arm::Call call;
  call.path =
      "/subscriptions/" + subscription + "/providers/Microsoft.Compute/locations/" + region + "/usages";
  call.api_version = kComputeVersion;
  arm.list(
      call,
      [&](json&& usage) {
        if (text(member(usage, "name"), "value") != "cores") return true;
        const auto used = number(usage, "currentValue"), limit = number(usage, "limit");
        const std::string detail = fmt::format("{} of {} cores used in {}", used, limit, region);
        result = used < limit
                     ? ok("quota", detail)
                     : warning("quota", detail,
                               "ask for more cores in the portal (Quotas) before you need to restore");
        return false;
      },
      stop);
  return result.value_or(
      warning("quota", "the service named no core quota for " + region, "look in the portal under Quotas"));
}

Check check_snapshot_counts(arm::ArmClient& arm, const std::string& subscription,
                            const std::vector<std::string>& disks, std::stop_token stop) {
  std::map<std::string, int> counts;
  for (const auto& disk : disks) counts[core::to_lower(disk)] = 0;
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/providers/Microsoft.Compute/snapshots";
  call.api_version = kDiskVersion;
  arm.list(
      call,
      [&](json&& snapshot) {
        const auto& properties = member(snapshot, "properties");
        if (!flag(properties, "incremental")) return true;
        const auto found =
            counts.find(core::to_lower(text(member(properties, "creationData"), "sourceResourceId")));
        if (found != counts.end()) ++found->second;
        return true;
      },
      stop);
  int most = 0;
  for (const auto& [disk, count] : counts) most = std::max(most, count);
  const std::string detail = fmt::format("at most {} of 500 incremental snapshots of one disk", most);
  if (most < 450) return ok("snapshots", detail);
  return warning("snapshots", detail,
                 "lower the retention, or delete plain snapshots: at 500 Azure refuses new ones");
}

std::vector<std::string> managed_disks(const json& vm) {
  std::vector<std::string> ids;
  const auto& storage = member(member(vm, "properties"), "storageProfile");
  const auto add = [&](const json& disk) {
    if (disk.contains("managedDisk")) ids.push_back(text(disk["managedDisk"], "id"));
  };
  add(member(storage, "osDisk"));
  for (const auto& disk : list(storage, "dataDisks")) add(disk);
  return ids;
}

std::string power_state(const json& vm) {
  for (const auto& status : list(member(member(vm, "properties"), "instanceView"), "statuses")) {
    const std::string code = text(status, "code");
    if (code.rfind("PowerState/", 0) == 0) return code.substr(11);
  }
  return "unknown";
}

// An RFC 7231 date as servers send it.
std::optional<core::TimePoint> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr) return std::nullopt;
  return core::TimePoint(std::chrono::seconds(timegm(&parts)));
}

Check check_skew(const std::string& date, core::TimePoint now) {
  const auto server = parse_http_date(date);
  if (!server)
    return warning("clock", "the service sent no readable date", "compare the clock with a time server");
  const auto skew = std::chrono::abs(now - *server);
  const std::string detail =
      "differs from the service's by " + core::to_display(std::chrono::floor<core::Millis>(skew));
  if (skew <= kToleratedSkew) return ok("clock", detail);
  return failed("clock", detail, "set the clock (timedatectl set-ntp true): tiers and retention go by it");
}

}  // namespace

const std::vector<NeededAction>& needed_actions() {
  static const std::vector<NeededAction> actions = {
      {"Microsoft.Resources/subscriptions/resourceGroups/read", "find the resource group"},
      {"Microsoft.Resources/subscriptions/read", "find the subscription"},
      {"Microsoft.Resources/subscriptions/resources/read", "find VMs and backups by name and tag"},
      {"Microsoft.Resources/tags/read", "keep schedules and marks"},
      {"Microsoft.Resources/tags/write", "keep schedules and marks"},
      {"Microsoft.Authorization/locks/read", "tell of locks"},
      {"Microsoft.Authorization/permissions/read", "tell what is not granted"},
      {"Microsoft.Compute/locations/diskOperations/read", "wait for operations on disks and snapshots"},
      {"Microsoft.Compute/locations/operations/read", "wait for operations to end"},
      {"Microsoft.Compute/locations/usages/read", "check quota before a restore to a new VM"},
      {"Microsoft.Compute/skus/read", "check the size before a restore to a new VM"},
      {"Microsoft.Compute/virtualMachines/read", "find the VM and its disks"},
      {"Microsoft.Compute/virtualMachines/write", "restore, and the lease between machines"},
      {"Microsoft.Compute/virtualMachines/start/action", "restore"},
      {"Microsoft.Compute/virtualMachines/deallocate/action", "restore"},
      {"Microsoft.Compute/virtualMachines/runCommand/action", "check the guest after a restore"},
      {"Microsoft.Compute/virtualMachines/delete", "undo a restore to a new VM that failed"},
      {"Microsoft.Compute/disks/read", "check sizes and kinds"},
      {"Microsoft.Compute/disks/write", "restore, verify"},
      {"Microsoft.Compute/disks/delete", "remove test disks and kept disks"},
      {"Microsoft.Compute/disks/beginGetAccess/action", "take snapshots"},
      {"Microsoft.Compute/snapshots/read", "list backups"},
      {"Microsoft.Compute/snapshots/write", "take and replicate backups"},
      {"Microsoft.Compute/snapshots/delete", "retention"},
      {"Microsoft.Compute/snapshots/beginGetAccess/action", "verify by reading"},
      {"Microsoft.Compute/snapshots/endGetAccess/action", "end reading"},
      {"Microsoft.Network/networkInterfaces/read", "restore to a new VM"},
      {"Microsoft.Network/networkInterfaces/write", "restore to a new VM"},
      {"Microsoft.Network/networkInterfaces/join/action", "restore to a new VM"},
      {"Microsoft.Network/networkInterfaces/delete", "undo a restore to a new VM that failed"},
      {"Microsoft.Network/networkSecurityGroups/join/action", "restore to a new VM"},
      {"Microsoft.Network/virtualNetworks/subnets/read", "restore to a new VM"},
      {"Microsoft.Network/virtualNetworks/subnets/join/action", "restore to a new VM"},
  };
  return actions;
}

std::vector<Check> check_machine(const DoctorInput& input, core::ProcessRunner& processes,
                                 std::stop_token stop) {
  std::vector<Check> checks = {check_folder(input.home), check_files(input.home),
                               check_databases(input.home)};
  if (input.needs_azure_cli) {
    checks.push_back(check_program(
        "Azure CLI", {input.login_program, "version"},
        "install it (https://aka.ms/azure-cli), or give a service principal by AZURE_CLIENT_ID, "
        "AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
        processes, stop));
    checks.push_back(check_program("Azure CLI login", {input.login_program, "account", "show"},
                                   "run `az login`", processes, stop));
  } else {
    checks.push_back({"Azure CLI", CheckState::skipped, "another credential is used", {}});
  }
  Check ssh =
      check_program("ssh", {"ssh", "-V"}, "install openssh-client: it is used to check a VM after a restore",
                    processes, stop);
  if (ssh.state == CheckState::failed) ssh.state = CheckState::warning;
  checks.push_back(std::move(ssh));
  return checks;
}

std::vector<Check> check_service(const DoctorInput& input, arm::ArmClient& arm,
                                 arm::CredentialChain& credentials, std::stop_token stop) {
  std::vector<Check> checks;
  try {
    const auto token = credentials.arm_token(false, stop);
    checks.push_back(ok("token", fmt::format("from {}, valid until {} UTC", token.source,
                                             core::to_display(token.expires_at))));
  } catch (const core::Error& error) {
    checks.push_back(failed("token", error));
    return checks;
  }
  if (input.subscription.empty()) {
    checks.push_back(
        failed("subscription", "none is chosen", "give --subscription or set AZURE_SUBSCRIPTION_ID"));
    return checks;
  }
  try {
    const auto reply =
        arm.send({.path = "/subscriptions/" + input.subscription, .api_version = "2022-12-01"}, stop);
    const json body = reply.json();
    const std::string state = text(body, "state", "unknown");
    const std::string detail =
        fmt::format("{} ({}), {}", input.subscription, text(body, "displayName"), state);
    checks.push_back(state == "Enabled"
                         ? ok("subscription", detail)
                         : failed("subscription", detail, "only an enabled subscription takes changes"));
    if (const auto date = reply.header("date")) checks.push_back(check_skew(*date, arm.clock().now()));
  } catch (const core::Error& error) {
    checks.push_back(failed("subscription", error));
    return checks;
  }
  try {
    const auto groups = input.resource_group ? std::vector<std::string>{*input.resource_group}
                                             : groups_with_vms(arm, input.subscription, stop);
    for (const auto& group : groups)
      checks.push_back(check_permissions(arm, input.subscription, group, stop));
    if (groups.empty())
      checks.push_back(
          warning("permissions", "the subscription has no VM yet", "name a group with -g to check it"));
  } catch (const core::Error& error) {
    checks.push_back(failed("permissions", error));
  }
  return checks;
}

std::vector<Check> check_vm(const std::string& vm_id, arm::ArmClient& arm, std::stop_token stop) {
  std::vector<Check> checks;
  const auto id = core::ResourceId::parse(vm_id);
  arm::Call call;
  call.path = vm_id;
  call.api_version = kComputeVersion;
  call.query = {{"$expand", "instanceView"}};
  const json vm = arm.send(call, stop).json();
  const std::string state = power_state(vm);
  checks.push_back(state == "running" ? ok("VM", "running")
                                      : warning("VM", "it is " + state,
                                                "a backup of a stopped VM works; a drill proves boot"));
  const auto disks = managed_disks(vm);
  checks.push_back(disks.empty() ? failed("disks", "the VM has no managed disk",
                                          "convert it with `az vm convert`: snapshots need managed disks")
                                 : ok("disks", fmt::format("{} managed", disks.size())));
  const auto guarded = [&](const char* name, const std::function<Check()>& check) {
    try {
      checks.push_back(check());
    } catch (const core::Error& error) {
      checks.push_back(failed(name, error));
    }
  };
  guarded("locks", [&] { return check_locks(arm, vm_id, stop); });
  guarded("quota", [&] { return check_quota(arm, id.subscription, text(vm, "location"), stop); });
  guarded("snapshots", [&] { return check_snapshot_counts(arm, id.subscription, disks, stop); });
  return checks;
}

}  // namespace azlin::backup
