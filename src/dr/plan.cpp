// What a drill will do, decided and checked before anything is made.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "azlin/backup/names.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/manager.hpp"
#include "dr/checks.hpp"
#include "dr/fit.hpp"
#include "dr/run.hpp"
#include "dr/sizes.hpp"

namespace azlin::dr {

using backup::BackupInfo;
using core::Error;
using core::ErrorKind;

namespace {

constexpr core::Millis kLongestDrill = std::chrono::hours{4};
constexpr core::Millis kEachFurtherVm = std::chrono::hours{1};
constexpr core::Millis kLongestPlanDrill = std::chrono::hours{24};

bool is_ip_address(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

void check(const DRTestConfig& config) {
  core::check_vm_name(config.vm.name);
  core::check_region(config.test_region);
  if (config.backup) core::check_compute_name(*config.backup, "backup");
  if (config.test_resource_group) core::check_resource_group(*config.test_resource_group);
  if (config.target_rto <= core::Millis{0})
    throw Error(ErrorKind::usage, "the target of the RTO must be over 0", "write it as 15m");
  if (!config.public_ip) return;
  if (config.tester_address.empty())
    throw Error(ErrorKind::usage,
                "--public-ip needs --tester-address: the one address that the VM's port 22 is opened to",
                "give this machine's address as the Internet sees it, or set AZLIN_TESTER_ADDRESS once");
  if (!is_ip_address(config.tester_address))
    throw Error(ErrorKind::usage,
                fmt::format("the tester's address '{}' is no IP address", config.tester_address),
                "give the address that the Internet sees of this machine: --tester-address A.B.C.D");
  if (config.ssh_user.empty() || config.ssh_user.front() == '-' || config.ssh_key.empty())
    throw Error(ErrorKind::usage, "a drill with a public address logs in: it needs a user and a key",
                "give --ssh-user and --ssh-key, or set them once with `azlin dr configure`");
  if (access(config.ssh_key.c_str(), R_OK) != 0)
    throw Error(ErrorKind::usage, "the key file " + config.ssh_key + " cannot be read", "check --ssh-key");
}

// "its copy is at 40 %", or "".
std::string progress_in(const BackupInfo& backup, const std::string& region) {
  for (const auto& replica : backup.replicas) {
    if (core::equal_ignoring_case(replica.region, region) && !replica.complete)
      return fmt::format(": its copy is at {:.0f} %", replica.percent);
  }
  return {};
}

// Sets that lie in the region, or may.
std::vector<snapshot::UnreadableSet> unreadable_in(const backup::BackupListing& listing,
                                                   const std::string& region) {
  auto sets = listing.unreadable;
  std::erase_if(sets, [&](const auto& set) {
    return !set.region.empty() && !core::equal_ignoring_case(set.region, region);
  });
  return sets;
}

[[noreturn]] void throw_replicate_first(const DRTestConfig& config, const BackupInfo& newest) {
  throw Error(
      ErrorKind::not_found,
      fmt::format("{} has no complete copy in {}{}", config.backup ? newest.name : config.vm.name,
                  config.test_region, progress_in(newest, config.test_region)),
      fmt::format("replicate first: azlin backup replicate {} --target-region {}, or have the drill do "
                  "it with --replicate",
                  newest.name, config.test_region));
}

// The backup whose name begins so. Throws core::Error (failed) where it lies in no region that answers.
const BackupInfo& named_backup(const backup::BackupListing& listing, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& backup : listing.backups) names.push_back(backup.name);
  for (const auto& set : listing.unreadable) {
    if (std::find(names.begin(), names.end(), set.name) == names.end()) names.push_back(set.name);
  }
  const auto index = backup::find_by_prefix(names, prefix, "backup");
  if (index >= listing.backups.size()) {
    auto unseen = listing.unreadable;
    std::erase_if(unseen, [&](const auto& set) { return set.name != names[index]; });
    snapshot::require_readable(unseen, names[index] + " has no copy that can be read");
  }
  return listing.backups[index];
}

const BackupInfo& choose(const DRTestConfig& config, const backup::BackupListing& listing) {
  const auto& backups = listing.backups;
  const std::string refused = "the copies of " + config.vm.name + " cannot be read";
  if (backups.empty()) {
    snapshot::require_readable(listing.unreadable, refused);
    throw Error(ErrorKind::not_found, config.vm.name + " has no backups",
                "make one: azlin backup trigger " + config.vm.name);
  }
  if (!config.backup) {
    const BackupInfo* newest = newest_in(backups, config.test_region);
    if (newest == nullptr) {
      snapshot::require_readable(unreadable_in(listing, config.test_region), refused);
      throw_replicate_first(config, backups.front());
    }
    return *newest;
  }
  const BackupInfo& named = named_backup(listing, *config.backup);
  if (set_in(named, config.test_region) == nullptr) {
    snapshot::require_readable(unreadable_in(listing, config.test_region), refused);
    throw_replicate_first(config, named);
  }
  return named;
}

std::string network_id(const VmRef& target, const char* type, const std::string& name) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/{}/{}",
                     target.subscription, target.resource_group, type, name);
}

// The name of a plan may be any text; that of a group may not.
std::string name_part(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    part += fits ? c : '-';
  }
  return part.empty() ? "plan" : part;
}

// "20251201"
std::string date(core::TimePoint now) {
  return core::to_name_stamp(now).substr(0, 8);
}

backup::RestoreDisk plan_disk(const snapshot::Member& member, const DrillPlan& plan) {
  const auto spec = snapshot::disk_spec(member.snapshot.tags).value_or(snapshot::DiskSpec{});
  backup::RestoreDisk disk;
  disk.lun = member.lun;
  disk.snapshot_id = member.snapshot.id;
  disk.name = fmt::format("{}-{}-{}", plan.target.name, plan.drill_id.substr(2),
                          member.lun == -1 ? "os" : fmt::format("lun{}", member.lun));
  disk.new_id = fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/disks/{}",
                            plan.target.subscription, plan.target.resource_group, disk.name);
  disk.sku = spec.sku;
  disk.caching = spec.caching;
  disk.delete_option = "Delete";
  disk.encryption_set_id = member.snapshot.encryption_set_id;
  disk.size_bytes = member.snapshot.size_bytes;
  disk.size_gb = member.snapshot.size_gb;
  return disk;
}

void warn_about(const std::string& doubt, DrillPlan& plan) {
  if (!doubt.empty()) plan.warnings.push_back(doubt);
  if (plan.spec.vtpm)
    plan.warnings.emplace_back(
        "the drill's VM has a new virtual TPM: keys sealed in the old one are not in it");
  if (plan.spec.nics.size() > 1)
    plan.warnings.push_back(fmt::format("the original has {} network interfaces: the drill's VM gets one",
                                        plan.spec.nics.size()));
}

}  // namespace

DRTestManager::Place DRTestManager::find_place(const DRTestConfig& config, const std::string& name,
                                               std::stop_token stop) {
  check(config);
  Place place{"d-" + core::new_guid().substr(0, 8), {}, {}, {}};
  place.group = config.test_resource_group.value_or(
      fmt::format("azlin-drill-{}-{}", name.substr(0, 40), place.drill_id.substr(2)));
  place.own_group = !azure::find_resource_group(arm_, config.vm.subscription, place.group, stop).has_value();
  return place;
}

DrillPlan DRTestManager::prepare(const DRTestConfig& config, Place& place, std::stop_token stop) {
  check(config);
  const auto listing = backups_.look(config.vm, stop);
  const auto& backups = listing.backups;
  const BackupInfo& chosen = choose(config, listing);
  DrillPlan plan;
  plan.set = *set_in(chosen, config.test_region);
  const auto spec = plan.set.vm();
  if (!spec) {
    throw Error(ErrorKind::failed,
                fmt::format("{} does not say what its VM was (the azlin:vm-spec tags are gone)", chosen.name),
                "choose another backup");
  }
  if (config.size)  // a mistyped one is no drill that failed
    require_size(*config.size, azure::list_vm_sizes(arm_, config.vm.subscription, config.test_region, stop),
                 config.test_region);
  const auto now = clock_.now();
  const std::string id = place.drill_id.substr(2);
  const std::string number = place.names.empty() ? "" : fmt::format("-{}", place.names.size() + 1);
  plan.drill_id = place.drill_id;
  plan.spec = *spec;
  plan.source = config.vm;
  plan.backup = chosen.name;
  plan.backup_created = chosen.created;
  plan.region = plan.set.location;
  plan.until = now + (config.cleanup_after_test ? kLongestDrill : config.keep_for);
  plan.needs_run_command = config.verify_connectivity || !config.verify_command.empty();
  plan.target = {config.vm.subscription, place.group,
                 fmt::format("{}-dr-test-{}", config.vm.name.substr(0, 40), date(now))};
  plan.own_group = place.own_group;
  if (!plan.own_group && azure::find_vm(arm_, plan.target.id(), false, stop)) plan.target.name += "-" + id;
  if (!place.names.insert(core::to_lower(plan.target.name)).second) {
    plan.target.name += number;
    place.names.insert(core::to_lower(plan.target.name));
  }
  const std::string name = "azlin-drill-" + id;
  plan.nsg_id = network_id(plan.target, "networkSecurityGroups", name + "-nsg");
  plan.network_id = network_id(plan.target, "virtualNetworks", name + "-net");
  plan.nic_id = network_id(plan.target, "networkInterfaces", name + "-nic" + number);
  if (config.public_ip)
    plan.public_ip_id = network_id(plan.target, "publicIPAddresses", name + "-ip" + number);
  for (const auto& member : plan.set.members) plan.disks.push_back(plan_disk(member, plan));
  for (auto& text : snapshot::unreadable_texts(unreadable_in(listing, plan.region)))
    plan.warnings.push_back(std::move(text));
  warn_about(doubts(backups, chosen, config.test_region, config.backup.has_value()), plan);
  return plan;
}

// Size, zone, quota, disk SKUs, keys, permissions.
void DRTestManager::fit(DrillPlan& plan, const DRTestConfig& config, std::map<std::string, int>& taken,
                        std::stop_token stop) {
  const auto original = [&] {
    return azure::list_vm_sizes(arm_, plan.target.subscription, plan.spec.location, stop);
  };
  const Fit fit =
      fit_region(arm_, {plan.target.subscription, plan.region, config.size, plan.spec, original, taken},
                 plan.disks, stop);
  taken[fit.family] += fit.vcpus;
  plan.vm_size = fit.size;
  plan.vcpus = fit.vcpus;
  plan.zone = fit.zone;
  plan.warnings.insert(plan.warnings.end(), fit.warnings.begin(), fit.warnings.end());
  for (auto& unseen : check_keys(arm_, plan.disks, clock_.now(), stop))
    plan.warnings.push_back(std::move(unseen));
  check_permissions(arm_, plan.target.subscription,
                    plan.own_group ? std::optional<std::string>() : plan.target.resource_group, stop);
}

DrillPlan DRTestManager::plan(const DRTestConfig& config, std::stop_token stop) {
  Place place = find_place(config, config.vm.name, stop);
  DrillPlan plan = prepare(config, place, stop);
  std::map<std::string, int> alone;
  fit(plan, config, alone, stop);
  return plan;
}

std::vector<DrillPlan> DRTestManager::prepare_together(const std::string& name,
                                                       const std::vector<DRTestConfig>& configs,
                                                       std::stop_token stop) {
  if (configs.empty()) throw Error(ErrorKind::usage, "a drill of no VM", "nothing was changed");
  Place place = find_place(configs.front(), name_part(name), stop);
  std::vector<DrillPlan> plans;
  for (const auto& config : configs) plans.push_back(prepare(config, place, stop));
  if (!configs.front().cleanup_after_test) return plans;
  // They may come up one after the other.
  const auto longer = kEachFurtherVm * (plans.size() - 1);
  for (auto& plan : plans) plan.until += std::min(core::Millis(longer), kLongestPlanDrill - kLongestDrill);
  return plans;
}

// Why each cannot be restored; null where it can.
std::vector<std::exception_ptr> DRTestManager::fit_together(std::vector<DrillPlan>& plans,
                                                            const std::vector<DRTestConfig>& configs,
                                                            std::stop_token stop) {
  std::vector<std::exception_ptr> misfits(plans.size());
  std::map<std::string, int> taken;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    try {
      fit(plans[i], configs[i], taken, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      misfits[i] = std::current_exception();
    }
  }
  return misfits;
}

}  // namespace azlin::dr
