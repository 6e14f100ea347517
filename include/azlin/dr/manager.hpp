#pragma once
// DR drills: a replica is restored as a VM in an isolated network of the test region, timed, looked at, and
// removed again.
//
// The network has no peering and, unless one is asked for, no public address; its security group lets nothing
// in (with a public address: SSH from the tester alone) and nothing out but HTTPS to Azure, which Run Command
// needs. VMs that are drilled together share one such network and reach each other in it. Everything made
// bears the tag azlin:drill. Cleanup always runs, also after a failure and Ctrl-C; after a crash recover()
// and cleanup() do it.
#include <exception>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/core/process.hpp"
#include "azlin/dr/drill.hpp"
#include "azlin/dr/policy.hpp"
#include "azlin/dr/store.hpp"

namespace azlin::dr {

struct SweptDrill {
  std::string drill_id;
  std::vector<std::string> ids;  // what bears its tag, as found
  std::string why;               // why it goes, or why it stays
  bool dead = false;             // it goes
  std::vector<Leftover> left;    // what could not be removed; empty after a dry run
};

// One VM of `dr test-all`.
struct ScheduledTest {
  VmRef vm;
  std::optional<DRTestResult> result;  // nullopt: it was not begun, `error` says why
  std::string error, hint;
};

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class DRTestManager {
 public:
  // `db_path`: dr_tests.db. `processes` runs ssh; without it there are no drills with a public address.
  // `prices`: of the estimates.
  DRTestManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock, const std::string& db_path,
                core::ProcessRunner* processes = nullptr, cost::Prices prices = cost::shipped_prices());

  // Checks all that a drill needs and changes nothing: a complete set in the region (core::Error, not_found:
  // replicate first), a free name, a size that is offered and that the quotas allow, disk SKUs.
  DrillPlan plan(const DRTestConfig& config, std::stop_token stop);

  // The whole drill. Throws only where nothing was begun (as plan() does for a missing set); a phase that
  // fails is in the result, and so is an interrupt (Verdict::interrupted).
  DRTestResult run_dr_test(const DRTestConfig& config, std::stop_token stop);

  // Several VMs as one drill, in one network: all is decided and checked first, then `drive` brings them up
  // in its order, each once and by its index, from any thread; they stay up until it returns, and go
  // together. `bring_up` gives a result without its cleanup, and throws core::Error where that VM was not
  // begun: one of them cannot be restored (all that cannot are noted as failed, and nothing is made). What
  // they ended as, by index; nullopt: not begun. Throws as run_dr_test, for the first VM that is amiss. Of
  // each config, vm, backup, size and command count; the rest is that of the first.
  using BringUp = std::function<DRTestResult(std::size_t)>;
  std::vector<std::optional<DRTestResult>> run_together(const std::string& name,
                                                        const std::vector<DRTestConfig>& configs,
                                                        const std::function<void(const BringUp&)>& drive,
                                                        std::stop_token stop);
  // The same decisions and checks, and changes nothing.
  std::vector<DrillPlan> plan_together(const std::string& name, const std::vector<DRTestConfig>& configs,
                                       std::stop_token stop);

  // Newest first. A row whose process is gone reads as interrupted.
  std::vector<DRTestResult> get_test_history(const TestFilter& filter);

  // Everything with a drill's tag in the subscription, by drill, and whether it is dead: its process is gone
  // or it ended (on this machine), or its time is over (of any machine). A drill that runs here is never
  // dead; one kept by --no-cleanup is not before its time, unless `drill_id` names it.
  std::vector<SweptDrill> find_drills(const std::string& subscription,
                                      const std::optional<std::string>& drill_id, std::stop_token stop);
  // find_drills, and removes the dead ones. Journalled.
  std::vector<SweptDrill> cleanup(const std::string& subscription, const std::optional<std::string>& drill_id,
                                  std::stop_token stop);

  // What holds for a VM, and when its next drill is due.
  PolicyView show(const VmRef& vm, std::stop_token stop);
  // What configure would write; as apply() in policy.hpp.
  DrPolicy plan_configure(const VmRef& vm, const PolicyChange& change, std::stop_token stop);
  void configure(const VmRef& vm, const DrPolicy& policy, std::stop_token stop);
  // VMs of the subscription (or group) for which a policy holds, or whose tag cannot be read.
  std::vector<PolicyView> policies(const std::string& subscription, const std::optional<std::string>& group,
                                   std::stop_token stop);
  // One drill for each, at most `max_parallel` at a time; one VM's failure does not stop the others. `ended`
  // comes from several threads.
  std::vector<ScheduledTest> run_scheduled_tests(
      const std::vector<PolicyView>& due, int max_parallel,
      const std::function<void(std::size_t, const ScheduledTest&)>& ended, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Removes what an interrupted drill left.
  backup::Recovered recover(const store::OperationRecord& record, std::stop_token stop);

 private:
  struct Drill;
  struct Run;
  struct Place;
  struct Removal {
    std::vector<Leftover> left;
    std::string error;  // empty: nothing is left
  };
  Place find_place(const DRTestConfig& config, const std::string& name, std::stop_token stop);
  DrillPlan prepare(const DRTestConfig& config, Place& place, std::stop_token stop);
  std::vector<DrillPlan> prepare_together(const std::string& name, const std::vector<DRTestConfig>& configs,
                                          std::stop_token stop);
  std::vector<std::exception_ptr> fit_together(std::vector<DrillPlan>& plans,
                                               const std::vector<DRTestConfig>& configs,
                                               std::stop_token stop);
  // `taken`: vCPUs by family that VMs of the same drill take; this one's are added.
  void fit(DrillPlan& plan, const DRTestConfig& config, std::map<std::string, int>& taken,
           std::stop_token stop);
  std::vector<std::string> settle_earlier(const std::string& target);
  void begin(Run& run);
  void run_phases(Run& run, std::stop_token stop);
  void restore(Run& run, std::stop_token stop);
  void build_network(Run& run, std::stop_token stop);
  void ensure_network(Run& run, std::stop_token stop);
  void await_guest(Run& run, Phase& phase, std::stop_token stop);
  void check_ssh(Run& run, Phase& phase, std::stop_token stop);
  void check_command(Run& run, Phase& phase, std::stop_token stop);
  void log_in(Run& run, Phase& phase, std::stop_token stop);
  void fail(Run& run, const std::exception_ptr& reason);
  Removal remove_all(Drill& drill);
  void end_cleanup(Run& run, const Removal& removal);
  void clean_up(Drill& drill, const std::vector<Run*>& runs);
  static cost::DrillUse use_of(const Run& run);
  void finish(Drill& drill, const std::vector<Run*>& runs);
  void note_removal(DRTestResult& row, const std::vector<Leftover>& left);
  bool is_alive(const DRTestResult& test);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::string holder_;  // host and home: who a drill belongs to
  core::ProcessRunner* processes_;
  cost::Prices prices_;
  backup::BackupManager backups_;
  DrillStore store_;
};

}  // namespace azlin::dr
