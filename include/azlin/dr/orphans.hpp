#pragma once
// What azlin made and nobody owns any more: unattached disks, network interfaces, public addresses, and plain
// snapshots of VMs that are gone. A backup is never among them: its retention decides about it.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/compute.hpp"
#include "azlin/azure/unused.hpp"
#include "azlin/cost/prices.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::dr {

inline constexpr const char* kKeepTag = "azlin:keep";  // on any resource: never an orphan, whatever its value
inline constexpr core::Millis kOrphanAge = std::chrono::hours{24 * 7};

enum class OrphanKind { disk, snapshot, nic, public_ip };
const char* to_string(OrphanKind kind);  // "disk", "snapshot", "network interface", "public address"

struct Orphan {
  OrphanKind kind = OrphanKind::disk;
  std::string id, name, resource_group, region;
  std::string made_by;  // the azlin tag that it bears: "azlin:restored-from"
  core::Millis age{0};  // since it was made, or since a VM let go of it, whichever is known and later
  int size_gb = 0;
  double monthly_cost = 0;  // by the table of prices
};

// A backup whose VM is gone: reported, never removed here.
struct OrphanBackup {
  std::string name, vm_key, region;
  int size_gb = 0;
};

// Everything of a subscription that the verdict needs. All lists are whole: one that failed ended it before.
struct Inventory {
  std::vector<std::string> vm_keys;  // azlin:vm form
  std::vector<azure::Disk> disks;
  std::vector<azure::Snapshot> snapshots;
  std::vector<azure::Nic> nics;
  std::vector<azure::PublicIp> addresses;
  azure::TimesById made;    // of NICs and addresses; one that is not in it has no age, and is no orphan
  azure::TimesById let_go;  // of disks
};

struct OrphanReport {
  std::vector<Orphan> orphans;        // oldest first
  std::vector<OrphanBackup> backups;  // of VMs that are gone
  int young = 0, kept = 0;            // passed over: too young, or with a keep tag
  double monthly_cost = 0;
  std::string currency;
};

// Pure. An orphan bears a tag azlin:… of something that azlin makes, is attached to nothing, is at least
// `older_than` old, and is not kept: no azlin:keep, azlin:kept or azlin:hold, and no drill's or test's time
// that is not over.
OrphanReport judge_orphans(const Inventory& inventory, core::TimePoint now, core::Millis older_than,
                           const cost::Prices& prices = cost::shipped_prices());

// Reads every list. Throws where any of them fails: there is no verdict then.
Inventory take_inventory(arm::ArmClient& arm, const std::string& subscription, std::stop_token stop);

struct OrphanRemoval {
  std::string id, error;  // empty: it is gone
};
// Reads each again first, and leaves alone what is attached, kept or gone by now. Journalled.
std::vector<OrphanRemoval> remove_orphans(arm::ArmClient& arm, store::Journal& journal, core::TimePoint now,
                                          const std::vector<Orphan>& orphans, std::stop_token stop);

}  // namespace azlin::dr
