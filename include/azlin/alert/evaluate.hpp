#pragma once
// The rules that time breaks, not a command: overdue verification, recovery points too old, rates and
// recovery times off target. Pure; `azlin alert check` feeds it with facts from the other parts.
#include <optional>
#include <string>
#include <vector>

#include "azlin/alert/config.hpp"
#include "azlin/alert/event.hpp"

namespace azlin::alert {

struct BackupFact {
  std::string name;
  core::TimePoint taken_at;
  std::optional<core::TimePoint> verified_at;  // last verification that passed
};

// What is known of one protected VM. What is not known stays unset, and gives no verdict.
struct VmFacts {
  std::string vm, group;
  std::string label;                // how a message names it: "web (Production)"; empty: as `vm`
  std::string words;                // how a command names it: "web -g Production"; empty: as `vm`
  bool backups_known = false;       // `backups` is all of them; else neither age nor verification is judged
  std::vector<BackupFact> backups;  // complete sets only
  std::optional<core::TimePoint> protected_since;  // counts as the newest backup while there is none
  std::optional<core::Millis> rpo_target;          // overrides threshold_hours
  std::optional<core::Millis> last_rto;            // of the newest drill or recovery
  std::optional<core::Millis> rto_target;          // overrides threshold_minutes
};

// Drills of the window that ended. An empty subject stands for all VMs together.
struct RateFact {
  std::string subject;
  int window_days = 30;
  int total = 0, passed = 0;  // total 0: no data, no verdict
};

struct OverdueFacts {
  std::vector<VmFacts> vms;
  std::vector<RateFact> rates;
  // `vms` holds every protected VM: an open alert about another VM is then resolved (it is no longer
  // protected).
  bool all_vms_known = false;
};

// One event for each rule and subject that can be judged: a problem, or an all-clear with resolved set. Rules
// that are off give none. Order: by VM, then by rule.
std::vector<AlertEvent> evaluate_overdue(const AlertConfig& config, const OverdueFacts& facts,
                                         core::TimePoint now);

// The same judgement on one recovery, for the command that has just timed it.
std::optional<AlertEvent> evaluate_rto(const AlertConfig& config, const Subject& vm, core::Millis rto,
                                       std::optional<core::Millis> target);

}  // namespace azlin::alert
