#pragma once
// Plans and carries out protection files.
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/protection/plan.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::protection {

struct Applied {
  snapshot::VmRef vm;
  enum class State { changed, refused, failed } state = State::failed;
  std::string error, hint;
};
const char* to_string(Applied::State state);

struct ApplyResult {
  std::vector<Applied> vms;  // those of the plan that were to change, in its order
  bool alerts_written = false;
  std::string alerts_error;
  std::size_t changed() const;
  std::size_t failed() const;  // and refused
};

// Borrows its arguments; thread-safe.
class ProtectionManager {
 public:
  // `alerts_path`: alerts.yaml of this machine.
  ProtectionManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                    std::string alerts_path);

  // Lists the VMs of the subscription once, and its snapshots when a schedule would change. Throws as
  // make_plan() does, and arm::ArmError.
  Plan plan(const ProtectionFile& file, const std::string& subscription, std::stop_token stop);

  // Reads each VM that is to change again, and writes all its tags at once if it is still as it was planned
  // for. `ended` is called from several threads. Of an interrupt the VMs that were not begun are failed.
  ApplyResult apply(const Plan& plan, int max_parallel, const std::function<void(const Applied&)>& ended,
                    std::stop_token stop);

  Exported export_all(const std::string& subscription, const std::optional<std::string>& group,
                      std::stop_token stop);

 private:
  Applied write(const VmPlan& plan, std::stop_token stop);
  void write_alerts(const Plan& plan, ApplyResult& result);
  AlertsState read_alerts() const;
  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::string alerts_path_;
};

}  // namespace azlin::protection
