#pragma once
// Progress of many copies by one request: the list of a resource group names each snapshot in full. A list
// may lag, so it is believed only that a copy still runs; that one is done, broken or gone its own GET has to
// say.
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/compute.hpp"

namespace azlin::replication {

inline constexpr std::size_t kWorthAList = 4;       // copies in a group; fewer are read one by one
inline constexpr std::size_t kListedForACopy = 20;  // snapshots in the list; of more the GETs are cheaper

// Kept from look to look: it remembers which groups are too large. One thread.
class TargetLists {
 public:
  // Which of these snapshots run on, by lower-case id. Throws core::Error (interrupted); what else goes wrong
  // with a list leaves its copies to their GETs.
  std::map<std::string, azure::Snapshot> running(arm::ArmClient& arm, const std::vector<std::string>& ids,
                                                 const std::stop_token& stop);

 private:
  std::set<std::string> large_;
};

}  // namespace azlin::replication
