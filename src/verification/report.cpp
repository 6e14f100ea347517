#include "azlin/verification/report.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "azlin/core/names.hpp"

namespace azlin::verification {

namespace {

constexpr core::Millis kDay = std::chrono::hours{24};
constexpr core::Millis kSlack = std::chrono::hours{1};  // a nightly run is not exactly a day after the last
constexpr int kRecentDays = 7;

// The VM's group in lower case, backup, region: VMs of one name may have backups of one name.
using RunKey = std::tuple<std::string, std::string, std::string>;

std::string group_of(const backup::BackupInfo& info) {
  return core::to_lower(info.vm_key.substr(0, info.vm_key.find('/')));
}

std::optional<double> percent(int part, int whole) {
  if (whole == 0) return std::nullopt;
  return 100.0 * part / whole;
}

// The last run of each backup and region that said something; where none did, the last.
std::map<RunKey, Verification> last_verdicts(std::vector<Verification> runs) {
  std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  std::map<RunKey, Verification> last;
  for (auto& run : runs) {
    const RunKey key{core::to_lower(run.resource_group), run.backup, run.region};
    const auto known = last.find(key);
    const bool keeps = known != last.end() && run.outcome == Outcome::inconclusive &&
                       known->second.outcome != Outcome::inconclusive;
    if (!keeps) last[key] = std::move(run);
  }
  return last;
}

void count_run(ReportPart& part, const Verification& run) {
  if (run.outcome == Outcome::inconclusive) {
    ++part.inconclusive;
    return;
  }
  ++part.checked;
  part.passed += run.outcome == Outcome::passed ? 1 : 0;
  part.last = std::max(part.last.value_or(run.at), run.at);
}

// The tag knows of verifications by other machines, too.
void count_backup(ReportPart& part, const backup::BackupInfo& info,
                  const std::map<RunKey, Verification>& last, core::TimePoint from) {
  ++part.total;
  const bool tagged =
      info.verified == backup::Verified::passed && info.verified_at && *info.verified_at >= from;
  auto run = last.find({group_of(info), info.name, info.region});
  if (run == last.end()) run = last.find({"", info.name, ""});  // a row of the first schema
  const bool seen = run != last.end() && run->second.outcome == Outcome::passed;
  if (tagged || seen) {
    ++part.verified;
  } else {
    part.unverified.push_back({info.name, info.verified_at});
  }
}

}  // namespace

Due due(core::TimePoint created, const std::optional<core::TimePoint>& verified_at, core::TimePoint now) {
  if (!verified_at) return Due::never;
  const auto every = now - created <= kDay * kRecentDays ? kDay : kDay * 7;
  return now - *verified_at >= every - kSlack ? Due::overdue : Due::no;
}

std::optional<double> ReportPart::verified_percent() const {
  return percent(verified, total);
}

std::optional<double> ReportPart::success_rate() const {
  return percent(passed, checked);
}

VerificationReport make_report(const std::vector<Verification>& runs,
                               const std::vector<backup::BackupInfo>& backups, int days,
                               core::TimePoint now) {
  VerificationReport report;
  report.days = days;
  const auto from = now - kDay * days;
  const auto last = last_verdicts(runs);
  std::map<std::pair<std::string, std::string>, ReportPart> by_vm;  // name and group in lower case
  const auto part_of = [&](const std::string& vm, const std::string& group) -> ReportPart& {
    auto& part = by_vm[{core::to_lower(vm), core::to_lower(group)}];
    if (part.vm.empty()) part.vm = vm;
    if (part.group.empty() || group != core::to_lower(group)) part.group = group;
    return part;
  };
  for (const auto& info : backups) {
    count_backup(part_of(info.vm_name, group_of(info)), info, last, from);
    count_backup(report.overall, info, last, from);
  }
  report.overall.unverified.clear();
  for (const auto& [key, run] : last) {
    count_run(part_of(run.vm, run.resource_group), run);
    count_run(report.overall, run);
    if (run.outcome != Outcome::passed) report.failures.push_back(run);
  }
  for (const auto& run : runs) {
    if (!run.cleanup_error.empty()) report.leaks.push_back(run);
  }
  std::sort(report.failures.begin(), report.failures.end(),
            [](const auto& a, const auto& b) { return a.at < b.at; });
  for (auto& [name, part] : by_vm) report.vms.push_back(std::move(part));
  return report;
}

}  // namespace azlin::verification
