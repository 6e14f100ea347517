// A seed that a user writes: docs/simulator-seeds.md.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/platform_seed.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"

namespace azlin::simulator {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw core::Error(core::ErrorKind::usage, "bad seed: " + what, "the format is in docs/simulator-seeds.md");
}

// Every key must be known: a misspelt one would otherwise be lost without a word.
void check_keys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  if (!object.is_object()) refuse(where + " must be an object");
  for (const auto& [name, value] : object.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse(fmt::format("unknown key '{}' in {}", name, where));
}

Json list_of(const Json& object, const char* name) {
  const Json list = object.value(name, Json::array());
  if (!list.is_array()) refuse(fmt::format("'{}' must be a list", name));
  return list;
}

std::string name_of(const Json& object, const std::string& where) {
  const auto name = text_at(object, "/name");
  if (name.empty()) refuse(where + " needs a name");
  return name;
}

SeedDisk read_disk(const Json& json, int lun) {
  check_keys(json, "a disk", {"name", "gb", "sku", "caching", "lun", "empty"});
  SeedDisk disk;
  disk.name = text_at(json, "/name");
  disk.gb = number_at(json, "/gb", disk.gb);
  disk.sku = text_at(json, "/sku", disk.sku);
  disk.caching = text_at(json, "/caching", disk.caching);
  disk.lun = static_cast<int>(number_at(json, "/lun", lun));
  disk.empty = flag_at(json, "/empty", false);
  return disk;
}

SeedVm read_vm(const Json& json) {
  check_keys(json, "a VM",
             {"name", "group", "location", "size", "zone", "security", "generation", "osDiskGb", "osDiskSku",
              "dataDisks", "publicIp", "running", "tags", "count", "databases"});
  SeedVm vm;
  vm.name = name_of(json, "a VM");
  vm.group = text_at(json, "/group", vm.group);
  vm.location = text_at(json, "/location", vm.location);
  vm.size = text_at(json, "/size", vm.size);
  vm.zone = text_at(json, "/zone");
  vm.security = text_at(json, "/security");
  vm.generation = text_at(json, "/generation", vm.generation);
  vm.os_gb = number_at(json, "/osDiskGb", vm.os_gb);
  vm.os_sku = text_at(json, "/osDiskSku", vm.os_sku);
  vm.public_ip = flag_at(json, "/publicIp", false);
  vm.running = flag_at(json, "/running", true);
  vm.tags = subtree_at(json, "/tags");
  if (find_location(vm.location) == nullptr) refuse(fmt::format("unknown location '{}'", vm.location));
  int lun = 0;
  for (const auto& disk : list_of(json, "dataDisks")) vm.data_disks.push_back(read_disk(disk, lun++));
  return vm;
}

void add_vms(Context& context, const Json& json) {
  auto vm = read_vm(json);
  const auto count = number_at(json, "/count", 1);
  const auto base = vm.name;
  for (std::int64_t number = 1; number <= count; ++number) {
    if (json.contains("count")) vm.name = fmt::format("{}-{:04}", base, number);
    seed_vm(context, vm);
    for (const auto& databases : list_of(json, "databases")) {
      check_keys(databases, "databases", {"type", "instance", "names"});
      seed_databases(context, vm.group, vm.name, databases);
    }
  }
}

std::string disk_id(const Json& json, const std::string& name) {
  return fmt::format("{}/providers/{}/{}", seed_group_id(text_at(json, "/group", "Production")), kDiskType,
                     name);
}

void add_disk(Context& context, const Json& json) {
  check_keys(json, "a disk", {"name", "group", "location", "gb", "sku", "zone", "image", "tags"});
  const auto location = text_at(json, "/location", "eastus");
  SeedDisk disk;
  disk.gb = number_at(json, "/gb", disk.gb);
  disk.sku = text_at(json, "/sku", disk.sku);
  const auto image = text_at(json, "/image", "empty");
  if (image != "os" && image != "data" && image != "empty")
    refuse(fmt::format("a disk's image is os, data or empty, not '{}'", image));
  seed_group(context, text_at(json, "/group", "Production"), location);
  seed_disk(context, disk_id(json, name_of(json, "a disk")), location, disk, text_at(json, "/zone"), image,
            subtree_at(json, "/tags"));
}

void add_snapshot(Context& context, const Json& json) {
  check_keys(json, "a snapshot", {"name", "group", "disk", "ageHours", "tags"});
  const auto disk = context.state.find(disk_id(json, text_at(json, "/disk")));
  if (!disk) refuse(fmt::format("a snapshot's disk '{}' is not there", text_at(json, "/disk")));
  const auto taken = context.now() - std::chrono::hours{number_at(json, "/ageHours", 0)};
  seed_snapshot(context, *disk, name_of(json, "a snapshot"), subtree_at(json, "/tags"), taken);
}

void add_quota(Context& context, const Json& json) {
  check_keys(json, "a quota", {"location", "name", "limit"});
  set_quota(context, text_at(json, "/location", "eastus"), text_at(json, "/name", "cores"),
            number_at(json, "/limit", 0));
}

void build(Context& context, const Json& seed) {
  std::vector<std::string> known = {"groups", "quotas", "vms", "disks", "snapshots", "vaults"};
  known.insert(known.end(), kPlatformSeedKeys.begin(), kPlatformSeedKeys.end());
  check_keys(seed, "the seed", known);
  for (const auto& group : list_of(seed, "groups")) {
    check_keys(group, "a group", {"name", "location", "tags"});
    seed_group(context, name_of(group, "a group"), text_at(group, "/location", "eastus"),
               subtree_at(group, "/tags"));
  }
  for (const auto& quota_entry : list_of(seed, "quotas")) add_quota(context, quota_entry);
  for (const auto& vm : list_of(seed, "vms")) add_vms(context, vm);
  for (const auto& disk : list_of(seed, "disks")) add_disk(context, disk);
  for (const auto& snapshot : list_of(seed, "snapshots")) add_snapshot(context, snapshot);
  for (const auto& vault : list_of(seed, "vaults")) {
    check_keys(vault, "a vault", {"name", "group", "location"});
    seed_vault(context, text_at(vault, "/group", "Production"), name_of(vault, "a vault"),
               text_at(vault, "/location", "eastus"));
  }
  seed_platform(context, seed);
}

}  // namespace

void seed_file(Context& context, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    throw core::Error(core::ErrorKind::not_found, fmt::format("'{}' is neither a seed nor a file", path),
                      "use sample, empty, fleet:VMSxSETS or a JSON file");
  if (std::filesystem::is_directory(path, ignored)) refuse(path + " is a folder");
  std::ifstream file(path);
  const Json seed = Json::parse(file, nullptr, false);
  if (seed.is_discarded()) refuse(path + " is not valid JSON");
  try {
    build(context, seed);
  } catch (const ApiError& error) {  // what Azure would refuse, too
    refuse(error.message);
  }
}

}  // namespace azlin::simulator
