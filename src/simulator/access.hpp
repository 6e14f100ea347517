#pragma once
// Who may do what: role assignments, and policies that refuse a write. Kept in the state; set over the admin
// endpoint and by roleAssignments. Used under Context::mutex.
#include <string>
#include <vector>

#include "simulator/message.hpp"

namespace azlin::simulator {

class State;

// Permissions at a scope and below it. Actions are patterns such as "Microsoft.Compute/*/read".
struct Grant {
  std::string principal;  // object id, or "*" for everybody
  std::string scope;      // "/" or an ARM id
  std::vector<std::string> actions, not_actions;
  std::string
      assignment;  // lower-case id of the role assignment that gives it; empty: set over the admin endpoint
};

class Access {
 public:
  explicit Access(State& state) : state_(state) {}
  // Everybody may do everything until grants are set.
  const std::vector<Grant>& grants();
  void set_grants(const std::vector<Grant>& grants);
  void add_grant(const Grant& grant);
  void remove_grant(const std::string& assignment);
  std::vector<Grant> grants_at(const std::string& principal, const std::string& scope);

  bool allows(const std::string& principal, const std::string& action, const std::string& scope);
  // Throws ApiError 403 AuthorizationFailed.
  void check(const std::string& principal, const std::string& action, const std::string& scope);
  // For a second resource that a request touches. Throws ApiError 403 LinkedAuthorizationFailed.
  void check_linked(const Request& request, const std::string& linked_action,
                    const std::string& linked_scope);

  // Policies: a JSON array of {"name", "type"?, "locations"?: allowed ones, "requiredTag"?}. A PUT or PATCH
  // of a matching resource that breaks one is refused with 403 RequestDisallowedByPolicy.
  Json policies();
  void set_policies(const Json& policies);
  void check_policies(const Request& request);

  void forget();  // after State::clear

 private:
  State& state_;
  bool loaded_ = false;
  std::vector<Grant> grants_;
};

void to_json(Json& json, const Grant& grant);
void from_json(const Json& json, Grant& grant);

}  // namespace azlin::simulator
