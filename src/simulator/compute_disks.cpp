#include "simulator/providers.hpp"

#include <fmt/format.h>

#include "simulator/blob_plane.hpp"
#include "simulator/disk_image.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/disk_requests.hpp"
#include "simulator/disk_rules.hpp"
#include "simulator/page_blob.hpp"
#include "simulator/resources.hpp"
#include "simulator/sas.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Compute/disks";
constexpr const char* kRestorePointType =
    "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints";
// An upload is the disk and its VHD footer ("uploadSizeBytes" of the REST reference).
constexpr std::uint64_t kMinUpload = (20ull << 20) + 512, kMaxUpload = (32ull << 40) + 512;
constexpr std::uint64_t kImageGb = 30;

// What a disk is made of. `make` runs last, when nothing can be refused any more.
struct Origin {
  Json creation_data;
  Json inherited = Json::object();  // osType, hyperVGeneration, securityProfile, supportedCapabilities
  std::uint64_t bytes = 0;
  std::string state = "Unattached";
  std::function<VolumeId(ContentStore&)> make;
};

Json inherited_from(const Resource& source) {
  Json inherited = Json::object();
  const auto& properties = source.body["properties"];
  for (const char* member : {"osType", "hyperVGeneration", "securityProfile", "supportedCapabilities"}) {
    if (properties.contains(member)) inherited[member] = properties[member];
    if (source.hidden.contains(member)) inherited[member] = source.hidden[member];
  }
  return inherited;
}

// Copy of a disk or snapshot, or Restore of a disk restore point.
Origin copied(Context& context, const Request& request, const Json& properties, const std::string& option,
              const std::string& location, std::uint64_t wanted) {
  refuse_security_profile(properties, option);
  const auto id = string_or_empty(properties["creationData"], "sourceResourceId");
  if (id.empty()) throw_missing("disk.creationData.sourceResourceId");
  const auto source = option == "Restore"
                          ? checked_source(context, request, id, location, {kRestorePointType})
                          : checked_source(context, request, id, location, {kDiskType, kSnapshotType});
  Origin origin;
  origin.creation_data = {{"createOption", option}, {"sourceResourceId", source.id}};
  const auto& original = source.body["properties"];
  if (original.contains("uniqueId")) origin.creation_data["sourceUniqueId"] = original["uniqueId"];
  origin.inherited = inherited_from(source);
  auto& store = contents(context);
  origin.bytes = store.size(volume_of(source));
  if (wanted != 0 && wanted < origin.bytes) throw_shrink(request.target.id);
  origin.bytes = std::max(wanted, gib(size_gb(origin.bytes)));
  origin.make = [volume = volume_of(source), bytes = origin.bytes](ContentStore& contents_of_disks) {
    const auto copy = contents_of_disks.clone(volume);
    if (contents_of_disks.size(copy) != bytes) contents_of_disks.resize(copy, bytes);
    return copy;
  };
  return origin;
}

Origin empty_disk(std::uint64_t wanted) {
  if (wanted == 0) throw_missing("disk.diskSizeGB");
  return {{{"createOption", "Empty"}}, Json::object(), wanted, "Unattached", [wanted](ContentStore& store) {
            return store.create(wanted);
          }};
}

Origin uploaded_disk(const Json& creation) {
  const auto found = creation.find("uploadSizeBytes");
  if (found == creation.end() || found->is_null()) throw_missing("disk.creationData.uploadSizeBytes");
  const auto size = found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  if (size < kMinUpload || size > kMaxUpload || (size - kVhdFooter) % kSector != 0) {
    throw_invalid(
        "creationData.uploadSizeBytes",
        fmt::format(
            "The value '{}' of parameter 'creationData.uploadSizeBytes' is out of range. The value must be "
            "between '{}' and '{}', inclusive, a multiple of 512.",
            found->dump(), kMinUpload, kMaxUpload));
  }
  const auto bytes = size - kVhdFooter;
  return {{{"createOption", "Upload"}, {"uploadSizeBytes", size}},
          Json::object(),
          bytes,
          "ReadyToUpload",
          [bytes](ContentStore& store) { return store.create(bytes); }};
}

Origin image_disk(const Json& creation, std::uint64_t wanted) {
  if (!creation.contains("imageReference") && !creation.contains("galleryImageReference")) {
    throw_missing("disk.creationData.imageReference");
  }
  if (wanted != 0 && wanted < gib(kImageGb)) {
    throw_invalid("diskSizeGB",
                  fmt::format("The disk size must not be smaller than that of the image, {} GB.", kImageGb));
  }
  const auto bytes = wanted == 0 ? gib(kImageGb) : wanted;
  Json data = creation;
  data["createOption"] = "FromImage";
  return {data,
          {{"osType", "Linux"}, {"hyperVGeneration", "V2"}},
          bytes,
          "Unattached",
          [bytes](ContentStore& store) {
            return store.create_from_template(to_string(ImageSpec{ImageSpec::Kind::os, size_gb(bytes), ""}),
                                              bytes);
          }};
}

Origin origin_of(Context& context, const Request& request, const Json& properties,
                 const std::string& location, const std::string& sku) {
  const auto& creation = checked_creation_data(properties, "disk");
  const auto option = choice(creation, "createOption", "creationData.createOption",
                             {"Empty", "Copy", "Restore", "Upload", "FromImage"});
  if (option.empty()) throw_missing("disk.creationData.createOption");
  const auto wanted = requested_bytes(properties, sku);
  if (option == "Empty") return empty_disk(wanted);
  if (option == "Upload") return uploaded_disk(creation);
  if (option == "FromImage") return image_disk(creation, wanted);
  return copied(context, request, properties, option, location, wanted);
}

// What only the disk's creation may state.
void apply_identity(Json& body, const Json& wanted, const std::string& option) {
  auto& properties = body["properties"];
  const auto generation = choice(wanted, "hyperVGeneration", "hyperVGeneration", {"V1", "V2"});
  if (!generation.empty()) properties["hyperVGeneration"] = generation;
  if (option != "Copy" && option != "Restore" && wanted.contains("securityProfile") &&
      wanted["securityProfile"].is_object()) {
    const auto type =
        choice(wanted["securityProfile"], "securityType", "securityProfile.securityType",
               {"Standard", "TrustedLaunch", "ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey",
                "ConfidentialVM_DiskEncryptedWithPlatformKey", "ConfidentialVM_DiskEncryptedWithCustomerKey",
                "ConfidentialVM_NonPersistedTPM"});
    if (type == "TrustedLaunch" && properties.value("hyperVGeneration", "V1") != "V2") {
      throw_invalid("securityProfile.securityType",
                    "Security type 'TrustedLaunch' requires hyperVGeneration 'V2'.");
    }
    if (!type.empty()) properties["securityProfile"] = {{"securityType", type}};
  }
}

// `old_tier` is what the disk had; stating it again, as a PUT of what GET gave does, asks for nothing.
void apply_tier(Json& body, const Json& wanted, const std::string& old_tier) {
  const auto stated = string_or_empty(wanted, "tier");
  const bool asked = !stated.empty() && !same(stated, old_tier);
  const auto tier = asked ? stated : old_tier;
  if (tier.empty() || same(tier, body["properties"].value("tier", "")) || set_tier(body, tier) || !asked)
    return;
  throw_invalid("tier", fmt::format("The performance tier '{}' is not supported for a disk of {} GB with sku "
                                    "'{}'.",
                                    stated, body["properties"]["diskSizeGB"].get<int>(),
                                    body["sku"]["name"].get<std::string>()));
}

void check_shares(const Json& body, const Json& wanted) {
  const auto& properties = body["properties"];
  const auto stated = wanted.value("maxShares", Json());
  const auto shares = stated.is_null() ? properties.value("maxShares", Json(1)) : stated;
  const auto sku = body["sku"]["name"].get<std::string>();
  const auto most = most_shares(sku, properties["diskSizeGB"].get<std::uint64_t>());
  if (shares.is_number_integer() && shares >= 1 && shares <= most) return;
  throw_invalid("maxShares", fmt::format("The value '{}' of parameter 'maxShares' is out of range. A disk of "
                                         "this size with sku '{}' allows '1' to '{}', inclusive.",
                                         shares.dump(), sku, most));
}

// Follows set_size.
void apply_performance(Json& body, const Json& wanted, const std::string& old_tier) {
  const auto sku = body["sku"]["name"].get<std::string>();
  const bool adjustable = sku == "UltraSSD_LRS" || sku == "PremiumV2_LRS";
  for (const char* member : {"diskIOPSReadWrite", "diskMBpsReadWrite"}) {
    // A PUT of what GET gave carries them for every sku; there they are ignored.
    if (adjustable && wanted.contains(member) && wanted[member].is_number())
      body["properties"][member] = wanted[member];
  }
  apply_tier(body, wanted, old_tier);
  check_shares(body, wanted);
}

Reply start_write(Context& context, const Request& request, Resource& disk) {
  disk.body["properties"]["provisioningState"] = "Updating";
  context.save(disk);
  const Work work{"disk.write", disk.id, {{"id", disk.id}}, core::Millis{1'000}, core::Millis{1'500}};
  return context.operations.start(request, LroShape::disk, disk.location, work, 202, accepted_body(disk));
}

Reply create_disk(Context& context, const Request& request, Resource disk) {
  const auto& body = request.object();
  const auto& wanted = checked_properties(body, true);
  const auto stated_sku = checked_sku(body, true, disk.location);
  const auto sku = stated_sku.empty() ? "Standard_LRS" : stated_sku;
  NewDisk plan;
  plan.id = disk.id;
  plan.location = disk.location;
  plan.sku = sku;
  plan.zones = checked_zones(body, sku, disk.location);
  plan.tags = disk.body.value("tags", Json());
  plan.created = context.now();
  auto origin = origin_of(context, request, wanted, disk.location, sku);
  plan.bytes = origin.bytes;
  plan.creation_data = origin.creation_data;
  auto made = new_disk(plan);
  auto& properties = made.body["properties"];
  properties.update(origin.inherited);
  properties["diskState"] = origin.state;
  apply_performance(made.body, wanted, "");
  apply_identity(made.body, wanted, origin.creation_data["createOption"]);
  apply_settings(context, made, wanted);
  // Last: nothing is refused from here on.
  made.hidden["volume"] = origin.make(contents(context));
  begin_creation(made);
  return start_write(context, request, made);
}

void check_unchanged(const Resource& disk, const Json& body, const Json& wanted) {
  check_same_origin(disk, wanted);
  if (body.contains("zones") && body["zones"].is_array() &&
      body["zones"] != disk.body.value("zones", Json::array())) {
    throw_change_not_allowed("zones", disk.name);
  }
}

// The SAS's reader or writer counts on the size; the VM on both.
void check_changeable(const Resource& disk, bool resized, bool other_sku) {
  const auto state = disk_state(disk);
  if (resized && (state == "ActiveSAS" || state == "ActiveUpload")) {
    throw_not_allowed(fmt::format(
        "There is an active shared access signature outstanding for disk {}. Call EndGetAccess before "
        "resizing the disk.",
        disk.name));
  }
  if (state != "Attached" || (!resized && !other_sku)) return;
  throw_not_allowed(fmt::format("Cannot {} disk {} while it is attached to running VM {}.",
                                resized ? "resize" : "change the sku of", disk.name,
                                disk.body.value("managedBy", "")));
}

void apply_size_and_sku(Resource& disk, const Json& body, const Json& wanted) {
  const auto old_sku = disk.body["sku"]["name"].get<std::string>();
  const auto stated = checked_sku(body, true, disk.location);
  const auto sku = stated.empty() ? old_sku : stated;
  const auto old_bytes = disk.body["properties"]["diskSizeBytes"].get<std::uint64_t>();
  auto bytes = requested_bytes(wanted, sku);
  // The size that GET shows is rounded up: stating it again changes nothing.
  if (bytes == 0 || bytes == gib(size_gb(old_bytes))) bytes = old_bytes;
  if (bytes < old_bytes) throw_shrink(disk.id);
  check_changeable(disk, bytes != old_bytes, sku != old_sku);
  const auto old_tier = disk.body["properties"].value("tier", "");
  disk.body["sku"] = sku_body(sku);
  set_size(disk.body, bytes);
  apply_performance(disk.body, wanted, old_tier);
}

Reply update_disk(Context& context, const Request& request, Resource disk, bool replace) {
  const auto& body = request.object();
  const auto& wanted = checked_properties(body, true);
  check_idle(context, disk);
  check_unchanged(disk, body, wanted);
  update_tags(disk, body, replace);
  apply_size_and_sku(disk, body, wanted);
  apply_settings(context, disk, wanted);
  auto& store = contents(context);
  const auto bytes = disk.body["properties"]["diskSizeBytes"].get<std::uint64_t>();
  if (const auto volume = volume_of(disk); volume != 0 && store.size(volume) < bytes)
    store.resize(volume, bytes);
  return start_write(context, request, disk);
}

Reply delete_disk(Context& context, const Request& request, const Resource& disk) {
  const auto vm = disk.body.value("managedBy", "");
  if (!vm.empty()) throw_not_allowed(fmt::format("Disk {} is attached to VM {}.", disk.name, vm));
  check_no_access(context, disk, "disk");
  check_idle(context, disk);
  const Work work{"disk.delete", disk.id, {{"id", disk.id}}, core::Millis{1'000}, core::Millis{1'500}};
  return context.operations.start(request, LroShape::disk, disk.location, work, 202);
}

Json erase_disk(Context& context, const Json& data) {
  const auto disk = context.state.find(data.at("id").get<std::string>());
  if (!disk) return nullptr;
  // It may have been attached since the deletion was accepted.
  const auto vm = disk->body.value("managedBy", "");
  if (!vm.empty()) throw_not_allowed(fmt::format("Disk {} is attached to VM {}.", disk->name, vm));
  erase_with_children(context, disk->id);
  return nullptr;
}

}  // namespace

void register_disks(Router& router, Context& context) {
  register_disk_writes(context);
  register_sas(context);
  register_blob_plane(router, context);
  context.operations.on("disk.delete", erase_disk);
  context.on_erase[lower(kDiskType)] = release_contents;
  context.on_reset.push_back([&context] { contents(context).clear_all(); });
  register_disk_kind(router, context,
                     {"disk", kDiskType, kVersions,
                      [&context](const Request& request, const Resource& fresh) {
                        return create_disk(context, request, fresh);
                      },
                      [&context](const Request& request, Resource disk, bool replace) {
                        return update_disk(context, request, std::move(disk), replace);
                      },
                      [&context](const Request& request, const Resource& disk) {
                        return delete_disk(context, request, disk);
                      }});
}

}  // namespace azlin::simulator
