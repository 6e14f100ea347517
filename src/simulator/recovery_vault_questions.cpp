// What clients ask of vaults besides their backups: whether a name is free, the extended information that
// on-premises agents use, private links and replication (none).
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/recovery.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kInfo = "Microsoft.RecoveryServices/vaults/extendedInformation";

Reply info_of(const Resource& vault) {
  const Json stored = vault.hidden.is_object() ? vault.hidden.value("extendedInfo", Json()) : Json();
  if (stored.is_null())
    throw ApiError(404, "ResourceExtendedInfoNotFound",  // our wording
                   fmt::format("The extended information of vault '{}' was not found.", vault.name));
  return Reply::json(200, {{"id", vault.id + "/extendedInformation/vaultExtendedInfo"},
                           {"name", "vaultExtendedInfo"},
                           {"type", kInfo},
                           {"etag", "\"" + guid_from(stored.dump()) + "\""},
                           {"properties", stored}});
}

Reply put_info(Recovery& recovery, Request& request) {
  drop_nulls(request.json);
  auto vault = recovery.vault(request);
  Json stored = vault.hidden.value("extendedInfo", Json::object());
  stored.merge_patch(request.object().value("properties", Json::object()));
  if (!stored.contains("algorithm")) stored["algorithm"] = "None";
  vault.hidden["extendedInfo"] = stored;
  recovery.context.save(vault);
  return info_of(vault);
}

// A name is free when no vault of the group has it.
Reply check_name(Recovery& recovery, const Request& request) {
  check_location(request.param("location"), "locations");
  const auto name = text_at(request.object(), "/name");
  if (name.empty()) refuse_missing("name");
  const bool taken = recovery.context.state.exists(
      fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                  request.param("rg"), "Microsoft.RecoveryServices/vaults", name));
  Json body = {{"nameAvailable", !taken}};
  if (taken) {
    body["reason"] = "AlreadyExists";
    body["message"] = fmt::format("The vault name '{}' is already in use.", name);
  }
  return Reply::json(200, body);
}

}  // namespace

void add_recovery_vault_questions(Router& router, Recovery& recovery) {
  const std::string info = kVaultPath + "/extendedInformation/vaultExtendedInfo";
  router.arm("GET", info, kVaultVersions, [&recovery](Request& r) { return info_of(recovery.vault(r)); });
  for (const char* method : {"PUT", "PATCH"})
    router.arm(method, info, kVaultVersions, [&recovery](Request& r) { return put_info(recovery, r); });
  for (const char* list : {"replicationUsages", "privateLinkResources"})
    router.arm("GET", kVaultPath + "/" + list, kVaultVersions, [&recovery](Request& r) {
      recovery.vault(r);
      return Reply::json(200, {{"value", Json::array()}});
    });
  router.arm("POST",
             "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.RecoveryServices/locations/"
             "{location}/checkNameAvailability",
             kVaultVersions, [&recovery](Request& r) { return check_name(recovery, r); });
}

}  // namespace azlin::simulator
