#include "cli/simulator_admin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "azlin/core/format.hpp"
#include "cli/option_values.hpp"
#include "cli/simulator_process.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

std::optional<std::string> find_simulator_url(Runtime& runtime) {
  if (auto endpoint = runtime.env().get("AZLIN_ARM_ENDPOINT")) return endpoint;
  const auto running = SimulatorProcess(runtime.home(), runtime.env(), runtime.transport()).find();
  if (!running) return std::nullopt;
  return running->url;
}

ordered_json simulator_admin(Runtime& runtime, const std::string& method, const std::string& path,
                             const ordered_json& body) {
  const auto url = find_simulator_url(runtime);
  if (!url)
    throw Error(ErrorKind::not_found, "no simulated Azure runs", "start it with `azlin simulator start`");
  http::Request request;
  request.method = method;
  request.url = *url + "/_simulator" + path;
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.emplace_back("Content-Type", "application/json");
  }
  const auto reply = runtime.transport().send(request, runtime.stop());
  const auto json = ordered_json::parse(reply.body, nullptr, false);
  if (json.is_discarded())
    throw Error(ErrorKind::failed, *url + " is no simulated Azure", "look at AZLIN_ARM_ENDPOINT");
  if (reply.status < 400) return json;
  throw Error(
      reply.status == 404 ? ErrorKind::not_found : ErrorKind::usage,
      "the simulator refused: " + json.value("error", ordered_json::object()).value("message", reply.body));
}

namespace {

struct FaultAddOptions {
  std::string method = "*", path = "*";
  std::int64_t skip = 0, count = 1;
  double probability = 1.0;
  std::optional<int> status;
  std::optional<std::int64_t> corrupt;
  std::optional<std::string> code, message, retry_after, drop, operation_code, delay, region_down, region_up;
  bool truncate = false, expire_token = false;
};
struct FaultListOptions {};
struct FaultClearOptions {
  std::optional<std::int64_t> id;
};
struct LatencyOptions {
  std::string profile;
};
struct ClockOptions {
  std::optional<std::string> set, advance;
  bool freeze = false, resume = false;
};
struct RequestsOptions {
  std::int64_t since = 0;
};

void bind(CLI::App& command, FaultAddOptions& options) {
  command.add_option("--method", options.method, "HTTP method, * for any")->capture_default_str();
  command.add_option("--path", options.path, "Glob over path and query (*, ?), or regex:EXPRESSION")
      ->capture_default_str();
  command.add_option("--skip", options.skip, "Spare the first so many that match")->check(not_negative());
  command.add_option("--count", options.count, "Strike so many; -1 for no limit")->capture_default_str();
  command.add_option("--probability", options.probability, "Of each strike, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--status", options.status, "Reply with this HTTP status, not doing the work")
      ->check(CLI::Range(400, 599));
  command.add_option("--code", options.code, "Error code of that reply");
  command.add_option("--message", options.message, "Error message of that reply");
  command.add_option("--retry-after", options.retry_after, "Retry-After of that reply");
  command.add_option("--delay", options.delay, "Wait so long before the work, e.g. 5s or 500ms");
  command
      .add_option("--drop", options.drop, "Cut the connection before or after the work, or within the reply")
      ->check(CLI::IsMember({"before", "after", "truncate"}));
  command.add_option("--operation-code", options.operation_code,
                     "The long-running operation that it starts ends as Failed with this code");
  command.add_flag("--expire-token", options.expire_token, "Refuse the token as expired");
  command
      .add_option("--corrupt", options.corrupt,
                  "Damage one field of the reply's JSON, chosen by this number; `fault list` tells which")
      ->check(not_negative());
  command.add_option("--region-down", options.region_down, "A whole region fails until --region-up");
  command.add_option("--region-up", options.region_up, "It is back");
  command.footer(
      "Example: azlin simulator fault add --method PUT --path \"*/snapshots/*\" --count 2 --status 503\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

// As core::parse_duration, and "500ms".
std::optional<core::Millis> parse_delay(const std::string& text) {
  if (!text.ends_with("ms")) return core::parse_duration(text);
  const auto as_seconds = core::parse_duration(text.substr(0, text.size() - 2) + "s");
  return as_seconds ? std::optional(core::Millis{*as_seconds / std::chrono::seconds{1}}) : std::nullopt;
}

ordered_json fault_body(const FaultAddOptions& options) {
  if (options.region_down) return {{"region", *options.region_down}, {"down", true}};
  if (options.region_up) return {{"region", *options.region_up}, {"down", false}};
  ordered_json body = {{"method", options.method},
                       {"path", options.path},
                       {"skip", options.skip},
                       {"count", options.count},
                       {"probability", options.probability}};
  if (options.status) body["status"] = *options.status;
  if (options.code) body["code"] = *options.code;
  if (options.message) body["message"] = *options.message;
  if (options.retry_after) body["retryAfter"] = *options.retry_after;
  if (options.drop) body["drop"] = *options.drop;
  if (options.operation_code) body["operationCode"] = *options.operation_code;
  if (options.expire_token) body["expireToken"] = true;
  if (options.corrupt) body["corrupt"] = *options.corrupt;
  if (options.delay) {
    const auto delay = parse_delay(*options.delay);
    if (!delay)
      throw Error(ErrorKind::usage, fmt::format("--delay '{}' is no duration", *options.delay),
                  "write it as 500ms, 5s or 2m");
    body["delayMs"] = delay->count();
  }
  return body;
}

int run(Runtime& runtime, const FaultAddOptions& options) {
  const auto reply = simulator_admin(runtime, "POST", "/faults", fault_body(options));
  if (reply.contains("id"))
    runtime.console().line(fmt::format("✓ Fault {} is set", reply["id"].get<std::int64_t>()));
  if (!reply.contains("id")) runtime.console().line("✓ Regions down: " + reply["regionsDown"].dump());
  runtime.console().result(reply);
  return 0;
}

void bind(CLI::App& command, FaultListOptions&) {
  command.footer(
      "Example: azlin simulator fault list\n"
      "Exit codes: 0, 1, 3 none runs");
}

// What a fault does, in the order in which the simulator does it.
std::string effect_of(const ordered_json& fault) {
  std::vector<std::string> effects;
  if (const int delay = fault.value("delayMs", 0)) effects.push_back(fmt::format("{} ms late", delay));
  if (fault.value("expireToken", false)) effects.emplace_back("token expired");
  if (const int status = fault.value("status", 0))
    effects.push_back(fmt::format("{} {}", status, fault.value("code", "")));
  if (const auto code = fault.value("operationCode", ""); !code.empty())
    effects.push_back("operation fails: " + code);
  if (const auto drop = fault.value("drop", ""); !drop.empty()) effects.push_back("dropped: " + drop);
  if (!fault["corrupt"].is_null()) effects.push_back("damaged " + fault.value("corrupted", ""));
  return fmt::format("{}", fmt::join(effects, ", "));
}

std::string times_of(const ordered_json& fault) {
  const auto count = fault.value("count", std::int64_t{-1}), skip = fault.value("skip", std::int64_t{0});
  auto text = count < 0 ? "always" : core::counted(static_cast<std::size_t>(count), "time");
  if (skip > 0) text += fmt::format(", after {}", skip);
  if (const auto probability = fault.value("probability", 1.0); probability < 1.0)
    text += fmt::format(", {} of each", probability);
  return text;
}

int run(Runtime& runtime, const FaultListOptions&) {
  const auto reply = simulator_admin(runtime, "GET", "/faults", nullptr);
  std::vector<std::vector<std::string>> rows = {{"ID", "WHAT", "WHEN", "STRUCK", "METHOD", "PATH"}};
  for (const auto& fault : reply.at("faults"))
    rows.push_back({fault.at("id").dump(), effect_of(fault), times_of(fault), fault.at("hits").dump(),
                    fault.value("method", ""), fault.value("path", "")});
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) runtime.console().line(line);
  if (reply.at("faults").empty()) runtime.console().line("No faults are set");
  if (!reply.at("regionsDown").empty())
    runtime.console().line("Regions down: " + reply["regionsDown"].dump());
  runtime.console().result(reply, "faults");
  return 0;
}

void bind(CLI::App& command, FaultClearOptions& options) {
  command.add_option("id", options.id, "Number of the fault; default: all");
  command.footer(
      "Example: azlin simulator fault clear\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

int run(Runtime& runtime, const FaultClearOptions& options) {
  const auto reply = simulator_admin(
      runtime, "DELETE", options.id ? fmt::format("/faults/{}", *options.id) : "/faults", nullptr);
  runtime.console().line(options.id ? fmt::format("✓ Fault {} is removed", *options.id)
                                    : "✓ All faults are removed");
  runtime.console().result(reply);
  return 0;
}

void bind(CLI::App& command, LatencyOptions& options) {
  command.add_option("profile", options.profile, "none, demo or realistic")
      ->required()
      ->check(CLI::IsMember({"none", "demo", "realistic"}));
  command.footer(
      "Example: azlin simulator latency realistic\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

int run(Runtime& runtime, const LatencyOptions& options) {
  const auto reply = simulator_admin(runtime, "POST", "/latency", {{"profile", options.profile}});
  runtime.console().line("✓ Latency: " + reply.value("profile", ""));
  runtime.console().result(reply);
  return 0;
}

void bind(CLI::App& command, ClockOptions& options) {
  command.add_option("--set", options.set, "A time, e.g. 2025-12-01T08:00:00Z");
  command.add_option("--advance", options.advance, "A duration, e.g. 1d");
  command.add_flag("--freeze", options.freeze, "Time stands still");
  command.add_flag("--resume", options.resume, "Time goes on")->excludes("--freeze");
  command.footer(
      "Example: azlin simulator clock --advance 1d\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

int run(Runtime& runtime, const ClockOptions& options) {
  ordered_json body = ordered_json::object();
  if (options.set) body["set"] = *options.set;
  if (options.advance) body["advance"] = *options.advance;
  if (options.freeze || options.resume) body["freeze"] = options.freeze;
  const auto reply = body.empty() ? simulator_admin(runtime, "GET", "/clock", nullptr)
                                  : simulator_admin(runtime, "POST", "/clock", body);
  runtime.console().line("Simulated clock: " + reply.value("now", "") +
                         (reply.value("frozen", false) ? " (frozen)" : ""));
  runtime.console().result(reply);
  return 0;
}

void bind(CLI::App& command, RequestsOptions& options) {
  command.add_option("--since", options.since, "Only those after this number")->check(not_negative());
  command.footer(
      "Example: azlin simulator requests\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

int run(Runtime& runtime, const RequestsOptions& options) {
  const auto reply =
      simulator_admin(runtime, "GET", fmt::format("/requests?since={}", options.since), nullptr);
  for (const auto& request : reply.at("requests")) {
    const auto query = request.value("query", "");
    runtime.console().line(fmt::format("{} {} {} {:.1f} ms {} {}{}", request.at("number").dump(),
                                       request.value("time", ""), request.at("status").dump(),
                                       request.value("milliseconds", 0.0), request.value("method", ""),
                                       request.value("path", ""), query.empty() ? "" : "?" + query));
  }
  runtime.console().result(reply, "requests");
  return 0;
}

}  // namespace

void add_simulator_control_commands(CLI::App& group, Job& chosen) {
  CLI::App* fault = add_group(group, "fault", "Make it misbehave");
  add_command<FaultAddOptions>(*fault, "add", "Set a fault", chosen);
  add_command<FaultListOptions>(*fault, "list", "Those that are set, with how often they struck", chosen);
  add_command<FaultClearOptions>(*fault, "clear", "Remove one, or all and bring every region back", chosen);
  add_command<LatencyOptions>(group, "latency", "How long operations take", chosen);
  add_command<ClockOptions>(group, "clock", "Show or move its clock", chosen);
  add_command<RequestsOptions>(group, "requests", "The requests it answered", chosen);
}

}  // namespace azlin::cli
