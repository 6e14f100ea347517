#include "dr/checks.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "azlin/azure/access.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/fields.hpp"
#include "azlin/core/names.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using core::fields::member;
using core::fields::text;
using nlohmann::json;

namespace {

constexpr const char* kNeeded[] = {"Microsoft.Compute/disks/write",
                                   "Microsoft.Compute/virtualMachines/write",
                                   "Microsoft.Compute/virtualMachines/runCommand/action",
                                   "Microsoft.Compute/virtualMachines/delete",
                                   "Microsoft.Compute/disks/delete",
                                   "Microsoft.Network/networkSecurityGroups/write",
                                   "Microsoft.Network/virtualNetworks/write",
                                   "Microsoft.Network/virtualNetworks/subnets/join/action",
                                   "Microsoft.Network/networkInterfaces/write",
                                   "Microsoft.Network/networkInterfaces/join/action"};

json get(arm::ArmClient& arm, const std::string& id, const char* version, const std::string& what,
         std::stop_token stop) {
  arm::Call call;
  call.path = id;
  call.api_version = version;
  const auto reply = arm.find(call, stop);
  if (!reply)
    throw Error(ErrorKind::failed, fmt::format("{} {} does not exist", what, id),
                "the disks cannot be decrypted without it");
  return reply->json();
}

// What check_keys looks at for one set.
class SetCheck {
 public:
  SetCheck(arm::ArmClient& arm, const std::string& id, core::TimePoint now, std::stop_token stop)
      : arm_(arm), id_(id), now_(now), stop_(std::move(stop)) {}

  // What could not be looked at; empty: nothing.
  std::string run() {
    const json body = get(arm_, id_, "2023-10-02", "the disk encryption set", stop_);
    const json properties = body.value("properties", json::object());
    check_state(properties);
    const std::string vault = text_at(properties, "/activeKey/sourceVault/id");
    const std::string url = text_at(properties, "/activeKey/keyUrl");
    if (vault.empty())
      return fmt::format("the key {} is in no vault that {} names: it was not looked at", url, id_);
    check_access(body, get(arm_, vault, "2023-07-01", "the key vault of the disk encryption set", stop_));
    return check_key(vault, url);
  }

 private:
  [[noreturn]] void refuse(const std::string& why, const std::string& hint) const {
    throw Error(ErrorKind::failed, fmt::format("the disk encryption set {} {}", id_, why), hint);
  }
  static std::string text_at(const json& body, const char* pointer) {
    return body.value(json::json_pointer(pointer), std::string());
  }

  void check_state(const json& properties) const {
    const std::string state = properties.value("provisioningState", "");
    if (state != "Succeeded") refuse("is " + state, "the disks cannot be decrypted with it now");
    const auto error = properties.find("autoKeyRotationError");
    if (error != properties.end() && error->is_object())
      refuse("cannot reach its key: " + error->value("message", error->dump()),
             "look at the key and at the set's access to its vault");
  }

  // Roles are not looked at: a vault that goes by them grants what its policies do not show.
  void check_access(const json& set, const json& vault) const {
    const json properties = vault.value("properties", json::object());
    if (properties.value("enableRbacAuthorization", false)) return;
    std::set<std::string> principals = {core::to_lower(text_at(set, "/identity/principalId"))};
    for (const auto& each : set.value(json::json_pointer("/identity/userAssignedIdentities"), json::object()))
      principals.insert(core::to_lower(text_at(each, "/principalId")));
    for (const auto& policy : properties.value("accessPolicies", json::array())) {
      if (!principals.contains(core::to_lower(text_at(policy, "/objectId")))) continue;
      std::set<std::string> granted;
      for (const auto& each : policy.value(json::json_pointer("/permissions/keys"), json::array()))
        granted.insert(core::to_lower(each.get<std::string>()));
      const bool each =
          granted.contains("get") && granted.contains("wrapkey") && granted.contains("unwrapkey");
      if (granted.contains("all") || each) return;
    }
    refuse("may not use its key: " + vault.value("id", "its vault") +
               " does not grant it get, wrapKey and unwrapKey",
           "az keyvault set-policy --object-id IDENTITY --key-permissions get wrapKey unwrapKey");
  }

  // The version that the set names, else the current one.
  std::string check_key(const std::string& vault, const std::string& url) const {
    const auto at = url.find("/keys/");
    if (at == std::string::npos) return fmt::format("{} names no key: it was not looked at", id_);
    const std::string path = url.substr(at + 6), name = path.substr(0, path.find('/'));
    const std::string version = path.size() > name.size() ? path.substr(name.size() + 1) : "";
    json body;
    try {
      body = get(arm_, vault + "/keys/" + name + (version.empty() ? "" : "/versions/" + version),
                 "2023-07-01", "the key", stop_);
    } catch (const arm::ArmError& error) {
      if (error.kind() != ErrorKind::unauthorized) throw;
      return fmt::format("the key {} may not be looked at: whether it is enabled was not checked", url);
    }
    const json attributes = body.value(json::json_pointer("/properties/attributes"), json::object());
    const std::int64_t now = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
    if (!attributes.value("enabled", true))
      refuse(fmt::format("uses the key {}, which is disabled", url), kEnable);
    if (attributes.value("exp", now + 1) <= now)
      refuse(fmt::format("uses the key {}, which has expired", url), kEnable);
    if (attributes.value("nbf", now) > now)
      refuse(fmt::format("uses the key {}, which is not valid yet", url), kEnable);
    return {};
  }

  static constexpr const char* kEnable = "enable the key, or the disks cannot be decrypted";
  arm::ArmClient& arm_;
  const std::string& id_;
  core::TimePoint now_;
  std::stop_token stop_;
};

}  // namespace

std::vector<std::string> check_keys(arm::ArmClient& arm, const std::vector<backup::RestoreDisk>& disks,
                                    core::TimePoint now, std::stop_token stop) {
  std::set<std::string> seen;
  std::vector<std::string> unseen;
  for (const auto& disk : disks) {
    const std::string& id = disk.encryption_set_id;
    if (id.empty() || !seen.insert(core::to_lower(id)).second) continue;
    if (auto each = SetCheck(arm, id, now, stop).run(); !each.empty()) unseen.push_back(std::move(each));
  }
  return unseen;
}

void check_permissions(arm::ArmClient& arm, const std::string& subscription,
                       const std::optional<std::string>& group, std::stop_token stop) {
  if (!group) return;
  const std::string scope = fmt::format("/subscriptions/{}/resourceGroups/{}", subscription, *group);
  std::vector<azure::Permission> granted;
  try {
    granted = azure::list_permissions(arm, scope, stop);
  } catch (const arm::ArmError&) {
    return;
  }
  std::string missing;
  for (const char* action : kNeeded) {
    if (!azure::is_granted(granted, action)) missing += std::string(missing.empty() ? "" : ", ") + action;
  }
  if (!missing.empty())
    throw Error(ErrorKind::unauthorized, fmt::format("not granted in {}: {}", *group, missing),
                "assign Contributor, or the custom role in docs/security.md, on the resource group");
}

}  // namespace azlin::dr
