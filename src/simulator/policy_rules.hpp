#pragma once
// Azure Policy's rules: whether a resource that is about to be written breaks one. Pure.
#include <string>

#include "simulator/message.hpp"

namespace azlin::simulator {

// What a rule looks at.
struct PolicySubject {
  std::string id, type, name;
  Json body;  // of the PUT
};

// Evaluates the "if" of a policyRule: allOf, anyOf, not, and field|value with equals, notEquals, in, notIn,
// like, notLike, contains, notContains, exists. `parameters`: values by name. Anything else is not fulfilled.
bool policy_holds(const Json& condition, const PolicySubject& subject, const Json& parameters);
// Why policy_holds cannot evaluate the "if": a condition, a function or a field with [*] that it does not
// know, or what is no condition at all. Empty when it can.
std::string policy_fault(const Json& condition);
// "[parameters('x')]", "[concat(…)]" and "[field('x')]" with their values; other values as they are.
Json policy_value(const Json& value, const PolicySubject& subject, const Json& parameters);

}  // namespace azlin::simulator
