// azlin operations: the audit trail of changing commands.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.hpp"
#include "cli/option_values.hpp"

namespace azlin::cli {

namespace {

using nlohmann::ordered_json;

struct OperationsListOptions {
  int limit = 50;
  std::optional<std::string> state;
};
struct OperationsShowOptions {
  std::int64_t id = 0;
};

ordered_json to_json(const store::OperationRecord& operation) {
  ordered_json json = {{"id", operation.id},
                       {"kind", operation.kind},
                       {"target", operation.target},
                       {"state", operation.state},
                       {"startedAt", core::to_iso8601(operation.started_at)},
                       {"endedAt", nullptr},
                       {"user", operation.user},
                       {"host", operation.host},
                       {"error", nullptr}};
  if (operation.ended_at) json["endedAt"] = core::to_iso8601(*operation.ended_at);
  if (!operation.error.empty()) json["error"] = operation.error;
  return json;
}

// Journal data is JSON text; text that is not stays text.
ordered_json data_json(const std::string& text) {
  auto parsed = ordered_json::parse(text, nullptr, false);
  return parsed.is_discarded() ? ordered_json(text) : parsed;
}

std::string last_segment(const std::string& id) {
  return id.substr(id.rfind('/') + 1);
}

// At most 60 bytes, cut between characters.
std::string beginning(const std::string& text) {
  std::size_t length = std::min<std::size_t>(60, text.size());
  while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
    --length;
  return text.substr(0, length);
}

void bind(CLI::App& command, OperationsListOptions& options) {
  command.add_option("--limit", options.limit, "At most so many")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--state", options.state, "Only those in this state")
      ->check(CLI::IsMember({"running", "interrupted", "succeeded", "failed", "rolled_back", "recovered"}));
  command.footer(
      "Example: azlin operations list --state failed --limit 20\n"
      "Exit codes: 0, 1, 2");
}

int run(Runtime& runtime, const OperationsListOptions& options) {
  Console& console = runtime.console();
  ordered_json json = {{"operations", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"ID", "STARTED", "KIND", "TARGET", "STATE", "ERROR"}};
  for (const auto& operation : runtime.journal().list(options.limit, options.state)) {
    json["operations"].push_back(to_json(operation));
    rows.push_back({std::to_string(operation.id), core::to_display(operation.started_at), operation.kind,
                    last_segment(operation.target), operation.state, beginning(operation.error)});
  }
  if (rows.size() == 1) console.line("No operations yet");
  if (rows.size() > 1) {
    for (const auto& line : in_columns(rows)) console.line(line);
  }
  console.result(json, "operations");
  return 0;
}

void bind(CLI::App& command, OperationsShowOptions& options) {
  command.add_option("id", options.id, "Number of the operation")
      ->required()
      ->type_name("INT")
      ->check(an_id("azlin operations list"));
  command.footer(
      "Example: azlin operations show 1\n"
      "Exit codes: 0, 1, 2, 3");
}

int run(Runtime& runtime, const OperationsShowOptions& options) {
  const auto operation = runtime.journal().find(options.id);
  if (!operation) {
    throw core::Error(core::ErrorKind::not_found, fmt::format("there is no operation {}", options.id),
                      "`azlin operations list` shows them");
  }
  Console& console = runtime.console();
  ordered_json json = to_json(*operation);
  json["plan"] = data_json(operation->plan);
  json["steps"] = ordered_json::array();
  console.line(fmt::format("Operation {}: {} on {}", operation->id, operation->kind, operation->target));
  console.line(fmt::format("  State: {}{}", operation->state,
                           operation->error.empty() ? "" : " (" + operation->error + ")"));
  console.line(fmt::format("  Started: {} UTC by {} on {}", core::to_display(operation->started_at),
                           operation->user, operation->host));
  if (operation->ended_at)
    console.line(fmt::format("  Ended: {} UTC", core::to_display(*operation->ended_at)));
  console.line("  Steps:");
  for (const auto& step : operation->steps) {
    json["steps"].push_back({{"seq", step.seq},
                             {"name", step.name},
                             {"state", step.state},
                             {"at", core::to_iso8601(step.at)},
                             {"data", data_json(step.data)}});
    console.line(
        fmt::format("    {}  {}  {}  {}", core::to_display(step.at), step.name, step.state, step.data));
  }
  console.result(json);
  return 0;
}

}  // namespace

void add_operations_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "operations", "The audit trail: what was done, when, with what outcome");
  add_command<OperationsListOptions>(*group, "list", "Newest first", chosen);
  add_command<OperationsShowOptions>(*group, "show", "One operation with its steps", chosen);
}

}  // namespace azlin::cli
