#include "store/process_identity.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

namespace azlin::store {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string user_name() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : fmt::format("uid {}", ::geteuid());
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Field 22 of /proc/<pid>/stat, counted after the command, which may hold spaces and ')'. A zombie counts as
// gone.
std::string start_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(file, line)) return {};
  const auto end_of_command = line.rfind(')');
  if (end_of_command == std::string::npos) return {};
  std::istringstream fields(line.substr(end_of_command + 1));
  constexpr int kStartTime = 22, kState = 3;
  std::string field;
  for (int index = kState; index <= kStartTime && fields >> field; ++index) {
    if (index == kState && (field == "Z" || field == "X")) return {};
  }
  return field + "@" + boot_id();
}

}  // namespace

ProcessIdentity this_process() {
  const int pid = ::getpid();
  return {user_name(), host_name(), pid, start_of(pid)};
}

bool may_be_alive(const ProcessIdentity& identity) {
  if (identity.host != host_name()) return true;
  const std::string started = start_of(identity.pid);
  return !started.empty() && started == identity.started;
}

}  // namespace azlin::store
