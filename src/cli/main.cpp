#include "azlin/cli/main.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <memory>

#include "azlin/arm/error.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/http/transport.hpp"
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
#include "cli/option_values.hpp"
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

void add_all_restore_commands(CLI::App& app, Job& chosen) {
  add_restore_snapshot_command(*add_restore_commands(app, chosen), chosen);
}

// Commands of the top level, in the order of the help, and what makes them.
struct Family {
  std::array<std::string_view, 3> names;
  void (*add)(CLI::App& app, Job& chosen);
};

constexpr Family kFamilies[] = {
    {{"backup"}, add_backup_commands},
    {{"snapshot"}, add_snapshot_commands},
    {{"dr", "orphans", "ssh"}, add_dr_commands},
    {{"alert"}, add_alert_commands},
    {{"report", "metrics"}, add_report_commands},
    {{"cost"}, add_cost_command},
    {{"schedule"}, add_schedule_commands},
    {{"status"}, add_status_command},
    {{"vault"}, add_vault_commands},
    {{"archive"}, add_archive_commands},
    {{"policy"}, add_policy_commands},
    {{"platform", "recovery"}, add_platform_commands},
    {{"plan"}, add_plan_command},
    {{"apply"}, add_apply_command},
    {{"export"}, add_export_command},
    {{"restore"}, add_all_restore_commands},
    {{"operations"}, add_operations_commands},
    {{"state"}, add_state_commands},
    {{"auth"}, add_auth_commands},
    {{"simulator"}, add_simulator_commands},
    {{"recover", "doctor"}, add_system_commands},
    {{"version"}, add_version_command},
    {{"completion", "__names"}, add_completion_commands},
    {{"mcp"}, add_mcp_command},
    {{"reference"}, add_reference_command},
};

using Words = std::vector<std::string>;

bool is_among(const Words& words, std::string_view name) {
  return std::find(words.begin(), words.end(), name) != words.end();
}

// These look at the whole tree.
bool need_every_command(const Words& words) {
  return is_among(words, "__complete") || is_among(words, "mcp") || is_among(words, "reference");
}

bool is_named(const Family& family, const Words& words) {
  return std::any_of(family.names.begin(), family.names.end(),
                     [&](std::string_view name) { return !name.empty() && is_among(words, name); });
}

// The command tree, with only those families that `words` name unless `every` is set: making all of them
// takes longer than many a command.
std::unique_ptr<CLI::App> command_tree(const Words& words, bool every, GlobalOptions& options, Job& chosen) {
  auto app =
      std::make_unique<CLI::App>("azlin: backup and disaster recovery for Azure, proven by drills", "azlin");
  app->set_version_flag("--version", "azlin " AZLIN_VERSION);
  app->footer(kFooter);
  app->fallthrough();
  app->require_subcommand(1);
  add_global_options(*app, options);
  for (const Family& family : kFamilies)
    if (every || is_named(family, words)) family.add(*app, chosen);
  return app;
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

// Of a network that does not answer every command knows the same.
std::string hint_of(const Error& error) {
  if (!error.hint().empty() || dynamic_cast<const http::NetworkError*>(&error) == nullptr)
    return error.hint();
  return "look at the network, at https_proxy and at AZLIN_ARM_ENDPOINT; `azlin doctor` shows what answers";
}

// Throws core::Error (failed) when the result cannot be written, unless its reader has seen enough.
void flush_result() {
  std::cout.flush();
  if (!std::cout && !reader_is_gone())
    throw Error(ErrorKind::failed, "cannot write the result to stdout",
                "what was done stays done: `azlin operations list` shows it");
}

// Prints the help or the version.
int print_answer(const CLI::App& app, const CLI::ParseError& asked) {
  const int code = app.exit(asked, std::cout, std::cerr);
  flush_result();
  return code;
}

void print_json_error(const Error& error) {
  nlohmann::ordered_json body = {{"kind", core::to_string(error.kind())}, {"message", error.what()}};
  if (!hint_of(error).empty()) body["hint"] = hint_of(error);
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
  if (!hint_of(error).empty()) std::cerr << "  → " << hint_of(error) << '\n';
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

// "azlin backup list"
std::string path_of(const CLI::App& command) {
  const auto* parent = command.get_parent();
  return (parent == nullptr ? "" : path_of(*parent) + " ") + command.get_name();
}

// Of `command` and of azlin itself, as they are typed.
std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* at = &command; at != nullptr; at = at->get_parent())
    for (const auto* option :
         at->get_options([](const CLI::Option* each) { return !each->get_group().empty(); }))
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string meant(const std::vector<std::string>& near, const std::string& before, const std::string& path) {
  return near.empty() ? fmt::format("see `{} --help`", path)
                      : fmt::format("did you mean `{}{}`?", before, near.front());
}

// An option that nobody knows, without its value, which may be a secret.
Error unknown_option(const CLI::App& command, const std::string& word) {
  const auto name = word.substr(0, word.find('=')).substr(0, 80);
  const auto path = path_of(command);
  const bool is_long = name.starts_with("--");
  return Error(ErrorKind::usage, fmt::format("`{}` has no option '{}'", path, name),
               meant(is_long ? nearest(name, option_names(command)) : Words{}, "", path));
}

Error unknown_command(const CLI::App& group, const std::string& word, const Words& commands) {
  const auto path = path_of(group);
  return Error(ErrorKind::usage, fmt::format("`{}` has no command '{}'", path, word.substr(0, 80)),
               meant(nearest(word, commands), path + " ", path));
}

Error needs_command(const CLI::App& group, const Words& commands) {
  const auto path = path_of(group);
  return Error(ErrorKind::usage, fmt::format("`{}` needs a command: {}", path, fmt::join(commands, ", ")),
               fmt::format("see `{} --help`", path));
}

// What the first word after the known ones should have been; nullopt: the error is another.
std::optional<Error> unknown_word(const CLI::App& app, const CLI::ParseError& error) {
  const bool too_many = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (!too_many && dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) return std::nullopt;
  const CLI::App& at = *last_parsed(app);
  Words commands;
  for (const auto* command :
       at.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
    commands.push_back(command->get_name());
  const auto rest = app.remaining(true);  // no option's values are among them
  const auto word =
      std::find_if(rest.begin(), rest.end(), [](const std::string& each) { return each != "--"; });
  if (commands.empty() && (!too_many || word == rest.end())) return std::nullopt;
  if (word == rest.end()) return needs_command(at, commands);
  if (word->starts_with('-')) return unknown_option(at, *word);
  if (!commands.empty()) return unknown_command(at, *word, commands);
  return Error(ErrorKind::usage, fmt::format("`{}` does not take '{}'", path_of(at), word->substr(0, 80)),
               fmt::format("see `{} --help`", path_of(at)));
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, const GlobalOptions& options) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return print_answer(app, error);
  const auto unknown = unknown_word(app, error);
  return report(unknown.value_or(
                    Error(ErrorKind::usage, error.what(), "see `azlin --help`, or --help after any command")),
                options);
}

// Reads the command line: its exit code, or nullopt when `chosen` is to be run. Help and the errors of the
// top level tell of every command: for these `app` is made anew.
std::optional<int> parse(std::unique_ptr<CLI::App>& app, GlobalOptions& options, Job& chosen, int argc,
                         char** argv) {
  try {
    app->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForVersion& version) {
    return print_answer(*app, version);
  } catch (const CLI::ParseError& error) {
    if (last_parsed(*app) != app.get()) return report_parse_error(*app, error, options);
  }
  options = {};
  app = command_tree({}, true, options, chosen);
  try {
    app->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return report_parse_error(*app, error, options);
  }
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
  std::unique_ptr<CLI::App> app;  // `chosen` may look at it
  try {
    static_cast<void>(core::interrupt_token());  // from here on a signal asks azlin to end in order
    const Words words(argv + std::min(argc, 1), argv + argc);
    app = command_tree(words, need_every_command(words), options, chosen);
    if (!words.empty() && words.front() == "__complete")
      return print_completions(*app, Words(words.begin() + 1, words.end()));
    check_utf8(argc, argv);
    if (const auto code = parse(app, options, chosen, argc, argv)) return *code;
    check_numbers(*app);
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
    flush_result();
    return code;
  } catch (const Error& error) {
    return report(error, options);
  } catch (const std::filesystem::filesystem_error& error) {  // a name too long, a circle of links
    const auto path = error.path1().string();
    return report(Error(ErrorKind::failed, fmt::format("{}: {}", path, error.code().message())), options);
  } catch (const std::exception& error) {
    return report(Error(ErrorKind::failed, fmt::format("internal error: {}", error.what()),
                        "this is a defect of azlin; please report it with the output of --debug"),
                  options);
  }
}

}  // namespace azlin::cli
