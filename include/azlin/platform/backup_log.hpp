#pragma once
// platform.db: when the data of a resource was last saved, where, and what it was. History only; never a
// value or a password.
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/store/database.hpp"

namespace azlin::platform {

struct SavedCopy {
  std::string resource_id;
  std::string what;  // "keyvault backup", "appconfig export", "blob export"
  core::TimePoint at;
  std::string path;  // on this machine
  std::int64_t items = 0;
};

// Owns its connection; one thread.
class BackupLog {
 public:
  explicit BackupLog(const std::string& path);  // "<home>/platform.db"
  void record(const SavedCopy& copy);
  // The newest of that kind; nullopt: none from this machine.
  std::optional<SavedCopy> last(const std::string& resource_id, const std::string& what);
  std::vector<SavedCopy> all();  // newest first

 private:
  store::Database db_;
};

}  // namespace azlin::platform
