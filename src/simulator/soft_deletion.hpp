#pragma once
// What vaults and configuration stores have in common: a deleted one stays a while among the deleted ones and
// can be brought back; names are unique in the whole cloud.
#include <functional>
#include <optional>
#include <string>

#include "simulator/context.hpp"

namespace azlin::simulator {

struct SoftDeletion {
  const char* type;          // of the live ones
  const char* deleted_type;  // of the deleted ones, as they are kept
  const char* purge_kind;    // the work that purges one when its days are over
  const char* list;          // "Microsoft.KeyVault/locations/{}/deletedVaults"
  const char* live_id;       // the deleted one's property that has the live one's id
};

// The deleted one's id.
std::string deleted_id(const SoftDeletion& kind, const std::string& subscription, const std::string& location,
                       const std::string& name);
// Whether a live or a deleted one has the name.
bool name_is_taken(Context& context, const SoftDeletion& kind, const std::string& name);
// Puts `live`, which is being erased, among the deleted ones, for `days`. `type`: as replies show it;
// `properties`: what they show besides the dates, the location, the tags and the live one's id.
void soft_delete(Context& context, const SoftDeletion& kind, const Resource& live, std::chrono::days days,
                 const char* type, Json properties);
// Brings the one back that had this id. nullopt: there is none.
std::optional<Resource> bring_back(Context& context, const SoftDeletion& kind, const std::string& id);

// checkNameAvailability: `check` throws what a PUT of the name would; `bad` is the reason of a bad one.
Reply name_availability(const Request& request, const char* bad,
                        const std::function<void(const std::string&)>& check);

}  // namespace azlin::simulator
