#pragma once
// What Azure refuses in requests on disks and snapshots alike. Each function throws ApiError with the
// service's code.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "simulator/context.hpp"

namespace azlin::simulator {

// 1 to 80 of letters, digits, '_', '.', '-'; begins with a letter or digit, ends with one or '_' (naming
// rules page). 400 InvalidParameter: the code is our choice.
void check_disk_name(const std::string& name, const std::string& kind);

// The body's "properties", an object. Refuses members that the service does not know, 400 BadRequest: a
// misspelt property would otherwise be lost without a word. Members of the wrong JSON type: 400
// InvalidRequestContent; null stands for absent.
const Json& checked_properties(const Json& body, bool disk);

// "creationData" of the properties, an object with members that the service knows; `kind` is "disk" or
// "snapshot". instantAccessDurationMinutes is refused: instant access is not simulated.
const Json& checked_creation_data(const Json& properties, const std::string& kind);

// A string member that must be one of `allowed` (ignoring case, returned in their spelling); "" when it is
// missing or null. 400 InvalidParameter.
std::string choice(const Json& object, const char* member, std::string_view path,
                   std::initializer_list<const char*> allowed);
std::string string_or_empty(const Json& object, const char* member);

// 400 InvalidParameter "Required parameter '…' is missing (null)."
[[noreturn]] void throw_missing(const std::string& parameter);
[[noreturn]] void throw_invalid(const std::string& parameter, const std::string& message);
// 409 OperationNotAllowed
[[noreturn]] void throw_not_allowed(const std::string& message);
// 409 PropertyChangeNotAllowed: says "disk" for snapshots, too.
[[noreturn]] void throw_change_not_allowed(const std::string& property, const std::string& name);

// The sku of the body, canonical; "" when it has none. Zone-redundant ones only where the region has zones.
std::string checked_sku(const Json& body, bool disk, const std::string& location);
// null or ["n"]: one zone, of a region that has zones, not with a zone-redundant sku.
Json checked_zones(const Json& body, const std::string& sku, const std::string& location);

// Another operation on the resource runs: 409 Conflict.
void check_idle(Context& context, const Resource& resource);

// The resource that a copy is made from: it exists, is in `location` (a source in another region "is not
// found"), the caller may read its data (beginGetAccess), it is complete and not being uploaded.
Resource checked_source(Context& context, const Request& request, const std::string& id,
                        const std::string& location, std::initializer_list<const char*> types);
// 404 as Compute words it.
[[noreturn]] void throw_source_not_found(const std::string& id);
// A resource whose creation has not ended cannot be copied yet: 409 Conflict (our choice).
void check_created(const Resource& source);
// A copy from another region that is not finished cannot be used: 409 OperationNotAllowed (the code is our
// choice).
void check_copy_complete(const Resource& snapshot);

// Sets what PUT and PATCH may set on an existing disk or snapshot: encryption, network access, osType, …
// `properties` is the request's. Unstated members stay.
void apply_settings(Context& context, Resource& resource, const Json& properties);

// diskSizeGB of the request in bytes; 0 when it is not stated. 400 InvalidParameter outside 1 to 32,767 GiB.
std::uint64_t requested_bytes(const Json& properties, const std::string& sku);
// 400 "… cannot be resized down. …"
[[noreturn]] void throw_shrink(const std::string& id);

// The body that answers an accepted PUT or PATCH: the resource without its id, "Updating".
Json accepted_body(const Resource& resource);
// Notes that `resource` is being created; finish_creation forgets it.
void begin_creation(Resource& resource);
void finish_creation(Resource& resource);
// Registers "disk.write": ends a creation or update. `id` is the only data.
void register_disk_writes(Context& context);

}  // namespace azlin::simulator
