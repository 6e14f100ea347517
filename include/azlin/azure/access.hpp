#pragma once
// Subscriptions that a credential sees, and what it may do at a scope.
#include <stop_token>
#include <string>
#include <vector>

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

struct Subscription {
  std::string id, name, tenant, state;  // state: "Enabled", "Disabled", …
};

// Source: Subscriptions - List (2022-12-01).
std::vector<Subscription> list_subscriptions(arm::ArmClient& arm, std::stop_token stop = {});

// What role assignments grant at a scope: actions and the exceptions from them, with '*' as wildcard.
struct Permission {
  std::vector<std::string> actions, not_actions;
};

// Whether any of `permissions` grants `action` ("Microsoft.Compute/snapshots/write"). Pure. Ignores case.
bool is_granted(const std::vector<Permission>& permissions, const std::string& action);

// Source: Permissions - List For Resource Group (2022-04-01). `scope` is a resource group's or a resource's
// id.
std::vector<Permission> list_permissions(arm::ArmClient& arm, const std::string& scope,
                                         std::stop_token stop = {});

}  // namespace azlin::azure
