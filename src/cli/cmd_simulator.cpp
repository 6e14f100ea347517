// azlin simulator: the simulated Azure, in the foreground or behind the scenes, and how it is told to
// misbehave.
#include <fmt/format.h>
#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <iostream>

#include "azlin/core/cancel.hpp"
#include "azlin/core/names.hpp"
#include "azlin/simulator/server.hpp"
#include "cli/command.hpp"
#include "cli/simulator_admin.hpp"
#include "cli/simulator_process.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct SimulatorFlags {
  int port = 0;
  std::optional<std::string> latency;
  std::optional<std::string> seed;  // sample
  bool throttle = false;
};

struct ServeOptions {
  SimulatorFlags flags;
  std::optional<std::string> state;
  int tls_port = -1;
  std::string blob_endpoint;
};
struct StartOptions {
  SimulatorFlags flags;
};
struct StopOptions {};
struct SimStatusOptions {};
struct ResetOptions {
  std::optional<std::string> seed;
  bool clock = false;
};

void bind_flags(CLI::App& command, SimulatorFlags& flags) {
  command.add_option("--port", flags.port, "Port on 127.0.0.1; 0 picks a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_option("--latency", flags.latency, "How long operations take")
      ->check(CLI::IsMember({"none", "demo", "realistic"}));
  command.add_flag("--throttle", flags.throttle, "Refuse too many requests as Azure does");
  command.add_option("--seed", flags.seed,
                     "What a new state holds: sample (default), empty, fleet:VMSxSETS or a JSON file");
}

void bind(CLI::App& command, ServeOptions& options) {
  bind_flags(command, options.flags);
  command.add_option("--state", options.state, "Folder of its state")->type_name("DIR");
  command
      .add_option("--tls-port", options.tls_port,
                  "Serve TLS, too, on this port (az and the SDKs insist on it)")
      ->check(CLI::Range(0, 65535));
  command
      .add_option("--blob-endpoint", options.blob_endpoint,
                  "Where an Azurite serves the blobs of storage accounts, as URL/ACCOUNT")
      ->type_name("URL");
  command.footer(
      "Stays in the foreground; prints `listening on http://127.0.0.1:PORT` first; ends on Ctrl-C and "
      "SIGTERM.\n"
      "Example: azlin simulator serve --port 8080 --latency none\n"
      "Exit codes: 0, 1, 2, 3 the file of --seed is not there");
}

int run(Runtime& runtime, const ServeOptions& options) {
  simulator::Options server;
  server.port = options.flags.port;
  server.tls_port = options.tls_port;
  server.blob_endpoint = options.blob_endpoint;
  server.state_dir = options.state ? *options.state : runtime.home() + "/simulator";
  server.latency = simulator::parse_latency(options.flags.latency.value_or("none"));
  server.latency_given = options.flags.latency.has_value();
  server.throttle = options.flags.throttle;
  server.seed = options.flags.seed.value_or("sample");
  const auto stop = runtime.stop();
  simulator::Server simulator(server);
  simulator.start();
  std::cout << "listening on " << simulator.base_url() << '\n' << std::flush;
  if (!simulator.tls_url().empty())
    std::cout << fmt::format("listening on {} (certificate: {})\n", simulator.tls_url(),
                             simulator.certificate())
              << std::flush;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [] { return false; });
  simulator.stop();
  return 0;
}

SimulatorProcess process(Runtime& runtime) {
  return SimulatorProcess(runtime.home(), runtime.env(), runtime.transport());
}

void bind(CLI::App& command, StartOptions& options) {
  bind_flags(command, options.flags);
  command.footer(
      "Example: azlin simulator start --latency demo\n"
      "Exit codes: 0, 1, 2, 3 the file of --seed is not there");
}

// What was asked for and is otherwise: a state keeps its seed, a simulator that runs its latency.
void warn_of_what_stays(Runtime& runtime, const SimulatorFlags& flags) {
  const auto health = simulator_admin(runtime, "GET", "/health", {});
  if (flags.seed && health.value("seed", "") != *flags.seed)
    runtime.console().warn(fmt::format(
        "its state is there already, of the seed {}; `azlin simulator reset --seed {}` makes it anew",
        health.value("seed", ""), *flags.seed));
  if (flags.latency && health.value("latency", "") != *flags.latency)
    runtime.console().warn(fmt::format("its latency stays {}; `azlin simulator latency {}` changes it",
                                       health.value("latency", ""), *flags.latency));
}

int run(Runtime& runtime, const StartOptions& options) {
  auto simulator = process(runtime);
  const auto before = simulator.find();
  const auto running = simulator.ensure({options.flags.port, options.flags.latency.value_or("demo"),
                                         options.flags.seed.value_or("sample"), options.flags.throttle});
  runtime.console().line(fmt::format("✓ Simulated Azure {} at {} (process {})",
                                     before ? "runs already" : "runs", running.url, running.pid));
  runtime.console().line("  Use it with: azlin --cloud simulator …, or AZLIN_CLOUD=simulator");
  runtime.console().result({{"url", running.url}, {"pid", running.pid}, {"started", !before}});
  warn_of_what_stays(runtime, options.flags);
  return 0;
}

void bind(CLI::App& command, StopOptions&) {
  command.footer(
      "Example: azlin simulator stop\n"
      "Exit codes: 0, 1");
}

int run(Runtime& runtime, const StopOptions&) {
  const bool stopped = process(runtime).stop();
  runtime.console().line(stopped ? "✓ Simulated Azure stopped" : "No simulated Azure runs");
  runtime.console().result({{"stopped", stopped}});
  return 0;
}

void bind(CLI::App& command, SimStatusOptions&) {
  command.footer(
      "Example: azlin simulator status\n"
      "Exit codes: 0, 1, 3 none runs");
}

int run(Runtime& runtime, const SimStatusOptions&) {
  Console& console = runtime.console();
  const auto url = find_simulator_url(runtime);
  if (!url) {
    console.line("No simulated Azure runs; `azlin simulator start` starts one");
    console.result({{"running", false}});
    return core::exit_code(ErrorKind::not_found);
  }
  const auto health = simulator_admin(runtime, "GET", "/health", {});
  console.line(fmt::format("Simulated Azure at {} (process {})", *url, health.at("pid").get<int>()));
  console.line(fmt::format("  State: {} (seed {})", health.value("stateDir", ""), health.value("seed", "")));
  console.line(fmt::format("  Latency: {}, throttling {}", health.value("latency", ""),
                           health.value("throttle", false) ? "on" : "off"));
  console.line(fmt::format("  Clock: {}{}", health["clock"].value("now", ""),
                           health["clock"].value("frozen", false) ? " (frozen)" : ""));
  ordered_json json = {{"running", true}, {"url", *url}};
  json.update(health);
  console.result(json);
  return 0;
}

void bind(CLI::App& command, ResetOptions& options) {
  command.add_option("--seed", options.seed, "What it holds afterwards; default: what it began with");
  command.add_flag("--clock", options.clock, "Also set its clock back to the real time");
  command.footer(
      "Example: azlin simulator reset --seed fleet:50x20\n"
      "Exit codes: 0, 1, 2, 3 none runs");
}

int run(Runtime& runtime, const ResetOptions& options) {
  if (!runtime.console().confirm("resetting the simulated Azure"))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  ordered_json body = ordered_json::object();
  if (options.seed) body["seed"] = *options.seed;
  if (options.clock) body["clock"] = true;
  const auto reply = simulator_admin(runtime, "POST", "/reset", body);
  runtime.console().line("✓ Simulated Azure is as new (seed " + reply.value("seed", "") + ")");
  runtime.console().result(reply);
  return 0;
}

}  // namespace

void add_simulator_commands(CLI::App& root, Job& chosen) {
  CLI::App* group =
      add_group(root, "simulator", "The simulated Azure: try, rehearse and test without a bill");
  add_command<ServeOptions>(*group, "serve", "Serve in the foreground", chosen);
  add_command<StartOptions>(*group, "start", "Serve in the background, for this user", chosen);
  add_command<StopOptions>(*group, "stop", "End the one in the background", chosen);
  add_command<SimStatusOptions>(*group, "status", "Where it is and how it is set", chosen);
  add_command<ResetOptions>(*group, "reset", "Throw its contents away and seed it anew", chosen);
  add_simulator_control_commands(*group, chosen);
}

}  // namespace azlin::cli
