#pragma once
// The guest inside a simulated VM, as far as a client can see it: what a shell script prints under Run
// Command, what the serial console says, and whether the agent came up. Pure: nothing here runs on this
// machine.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace azlin::simulator {

// What the guest knows of itself.
struct Guest {
  std::string hostname;
  std::string size;  // "Standard_D2s_v5"
  int cores = 1;
  double memory_gb = 1;
  std::string os_disk;     // name of the OS disk
  std::string private_ip;  // "" = no address
  std::vector<std::string> data_disks;
  std::int64_t booted_at = 0;  // epoch seconds
  std::int64_t now = 0;
};

struct ShellResult {
  std::string out, err;
  int exit_code = 0;
};

// Runs `script` (its lines) as far as the documented commands go: echo, printf, hostname, uptime, uname,
// whoami, id, date, nproc, df, lsblk, ls, cat, systemctl is-active, test, true, false, exit, sleep, sync,
// command -v, set, export, ssh-keyscan of the guest itself.
// `;`, newline, `&&`, `||`, quotes, variables, `$?`, `$(…)`, NAME=value, redirections to /dev/null and 2>&1
// are understood; pipes and control structures are not. Any other command gives "sh: NAME: not found" and
// 127.
ShellResult run_shell(const Guest& guest, const std::vector<std::string>& script,
                      const std::map<std::string, std::string>& parameters);

// Run Command's message for a finished script: at most the last 4096 bytes of each stream, as the service
// keeps.
std::string run_command_message(const ShellResult& result);

// What the serial console shows after a boot. `fault` empty: the guest came up; else the boot ends there and
// says so.
std::string serial_log(const Guest& guest, const std::string& fault);

// A small PNG for the console screenshot: a black screen, with a light bar when the guest is up.
std::string screenshot_png(bool up);

}  // namespace azlin::simulator
