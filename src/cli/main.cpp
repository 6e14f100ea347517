#include "azlin/cli/main.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "cli/alerts.hpp"
#include "cli/archive_commands.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/cmd_completion.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/cmd_report.hpp"
#include "cli/cmd_restore.hpp"
#include "cli/command.hpp"
#include "cli/nearest.hpp"
#include "cli/protection_view.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 partly failed, 5 not authorised,\n"
    "            6 done but with findings, 7 busy, 130 interrupted";

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--cloud", options.cloud, "AzureCloud, AzureUSGovernment, AzureChinaCloud or simulator")
      ->type_name("NAME");
  app.add_option("--subscription", options.subscription, "Subscription id")->type_name("ID");
  app.add_option("-o,--output", options.output, "Form of the result")
      ->check(CLI::IsMember({"text", "json", "csv"}))
      ->capture_default_str();
  app.add_flag("-q,--quiet", options.quiet, "No progress and no notes");
  app.add_flag("-v,--verbose", options.verbose, "Say more on stderr");
  app.add_flag("--debug", options.debug, "Log each request on stderr (secrets are never logged)");
  app.add_flag("-y,--yes", options.yes, "Answer prompts with yes");
  app.add_flag("--dry-run", options.dry_run, "Change nothing; print the calls that would be made");
}

void add_commands(CLI::App& app, Job& chosen) {
  add_backup_commands(app, chosen);
  add_snapshot_commands(app, chosen);
  add_dr_commands(app, chosen);
  add_alert_commands(app, chosen);
  add_report_commands(app, chosen);
  add_cost_command(app, chosen);
  add_schedule_commands(app, chosen);
  add_status_command(app, chosen);
  add_vault_commands(app, chosen);
  add_archive_commands(app, chosen);
  add_policy_commands(app, chosen);
  add_platform_commands(app, chosen);
  add_plan_command(app, chosen);
  add_apply_command(app, chosen);
  add_export_command(app, chosen);
  add_restore_snapshot_command(*add_restore_commands(app, chosen), chosen);
  add_operations_commands(app, chosen);
  add_state_commands(app, chosen);
  add_auth_commands(app, chosen);
  add_simulator_commands(app, chosen);
  add_system_commands(app, chosen);
  add_version_command(app, chosen);
  add_completion_commands(app, chosen);
  add_mcp_command(app, chosen);
  add_reference_command(app, chosen);
}

ConsoleOptions console_options(const GlobalOptions& options, const core::Env& env) {
  ConsoleOptions result;
  result.format = options.output == "json"  ? OutputFormat::json
                  : options.output == "csv" ? OutputFormat::csv
                                            : OutputFormat::text;
  result.quiet = options.quiet;
  result.yes = options.yes;
  const bool dumb = env.get_or("TERM", "") == "dumb";
  result.color = isatty(STDOUT_FILENO) != 0 && !env.get("NO_COLOR") && !dumb;
  result.err_is_terminal = isatty(STDERR_FILENO) != 0 && !dumb;
  result.in_is_terminal = isatty(STDIN_FILENO) != 0;
  return result;
}

// stdout is a pipe whose other end (head, less) has seen enough: no failure of ours.
bool reader_is_gone() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

void print_json_error(const Error& error) {
  nlohmann::ordered_json body = {{"kind", core::to_string(error.kind())}, {"message", error.what()}};
  if (!error.hint().empty()) body["hint"] = error.hint();
  if (const auto* arm = dynamic_cast<const arm::ArmError*>(&error)) {
    body["code"] = arm->code();
    body["status"] = arm->status();
    body["requestId"] = arm->request_id();
  }
  body["exitCode"] = core::exit_code(error.kind());
  std::cerr << nlohmann::ordered_json{{"error", body}}.dump(-1, ' ', false,
                                                            nlohmann::json::error_handler_t::replace)
            << '\n';
}

void print_text_error(const Error& error) {
  std::cerr << "✗ " << error.what() << '\n';
  if (const auto* arm = dynamic_cast<const arm::ArmError*>(&error)) {
    std::string facts;
    if (!arm->code().empty()) facts += "code " + arm->code();
    if (!arm->request_id().empty())
      facts += (facts.empty() ? "" : ", ") + ("request id " + arm->request_id());
    if (!facts.empty()) std::cerr << "  (" << facts << ")\n";
  }
  if (!error.hint().empty()) std::cerr << "  → " << error.hint() << '\n';
}

int report(const Error& error, const GlobalOptions& options) {
  options.output == "json" ? print_json_error(error) : print_text_error(error);
  return core::exit_code(error.kind());
}

// The group that parsing had come to when it met a word that it does not know.
const CLI::App* last_parsed(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  return at;
}

// What the first word after the known ones should have been; nullopt: the error is another.
std::optional<Error> unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = last_parsed(app);
  std::vector<std::string> names;
  for (const auto* command : at->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  if (names.empty()) return std::nullopt;
  std::set<std::string> known;
  for (const CLI::App* each = &app; each != nullptr;
       each = each->get_subcommands().empty() ? nullptr : each->get_subcommands().back()) {
    known.insert(each->get_name());
  }
  const auto word = std::find_if(argv + 1, argv + argc,
                                 [&](const char* each) { return each[0] != '-' && !known.contains(each); });
  const std::string group = at == &app ? "azlin" : "azlin " + at->get_name();
  if (word == argv + argc) {
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
    return Error(ErrorKind::usage, fmt::format("`{}` needs a command: {}", group, list),
                 fmt::format("see `{} --help`", group));
  }
  const auto near = nearest(*word, names);
  return Error(ErrorKind::usage, fmt::format("`{}` has no command '{}'", group, *word),
               near.empty() ? fmt::format("see `{} --help`", group)
                            : fmt::format("did you mean `{} {}`?", group, near.front()));
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, const GlobalOptions& options,
                       int argc, char** argv) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
    return app.exit(error, std::cout, std::cerr);
  const auto unknown = unknown_command(app, argc, argv);
  return report(unknown.value_or(
                    Error(ErrorKind::usage, error.what(), "see `azlin --help`, or --help after any command")),
                options);
}

// What azlin tells and keeps is JSON, which holds nothing but UTF-8.
void check_utf8(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    try {
      static_cast<void>(nlohmann::json(argv[i]).dump());
    } catch (const nlohmann::json::type_error&) {
      throw Error(ErrorKind::usage, fmt::format("word {} of the command line is not UTF-8", i),
                  "nothing was changed; write it in UTF-8");
    }
  }
}

}  // namespace

CLI::App* add_group(CLI::App& root, const char* name, const char* help) {
  CLI::App* group = root.add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

int run_main(int argc, char** argv) {
  GlobalOptions options;
  Job chosen;
  CLI::App app("azlin: backup and disaster recovery for Azure, proven by drills", "azlin");
  app.set_version_flag("--version", "azlin " AZLIN_VERSION);
  app.footer(kFooter);
  app.fallthrough();
  app.require_subcommand(1);
  try {
    add_global_options(app, options);
    add_commands(app, chosen);
    if (argc > 1 && std::string_view(argv[1]) == "__complete")
      return print_completions(app, std::vector<std::string>(argv + 2, argv + argc));
    check_utf8(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, options, argc, argv);
  } catch (const Error& error) {
    return report(error, options);
  }
  try {
    core::Env env = core::Env::from_process();
    core::set_log_level(options.debug     ? core::LogLevel::debug
                        : options.verbose ? core::LogLevel::info
                                          : core::LogLevel::warn);
    Console console(std::cout, std::cerr, std::cin, console_options(options, env));
    Runtime runtime(options, std::move(env), console);
    const int code = chosen(runtime);
    std::cout.flush();
    if (!std::cout && reader_is_gone()) return code;
    if (!std::cout) throw Error(ErrorKind::failed, "cannot write the result to stdout");
    return code;
  } catch (const Error& error) {
    return report(error, options);
  } catch (const std::exception& error) {
    return report(Error(ErrorKind::failed, fmt::format("internal error: {}", error.what()),
                        "this is a defect of azlin; please report it with the output of --debug"),
                  options);
  }
}

}  // namespace azlin::cli
