#pragma once
// azlin backup restore --group: every VM of a group from one run, stage by stage.
#include "azlin/backup/restore.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

struct GroupRestore {
  std::string group;
  std::optional<std::string> run, at;  // neither: the newest that is complete for all
  backup::RestoreOptions settings;
};
// The exit code.
int restore_group(Runtime& runtime, const GroupRestore& request);

}  // namespace azlin::cli
