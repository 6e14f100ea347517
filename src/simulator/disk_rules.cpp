#include "simulator/disk_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "simulator/disk_model.hpp"
#include "simulator/encryption_sets.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// What the service expects a member to be. `any` is checked elsewhere.
enum class Kind { any, text, number, flag, object, list };
using Members = std::map<std::string, Kind, std::less<>>;

const Members kTopMembers = {
    {"id", Kind::text},           {"name", Kind::text},         {"type", Kind::text},
    {"location", Kind::text},     {"tags", Kind::any},          {"sku", Kind::object},
    {"zones", Kind::any},         {"properties", Kind::object}, {"extendedLocation", Kind::object},
    {"systemData", Kind::object}, {"managedBy", Kind::text},    {"managedByExtended", Kind::list},
    {"kind", Kind::text}};

const Members kCommonMembers = {{"timeCreated", Kind::text},
                                {"osType", Kind::text},
                                {"hyperVGeneration", Kind::text},
                                {"purchasePlan", Kind::object},
                                {"supportedCapabilities", Kind::object},
                                {"creationData", Kind::object},
                                {"diskSizeGB", Kind::number},
                                {"diskSizeBytes", Kind::number},
                                {"uniqueId", Kind::text},
                                {"encryptionSettingsCollection", Kind::object},
                                {"provisioningState", Kind::text},
                                {"encryption", Kind::object},
                                {"networkAccessPolicy", Kind::text},
                                {"diskAccessId", Kind::text},
                                {"securityProfile", Kind::object},
                                {"supportsHibernation", Kind::flag},
                                {"publicNetworkAccess", Kind::text},
                                {"completionPercent", Kind::number},
                                {"diskState", Kind::text},
                                {"dataAccessAuthMode", Kind::text},
                                {"isArmResource", Kind::flag},
                                {"faultDomain", Kind::number}};

const Members kDiskMembers = {{"diskIOPSReadWrite", Kind::number},
                              {"diskMBpsReadWrite", Kind::number},
                              {"diskIOPSReadOnly", Kind::number},
                              {"diskMBpsReadOnly", Kind::number},
                              {"maxShares", Kind::number},
                              {"shareInfo", Kind::list},
                              {"tier", Kind::text},
                              {"burstingEnabled", Kind::flag},
                              {"propertyUpdatesInProgress", Kind::object},
                              {"burstingEnabledTime", Kind::text},
                              {"optimizedForFrequentAttach", Kind::flag},
                              {"LastOwnershipUpdateTime", Kind::text},
                              {"availabilityPolicy", Kind::object}};

const Members kSnapshotMembers = {{"incremental", Kind::flag},
                                  {"incrementalSnapshotFamilyId", Kind::text},
                                  {"copyCompletionError", Kind::object},
                                  {"snapshotAccessState", Kind::text}};

const Members kCreationMembers = {{"createOption", Kind::text},
                                  {"storageAccountId", Kind::text},
                                  {"imageReference", Kind::object},
                                  {"galleryImageReference", Kind::object},
                                  {"sourceUri", Kind::text},
                                  {"sourceResourceId", Kind::text},
                                  {"sourceUniqueId", Kind::text},
                                  {"uploadSizeBytes", Kind::number},
                                  {"logicalSectorSize", Kind::number},
                                  {"securityDataUri", Kind::text},
                                  {"performancePlus", Kind::flag},
                                  {"elasticSanResourceId", Kind::text},
                                  {"provisionedBandwidthCopySpeed", Kind::text}};

bool is_kind(const Json& value, Kind kind) {
  switch (kind) {
    case Kind::text:
      return value.is_string();
    case Kind::number:
      return value.is_number();
    case Kind::flag:
      return value.is_boolean();
    case Kind::object:
      return value.is_object();
    case Kind::list:
      return value.is_array();
    case Kind::any:
      break;
  }
  return true;
}

[[noreturn]] void throw_wrong_type(const std::string& path, const Json& value) {
  throw ApiError(
      400, "InvalidRequestContent",
      fmt::format("The request content was invalid and could not be deserialized: 'Error converting value {} "
                  "to the type of the member. Path '{}'.'.",
                  value.dump(-1, ' ', false, Json::error_handler_t::replace), path));
}

// null is as good as absent.
void check_kind(const Members::value_type& member, const std::string& prefix, const Json& value) {
  if (!value.is_null() && !is_kind(value, member.second)) throw_wrong_type(prefix + member.first, value);
}

[[noreturn]] void throw_unknown_member(const std::string& member, const std::string& type,
                                       const std::string& path) {
  throw ApiError(
      400, "BadRequest",
      fmt::format("Could not find member '{}' on object of type '{}'. Path '{}'.", member, type, path));
}

bool word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool zone_redundant(const std::string& sku) {
  return sku.ends_with("_ZRS");
}

bool has_zones(const std::string& location) {
  const auto* found = find_location(location);
  return found != nullptr && found->zones;
}

void apply_encryption(Json& properties, const Json& wanted) {
  const auto type = choice(wanted, "type", "encryption.type",
                           {"EncryptionAtRestWithPlatformKey", "EncryptionAtRestWithCustomerKey",
                            "EncryptionAtRestWithPlatformAndCustomerKeys"});
  const auto set = string_or_empty(wanted, "diskEncryptionSetId");
  if (!type.empty() && type != "EncryptionAtRestWithPlatformKey" && set.empty())
    throw_missing("encryption.diskEncryptionSetId");
  properties["encryption"] = {{"type", type.empty() ? "EncryptionAtRestWithCustomerKey" : type}};
  if (!set.empty()) properties["encryption"]["diskEncryptionSetId"] = set;
}

void apply_network_access(Json& properties, const Json& wanted) {
  const auto policy =
      choice(wanted, "networkAccessPolicy", "networkAccessPolicy", {"AllowAll", "AllowPrivate", "DenyAll"});
  const auto access = string_or_empty(wanted, "diskAccessId");
  if (policy == "AllowPrivate" && access.empty()) throw_missing("diskAccessId");
  if (!policy.empty() && policy != "AllowPrivate" && !access.empty()) {
    throw_invalid("diskAccessId",
                  "Parameter 'diskAccessId' is allowed with networkAccessPolicy 'AllowPrivate' only.");
  }
  if (!policy.empty()) properties["networkAccessPolicy"] = policy;
  if (!policy.empty()) properties.erase("diskAccessId");
  if (!access.empty()) properties["diskAccessId"] = access;
}

void set_choice(Json& properties, const Json& wanted, const char* member,
                std::initializer_list<const char*> allowed) {
  const auto value = choice(wanted, member, member, allowed);
  if (!value.empty()) properties[member] = value;
}

// The end of a creation or an update.
Json finish_write(Context& context, const Json& data) {
  auto resource = context.state.find(data.at("id").get<std::string>());
  if (!resource) return nullptr;
  finish_creation(*resource);
  resource->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*resource);
  return context.present(*resource);
}

// The service leaves the resource behind: the client has to delete it.
void fail_write(Context& context, const Json& data, const ApiError&) {
  auto resource = context.state.find(data.at("id").get<std::string>());
  if (!resource) return;
  resource->body["properties"]["provisioningState"] = "Failed";
  context.save(*resource);
}

}  // namespace

void check_disk_name(const std::string& name, const std::string& kind) {
  const auto allowed = [](char c) { return word(c) || c == '_' || c == '.' || c == '-'; };
  const bool good = !name.empty() && name.size() <= 80 && std::all_of(name.begin(), name.end(), allowed) &&
                    word(name.front()) && (word(name.back()) || name.back() == '_');
  if (good) return;
  throw ApiError(400, "InvalidParameter", fmt::format("The value of parameter {}.name is invalid.", kind),
                 kind + ".name");
}

const Json& checked_properties(const Json& body, bool disk) {
  for (const auto& [name, value] : body.items()) {
    const auto member = kTopMembers.find(name);
    if (member == kTopMembers.end()) throw_unknown_member(name, disk ? "Disk" : "Snapshot", name);
    check_kind(*member, "", value);
  }
  static const Json kEmpty = Json::object();
  const auto found = body.find("properties");
  if (found == body.end() || found->is_null()) return kEmpty;
  const auto& own = disk ? kDiskMembers : kSnapshotMembers;
  for (const auto& [name, value] : found->items()) {
    const auto& members = kCommonMembers.contains(name) ? kCommonMembers : own;
    const auto member = members.find(name);
    if (member == members.end()) {
      throw_unknown_member(name, disk ? "DiskProperties" : "SnapshotProperties", "properties." + name);
    }
    check_kind(*member, "properties.", value);
  }
  return *found;
}

const Json& checked_creation_data(const Json& properties, const std::string& kind) {
  const auto found = properties.find("creationData");
  if (found == properties.end() || !found->is_object()) throw_missing(kind + ".creationData");
  for (const auto& [name, value] : found->items()) {
    const auto member = kCreationMembers.find(name);
    if (member == kCreationMembers.end())
      throw_unknown_member(name, "CreationData", "properties.creationData." + name);
    check_kind(*member, "properties.creationData.", value);
  }
  return *found;
}

std::string string_or_empty(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) throw_wrong_type(member, *found);
  return found->get<std::string>();
}

std::string choice(const Json& object, const char* member, std::string_view path,
                   std::initializer_list<const char*> allowed) {
  const auto value = string_or_empty(object, member);
  if (value.empty()) return {};
  for (const char* one : allowed) {
    if (same(one, value)) return one;
  }
  throw_invalid(std::string(path),
                fmt::format("The value '{}' of parameter '{}' is not allowed. Allowed values are: {}.", value,
                            path, fmt::join(allowed, ",")));
}

void throw_missing(const std::string& parameter) {
  throw ApiError(400, "InvalidParameter",
                 fmt::format("Required parameter '{}' is missing (null).", parameter), parameter);
}

void throw_invalid(const std::string& parameter, const std::string& message) {
  throw ApiError(400, "InvalidParameter", message, parameter);
}

void throw_not_allowed(const std::string& message) {
  throw ApiError(409, "OperationNotAllowed", message);
}

void throw_change_not_allowed(const std::string& property, const std::string& name) {
  throw ApiError(409, "PropertyChangeNotAllowed",
                 fmt::format("Changing property '{}' is not allowed for existing disk '{}'.", property, name),
                 property);
}

std::string checked_sku(const Json& body, bool disk, const std::string& location) {
  const auto found = body.find("sku");
  if (found == body.end() || found->is_null()) return {};
  const auto sku = disk ? choice(*found, "name", "sku.name",
                                 {"Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "StandardSSD_ZRS",
                                  "Premium_ZRS", "PremiumV2_LRS", "UltraSSD_LRS"})
                        : choice(*found, "name", "sku.name", {"Standard_LRS", "Premium_LRS", "Standard_ZRS"});
  if (zone_redundant(sku) && !has_zones(location)) {
    throw_invalid("sku.name", fmt::format("SKU '{}' is not supported in region '{}'.", sku, location));
  }
  return sku;
}

Json checked_zones(const Json& body, const std::string& sku, const std::string& location) {
  const auto found = body.find("zones");
  const bool none = found == body.end() || found->is_null() || (found->is_array() && found->empty());
  if (none && (sku == "UltraSSD_LRS" || sku == "PremiumV2_LRS") && has_zones(location)) {
    throw_invalid("zones",
                  fmt::format("SKU '{}' requires an availability zone in region '{}'.", sku, location));
  }
  if (none) return nullptr;
  if (!found->is_array() || found->size() != 1 || !found->at(0).is_string()) {
    throw_invalid("zones", "The value of parameter zones is invalid: exactly one zone is expected.");
  }
  const auto zone = found->at(0).get<std::string>();
  if (!has_zones(location)) {
    throw ApiError(
        400, "LocationNotSupportAvailabilityZones",
        fmt::format("The resource does not support availability zones at location '{}'.", location));
  }
  if (zone != "1" && zone != "2" && zone != "3") {
    throw ApiError(
        400, "InvalidAvailabilityZone",
        fmt::format(
            "The zone(s) '{}' for resource is not supported. The supported zones for location '{}' are "
            "'1,2,3'.",
            zone, location));
  }
  if (zone_redundant(sku)) throw_invalid("zones", "Zones cannot be specified with a zone-redundant SKU.");
  return *found;
}

void check_idle(Context& context, const Resource& resource) {
  if (context.operations.running_on(resource.id)) {
    throw ApiError(409, "Conflict", "The request failed due to conflict with a concurrent request.");
  }
}

void throw_source_not_found(const std::string& id) {
  throw ApiError(404, "ResourceNotFound", fmt::format("Resource {} is not found.", id));
}

void check_created(const Resource& source) {
  if (!source.hidden.value("creating", false)) return;
  throw ApiError(409, "Conflict", fmt::format("Resource '{}' is still being created.", source.name));
}

void begin_creation(Resource& resource) {
  resource.hidden["creating"] = true;
}

void finish_creation(Resource& resource) {
  resource.hidden.erase("creating");
}

void check_copy_complete(const Resource& snapshot) {
  const auto& properties = snapshot.body["properties"];
  if (snapshot.live || properties.contains("copyCompletionError")) {
    throw_not_allowed(fmt::format(
        "Snapshot '{}' cannot be used until its copy is complete (completionPercent 100).", snapshot.name));
  }
}

Resource checked_source(Context& context, const Request& request, const std::string& id,
                        const std::string& location, std::initializer_list<const char*> types) {
  const auto target = check_id(id, "properties.creationData.sourceResourceId");
  const auto is_type = [&](const char* type) { return same(type, target.type); };
  if (std::none_of(types.begin(), types.end(), is_type)) {
    throw_invalid("creationData.sourceResourceId",
                  fmt::format("The source resource '{}' is of a type that is not supported here.", id));
  }
  auto source = context.state.find(id);
  // Azure: 404 "… is not found" for a source of another region, although it exists.
  if (!source || !same(source->location, location)) throw_source_not_found(id);
  context.access.check_linked(request, target.type + "/beginGetAccess/action", source->id);
  const auto& properties = source->body["properties"];
  const auto state = disk_state(*source);
  if (volume_of(*source) == 0 || properties.value("provisioningState", "Succeeded") == "Failed") {
    throw_not_allowed(
        fmt::format("Resource '{}' is in provisioning state 'Failed' and cannot be copied.", source->name));
  }
  if (state == "ReadyToUpload" || state == "ActiveUpload") {
    throw_not_allowed(fmt::format("Disk '{}' cannot be copied in state '{}'.", source->name, state));
  }
  check_created(*source);
  check_copy_complete(*source);
  return *source;
}

void apply_settings(Context& context, Resource& resource, const Json& wanted) {
  auto& properties = resource.body["properties"];
  if (wanted.contains("encryption") && wanted["encryption"].is_object()) {
    apply_encryption(properties, wanted["encryption"]);
    const auto set = string_or_empty(properties["encryption"], "diskEncryptionSetId");
    if (!set.empty()) {
      const auto type = check_encryption_set(context, set, resource.location);
      if (!string_or_empty(wanted["encryption"], "type").empty() && properties["encryption"]["type"] != type)
        throw_invalid("encryption.type",
                      fmt::format("The encryption type '{}' is not that of the disk encryption set '{}', "
                                  "which is '{}'.",
                                  properties["encryption"]["type"].get<std::string>(), set, type));
      properties["encryption"]["type"] = type;
    }
  }
  apply_network_access(properties, wanted);
  set_choice(properties, wanted, "publicNetworkAccess", {"Enabled", "Disabled"});
  set_choice(properties, wanted, "dataAccessAuthMode", {"None", "AzureActiveDirectory"});
  set_choice(properties, wanted, "osType", {"Linux", "Windows"});
  for (const char* member : {"supportedCapabilities", "supportsHibernation", "purchasePlan", "maxShares",
                             "burstingEnabled", "optimizedForFrequentAttach"}) {
    if (wanted.contains(member) && !wanted[member].is_null()) properties[member] = wanted[member];
  }
}

std::uint64_t requested_bytes(const Json& properties, const std::string& sku) {
  const auto found = properties.find("diskSizeGB");
  if (found == properties.end() || found->is_null()) return 0;
  const std::int64_t most = sku == "UltraSSD_LRS" || sku == "PremiumV2_LRS" ? 65'536 : 32'767;
  const auto gb = found->is_number_integer() ? found->get<std::int64_t>() : 0;
  if (gb < 1 || gb > most) {
    throw_invalid("diskSizeGB",
                  fmt::format("The value '{}' of parameter 'diskSizeGB' is out of range. The value must be "
                              "between '1' and '{}', inclusive.",
                              found->dump(), most));
  }
  return gib(static_cast<std::uint64_t>(gb));
}

void throw_shrink(const std::string& id) {
  throw ApiError(
      400, "OperationNotAllowed",
      fmt::format(
          "The disk/snapshot resource with id {} cannot be resized down. Reducing disk/snapshot size is "
          "not supported in Azure to prevent data loss.",
          id));
}

Json accepted_body(const Resource& resource) {
  Json body = resource.body;
  for (const char* member : {"id", "type", "managedBy"}) body.erase(member);
  auto& properties = body["properties"];
  for (const char* member :
       {"timeCreated", "uniqueId", "diskState", "diskSizeBytes", "incrementalSnapshotFamilyId"}) {
    properties.erase(member);
  }
  properties["provisioningState"] = "Updating";
  properties["isArmResource"] = true;
  return body;
}

void register_disk_writes(Context& context) {
  context.operations.on("disk.write", finish_write, fail_write);
}

}  // namespace azlin::simulator
