// azlin ssh.
#include <fmt/format.h>

#include "azlin/azure/network.hpp"
#include "azlin/core/names.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;

struct SshOptions {
  VmArgument vm;
  std::vector<std::string> command;
  std::optional<std::string> user, key;
  std::optional<int> port;
};

void bind(CLI::App& command, SshOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("command", options.command, "What to run there; without it a login shell")
      ->type_name("COMMAND");
  command.add_option("-l,--user", options.user, "User there (default: as ssh is configured)")
      ->type_name("NAME");
  command.add_option("-i,--identity", options.key, "Private key file")->type_name("FILE");
  command.add_option("-p,--port", options.port, "Port of sshd")->check(CLI::Range(1, 65535));
  command.footer(
      "Finds the VM's address (a public one first) and runs the system's ssh, with its configuration and "
      "known\n"
      "hosts. Options of the command go behind --. Example: azlin ssh prod-db-vm -- systemctl status "
      "--no-pager\n"
      "Exit code: that of ssh, which is the command's, or 255 when it cannot connect; 1, 2, 3, 5 of azlin "
      "itself");
}

std::vector<std::string> argv_of(const SshOptions& options, const std::string& address) {
  std::vector<std::string> argv = {"ssh"};
  if (options.key) argv.insert(argv.end(), {"-i", *options.key});
  if (options.port) argv.insert(argv.end(), {"-p", std::to_string(*options.port)});
  if (options.user) argv.insert(argv.end(), {"-l", *options.user});
  argv.insert(argv.end(), {"--", address});
  argv.insert(argv.end(), options.command.begin(), options.command.end());
  return argv;
}

std::string address_of(Runtime& runtime, const snapshot::VmRef& ref) {
  const auto vm = azure::get_vm(runtime.arm(), ref.id(), true, runtime.stop());
  if (!vm.power_state.empty() && vm.power_state != "running") {
    throw Error(ErrorKind::failed, fmt::format("{} is {}", vm.name, vm.power_state),
                fmt::format("start it: az vm start -g {} -n {}", vm.resource_group, vm.name));
  }
  const auto address = azure::find_vm_address(runtime.arm(), vm.nic_ids, runtime.stop());
  if (!address)
    throw Error(ErrorKind::failed, vm.name + " has no network address", "look at its network interface");
  if (!address->is_public)
    runtime.console().note(fmt::format("{} has no public address: {} is reached from its own network only",
                                       vm.name, address->address));
  return address->address;
}

int run(Runtime& runtime, const SshOptions& options) {
  if (options.user && (options.user->empty() || options.user->front() == '-'))
    throw Error(ErrorKind::usage, "--user is no user name");
  const auto vm = resolve_vm(runtime, options.vm);
  core::ProcessRequest request;
  request.argv = argv_of(options, address_of(runtime, vm));
  if (runtime.dry_run()) {
    runtime.console().line(fmt::format("{}", fmt::join(request.argv, " ")));
    runtime.console().result({{"dryRun", true}, {"argv", request.argv}});
    return 0;
  }
  request.time_limit = core::Millis{0};
  request.inherit_stdio = true;
  return runtime.processes().run(request, runtime.stop()).exit_code;
}

}  // namespace

void add_ssh_command(CLI::App& root, Job& chosen) {
  add_command<SshOptions>(root, "ssh", "Log in to a VM, or run a command there", chosen);
}

}  // namespace azlin::cli
