// azlin completion: the scripts that a shell loads, and what they call for each press of TAB.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include "azlin/core/error.hpp"
#include "cli/cmd_completion.hpp"
#include "cli/completion_cache.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kBash =
    R"(# azlin completion bash: put it in /usr/share/bash-completion/completions/azlin, or source it.
_azlin() {
  local line kind
  COMPREPLY=()
  while IFS=$'\t' read -r kind line _; do
    case $kind in
      v) COMPREPLY+=("$line") ;;
      f) compopt -o default ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _azlin azlin
)";

constexpr const char* kZsh = R"(#compdef azlin
# azlin completion zsh: put it as _azlin into a folder of $fpath, or source it after compinit.
_azlin() {
  local kind value help
  local -a described
  while IFS=$'\t' read -r kind value help; do
    case $kind in
      v) described+=("${value//:/\\:}:$help") ;;
      f) _files ;;
    esac
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#described} )) && _describe azlin described
}
if [ "$funcstack[1]" = _azlin ]; then _azlin "$@"; else compdef _azlin azlin; fi
)";

constexpr const char* kFish =
    R"(# azlin completion fish: put it in ~/.config/fish/completions/azlin.fish, or source it.
function __azlin_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null | while read -l -d \t kind value help
        switch $kind
            case v
                printf '%s\t%s\n' $value $help
            case f
                __fish_complete_path (commandline -ct)
        end
    end
end
complete -c azlin -f -a '(__azlin_complete)'
)";

struct CompletionOptions {
  std::string shell;
};

void bind(CLI::App& command, CompletionOptions& options) {
  command.add_option("shell", options.shell, "The shell that shall complete azlin's command lines")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command.footer(
      "Names of VMs, backups, regions and vaults come from a list that is fetched in the background at most "
      "once a\n"
      "minute: TAB never waits for the network.\n"
      "Example: azlin completion bash\n"
      "Exit codes: 0, 2");
}

int run(Runtime&, const CompletionOptions& options) {
  std::cout << (options.shell == "bash" ? kBash : options.shell == "zsh" ? kZsh : kFish);
  return 0;
}

// The value that the half-typed line gives to a global flag, so that names of the right cloud are offered.
std::optional<std::string> typed(const std::vector<std::string>& words, const std::string& flag) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == flag && i + 2 < words.size()) return words[i + 1];
    if (words[i].rfind(flag + "=", 0) == 0) return words[i].substr(flag.size() + 1);
  }
  return std::nullopt;
}

// `azlin __names` in a process of its own that outlives this one and holds none of its descriptors.
void fetch_in_background(const std::vector<std::string>& words) {
  std::vector<std::string> arguments = {"azlin", "__names"};
  for (const char* flag : {"--cloud", "--subscription"}) {
    if (const auto value = typed(words, flag)) arguments.insert(arguments.end(), {flag, *value});
  }
  const pid_t child = fork();
  if (child < 0) return;
  if (child > 0) {
    waitpid(child, nullptr, 0);
    return;
  }
  if (fork() != 0) _exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  closefrom(3);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

CompletionCache cache_for(const GlobalOptions& options, const core::Env& env) {
  const std::string cloud =
      options.cloud.value_or(env.get_or("AZLIN_CLOUD", "")) + env.get_or("AZLIN_ARM_ENDPOINT", "");
  return {env.azlin_home(), cloud, options.subscription.value_or(env.get_or("AZURE_SUBSCRIPTION_ID", ""))};
}

struct NamesOptions {};
void bind(CLI::App& command, NamesOptions&) {
  command.group("");
}
int run(Runtime& runtime, const NamesOptions&) {
  cache_for(runtime.options(), runtime.env()).save(fetch_completion_names(runtime));
  return 0;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return text;
}

}  // namespace

void add_completion_commands(CLI::App& root, Job& chosen) {
  add_command<CompletionOptions>(root, "completion",
                                 "Print the script with which a shell completes azlin's commands", chosen);
  add_command<NamesOptions>(root, "__names", "Fetch the names that the completion offers", chosen);
}

int print_completions(const CLI::App& root, const std::vector<std::string>& words) {
  const core::Env env = core::Env::from_process();
  GlobalOptions options;
  options.cloud = typed(words, "--cloud");
  options.subscription = typed(words, "--subscription");
  CompletionNames names;
  try {
    const CompletionCache cache = cache_for(options, env);
    names = cache.load();
    if (cache.claim_refresh()) fetch_in_background(words);
  } catch (const Error&) {
    // No state folder: commands and flags are still known.
  }
  const Completion completion = complete(root, words, names);
  for (const auto& [value, help] : completion.candidates)
    std::cout << "v\t" << value << '\t' << one_line(help) << '\n';
  if (completion.files) std::cout << "f\t\n";
  return 0;
}

}  // namespace azlin::cli
