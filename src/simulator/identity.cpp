#include "simulator/identity.hpp"

#include "simulator/auth.hpp"
#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

void apply_identity_of(Json& body, const Json& wanted) {
  if (!wanted.contains("identity")) return;
  const std::string type =
      enum_value(text_at(wanted, "/identity/type"),
                 {"None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"}, "identity.type");
  const Json before = body.value("identity", Json::object());
  if (type == "None") {
    body["identity"] = {{"type", "None"}};
    return;
  }
  body["identity"] = wanted["identity"];
  body["identity"]["type"] = type;
  if (type == "UserAssigned") return;
  const std::string known = text_at(before, "/principalId");
  body["identity"]["principalId"] = known.empty() ? new_guid() : known;
  body["identity"]["tenantId"] = kTenant;
}

}  // namespace azlin::simulator
