#pragma once
// Who runs this command, in a form that another process can check later.
#include <string>

namespace azlin::store {

struct ProcessIdentity {
  std::string user, host;
  int pid = 0;
  std::string
      started;  // "<start time in ticks>@<boot id>": a pid used again, or a reboot, gives another text
};

ProcessIdentity this_process();

// False only when the process is known to be gone: same host, and no process of that pid and start. A process
// on another host cannot be checked and counts as alive.
bool may_be_alive(const ProcessIdentity& identity);

}  // namespace azlin::store
