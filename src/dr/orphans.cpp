#include "azlin/dr/orphans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/failover.hpp"
#include "azlin/snapshot/snapshot_set.hpp"
#include "dr/leftovers.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kMadeBy[] = {"azlin:restored-from", kDrillTag, kFailoverTag};
constexpr const char* kKeepers[] = {kKeepTag, snapshot::kKeptTag, snapshot::kHoldTag};

const std::string* find_tag(const azure::Tags& tags, const char* wanted) {
  for (const auto& [name, value] : tags) {
    if (core::equal_ignoring_case(name, wanted)) return &value;
  }
  return nullptr;
}

std::string made_by(const azure::Tags& tags) {
  for (const char* tag : kMadeBy) {
    if (find_tag(tags, tag) != nullptr) return tag;
  }
  return {};
}

// "{id} {until} …" of a drill or of a test disk.
bool is_in_its_time(const azure::Tags& tags, core::TimePoint now) {
  const auto* mark = find_tag(tags, kDrillTag);
  if (mark == nullptr) return false;
  const auto first = mark->find(' ');
  if (first == std::string::npos) return false;
  const auto until = core::parse_time(mark->substr(first + 1, mark->find(' ', first + 1) - first - 1));
  return until && *until > now;
}

bool is_kept(const azure::Tags& tags, core::TimePoint now) {
  const bool named = std::any_of(std::begin(kKeepers), std::end(kKeepers),
                                 [&](const char* tag) { return find_tag(tags, tag) != nullptr; });
  return named || is_in_its_time(tags, now);
}

class Judge {
 public:
  Judge(const Inventory& inventory, core::TimePoint now, core::Millis older_than, const cost::Prices& prices)
      : inventory_(inventory), now_(now), older_than_(older_than), prices_(prices) {}

  OrphanReport run() {
    disks();
    nics();
    addresses();
    snapshots();
    std::stable_sort(out_.orphans.begin(), out_.orphans.end(),
                     [](const Orphan& a, const Orphan& b) { return a.age > b.age; });
    for (const auto& orphan : out_.orphans) out_.monthly_cost += orphan.monthly_cost;
    return std::move(out_);
  }

 private:
  void add(Orphan orphan, const azure::Tags& tags, std::optional<core::TimePoint> since) {
    if (is_kept(tags, now_)) {
      ++out_.kept;
    } else if (!since || now_ - *since < older_than_) {
      ++out_.young;
    } else {
      orphan.age = now_ - *since;
      orphan.resource_group = core::ResourceId::parse(orphan.id).resource_group;
      out_.orphans.push_back(std::move(orphan));
    }
  }
  std::optional<core::TimePoint> made(const std::string& id) const {
    const auto found = inventory_.made.find(core::to_lower(id));
    return found == inventory_.made.end() ? std::nullopt : std::optional(found->second);
  }

  void disks() {
    for (const auto& disk : inventory_.disks) {
      const std::string by = made_by(disk.tags);
      if (by.empty() || !disk.managed_by.empty()) continue;
      const auto let_go = inventory_.let_go.find(core::to_lower(disk.id));
      const auto since =
          let_go == inventory_.let_go.end() ? disk.created_at : std::max(disk.created_at, let_go->second);
      add({OrphanKind::disk,
           disk.id,
           disk.name,
           {},
           disk.location,
           by,
           {},
           disk.size_gb,
           prices_.disk_month(disk.sku) * disk.size_gb},
          disk.tags, since);
    }
  }
  void nics() {
    for (const auto& nic : inventory_.nics) {
      const std::string by = made_by(nic.tags);
      if (!by.empty() && nic.vm_id.empty())
        add({OrphanKind::nic, nic.id, nic.name, {}, nic.location, by, {}, 0, 0}, nic.tags, made(nic.id));
    }
  }
  void addresses() {
    for (const auto& address : inventory_.addresses) {
      const std::string by = made_by(address.tags);
      if (!by.empty() && address.used_by.empty())
        add({OrphanKind::public_ip,
             address.id,
             address.name,
             {},
             address.location,
             by,
             {},
             0,
             prices_.address_month(address.location)},
            address.tags, made(address.id));
    }
  }
  void snapshots() {
    const std::set<std::string> vms(inventory_.vm_keys.begin(), inventory_.vm_keys.end());
    for (const auto& set : snapshot::group_sets(inventory_.snapshots)) {
      if (vms.contains(set.vm_key)) continue;
      if (!set.tier.empty() || set.replica()) {
        out_.backups.push_back({set.name, set.vm_key, set.location, set.size_gb()});
        continue;
      }
      for (const auto& member : set.members) {
        const auto& snapshot = member.snapshot;
        if (!set.in_use(now_).empty()) {
          ++out_.kept;
          continue;
        }
        add({OrphanKind::snapshot,
             snapshot.id,
             snapshot.name,
             {},
             snapshot.location,
             snapshot::kSetTag,
             {},
             snapshot.size_gb,
             prices_.snapshot_month(snapshot.location) * snapshot.size_gb},
            snapshot.tags, snapshot.created_at);
      }
    }
  }

  const Inventory& inventory_;
  core::TimePoint now_;
  core::Millis older_than_;
  const cost::Prices& prices_;
  OrphanReport out_;
};

// Why it may not go; empty: it may.
std::string why_kept(arm::ArmClient& arm, const Orphan& orphan, core::TimePoint now, std::stop_token stop) {
  const auto judge = [&](const azure::Tags& tags, const std::string& used_by) -> std::string {
    if (!used_by.empty()) return "it is in use by now: " + used_by;
    if (is_kept(tags, now)) return "it is kept by now";
    const bool still_ours =
        orphan.kind == OrphanKind::snapshot
            ? find_tag(tags, snapshot::kSetTag) != nullptr && find_tag(tags, snapshot::kTierTag) == nullptr
            : !made_by(tags).empty();
    return still_ours ? "" : "it is not azlin's any more";
  };
  if (orphan.kind == OrphanKind::disk) {
    const auto disk = azure::find_disk(arm, orphan.id, stop);
    return disk ? judge(disk->tags, disk->managed_by) : "";
  }
  if (orphan.kind == OrphanKind::snapshot) {
    const auto snapshot = azure::find_snapshot(arm, orphan.id, stop);
    return snapshot ? judge(snapshot->tags, snapshot->state == "ActiveSAS" ? "a reader" : "") : "";
  }
  if (orphan.kind == OrphanKind::nic) {
    const auto nic = azure::find_nic(arm, orphan.id, stop);
    return nic ? judge(nic->tags, nic->vm_id) : "";
  }
  const auto tags = tags_of(arm, orphan.id, stop);
  return tags ? judge(*tags, "") : "";  // Azure deletes no address that is in use
}

void remove_one(arm::ArmClient& arm, const Orphan& orphan, std::stop_token stop) {
  if (orphan.kind == OrphanKind::disk) return azure::delete_disk(arm, orphan.id, stop);
  if (orphan.kind == OrphanKind::snapshot) return azure::delete_snapshot(arm, orphan.id, stop);
  azure::delete_network_resource(arm, orphan.id, stop);
}

}  // namespace

const char* to_string(OrphanKind kind) {
  switch (kind) {
    case OrphanKind::disk:
      return "disk";
    case OrphanKind::snapshot:
      return "snapshot";
    case OrphanKind::nic:
      return "network interface";
    case OrphanKind::public_ip:
      return "public address";
  }
  return "";
}

OrphanReport judge_orphans(const Inventory& inventory, core::TimePoint now, core::Millis older_than,
                           const cost::Prices& prices) {
  OrphanReport report = Judge(inventory, now, older_than, prices).run();
  report.currency = prices.currency;
  return report;
}

Inventory take_inventory(arm::ArmClient& arm, const std::string& subscription, std::stop_token stop) {
  Inventory out;
  for (const auto& vm : azure::list_vms(arm, subscription, {}, stop))
    out.vm_keys.push_back(snapshot::vm_key(vm.resource_group, vm.name));
  out.disks = azure::list_disks(arm, subscription, {}, stop);
  azure::list_snapshots(
      arm, subscription, {},
      [&](azure::Snapshot&& snapshot) {
        out.snapshots.push_back(std::move(snapshot));
        return true;
      },
      stop);
  out.nics = azure::list_nics(arm, subscription, stop);
  out.addresses = azure::list_public_ips(arm, subscription, stop);
  out.let_go = azure::disk_ownership_times(arm, subscription, stop);
  out.made = azure::created_times(arm, subscription, "Microsoft.Network/networkInterfaces", stop);
  out.made.merge(azure::created_times(arm, subscription, "Microsoft.Network/publicIPAddresses", stop));
  return out;
}

std::vector<OrphanRemoval> remove_orphans(arm::ArmClient& arm, store::Journal& journal, core::TimePoint now,
                                          const std::vector<Orphan>& orphans, std::stop_token stop) {
  std::vector<OrphanRemoval> removals;
  // A NIC goes before the address that it holds.
  std::vector<const Orphan*> order;
  for (const auto& orphan : orphans) order.push_back(&orphan);
  std::stable_sort(order.begin(), order.end(),
                   [](const Orphan* a, const Orphan* b) { return a->kind < b->kind; });
  for (const Orphan* orphan : order) {
    OrphanRemoval removal{orphan->id, {}};
    try {
      removal.error = why_kept(arm, *orphan, now, stop);
      if (removal.error.empty()) remove_one(arm, *orphan, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      removal.error = error.what();
    }
    journal.record("orphans.remove", orphan->id, nlohmann::json{{"kind", to_string(orphan->kind)}}.dump(),
                   removal.error);
    removals.push_back(std::move(removal));
  }
  return removals;
}

}  // namespace azlin::dr
