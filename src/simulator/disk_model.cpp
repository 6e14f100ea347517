#include "simulator/disk_model.hpp"

#include <array>

#include "simulator/disk_image.hpp"
#include "simulator/sas.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kHelper = "disk contents";

// The size classes of managed disks and what each gives ("Disk types" of Azure's documentation, baseline
// without bursting).
struct SizeClass {
  int number;  // P10, E10, S10
  std::uint64_t gb;
  int premium_iops, premium_mbps;
  int ssd_iops, ssd_mbps;
  int hdd_iops, hdd_mbps;
};
constexpr std::array<SizeClass, 14> kSizes = {{{1, 4, 120, 25, 500, 60, 500, 60},
                                               {2, 8, 120, 25, 500, 60, 500, 60},
                                               {3, 16, 120, 25, 500, 60, 500, 60},
                                               {4, 32, 120, 25, 500, 60, 500, 60},
                                               {6, 64, 240, 50, 500, 60, 500, 60},
                                               {10, 128, 500, 100, 500, 60, 500, 60},
                                               {15, 256, 1100, 125, 500, 60, 500, 60},
                                               {20, 512, 2300, 150, 500, 60, 500, 60},
                                               {30, 1024, 5000, 200, 500, 60, 500, 60},
                                               {40, 2048, 7500, 250, 500, 60, 500, 60},
                                               {50, 4096, 7500, 250, 500, 60, 500, 60},
                                               {60, 8192, 16000, 500, 2000, 400, 1300, 300},
                                               {70, 16384, 18000, 750, 4000, 600, 2000, 500},
                                               {80, 32767, 20000, 900, 6000, 750, 2000, 500}}};

const SizeClass& size_class(std::uint64_t gb) {
  for (const auto& size : kSizes) {
    if (gb <= size.gb) return size;
  }
  return kSizes.back();
}

void set_performance(Json& properties, const std::string& sku, std::uint64_t gb) {
  if (sku == "UltraSSD_LRS" ||
      sku == "PremiumV2_LRS") {  // the client chooses; these are the service's defaults
    if (!properties.contains("diskIOPSReadWrite"))
      properties["diskIOPSReadWrite"] = sku == "PremiumV2_LRS" ? 3000 : 500;
    if (!properties.contains("diskMBpsReadWrite"))
      properties["diskMBpsReadWrite"] = sku == "PremiumV2_LRS" ? 125 : 8;
    properties.erase("tier");
    return;
  }
  const auto& size = size_class(gb);
  const bool premium = sku.starts_with("Premium"), ssd = sku.starts_with("StandardSSD");
  properties["diskIOPSReadWrite"] = premium ? size.premium_iops : ssd ? size.ssd_iops : size.hdd_iops;
  properties["diskMBpsReadWrite"] = premium ? size.premium_mbps : ssd ? size.ssd_mbps : size.hdd_mbps;
  // Standard HDD begins at S4.
  const int number = premium || ssd ? size.number : std::max(size.number, 4);
  properties["tier"] = (premium ? "P" : ssd ? "E" : "S") + std::to_string(number);
}

std::string last_segment(const std::string& id) {
  return id.substr(id.rfind('/') + 1);
}

Resource base_resource(const std::string& id, const char* type, const std::string& location,
                       const Json& tags) {
  Resource resource;
  resource.id = id;
  resource.type = type;
  resource.name = last_segment(id);
  resource.location = location;
  resource.hidden = Json::object();
  resource.body = {{"id", id}, {"name", resource.name}, {"type", type}, {"location", location}};
  if (tags.is_object()) resource.body["tags"] = tags;
  return resource;
}

// What disks and snapshots have in common once they are there.
Json common_properties(core::TimePoint created) {
  return {{"provisioningState", "Succeeded"},
          {"diskState", "Unattached"},
          {"timeCreated", to_azure_time(created)},
          {"uniqueId", new_guid()},
          {"encryption", {{"type", "EncryptionAtRestWithPlatformKey"}}},
          {"networkAccessPolicy", "AllowAll"},
          {"publicNetworkAccess", "Enabled"},
          {"dataAccessAuthMode", "None"}};
}

void copy_members(const Json& from, Json& to, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (from.contains(name)) to[name] = from[name];
  }
}

}  // namespace

ContentStore& contents(Context& context) {
  auto& helper = context.helpers[kHelper];
  if (!helper.has_value()) {
    helper = std::make_shared<ContentStore>(context.state_dir + "/disks", make_image);
  }
  return *std::any_cast<std::shared_ptr<ContentStore>&>(helper);
}

Resource new_disk(const NewDisk& disk) {
  auto resource = base_resource(disk.id, kDiskType, disk.location, disk.tags);
  auto& body = resource.body;
  body["sku"] = sku_body(disk.sku);
  if (!disk.zones.is_null()) body["zones"] = disk.zones;
  body["properties"] = common_properties(disk.created);
  auto& properties = body["properties"];
  properties["creationData"] = disk.creation_data;
  if (!disk.os_type.empty()) properties["osType"] = disk.os_type;
  if (!disk.generation.empty()) properties["hyperVGeneration"] = disk.generation;
  if (!disk.security_type.empty()) properties["securityProfile"] = {{"securityType", disk.security_type}};
  if (!disk.capabilities.is_null()) properties["supportedCapabilities"] = disk.capabilities;
  set_size(body, disk.bytes);
  resource.created = disk.created;
  resource.hidden["volume"] = disk.volume;
  resource.hidden["family"] = new_guid();
  return resource;
}

Resource new_snapshot(const Resource& disk, const NewSnapshot& snapshot) {
  auto resource = base_resource(snapshot.id, kSnapshotType, disk.location, snapshot.tags);
  const auto& source = disk.body["properties"];
  resource.body["sku"] = sku_body(snapshot.sku);
  resource.body["properties"] = common_properties(snapshot.taken);
  auto& properties = resource.body["properties"];
  copy_members(source, properties,
               {"osType", "hyperVGeneration", "securityProfile", "supportedCapabilities", "encryption",
                "diskSizeGB", "diskSizeBytes"});
  properties["creationData"] = {
      {"createOption", "Copy"}, {"sourceResourceId", disk.id}, {"sourceUniqueId", source["uniqueId"]}};
  properties["incremental"] = snapshot.incremental;
  resource.created = snapshot.taken;
  resource.hidden["volume"] = snapshot.volume;
  if (snapshot.incremental) {
    properties["incrementalSnapshotFamilyId"] = disk.hidden.value("family", disk.key());
    resource.ref = source["uniqueId"].get<std::string>();
  }
  return resource;
}

std::string copy_family(const std::string& family, const std::string& location) {
  return guid_from(lower(family) + "@" + lower(location));
}

Resource new_snapshot_copy(const Resource& source, const std::string& id, const std::string& location,
                           const Json& tags, VolumeId volume, core::TimePoint taken) {
  auto resource = base_resource(id, kSnapshotType, location, tags);
  const auto& original = source.body["properties"];
  const auto family = original.value("incrementalSnapshotFamilyId", "");
  resource.body["sku"] = sku_body("Standard_LRS");
  resource.body["properties"] = common_properties(taken);
  auto& properties = resource.body["properties"];
  copy_members(original, properties,
               {"osType", "hyperVGeneration", "securityProfile", "supportedCapabilities", "diskSizeGB",
                "diskSizeBytes"});
  properties["creationData"] = {{"createOption", "CopyStart"},
                                {"sourceResourceId", source.id},
                                {"sourceUniqueId", original["uniqueId"]}};
  properties["incremental"] = true;
  properties["incrementalSnapshotFamilyId"] = copy_family(family, location);
  properties["completionPercent"] = 100.0;
  resource.hidden["volume"] = volume;
  resource.created = taken;
  const auto at = taken.time_since_epoch().count();
  resource.hidden["copy"] = {{"source", source.key()},
                             {"taken", source.created.time_since_epoch().count()},
                             {"start", at},
                             {"end", at}};
  resource.ref = "copy:" + lower(family);
  return resource;
}

void set_attachment(Resource& disk, const std::string& vm, const std::string& state, core::TimePoint now) {
  if (vm.empty()) {
    disk.body.erase("managedBy");
  } else {
    disk.body["managedBy"] = vm;
  }
  disk.body["properties"]["diskState"] = state;
  disk.body["properties"]["LastOwnershipUpdateTime"] = to_azure_time(now);
}

std::string disk_state(const Resource& resource) {
  return resource.body.value("properties", Json::object()).value("diskState", "");
}

VolumeId volume_of(const Resource& resource) {
  return resource.hidden.is_object() ? resource.hidden.value("volume", VolumeId{0}) : 0;
}

void release_contents(Context& context, const Resource& resource) {
  revoke_sas(context, resource);
  if (const auto volume = volume_of(resource)) contents(context).remove(volume);
}

std::uint64_t gib(std::uint64_t count) {
  return count << 30;
}

std::uint64_t size_gb(std::uint64_t bytes) {
  return (bytes + gib(1) - 1) >> 30;
}

void set_size(Json& body, std::uint64_t bytes) {
  auto& properties = body["properties"];
  properties["diskSizeBytes"] = bytes;
  properties["diskSizeGB"] = size_gb(bytes);
  if (body["type"] == kDiskType) set_performance(properties, body["sku"]["name"], size_gb(bytes));
}

// "The P60, P70, and P80 performance tiers can only be used by disks that are larger than 4,096 GiB":
// MicrosoftDocs/azure-docs, includes/virtual-machines-disks-performance-tiers-restrictions.md.
bool set_tier(Json& body, const std::string& tier) {
  auto& properties = body["properties"];
  const auto sku = body["sku"]["name"].get<std::string>();
  if (sku != "Premium_LRS" && sku != "Premium_ZRS") return false;
  const auto gb = properties["diskSizeGB"].get<std::uint64_t>();
  const auto& base = size_class(gb);
  for (const auto& size : kSizes) {
    const auto name = "P" + std::to_string(size.number);
    if (!same(name, tier)) continue;
    if (size.number < base.number || (size.number >= 60 && gb <= 4096)) return false;
    properties["tier"] = name;
    properties["diskIOPSReadWrite"] = size.premium_iops;
    properties["diskMBpsReadWrite"] = size.premium_mbps;
    return true;
  }
  return false;
}

// To P20 and E20 3, to P50 and E50 5, from P60 and E60 10, Ultra and Premium SSD v2 15:
// MicrosoftDocs/azure-docs, includes/virtual-machines-disks-shared-sizes.md.
std::int64_t most_shares(const std::string& sku, std::uint64_t gb) {
  if (sku == "UltraSSD_LRS" || sku == "PremiumV2_LRS") return 15;
  if (sku == "Standard_LRS") return 1;
  return gb <= 512 ? 3 : gb <= 4096 ? 5 : 10;
}

Json sku_body(const std::string& name) {
  const char* tier = name.starts_with("Ultra")     ? "Ultra"
                     : name.starts_with("Premium") ? "Premium"
                                                   : "Standard";
  return {{"name", name}, {"tier", tier}};
}

}  // namespace azlin::simulator
