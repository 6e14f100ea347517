#pragma once
// What must hold of the cloud once azlin has recovered. Read with none of the client's code.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scene.hpp"

namespace azlin::crash {

// What there is, as far as the checks need it. Ids and names in lower case.
struct Inventory {
  struct Machine {
    std::string power, provisioning;
    std::map<int, std::string> disks;  // id by LUN, -1 the OS disk
    std::set<std::string> tags;
  };
  struct Disk {
    std::string managed_by, provisioning;
    std::map<std::string, std::string> tags;
  };
  struct Snapshot {
    std::string set, unique_id, provisioning;
    int expected = 0;  // of its set
    std::set<std::string> tags;
  };
  std::map<std::string, Machine> machines;  // by name
  std::map<std::string, Disk> disks;        // by id
  std::map<std::string, Snapshot> snapshots;
  std::map<std::string, bool> nics;  // by id: whether a VM has it

  std::map<std::string, std::set<std::string>> sets() const;  // unique ids of the members, by set
  std::set<std::string> disks_of(const std::string& machine) const;
};

Inventory look(test::Simulator& simulator);

// What is wrong, one line each. `may_go`: sets that the command deletes. Old disks may be gone only with
// `old_disks_may_go`, and then only when the VM runs on new ones.
std::vector<std::string> wrong_with(const Inventory& now, const Inventory& before,
                                    const std::set<std::string>& may_go, bool old_disks_may_go);
// Of the journal.
std::vector<std::string> unsettled(const std::string& journal_path);

// What is wrong with the copies in the group Dr: each backup snapshot of the group Production has to be there
// once, to the end, by its name and with its source's set; with `only`, each of that set and no other.
std::vector<std::string> unreplicated(test::Simulator& simulator, const std::string& only = {});
// Names of what is in the group Dr.
std::vector<std::string> copied(test::Simulator& simulator);
// Snapshots of the group Production with an open SAS.
std::vector<std::string> open_accesses(test::Simulator& simulator);

}  // namespace azlin::crash
