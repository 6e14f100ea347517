#include "inspect.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/names.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::crash {

using core::to_lower;
using nlohmann::json;

namespace {

json list(test::Simulator& simulator, const std::string& type, const std::string& version,
          const std::string& group = "Production") {
  const auto reply = simulator.arm("GET", fmt::format("{}/resourceGroups/{}/providers/{}?api-version={}",
                                                      test::kSubscription, group, type, version));
  return reply.json().at("value");
}

std::map<std::string, std::string> tags_of(const json& resource) {
  const json tags = resource.value("tags", json::object());
  return tags.get<std::map<std::string, std::string>>();
}

std::set<std::string> tag_names(const json& resource) {
  std::set<std::string> names;
  for (const auto& [name, value] : tags_of(resource)) names.insert(name);
  return names;
}

Inventory::Machine machine_of(test::Simulator& simulator, const std::string& id) {
  const json body = simulator.arm("GET", id + "?api-version=2024-07-01&$expand=instanceView").json();
  const json& properties = body.at("properties");
  Inventory::Machine machine;
  machine.provisioning = properties.at("provisioningState");
  for (const auto& status : properties.at("instanceView").at("statuses")) {
    const std::string code = status.at("code");
    if (code.starts_with("PowerState/")) machine.power = code.substr(11);
  }
  const json& storage = properties.at("storageProfile");
  machine.disks[-1] = to_lower(storage.at("osDisk").at("managedDisk").at("id").get<std::string>());
  for (const auto& disk : storage.at("dataDisks"))
    machine.disks[disk.at("lun")] = to_lower(disk.at("managedDisk").at("id").get<std::string>());
  machine.tags = tag_names(body);
  return machine;
}

Inventory::Snapshot snapshot_of(const json& body) {
  const auto tags = tags_of(body);
  const auto text = [&](const char* name) { return tags.contains(name) ? tags.at(name) : std::string(); };
  const json& properties = body.at("properties");
  return {text("azlin:set"), properties.at("uniqueId"), properties.at("provisioningState"),
          tags.contains("azlin:disks") ? std::stoi(tags.at("azlin:disks")) : 0, tag_names(body)};
}

bool whole(const Inventory& inventory, const std::set<std::string>& ids, const std::string& set) {
  std::size_t good = 0, expected = 0;
  for (const auto& [name, snapshot] : inventory.snapshots) {
    if (snapshot.set != set) continue;
    expected = static_cast<std::size_t>(snapshot.expected);
    good += snapshot.provisioning == "Succeeded" ? 1 : 0;
  }
  return expected > 0 && good == expected && ids.size() == expected;
}

class Findings {
 public:
  Findings(const Inventory& now, const Inventory& before) : now_(now), before_(before) {}
  std::vector<std::string> lines;

  void machines() {
    for (const auto& [name, machine] : now_.machines) {
      check(machine.power == "running", "VM {} is {}", name, machine.power);
      check(machine.provisioning == "Succeeded", "VM {} is {}", name, machine.provisioning);
      check(!machine.tags.contains("azlin:lease"), "VM {} has a lease", name);
      for (const auto& [lun, id] : machine.disks) {
        const auto disk = now_.disks.find(id);
        check(disk != now_.disks.end(), "VM {} has a disk that does not exist: {}", name, id);
        if (disk == now_.disks.end()) continue;
        check(disk->second.managed_by.ends_with("/" + name), "disk {} is managed by '{}'", id,
              disk->second.managed_by);
        check(disk->second.provisioning == "Succeeded", "disk {} is {}", id, disk->second.provisioning);
      }
      check(machine.disks.size() == 3, "VM {} has {} disks", name, machine.disks.size());
    }
    check(now_.machines.contains("web"), "VM web is {}", "gone");
  }

  void disks_are_old_or_new_as_a_whole(bool old_may_go) {
    const auto old_ids = before_.disks_of("web"), ids = now_.disks_of("web");
    std::size_t old = 0;
    for (const auto& id : ids) old += old_ids.contains(id) ? 1 : 0;
    check(old == 0 || old == ids.size(), "VM web has a mix of old and new disks: {}", fmt::join(ids, ", "));
    for (const auto& [id, disk] : before_.disks) {
      const bool replaced = old_may_go && old == 0 && old_ids.contains(id);
      check(now_.disks.contains(id) || replaced, "disk {} is lost", id);
    }
  }

  void sets(const std::set<std::string>& may_go) {
    const auto sets = now_.sets();
    for (const auto& [name, ids] : sets) check(whole(now_, ids, name), "set {} is not whole", name);
    for (const auto& [name, ids] : before_.sets()) {
      const auto found = sets.find(name);
      check(found != sets.end() || may_go.contains(name), "set {} is lost", name);
      if (found != sets.end()) check(found->second == ids, "set {} has other snapshots than before", name);
    }
    for (const auto& [name, snapshot] : now_.snapshots)
      check(!snapshot.tags.contains("azlin:in-use"), "snapshot {} is still marked as in use", name);
  }

  void orphans() {
    for (const auto& [id, disk] : now_.disks)
      check(!disk.managed_by.empty() || disk.tags.contains("azlin:kept"), "disk {} belongs to nobody", id);
    for (const auto& [id, used] : now_.nics) check(used, "NIC {} belongs to nobody", id);
    for (const auto& [name, snapshot] : now_.snapshots)
      check(!snapshot.set.empty(), "snapshot {} has no set", name);
  }

 private:
  template <class... Parts>
  void check(bool good, const char* format, const Parts&... parts) {
    if (!good) lines.push_back(fmt::format(fmt::runtime(format), parts...));
  }
  const Inventory& now_;
  const Inventory& before_;
};

}  // namespace

std::map<std::string, std::set<std::string>> Inventory::sets() const {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [name, snapshot] : snapshots) out[snapshot.set].insert(snapshot.unique_id);
  return out;
}

std::set<std::string> Inventory::disks_of(const std::string& machine) const {
  std::set<std::string> ids;
  const auto found = machines.find(machine);
  if (found == machines.end()) return ids;
  for (const auto& [lun, id] : found->second.disks) ids.insert(id);
  return ids;
}

Inventory look(test::Simulator& simulator) {
  Inventory out;
  for (const auto& vm : list(simulator, "Microsoft.Compute/virtualMachines", "2024-07-01"))
    out.machines[to_lower(vm.at("name").get<std::string>())] = machine_of(simulator, vm.at("id"));
  for (const auto& disk : list(simulator, "Microsoft.Compute/disks", "2023-10-02")) {
    out.disks[to_lower(disk.at("id").get<std::string>())] = {
        to_lower(disk.value("managedBy", "")), disk.at("properties").at("provisioningState"), tags_of(disk)};
  }
  for (const auto& snapshot : list(simulator, "Microsoft.Compute/snapshots", "2023-10-02"))
    out.snapshots[snapshot.at("name")] = snapshot_of(snapshot);
  for (const auto& nic : list(simulator, "Microsoft.Network/networkInterfaces", "2024-05-01"))
    out.nics[nic.at("id")] = nic.at("properties").contains("virtualMachine");
  return out;
}

std::vector<std::string> wrong_with(const Inventory& now, const Inventory& before,
                                    const std::set<std::string>& may_go, bool old_disks_may_go) {
  Findings findings(now, before);
  findings.machines();
  findings.disks_are_old_or_new_as_a_whole(old_disks_may_go);
  findings.sets(may_go);
  findings.orphans();
  return findings.lines;
}

std::vector<std::string> unsettled(const std::string& journal_path) {
  core::SystemClock clock;
  store::Journal journal(journal_path, clock);
  std::vector<std::string> lines;
  for (const auto& operation : journal.list(100)) {
    if (operation.state == "running" || operation.state == "interrupted")
      lines.push_back(fmt::format("operation {} ({}) is {}: {}", operation.id, operation.kind,
                                  operation.state, operation.error));
  }
  return lines;
}

std::vector<std::string> open_accesses(test::Simulator& simulator) {
  std::vector<std::string> lines;
  for (const auto& snapshot : list(simulator, "Microsoft.Compute/snapshots", "2023-10-02")) {
    if (snapshot.at("properties").value("diskState", "") == "ActiveSAS")
      lines.push_back(snapshot.at("name").get<std::string>() + " can still be read by a SAS");
  }
  return lines;
}

std::vector<std::string> copied(test::Simulator& simulator) {
  std::vector<std::string> names;
  for (const auto& copy : list(simulator, "Microsoft.Compute/snapshots", "2023-10-02", "Dr"))
    names.push_back(copy.at("name"));
  return names;
}

std::vector<std::string> unreplicated(test::Simulator& simulator, const std::string& only) {
  std::vector<std::string> lines;
  std::map<std::string, json> copies;
  for (const auto& copy : list(simulator, "Microsoft.Compute/snapshots", "2023-10-02", "Dr"))
    copies[copy.at("name")] = copy;
  std::size_t sources = 0;
  for (const auto& source : list(simulator, "Microsoft.Compute/snapshots", "2023-10-02")) {
    const auto tags = tags_of(source);
    if (!tags.contains("azlin:backup-tier")) continue;
    if (!only.empty() && tags.at("azlin:set") != only) continue;
    ++sources;
    const std::string name = source.at("name");
    if (!copies.contains(name)) {
      lines.push_back(name + " was not copied");
      continue;
    }
    const json& copy = copies.at(name);
    if (copy.at("properties").value("completionPercent", 0.0) < 100.0)
      lines.push_back(name + " was not copied to the end");
    const auto copied = tags_of(copy);
    if (!copied.contains("azlin:set") || copied.at("azlin:set") != tags.at("azlin:set"))
      lines.push_back("the copy of " + name + " does not bear its set");
  }
  if (copies.size() != sources)
    lines.push_back(fmt::format("{} copies of {} snapshots", copies.size(), sources));
  return lines;
}

}  // namespace azlin::crash
