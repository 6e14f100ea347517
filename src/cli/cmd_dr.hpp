#pragma once
// azlin dr: drills, their history, what they left.
#include "azlin/dr/failover.hpp"
#include "azlin/dr/manager.hpp"
#include "azlin/dr/recovery_plan.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

void add_dr_commands(CLI::App& root, Job& chosen);
void add_orphans_command(CLI::App& root, Job& chosen);
void add_ssh_command(CLI::App& root, Job& chosen);
void add_dr_policy_commands(CLI::App& group, Job& chosen);  // configure, disable, show, test-all
void add_dr_readiness_command(CLI::App& group, Job& chosen);
void add_dr_test_command(CLI::App& group, Job& chosen);
void add_failover_command(CLI::App& group, Job& chosen);
void add_failback_command(CLI::App& group, Job& chosen);
void add_plan_commands(CLI::App& group, Job& chosen);        // plan validate
void add_dr_history_commands(CLI::App& group, Job& chosen);  // test-history, success-rate

// dr_tests.db of the state folder.
dr::DRTestManager open_drills(Runtime& runtime);

nlohmann::ordered_json to_json(const dr::DRTestResult& result);
std::string mark_of(Console& console, dr::Outcome outcome);  // ✓, ✗, –
double seconds_of(core::Millis time);
std::string target_text(core::Millis target);  // "<15 minutes"

// Where no complete copy lies in the test region: makes one and waits for it. Throws core::Error when it
// cannot be made.
void replicate_for_drill(Runtime& runtime, const dr::DRTestConfig& config);
// Drills the VMs of a plan, or fails them over; `config` holds what does not depend on the VM. The exit code.
int run_plan_drill(Runtime& runtime, const dr::RecoveryPlan& plan, dr::DRTestConfig config);
int run_plan_failover(Runtime& runtime, const dr::RecoveryPlan& plan, bool if_region_down, int probes);

dr::FailoverManager open_failovers(Runtime& runtime);
backup::Recovered recover_failback(Runtime& runtime, const store::OperationRecord& operation);
// Whether the VM's own region is silent; says so when it is not (with the result of the command).
bool region_is_down(Runtime& runtime, dr::FailoverManager& failovers, const snapshot::VmRef& vm,
                    const std::string& region, int probes);
void print_failover(Console& console, const dr::FailoverResult& result);
nlohmann::ordered_json to_json(const dr::FailoverResult& result);
void report_failover(Runtime& runtime, const dr::FailoverResult& result);
// 0; 1 the guest does not report; 4 the check or the hook failed.
int exit_code_of(const dr::FailoverResult& result);

// Alerts for what a drill showed: failure or all-clear, RTO, leftovers.
void report_drill(Runtime& runtime, const dr::DRTestResult& result);
void report_scheduled(Runtime& runtime, const dr::ScheduledTest& test);
// The exit code of one drill: 0; 1 failed or something left; 6 passed, but slower than its target; 130.
int exit_code_of(const dr::DRTestResult& result);

}  // namespace azlin::cli
