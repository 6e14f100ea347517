#include "dr/guest.hpp"

#include <fmt/format.h>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

constexpr core::Millis kGuestPoll = std::chrono::seconds{5};  // Compute allows 12 reads of one VM a minute
constexpr core::Millis kSshPoll = std::chrono::seconds{15};

}  // namespace

bool await_guest(arm::ArmClient& arm, core::Clock& clock, const std::string& vm_id, core::Millis limit,
                 const std::function<void(const std::string&)>& seen, std::stop_token stop) {
  const core::TimePoint end = clock.now() + limit;
  while (true) {
    const auto vm = azure::get_vm(arm, vm_id, true, stop);
    const bool ready = vm.agent_ready.value_or(false);
    seen(fmt::format("power state {}, guest agent {}", vm.power_state.empty() ? "unknown" : vm.power_state,
                     ready ? "ready" : "not reporting"));
    if (vm.power_state == "running" && ready) return true;
    if (clock.now() >= end) return false;
    if (!clock.sleep_for(kGuestPoll, stop)) core::throw_if_stopped(stop, "waiting for the guest");
  }
}

std::string await_sshd(arm::ArmClient& arm, core::Clock& clock, const std::string& vm_id, core::Millis limit,
                       std::stop_token stop) {
  const core::TimePoint end = clock.now() + limit;
  while (true) {
    std::string reason = "sshd does not answer inside the guest";
    try {
      const auto script = azure::run_script(arm, vm_id, {"ssh-keyscan -T 5 127.0.0.1"}, stop);
      if (script.exit_code == 0 && !script.out.empty()) return {};
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::unauthorized) throw;
      reason = error.what();
    }
    if (clock.now() >= end) return fmt::format("{} (tried for {})", reason, core::to_display(limit));
    if (!clock.sleep_for(kSshPoll, stop)) core::throw_if_stopped(stop, "checking SSH");
  }
}

}  // namespace azlin::dr
