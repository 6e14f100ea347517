#pragma once
// What the backups of a fleet cost a month. An estimate: no property of Azure Resource Manager says what an
// incremental snapshot is billed for. Pure.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/cost/prices.hpp"
#include "azlin/dr/drill.hpp"
#include "azlin/dr/policy.hpp"
#include "azlin/verification/record.hpp"

namespace azlin::report {

// How the size of something was found, the surest first.
enum class Basis {
  measured,  // bytes that a verification read: what changed since an earlier snapshot, or all that is kept
  assumed,   // a share of the disk for each day since the backup before it, as the operator said
  bound,     // what the disk provides: at most
};
const char* to_string(Basis basis);

// Bytes that were read of a backup in a region, all disks, by measured_key(). Only backups of which
// every disk was hashed are in it. `runs` need their `evidence`.
using Measured = std::map<std::string, double>;  // GiB
std::string measured_key(const std::string& group, const std::string& backup, const std::string& region);
Measured measured_sizes(const std::vector<verification::Verification>& runs);

struct CostFacts {
  std::vector<backup::BackupInfo> backups;  // of all VMs
  std::vector<backup::BackupManager::Scheduled> scheduled;
  std::vector<dr::DRTestResult> drills;                   // of the last `days`
  std::vector<verification::Verification> verifications;  // of the last `days`
  std::vector<dr::PolicyView> policies;                   // who is drilled how often
  Measured measured;
  std::optional<double> daily_change;  // percent of a disk that changes in a day; nullopt: not stated
  int days = 30;                       // what transfer, drills and test disks are counted over
  core::TimePoint now;
};

struct CostLine {
  std::string vm;    // "name (group)" where names repeat
  std::string what;  // "daily", "weekly", "monthly", "replicas", "transfer", "drills", "test disks"
  std::string region;
  int count = 0;
  double gib = 0;
  std::optional<Basis> basis;  // the least sure of its parts; nullopt: time, not size, is what counts
  double monthly = 0;
};

struct CostEstimate {
  std::vector<CostLine> lines;  // by VM, then in the order of `what`
  double total = 0;
  std::map<Basis, int> sets;             // how many sets (replicas too) were sized how
  std::vector<std::string> assumptions;  // for people; one sentence each
  std::string currency, prices;
};
CostEstimate estimate(const CostFacts& facts, const cost::Prices& prices);

// What the operator would change.
struct WhatIf {
  std::optional<int> daily, weekly, monthly;  // kept; 0 of weekly and monthly: off
  std::optional<std::string> region;          // of replicas; empty: none
  std::optional<core::Millis> drill_every;    // 0: none
};
// "daily=14", "region=none", "drill=30d". Throws core::Error (usage).
void add_change(WhatIf& change, const std::string& text);

struct Comparison {
  std::string vm;
  double now = 0, then = 0;  // a month, when the schedule has run for as long as it keeps
};
// VMs with a schedule that can be read. Both sides take every kept backup to have the mean size that the VM's
// backups of that tier have now.
std::vector<Comparison> compare(const CostFacts& facts, const cost::Prices& prices, const WhatIf& change);

}  // namespace azlin::report
