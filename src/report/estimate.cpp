#include "azlin/report/estimate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/core/names.hpp"
#include "report/sizes.hpp"

namespace azlin::report {

namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// All disks of one run; nullopt: one of them was not hashed.
std::optional<double> bytes_of(const std::string& evidence) {
  const auto disks = nlohmann::json::parse(evidence, nullptr, false);
  if (!disks.is_array() || disks.empty()) return std::nullopt;
  double bytes = 0;
  for (const auto& disk : disks) {
    if (!disk.is_object() || disk.value("root", "").empty() || !disk.contains("bytesRead"))
      return std::nullopt;
    bytes += disk["bytesRead"].get<double>();
  }
  return bytes;
}

class Builder {
 public:
  Builder(const CostFacts& facts, const cost::Prices& prices) : facts_(facts), prices_(prices) {}

  CostEstimate build() {
    for (const auto& [key, backups] : by_vm(facts_.backups)) {
      const auto vm = label_of(facts_.backups, backups.front()->vm_name, group_of(*backups.front()));
      add_sets(vm, size_backups(backups, facts_));
    }
    add_drills();
    add_test_disks();
    for (auto& [key, line] : lines_) {
      result_.total += line.monthly;
      result_.lines.push_back(std::move(line));
    }
    result_.currency = prices_.currency;
    result_.prices = prices_.source;
    add_assumptions();
    return std::move(result_);
  }

 private:
  CostLine& line(const std::string& vm, int order, const std::string& what, const std::string& region) {
    auto& line = lines_[{vm, order, region}];
    line.vm = vm;
    line.what = what;
    line.region = region;
    return line;
  }

  void add_set(CostLine& line, const SizedSet& set) {
    ++line.count;
    ++result_.sets[set.basis];
    line.gib += set.gib;
    line.basis = std::max(line.basis.value_or(set.basis), set.basis);
    line.monthly += set.gib * prices_.snapshot_month(set.region);
    regions_.insert(set.region);
  }

  void add_sets(const std::string& vm, const std::vector<SizedSet>& sets) {
    const auto since = facts_.now - std::chrono::hours{24 * facts_.days};
    for (const auto& set : sets) {
      const auto tier = static_cast<int>(set.tier);
      if (!set.replica) {
        add_set(line(vm, tier, backup::to_string(set.tier), set.region), set);
        continue;
      }
      add_set(line(vm, 3, "replicas", set.region), set);
      if (set.created < since) continue;
      auto& transfer = line(vm, 4, "transfer", set.region);
      ++transfer.count;
      transfer.gib += set.gib;
      transfer.basis = std::max(transfer.basis.value_or(set.basis), set.basis);
      transfer.monthly += set.gib * prices_.transfer_gib(set.region) * per_month();
    }
  }

  void add_drills() {
    for (const auto& drill : facts_.drills) {
      if (!drill.completed_at) continue;
      auto& drills = line(label_of(facts_.backups, drill.vm.name, drill.vm.resource_group), 5, "drills",
                          drill.test_region);
      ++drills.count;
      drills.monthly += cost_of(drill, facts_.backups, prices_) * per_month();
    }
  }

  void add_test_disks() {
    for (const auto& run : facts_.verifications) {
      if (!run.test_disk_created) continue;
      auto& disks = line(label_of(facts_.backups, run.vm, run.resource_group), 6, "test disks", run.region);
      ++disks.count;
      disks.monthly += cost::disk_cost(prices_, "", run.size_gb, run.duration) * per_month();
    }
  }

  double per_month() const { return 30.0 / facts_.days; }

  void add_assumptions() {
    auto& text = result_.assumptions;
    text.emplace_back("Azure does not say what an incremental snapshot is billed for.");
    if (result_.sets.contains(Basis::measured))
      text.push_back(fmt::format("{} counted by the bytes that a full verification read of them.",
                                 plural(result_.sets[Basis::measured])));
    if (result_.sets.contains(Basis::assumed))
      text.push_back(fmt::format("{} counted by {:g} % of the disk for each day since the backup before.",
                                 plural(result_.sets[Basis::assumed]), *facts_.daily_change));
    if (result_.sets.contains(Basis::bound))
      text.push_back(fmt::format("{} counted as if the whole disk were used and had changed: an upper bound.",
                                 plural(result_.sets[Basis::bound])));
    text.push_back(fmt::format("Prices: {}; without discounts and tax.", prices_.source));
    std::string unknown;
    for (const auto& region : regions_) {
      if (!prices_.knows_region(region)) unknown += (unknown.empty() ? "" : ", ") + region;
    }
    if (!unknown.empty())
      text.push_back(
          fmt::format("The table has no snapshot price of its own for {}: its default was taken.", unknown));
    text.push_back(fmt::format(
        "Transfer, drills and test disks: what the last {} days had, as a month; the VM of a drill that did "
        "not note its size counts as two vCPUs.",
        facts_.days));
  }

  static std::string plural(int sets) { return sets == 1 ? "1 set is" : fmt::format("{} sets are", sets); }

  const CostFacts& facts_;
  const cost::Prices& prices_;
  CostEstimate result_;
  std::map<std::tuple<std::string, int, std::string>, CostLine> lines_;
  std::set<std::string> regions_;
};

}  // namespace

const char* to_string(Basis basis) {
  switch (basis) {
    case Basis::measured:
      return "measured";
    case Basis::assumed:
      return "assumed";
    case Basis::bound:
      return "upper bound";
  }
  return "";
}

std::string measured_key(const std::string& group, const std::string& backup, const std::string& region) {
  return core::to_lower(group) + "/" + backup + "@" + region;
}

Measured measured_sizes(const std::vector<verification::Verification>& runs) {
  Measured sizes;
  for (const auto& run : runs) {
    if (const auto bytes = bytes_of(run.evidence)) {
      // Of several runs the one that read least: the others read the whole backup again.
      const auto key = measured_key(run.resource_group, run.backup, run.region);
      const auto found = sizes.find(key);
      const double gib = *bytes / kGiB;
      sizes[key] = found == sizes.end() ? gib : std::min(found->second, gib);
    }
  }
  return sizes;
}

CostEstimate estimate(const CostFacts& facts, const cost::Prices& prices) {
  return Builder(facts, prices).build();
}

}  // namespace azlin::report
