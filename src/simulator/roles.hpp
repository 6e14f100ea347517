#pragma once
// Roles: Azure's built-in ones, as far as they concern what is simulated, and those that clients define.
#include <optional>
#include <string>
#include <vector>

#include "simulator/state.hpp"

namespace azlin::simulator {

inline constexpr const char* kRoleDefinitions = "Microsoft.Authorization/roleDefinitions";
inline constexpr const char* kRoleAssignments = "Microsoft.Authorization/roleAssignments";

struct Role {
  std::string guid, name;
  std::vector<std::string> actions, not_actions, data_actions;
};

const std::vector<Role>& built_in_roles();
// By the last segment of a role definition's id. nullptr: not built in.
const Role* find_built_in(const std::string& role_definition_id);
// Built in, or defined in the tenant.
std::optional<Role> find_role(State& state, const std::string& role_definition_id);

}  // namespace azlin::simulator
