// azlin mcp: the commands as tools of the Model Context Protocol, over stdin and stdout.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <utility>

#include "azlin/core/error.hpp"
#include "azlin/mcp/server.hpp"
#include "cli/command.hpp"
#include "cli/option_values.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

struct McpOptions {
  bool read_only = false;
};

void bind(CLI::App& command, McpOptions& options) {
  command.add_flag("--read-only", options.read_only, "Offer only tools that change nothing");
  command.footer(
      "Speaks JSON-RPC on stdin and stdout until stdin ends, then waits for calls that still run; SIGTERM "
      "interrupts\n"
      "them. A tool that may overwrite or delete is refused unless `confirm` names what is at stake. Each "
      "call is in\n"
      "`azlin operations list`.\n"
      "Example: azlin mcp --read-only\n"
      "Exit codes: 0, 1, 130");
}

mcp::Argument argument_of(const CLI::Option& option) {
  mcp::Argument argument;
  argument.positional = option.get_positional();
  argument.name = argument.positional ? option.get_name(true) : option.get_lnames().front();
  argument.help = option.get_description();
  argument.flag = option.get_items_expected_max() == 0;
  argument.on = argument.flag && option.get_default_str() == "true";
  argument.integer = takes_integer(option);
  argument.number = option.get_type_name().starts_with("FLOAT");
  argument.required = option.get_required();
  argument.repeatable = option.get_items_expected_max() > 1;
  argument.choices = listed_values(option);
  return argument;
}

// A tool has no terminal. What an agent says never names a program of this machine, nor a file with a secret:
// passwords come from the environment that azlin mcp was started in.
bool is_for_agents(const CLI::Option& option) {
  static const std::set<std::string> kNot = {"help",
                                             "version",
                                             "interactive",
                                             "no-wait",
                                             "hook",
                                             "ssh-key",
                                             "ssh-config",
                                             "password-command",
                                             "to-password-command",
                                             "identity",
                                             "password-file",
                                             "new-password-command",
                                             "to-password-file",
                                             "new-password-file",
                                             "login-password-file",
                                             "package-password-file"};
  if (option.get_group().empty()) return false;
  if (option.get_positional()) return true;
  return !option.get_lnames().empty() && !kNot.contains(option.get_lnames().front());
}

void collect(const CLI::App& at, std::vector<std::string> path, std::vector<mcp::Command>& commands) {
  const auto children = at.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
  for (const CLI::App* child : children) {
    auto below = path;
    below.push_back(child->get_name());
    collect(*child, below, commands);
  }
  const bool works_alone = children.empty() || at.get_require_subcommand_min() == 0;  // as `azlin report`
  if (path.empty() || !works_alone) return;
  mcp::Command command{path, at.get_description(), {}};
  for (const CLI::Option* option : at.get_options()) {
    if (is_for_agents(*option)) command.arguments.push_back(argument_of(*option));
  }
  commands.push_back(std::move(command));
}

// Lines of stdin; ends at its end, or when a stop is requested. The last one may lack its newline. Of a line
// that is longer than a message may be, only so much is kept as shows that.
class Lines {
 public:
  explicit Lines(std::stop_token stop) : stop_(std::move(stop)), wake_(eventfd(0, EFD_CLOEXEC)) {}
  ~Lines() { close(wake_); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  std::optional<std::string> next() {
    const auto wake = [this] { eventfd_write(wake_, 1); };
    const std::stop_callback on_stop(stop_, wake);
    for (;;) {
      if (auto line = take_line()) return line;
      if (at_end_) return std::nullopt;
      pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {wake_, POLLIN, 0}};
      if (poll(fds, 2, -1) < 0) {
        if (errno == EINTR) continue;
        return std::nullopt;
      }
      if (stop_.stop_requested()) return std::nullopt;
      if (fds[0].revents != 0) read_more();
    }
  }

 private:
  std::optional<std::string> take_line() {
    const auto end = rest_.find('\n');
    const auto more = std::min(end, rest_.size());
    const auto room = mcp::kLongestMessage + 1 - line_.size();
    line_.append(rest_, 0, std::min(more, room));
    rest_.erase(0, end == std::string::npos ? more : end + 1);
    if (end == std::string::npos && !(at_end_ && !line_.empty())) return std::nullopt;
    return std::exchange(line_, {});
  }

  void read_more() {
    char buffer[65536];
    const auto got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got > 0) rest_.append(buffer, static_cast<std::size_t>(got));
    at_end_ = got == 0 || (got < 0 && errno != EINTR);
  }

  std::stop_token stop_;
  int wake_;
  bool at_end_ = false;
  std::string line_;  // begun
  std::string rest_;  // read, not looked at
};

std::vector<std::string> program_of(const GlobalOptions& options) {
  std::vector<std::string> program = {"/proc/self/exe"};
  if (options.cloud) program.insert(program.end(), {"--cloud", *options.cloud});
  if (options.subscription) program.insert(program.end(), {"--subscription", *options.subscription});
  return program;
}

int serve(Runtime& runtime, const CLI::App& root, const McpOptions& options) {
  std::vector<mcp::Command> commands;
  collect(root, {}, commands);
  // What is started by name is looked up again in each child; the path of this very binary is not.
  auto program = program_of(runtime.options());
  char path[4096];
  const auto length = readlink("/proc/self/exe", path, sizeof path);
  if (length > 0) program.front().assign(path, static_cast<std::size_t>(length));
  core::SystemClock clock;
  store::Journal journal(runtime.journal_path(), clock);
  mcp::Server server(mcp::make_tools(commands, options.read_only),
                     {AZLIN_VERSION, program, options.read_only}, runtime.processes(), journal, std::cout);
  Lines lines(runtime.stop());
  while (const auto line = lines.next()) server.receive(*line);
  server.finish(runtime.stop().stop_requested());
  return runtime.stop().stop_requested() ? core::exit_code(ErrorKind::interrupted) : 0;
}

}  // namespace

void add_mcp_command(CLI::App& root, Job& chosen) {
  auto options = std::make_shared<McpOptions>();
  CLI::App* command =
      root.add_subcommand("mcp", "Serve the commands to agents, by the Model Context Protocol");
  bind(*command, *options);
  command->callback([options, &root, &chosen] {
    chosen = [options, &root](Runtime& runtime) { return serve(runtime, root, *options); };
  });
}

}  // namespace azlin::cli
