// azlin ssh.
#include <fmt/format.h>

#include "azlin/azure/network.hpp"
#include "azlin/core/input_file.hpp"
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
  int connect_timeout = 15;  // seconds; 0: as ssh is configured
};

constexpr int kSshFailed = 255;  // ssh's own exit code: no connection, or it broke off

void bind(CLI::App& command, SshOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("command", options.command, "What to run there; without it a login shell")
      ->type_name("COMMAND");
  command.add_option("-l,--user", options.user, "User there (default: as ssh is configured)")
      ->type_name("NAME");
  command.add_option("-i,--identity", options.key, "Private key file")->type_name("FILE");
  command.add_option("-p,--port", options.port, "Port of sshd")->check(CLI::Range(1, 65535));
  command
      .add_option("--connect-timeout", options.connect_timeout,
                  "Seconds to wait for a connection; 0: as ssh is configured")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  command.footer(
      "Finds the VM's address (a public one first) and runs the system's ssh, with its configuration and "
      "known\n"
      "hosts. Options of the command go behind --. Example: azlin ssh prod-db-vm -- systemctl status "
      "--no-pager\n"
      "Exit code: that of ssh, which is the command's, or 255 when it cannot connect (then stderr says what\n"
      "else there is); 1, 2, 3, 5 of azlin "
      "itself");
}

struct Address {
  std::string text;
  bool is_public = false;
};

std::vector<std::string> argv_of(const SshOptions& options, const std::string& address) {
  std::vector<std::string> argv = {"ssh"};
  if (options.connect_timeout > 0)
    argv.insert(argv.end(), {"-o", fmt::format("ConnectTimeout={}", options.connect_timeout)});
  if (options.key) argv.insert(argv.end(), {"-i", *options.key});
  if (options.port) argv.insert(argv.end(), {"-p", std::to_string(*options.port)});
  if (options.user) argv.insert(argv.end(), {"-l", *options.user});
  argv.insert(argv.end(), {"--", address});
  argv.insert(argv.end(), options.command.begin(), options.command.end());
  return argv;
}

Address address_of(Runtime& runtime, const snapshot::VmRef& ref) {
  const auto vm = azure::get_vm(runtime.arm(), ref.id(), true, runtime.stop());
  if (!vm.power_state.empty() && vm.power_state != "running") {
    throw Error(ErrorKind::failed, fmt::format("{} is {}", vm.name, vm.power_state),
                fmt::format("start it: az vm start -g {} -n {}", vm.resource_group, vm.name));
  }
  const auto address = azure::find_vm_address(runtime.arm(), vm.nic_ids, runtime.stop());
  if (!address)
    throw Error(ErrorKind::failed, vm.name + " has no network address", "look at its network interface");
  if (!address->is_public)
    runtime.console().note(fmt::format(
        "{} has no public address: {} is reached from its own network only, such as through a VPN or a jump "
        "host (ProxyJump in ~/.ssh/config)",
        vm.name, address->address));
  return {address->address, address->is_public};
}

// What is left where no connection was made.
void advise(Console& console, const snapshot::VmRef& vm, const Address& address) {
  console.warn(fmt::format("ssh ended with 255: no connection to {}, or it broke off", address.text));
  console.note(
      address.is_public
          ? "  Does a network security group let port 22 in from here? Does sshd run there?"
          : "  That address is private. Connect a VPN, name a jump host (ProxyJump in ~/.ssh/config), or "
            "use Azure Bastion:");
  if (!address.is_public)
    console.note(
        fmt::format("    az network bastion ssh -n BASTION -g ITS_GROUP --target-resource-id {} "
                    "--auth-type ssh-key --username USER --ssh-key FILE",
                    vm.id()));
  console.note("  Without a network, through the VM's agent:");
  console.note(
      fmt::format("    az vm run-command invoke -g {} -n {} --command-id RunShellScript --scripts "
                  "'COMMAND'",
                  vm.resource_group, vm.name));
}

int run(Runtime& runtime, const SshOptions& options) {
  if (options.user && (options.user->empty() || options.user->front() == '-'))
    throw Error(ErrorKind::usage, "--user is no user name");
  if (options.key) core::check_input_file(*options.key, "key");
  const auto vm = resolve_vm(runtime, options.vm);
  core::ProcessRequest request;
  const auto address = address_of(runtime, vm);
  request.argv = argv_of(options, address.text);
  if (runtime.dry_run()) {
    runtime.console().line(fmt::format("{}", fmt::join(request.argv, " ")));
    runtime.console().result({{"dryRun", true}, {"argv", request.argv}});
    return 0;
  }
  request.time_limit = core::Millis{0};
  request.inherit_stdio = true;
  const int code = runtime.processes().run(request, runtime.stop()).exit_code;
  if (code == kSshFailed) advise(runtime.console(), vm, address);
  return code;
}

}  // namespace

void add_ssh_command(CLI::App& root, Job& chosen) {
  add_command<SshOptions>(root, "ssh", "Log in to a VM, or run a command there", chosen);
}

}  // namespace azlin::cli
