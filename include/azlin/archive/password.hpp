#pragma once
// Where a repository's password comes from. It is never an argument, never logged, never in a database.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/env.hpp"

namespace azlin::archive {

// The first that is set counts: file, command, variable.
struct PasswordSource {
  std::string file;                  // its first line; must be mode 0600
  std::vector<std::string> command;  // the first line of its output; run without a shell
  std::string variable;              // an environment variable of another name
  bool machine_key = false;          // a key made on this machine, in <home>/archive.key
  bool empty() const { return file.empty() && command.empty() && variable.empty() && !machine_key; }
};

// "pass show 'my key'" -> {"pass", "show", "my key"}. Throws core::Error (usage) on an open quote.
std::vector<std::string> split_command(const std::string& text);

// Asks `flags`, then AZLIN_ARCHIVE_PASSWORD, then `configured`, then a machine key that is there already.
// Throws core::Error: usage (there is none, with what to set; a file that others can read; a Key Vault
// reference, which needs a command), failed (the command failed).
std::string read_password(const PasswordSource& flags, const PasswordSource& configured, const core::Env& env,
                          const std::string& home, std::stop_token stop = {});

// <home>/archive.key, mode 0600: made of 256 random bits when it is missing. It stands in for a password
// where none is wanted, since the engine always encrypts; whoever has this file can read the archives, and
// without it nobody can.
std::string machine_key(const std::string& home);

}  // namespace azlin::archive
