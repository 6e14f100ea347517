#pragma once
// What a shell offers behind a half-typed command line: read off the command tree, with names of resources
// from a cache, so that it never waits for the network.
#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace azlin::cli {

// Names by kind of value, which is the type name of the option or positional: "VM", "BACKUP", "REGION",
// "GROUP", "VAULT".
using CompletionNames = std::map<std::string, std::vector<std::string>>;

struct Candidate {
  std::string value, help;
  bool operator==(const Candidate&) const = default;
};

struct Completion {
  std::vector<Candidate> candidates;  // those that begin with the last word
  bool files = false;                 // the shell shall offer file names
};

// `words` is what follows `azlin` up to the cursor; the last one, which may be empty, is to be completed.
Completion complete(const CLI::App& root, const std::vector<std::string>& words,
                    const CompletionNames& names);

}  // namespace azlin::cli
