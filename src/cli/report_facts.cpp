#include "cli/report_facts.hpp"

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/verification/manager.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/replication_view.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

constexpr int kAllOperations = 1'000'000;
constexpr int kMostDays = 3660;

// Whether the record is about this subscription (or about none, as `schedule.install`), and about `vm`.
bool concerns(const store::OperationRecord& operation, const std::string& subscription,
              const std::optional<snapshot::VmRef>& vm) {
  const auto target = core::to_lower(operation.target);
  const bool elsewhere = target.rfind("/subscriptions/", 0) == 0 &&
                         target.rfind("/subscriptions/" + core::to_lower(subscription), 0) != 0;
  if (elsewhere) return false;
  return !vm || target == core::to_lower(vm->id());
}

void keep_only(report::ReportFacts& facts, const snapshot::VmRef& vm) {
  const auto same = [&](const std::string& key) { return core::equal_ignoring_case(key, vm.key()); };
  std::erase_if(facts.scheduled, [&](const auto& each) { return !same(each.vm.key()); });
  std::erase_if(facts.backups, [&](const auto& each) { return !same(each.vm_key); });
  std::erase_if(facts.replications, [&](const auto& each) { return !same(each.vm_key); });
  std::erase_if(facts.verifications,
                [&](const auto& each) { return !same(each.resource_group + "/" + each.vm); });
  std::erase_if(facts.drills, [&](const auto& each) { return !same(each.vm.key()); });
}

}  // namespace

report::ReportFacts gather_report(Runtime& runtime, const ReportScope& scope) {
  if (scope.days < 1 || scope.days > kMostDays)
    throw core::Error(core::ErrorKind::usage,
                      "--days " + std::to_string(scope.days) + " is not 1 to " + std::to_string(kMostDays));
  report::ReportFacts facts;
  facts.subscription = runtime.subscription();
  facts.now = runtime.clock().now();
  facts.days = scope.days;
  facts.version = AZLIN_VERSION;
  facts.simulated = runtime.cloud().simulated;
  const auto from = facts.now - std::chrono::hours{24 * scope.days};
  std::optional<snapshot::VmRef> vm;
  if (scope.vm) {
    vm = resolve_vm(runtime, {*scope.vm, scope.resource_group});
    facts.vm = vm->name;
  }
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  facts.scheduled = backups.scheduled_vms(facts.subscription, {}, runtime.stop());
  facts.backups = backups.list_all(facts.subscription, runtime.stop());
  facts.operations = runtime.journal().list(kAllOperations);
  std::erase_if(facts.operations, [&](const auto& each) {
    return each.started_at < from || !concerns(each, facts.subscription, vm);
  });
  replication::JobFilter jobs;
  jobs.subscription = facts.subscription;
  facts.replications = open_replication(runtime)->jobs(jobs);
  std::erase_if(facts.replications, [&](const auto& each) { return each.queued_at < from; });
  verification::VerificationManager verifications(runtime.arm(), runtime.journal(), runtime.clock(),
                                                  runtime.home() + "/verification.db");
  facts.verifications = verifications.history(scope.days, {});
  dr::TestFilter tests;
  tests.subscription = facts.subscription;
  tests.since = from;
  facts.drills = open_drills(runtime).get_test_history(tests);
  if (vm) keep_only(facts, *vm);
  return facts;
}

report::CostFacts gather_cost(Runtime& runtime, const report::ReportFacts& facts) {
  report::CostFacts cost;
  cost.backups = facts.backups;
  cost.scheduled = facts.scheduled;
  cost.drills = facts.drills;
  cost.verifications = facts.verifications;
  cost.days = facts.days;
  cost.now = facts.now;
  verification::VerificationManager verifications(runtime.arm(), runtime.journal(), runtime.clock(),
                                                  runtime.home() + "/verification.db");
  cost.measured = report::measured_sizes(verifications.history(kMostDays, {}));
  return cost;
}

cost::Prices prices_in_force(Runtime& runtime, const std::optional<std::string>& file) {
  if (file) return cost::load_prices(*file);
  const auto own = runtime.home() + "/prices.toml";
  try {
    return cost::load_prices(own);
  } catch (const core::Error& error) {
    if (error.kind() != core::ErrorKind::not_found) throw;
    return cost::shipped_prices();
  }
}

cost::Prices prices_for_estimates(Runtime& runtime) {
  try {
    return prices_in_force(runtime, {});
  } catch (const core::Error& error) {
    runtime.console().warn(fmt::format("{}: costs are estimated by the shipped table", error.what()));
    return cost::shipped_prices();
  }
}

}  // namespace azlin::cli
