// A subscription for measuring at scale.
#include <fmt/format.h>

#include <charconv>

#include "azlin/core/error.hpp"
#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kGroup = "Fleet";
constexpr const char* kRegion = "eastus";
constexpr const char* kSize = "Standard_B1s";
constexpr const char* kFirst = "vm-0001";
constexpr int kMostVms = 20'000, kMostSets = 500;
constexpr core::Millis kDay{86'400'000};

struct FleetSize {
  int vms = 0, sets = 0;
};

FleetSize parse_size(const std::string& text) {
  FleetSize size;
  const char *at = text.data(), *end = at + text.size();
  const auto vms = std::from_chars(at, end, size.vms);
  const bool crossed = vms.ec == std::errc() && vms.ptr != end && *vms.ptr == 'x';
  const auto sets = crossed ? std::from_chars(vms.ptr + 1, end, size.sets)
                            : std::from_chars_result{end, std::errc::invalid_argument};
  if (sets.ec != std::errc() || sets.ptr != end || size.vms < 1 || size.vms > kMostVms || size.sets < 0 ||
      size.sets > kMostSets)
    throw core::Error(
        core::ErrorKind::usage, "bad fleet '" + text + "'",
        fmt::format("use fleet:VMSxSETS with 1 to {} VMs and 0 to {} sets", kMostVms, kMostSets));
  return size;
}

std::string vm_name(int number) {
  return fmt::format("vm-{:04}", number);
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// The first VM's resource, under another VM's name.
Resource renamed(const Resource& first, const std::string& name) {
  Resource copy = first;
  copy.id = replace_all(first.id, kFirst, name);
  copy.name = replace_all(first.name, kFirst, name);
  copy.body = Json::parse(replace_all(first.body.dump(), kFirst, name));
  copy.hidden = Json::parse(replace_all(first.hidden.dump(), kFirst, name));
  return copy;
}

struct FirstVm {
  Resource vm, nic, disk;
};

Resource copy_vm(Context& context, const FirstVm& first, int number) {
  const auto name = vm_name(number);
  auto nic = renamed(first.nic, name);
  const auto address = parse_prefix("10.0.0.4/32").address + static_cast<std::uint32_t>(number - 1);
  nic.body["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = to_dotted(address);
  nic.body["properties"]["resourceGuid"] = new_guid();
  context.save(nic);
  auto disk = renamed(first.disk, name);
  disk.body["properties"]["uniqueId"] = new_guid();
  disk.hidden["family"] = new_guid();
  const auto volume = volume_of(first.disk);
  disk.hidden["volume"] = contents(context).clone(volume);
  context.save(disk);
  auto vm = renamed(first.vm, name);
  vm.body["properties"]["vmId"] = new_guid();
  context.save(vm);
  return disk;
}

// The tags of a set of one snapshot, as docs/tags.md has them.
Json set_tags(const std::string& vm, const std::string& vm_id, const std::string& set,
              const std::string& time) {
  const Json spec = {
      {"v", 1},
      {"name", vm},
      {"rg", kGroup},
      {"loc", kRegion},
      {"id", vm_id},
      {"size", kSize},
      {"os", "Linux"},
      {"gen", "V2"},
      {"nics", {{{"n", vm + "-nic"}, {"rg", kGroup}, {"s", "Fleet/fleet-eastus-vnet/default"}}}}};
  const Json disk = {
      {"v", 1}, {"n", vm + "_OsDisk"}, {"sku", "Standard_LRS"}, {"c", "ReadWrite"}, {"gb", 30}};
  Json tags = {{"azlin:vm", lower(kGroup) + "/" + vm},
               {"azlin:set", set},
               {"azlin:lun", "os"},
               {"azlin:disks", "1"},
               {"azlin:time", time},
               {"azlin:backup-tier", "daily"},
               {"azlin:disk-spec", disk.dump()}};
  constexpr std::size_t kLongest = 256;
  const auto text = spec.dump();
  for (std::size_t at = 0, piece = 1; at < text.size(); at += kLongest, ++piece)
    tags[fmt::format("azlin:vm-spec-{}", piece)] = text.substr(at, kLongest);
  return tags;
}

// Two in the morning of each of the last days.
void add_sets(Context& context, const Resource& disk, const std::string& vm, const std::string& vm_id,
              int sets) {
  const auto today = std::chrono::floor<std::chrono::days>(context.now());
  for (int age = sets; age > 0; --age) {
    const core::TimePoint taken = today - std::chrono::days{age} + std::chrono::hours{2};
    const auto iso = core::to_iso8601(taken);
    const auto set = fmt::format("{}-backup-daily-{}", vm, core::to_name_stamp(taken));
    seed_snapshot(context, disk, set, set_tags(vm, vm_id, set, iso), taken);
  }
}

FirstVm make_first(Context& context) {
  SeedVm vm;
  vm.name = kFirst;
  vm.group = kGroup;
  vm.size = kSize;
  vm.os_gb = 30;
  vm.os_sku = "Standard_LRS";
  vm.tags = {{"azlin:backup-schedule", R"({"v":1,"on":true,"d":30,"w":4,"m":12})"}};
  seed_vm(context, vm, kDay * 60);
  const auto group = seed_group_id(kGroup) + "/providers/";
  FirstVm first{require(context, group + kVmType + "/" + kFirst),
                require(context, group + kNicType + "/" + kFirst + "-nic"),
                require(context, group + kDiskType + "/" + kFirst + "_OsDisk")};
  return first;
}

}  // namespace

void check_fleet(const std::string& size) {
  parse_size(size);
}

void seed_fleet(Context& context, const std::string& size) {
  const auto [vms, sets] = parse_size(size);
  set_quota(context, kRegion, "cores", vms + 350);
  set_quota(context, kRegion, "standardBSFamily", vms + 100);
  const auto first = make_first(context);
  for (int number = 1; number <= vms; ++number) {
    const auto disk = number == 1 ? first.disk : copy_vm(context, first, number);
    const auto name = vm_name(number);
    const auto vm = require(context, replace_all(first.vm.id, kFirst, name));
    add_sets(context, disk, name, text_at(vm.body, "/properties/vmId"), sets);
  }
}

}  // namespace azlin::simulator
