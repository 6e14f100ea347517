#pragma once
// From the service's bodies to plain data. Reads what is there; a member of another type counts as absent.
#include <nlohmann/json.hpp>
#include <string>

#include "azlin/core/fields.hpp"
#include "azlin/vault/model.hpp"

namespace azlin::vault {

using nlohmann::json;

using core::fields::flag;
using core::fields::number;
using core::fields::text;
inline const json& at(const json& body, const char* key) {
  return core::fields::member(body, key);
}
std::optional<core::TimePoint> time(const json& body,
                                    const char* key);  // nullopt also for the service's "none"

Vault parse_vault(const json& body);
Container parse_container(const json& body);
ProtectableItem parse_protectable(const json& body);
ProtectedItem parse_item(const json& body);
Job parse_job(const json& body);
RecoveryPoints parse_points(const std::vector<json>& bodies);

std::string last_segment(const std::string& id);
// The id of the container of an item's or protectable item's id.
std::string container_of(const std::string& id);

}  // namespace azlin::vault
