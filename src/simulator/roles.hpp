#pragma once
// Azure's built-in roles, as far as they concern what is simulated.
#include <string>
#include <vector>

namespace azlin::simulator {

struct Role {
  std::string guid, name;
  std::vector<std::string> actions, not_actions;
};

const std::vector<Role>& built_in_roles();
// By the last segment of a role definition's id. nullptr: not known.
const Role* find_role(const std::string& role_definition_id);

}  // namespace azlin::simulator
