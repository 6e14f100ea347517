// azlin alert: what is wrong now, where it is told, and whether the channels work.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "azlin/core/format.hpp"
#include "cli/alerts.hpp"

namespace azlin::cli {

namespace {

using alert::Rule;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

// For cron, which waits for nobody.
constexpr alert::DeliverLimits kCheckLimits{core::Millis(60'000), 500};

struct AlertListOptions {
  int days = 0;
  bool rules = false;
};
struct AlertTestOptions {
  std::string channel;
};
struct AlertCheckOptions {};
struct AlertResolveOptions {
  std::string key;
};

ordered_json time_json(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}

ordered_json facts_json(const alert::AlertEvent& event) {
  ordered_json facts = ordered_json::object();
  for (const auto& [name, value] : event.facts) facts[name] = value;
  return facts;
}

ordered_json to_json(const alert::AlertRecord& record) {
  const auto& event = record.event;
  return {{"key", event.key},
          {"rule", alert::to_string(event.rule)},
          {"subject", event.subject},
          {"resourceGroup", event.group.empty() ? ordered_json(nullptr) : ordered_json(event.group)},
          {"severity", alert::to_string(*event.severity)},
          {"title", event.title},
          {"text", event.text},
          {"facts", facts_json(event)},
          {"firstAt", core::to_iso8601(record.first_at)},
          {"lastAt", core::to_iso8601(record.last_at)},
          {"count", record.count},
          {"resolvedAt", time_json(record.resolved_at)},
          {"undelivered", record.undelivered}};
}

ordered_json to_json(const alert::ChannelState& state) {
  return {{"channel", state.channel},
          {"type", state.type.empty() ? ordered_json(nullptr) : ordered_json(state.type)},
          {"delivered", state.delivered},
          {"waiting", state.waiting},
          {"nextAttemptAt", time_json(state.next_attempt_at)},
          {"lastError", state.last_error.empty() ? ordered_json(nullptr) : ordered_json(state.last_error)}};
}

ordered_json rule_json(const alert::AlertConfig& config, Rule rule) {
  const auto& settings = config.rule(rule);
  const auto kind = alert::threshold_kind(rule);
  ordered_json json = {{"rule", alert::to_string(rule)},
                       {"enabled", settings.enabled},
                       {"severity", alert::to_string(settings.severity)},
                       {"threshold", nullptr},
                       {"channels", config.channels_of(rule)}};
  if (kind) json["threshold"] = {{"key", kind->key}, {"value", *settings.threshold}};
  return json;
}

void print_columns(Console& console, const std::vector<std::vector<std::string>>& rows) {
  for (const auto& line : in_columns(rows)) console.line("  " + line);
}

void print_alerts(Console& console, const std::vector<alert::AlertRecord>& records) {
  if (records.empty()) return console.line("No open alerts");
  std::vector<std::vector<std::string>> rows = {{"SEVERITY", "SINCE (UTC)", "STATE", "TITLE", "SEEN", "KEY"}};
  for (const auto& record : records)
    rows.push_back({alert::to_string(*record.event.severity), core::to_display_minutes(record.first_at),
                    record.resolved_at ? "resolved" : "open", record.event.title,
                    std::to_string(record.count), record.event.key});
  console.line("Alerts:");
  print_columns(console, rows);
}

void print_channels(Console& console, const std::vector<alert::ChannelState>& states) {
  console.line();
  if (states.empty())
    return console.line("No channel is set up: alerts are only listed here (docs/alerts.md)");
  std::vector<std::vector<std::string>> rows = {
      {"CHANNEL", "TYPE", "DELIVERED", "WAITING", "NEXT ATTEMPT", "LAST ERROR"}};
  for (const auto& state : states)
    rows.push_back({state.channel, state.type.empty() ? "not set up" : state.type,
                    std::to_string(state.delivered), std::to_string(state.waiting),
                    state.next_attempt_at ? core::to_display_minutes(*state.next_attempt_at) : "-",
                    state.last_error});
  console.line("Channels:");
  print_columns(console, rows);
}

void print_rules(Console& console, const alert::AlertConfig& config) {
  std::vector<std::vector<std::string>> rows = {{"RULE", "ON", "SEVERITY", "THRESHOLD", "CHANNELS"}};
  for (const Rule rule : alert::kRules) {
    const auto& settings = config.rule(rule);
    const auto kind = alert::threshold_kind(rule);
    rows.push_back({alert::to_string(rule), settings.enabled ? "yes" : "no",
                    alert::to_string(settings.severity),
                    kind ? fmt::format("{} {:g}", kind->key, *settings.threshold) : "-",
                    fmt::format("{}", fmt::join(config.channels_of(rule), ", "))});
  }
  console.line();
  console.line("Rules:");
  print_columns(console, rows);
}

void warn_of_file(Console& console, const alert::AlertConfig& config) {
  if (!config.error.empty()) console.warn("alerts.yaml is not valid, so alerts wait:\n" + config.error);
  for (const auto& warning : config.warnings) console.warn(warning);
}

void bind(CLI::App& command, AlertListOptions& options) {
  command.add_option("--days", options.days, "Also those resolved in the last days")
      ->check(CLI::Range(1, 90));
  command.add_flag("--rules", options.rules, "Also what each rule says");
  command.footer(
      "Example: azlin alert list --days 7\n"
      "Exit codes: 0, 1, 2");
}

int run(Runtime& runtime, const AlertListOptions& options) {
  Console& console = runtime.console();
  const auto alerts = open_alerts(runtime);
  std::optional<core::TimePoint> since;
  if (options.days > 0) since = runtime.clock().now() - std::chrono::hours(24 * options.days);
  const auto records = alerts->list(since);
  const auto states = alerts->channel_states();
  ordered_json json = {{"alerts", ordered_json::array()}, {"channels", ordered_json::array()}};
  for (const auto& record : records) json["alerts"].push_back(to_json(record));
  for (const auto& state : states) json["channels"].push_back(to_json(state));
  if (options.rules) {
    json["rules"] = ordered_json::array();
    for (const Rule rule : alert::kRules) json["rules"].push_back(rule_json(alerts->config(), rule));
  }
  json["configError"] =
      alerts->config().error.empty() ? ordered_json(nullptr) : ordered_json(alerts->config().error);
  warn_of_file(console, alerts->config());
  print_alerts(console, records);
  print_channels(console, states);
  if (options.rules) print_rules(console, alerts->config());
  console.result(json, "alerts");
  return 0;
}

void bind(CLI::App& command, AlertTestOptions& options) {
  command.add_option("channel", options.channel, "Only this channel (default: all)");
  command.footer(
      "Example: azlin alert test webhook\n"
      "Exit codes: 0 all took it, 1 none did, 2 alerts.yaml is not valid or has no such channel, 4 some did");
}

int run(Runtime& runtime, const AlertTestOptions& options) {
  Console& console = runtime.console();
  const auto alerts = open_alerts(runtime);
  ordered_json json = {{"results", ordered_json::array()}};
  if (runtime.dry_run()) {
    for (const auto& channel : alerts->config().channels) {
      if (options.channel.empty() || options.channel == channel.name)
        console.line(fmt::format("Would send a test message to {} ({})", channel.name, channel.type()));
    }
    console.result(json, "results");
    return 0;
  }
  std::size_t failed = 0;
  const auto results = alerts->test(options.channel, runtime.stop());
  for (const auto& result : results) {
    failed += result.ok ? 0 : 1;
    console.line(
        fmt::format("{} {} ({}): {}", result.ok ? "✓" : "✗", result.channel, result.type, result.detail));
    json["results"].push_back(
        {{"channel", result.channel}, {"type", result.type}, {"ok", result.ok}, {"detail", result.detail}});
  }
  console.result(json, "results");
  if (failed == 0) return 0;
  return core::exit_code(failed == results.size() ? ErrorKind::failed : ErrorKind::partial);
}

void bind(CLI::App& command, AlertCheckOptions&) {
  command.footer(
      "For cron. Also delivers what waits.\n"
      "Example: azlin alert check\n"
      "Exit codes: 0 well, 1, 2, 4 a channel failed, 5, 6 something is overdue");
}

void print_problems(Console& console, const std::vector<alert::AlertEvent>& problems) {
  if (problems.empty()) console.line("✓ Nothing is overdue");
  for (const auto& problem : problems) {
    console.line("✗ " + problem.title);
    if (!problem.text.empty()) console.line("  " + problem.text);
  }
}

int run(Runtime& runtime, const AlertCheckOptions&) {
  Console& console = runtime.console();
  const auto alerts = open_alerts(runtime);
  if (!alerts->config().error.empty())
    throw Error(ErrorKind::usage, alerts->config().error, "see docs/alerts.md");
  for (const auto& warning : alerts->config().warnings) console.warn(warning);
  alert::OverdueFacts facts;
  std::exception_ptr trouble;  // what waits is delivered all the same
  try {
    facts = collect_facts(runtime);
    alerts->set_scope(runtime.subscription());
  } catch (const Error&) {
    trouble = std::current_exception();
  }
  auto events = runtime.dry_run() ? alert::evaluate_overdue(alerts->config(), facts, runtime.clock().now())
                                  : alerts->check(facts);
  std::erase_if(events, [](const alert::AlertEvent& event) { return event.resolved; });
  if (!trouble) print_problems(console, events);
  alert::DeliverReport report;
  if (!runtime.dry_run()) report = alerts->deliver(kCheckLimits, runtime.stop());
  for (const auto& error : report.errors) console.warn("not delivered yet, it will be tried again: " + error);
  if (report.delivered > 0)
    console.note("Delivered " + core::counted(static_cast<std::size_t>(report.delivered), "message"));
  if (trouble) std::rethrow_exception(trouble);
  ordered_json json = {
      {"problems", ordered_json::array()}, {"delivered", report.delivered}, {"waiting", report.waiting}};
  for (const auto& event : events)
    json["problems"].push_back(
        {{"rule", alert::to_string(event.rule)},
         {"subject", event.subject},
         {"resourceGroup", event.group.empty() ? ordered_json(nullptr) : ordered_json(event.group)},
         {"title", event.title},
         {"text", event.text},
         {"facts", facts_json(event)}});
  console.result(json, "problems");
  if (!events.empty()) return core::exit_code(ErrorKind::findings);
  return report.failed > 0 ? core::exit_code(ErrorKind::partial) : 0;
}

void bind(CLI::App& command, AlertResolveOptions& options) {
  command.add_option("key", options.key, "Key of the alert, as `azlin alert list` shows it")->required();
  command.footer(
      "Example: azlin alert resolve backup_failure:production/prod-db-vm@1a2b3c4d\n"
      "Exit codes: 0, 1, 2, 3");
}

// For an alert that no later run can clear: its VM is gone, or its cause was removed by hand.
int run(Runtime& runtime, const AlertResolveOptions& options) {
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line("Would resolve " + options.key);
    return 0;
  }
  const auto alerts = open_alerts(runtime);
  if (!alerts->resolve(options.key, "Resolved by hand."))
    throw Error(ErrorKind::not_found, "no open alert has the key " + options.key,
                "`azlin alert list` shows the keys");
  runtime.journal().record("alert.resolve", options.key, "{}", "");
  console.line("✓ Resolved " + options.key);
  for (const auto& error : alerts->deliver({}, runtime.stop()).errors)
    console.warn("not delivered yet, it will be tried again: " + error);
  console.result({{"resolved", options.key}});
  return 0;
}

}  // namespace

void add_alert_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "alert", "Alerts: what is wrong, and who is told");
  add_command<AlertListOptions>(*group, "list", "Open alerts, and what waits for each channel", chosen);
  add_command<AlertTestOptions>(*group, "test", "Send a test message now", chosen);
  add_command<AlertResolveOptions>(*group, "resolve", "Close an alert by hand", chosen);
  add_command<AlertCheckOptions>(*group, "check", "Raise and resolve what time makes overdue", chosen);
}

}  // namespace azlin::cli
