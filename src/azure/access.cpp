#include "azlin/azure/access.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azlin/core/fields.hpp"
#include "azlin/core/names.hpp"

namespace azlin::azure {

using core::fields::text;
using core::fields::texts;

namespace {

// '*' stands for any text, also across '/'.
bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t from = star; from <= text.size(); ++from) {
    if (matches(rest, text.substr(from))) return true;
  }
  return false;
}

bool any_matches(const std::vector<std::string>& patterns, const std::string& action) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(core::to_lower(pattern), action); });
}

}  // namespace

std::vector<Subscription> list_subscriptions(arm::ArmClient& arm, std::stop_token stop) {
  std::vector<Subscription> result;
  arm::Call call;
  call.path = "/subscriptions";
  call.api_version = "2022-12-01";
  arm.list(
      call,
      [&](nlohmann::json&& item) {
        result.push_back({text(item, "subscriptionId"), text(item, "displayName"), text(item, "tenantId"),
                          text(item, "state")});
        return true;
      },
      stop);
  return result;
}

bool is_granted(const std::vector<Permission>& permissions, const std::string& action) {
  const std::string wanted = core::to_lower(action);
  return std::any_of(permissions.begin(), permissions.end(), [&](const Permission& permission) {
    return any_matches(permission.actions, wanted) && !any_matches(permission.not_actions, wanted);
  });
}

std::vector<Permission> list_permissions(arm::ArmClient& arm, const std::string& scope,
                                         std::stop_token stop) {
  std::vector<Permission> result;
  arm::Call call;
  call.path = scope + "/providers/Microsoft.Authorization/permissions";
  call.api_version = "2022-04-01";
  arm.list(
      call,
      [&](nlohmann::json&& item) {
        result.push_back({texts(item, "actions"), texts(item, "notActions")});
        return true;
      },
      stop);
  return result;
}

}  // namespace azlin::azure
