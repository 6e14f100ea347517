// The guest of a drill: is it up, does SSH answer, does it pass the check?
#include <fmt/format.h>

#include "azlin/azure/boot_log.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/dr/shell.hpp"
#include "dr/guest.hpp"
#include "dr/run.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kLogLines = 20;

}  // namespace

void DRTestManager::await_guest(Run& run, Phase& phase, std::stop_token stop) {
  const std::string vm_id = run.plan.target.id();
  const auto seen = [&](const std::string& what) { phase.detail = what; };
  if (dr::await_guest(arm_, clock_, vm_id, run.config.boot_limit, seen, stop)) return;
  run.result.boot_log = azure::boot_log_tail(arm_, vm_id, kLogLines, stop);
  throw Error(ErrorKind::failed,
              fmt::format("the guest did not come up within {}: {}", core::to_display(run.config.boot_limit),
                          phase.detail),
              "drill an earlier backup with --backup; --no-cleanup keeps the VM for a look at it");
}

void DRTestManager::check_ssh(Run& run, Phase& phase, std::stop_token stop) {
  if (run.plan.spec.os_type == "Windows") {
    phase.outcome = Outcome::skipped;
    phase.detail = "a Windows VM";
    return;
  }
  if (!run.plan.public_ip_id.empty()) return log_in(run, phase, stop);
  const std::string reason = await_sshd(arm_, clock_, run.plan.target.id(), run.config.ssh_limit, stop);
  if (!reason.empty())
    throw Error(ErrorKind::failed, reason,
                "look at the VM with --no-cleanup; --no-verify-ssh leaves this check out");
  phase.detail = "sshd answers inside the guest (Run Command)";
}

// By the system's ssh, with the key and no password; what it learns of host keys is forgotten again: the
// address is the drill's alone.
void DRTestManager::log_in(Run& run, Phase& phase, std::stop_token stop) {
  if (processes_ == nullptr) throw Error(ErrorKind::failed, "there is no ssh to log in with");
  const DRTestConfig& config = run.config;
  core::ProcessRequest request;
  request.argv = {"ssh",
                  "-o",
                  "BatchMode=yes",
                  "-o",
                  "IdentitiesOnly=yes",
                  "-o",
                  "ConnectTimeout=10",
                  "-o",
                  "StrictHostKeyChecking=no",
                  "-o",
                  "UserKnownHostsFile=/dev/null",
                  "-o",
                  "LogLevel=ERROR",
                  "-i",
                  config.ssh_key,
                  "-l",
                  config.ssh_user,
                  "--",
                  run.address,
                  "true"};
  request.time_limit = std::chrono::seconds{30};
  const core::TimePoint end = clock_.now() + config.ssh_limit;
  while (true) {
    const auto result = processes_->run(request, stop);
    if (result.exit_code == 0) {
      phase.detail = fmt::format("logged in as {} at {} by key", config.ssh_user, run.address);
      return;
    }
    core::throw_if_stopped(stop, "logging in by SSH");
    if (clock_.now() >= end)
      throw Error(ErrorKind::failed,
                  fmt::format("no login as {} at {} (tried for {}): {}", config.ssh_user, run.address,
                              core::to_display(config.ssh_limit), last_line(result.err)),
                  "is the key in that user's authorized_keys in the backup? look with --no-cleanup");
    if (!clock_.sleep_for(std::chrono::seconds{10}, stop)) core::throw_if_stopped(stop, "logging in by SSH");
  }
}

void DRTestManager::check_command(Run& run, Phase& phase, std::stop_token stop) {
  const auto script = azure::run_script(arm_, run.plan.target.id(), {run.config.verify_command}, stop);
  if (script.exit_code == 0) {
    phase.detail = last_line(script.out);
    return;
  }
  const std::string said = last_line(script.err.empty() ? script.out : script.err);
  const std::string code =
      script.exit_code ? fmt::format("exit code {}", *script.exit_code) : "no exit code (does it call exit?)";
  throw Error(ErrorKind::failed,
              fmt::format("the check command ended with {}{}", code, said.empty() ? "" : ": " + said),
              "the command runs as root in the guest of the drill");
}

}  // namespace azlin::dr
