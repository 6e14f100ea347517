#include "cli/alerts.hpp"

#include <fmt/format.h>

#include "cli/alert_facts.hpp"
#include "cli/cmd_dr.hpp"

namespace azlin::cli {

std::unique_ptr<alert::AlertManager> open_alerts(Runtime& runtime) {
  const auto& home = runtime.home();
  return std::make_unique<alert::AlertManager>(home + "/alerts.db",
                                               alert::load_for_raising(home + "/alerts.yaml"),
                                               runtime.transport(), runtime.env(), runtime.clock());
}

namespace {

void hand_over(Runtime& runtime, const std::vector<alert::AlertEvent>& events, bool local) noexcept {
  if (events.empty() || runtime.dry_run()) return;
  try {
    const auto alerts = open_alerts(runtime);
    if (!local) alerts->set_scope(runtime.subscription());
    for (const auto& event : events) alerts->handle(event);
    if (!alerts->config().error.empty())
      runtime.console().warn("alerts.yaml is not valid, so alerts wait (azlin alert list):\n" +
                             alerts->config().error);
    for (const auto& error : alerts->deliver({}, runtime.stop()).errors)
      runtime.console().warn("alert not delivered yet, it will be tried again: " + error);
  } catch (const std::exception& error) {
    try {
      runtime.console().warn(fmt::format("cannot handle an alert: {}", error.what()));
    } catch (const std::exception&) {
      return;  // not even stderr is left
    }
  }
}

}  // namespace

void report_events(Runtime& runtime, const std::vector<alert::AlertEvent>& events) noexcept {
  hand_over(runtime, events, false);
}

void report_local_events(Runtime& runtime, const std::vector<alert::AlertEvent>& events) noexcept {
  hand_over(runtime, events, true);
}

alert::OverdueFacts collect_facts(Runtime& runtime) {
  constexpr int kDays = 30;
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  const auto& subscription = runtime.subscription();
  alert::OverdueFacts facts;
  const auto scheduled = backups.scheduled_vms(subscription, {}, runtime.stop());
  facts.vms = backup_facts(scheduled, backups.list_all(subscription, runtime.stop()));
  auto drills = open_drills(runtime);
  dr::TestFilter filter;
  filter.subscription = subscription;
  filter.since = runtime.clock().now() - std::chrono::hours{24 * kDays};
  add_drill_facts(facts, scheduled, drills.policies(subscription, {}, runtime.stop()),
                  drills.get_test_history(filter), kDays);
  facts.all_vms_known = true;
  return facts;
}

}  // namespace azlin::cli
