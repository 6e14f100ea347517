#pragma once
// Names of resources for the completion, kept in a file of the state folder for a short while.
#include <string>

#include "azlin/core/clock.hpp"
#include "cli/completion.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

constexpr core::Millis kCompletionFreshFor{60'000};

class CompletionCache {
 public:
  // `home` is azlin's state folder; clouds and subscriptions have a file each.
  CompletionCache(const std::string& home, const std::string& cloud, const std::string& subscription);

  // Empty when there is no file, or none that can be read.
  CompletionNames load() const;
  // Whole or not at all, mode 0600.
  void save(const CompletionNames& names) const;
  // True when the names are older than kCompletionFreshFor and nobody has begun to fetch them since; the
  // caller is then the one who does.
  bool claim_refresh() const;

 private:
  std::string path_;
};

// VMs, their groups, backups, regions and vaults, as Azure's index says now: two lists, whatever the fleet's
// size.
CompletionNames fetch_completion_names(Runtime& runtime);

}  // namespace azlin::cli
