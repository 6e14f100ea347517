#pragma once
// dr_tests.db (docs/database.md): one row a drill, written when it starts and again when it ends.
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "azlin/dr/drill.hpp"
#include "azlin/store/database.hpp"

namespace azlin::dr {

struct TestFilter {
  std::optional<std::string> vm;              // exact name, ignoring case
  std::optional<std::string> resource_group;  // of the VM; exact, ignoring case
  std::optional<std::string> subscription;    // rows of the first schema have none: they are in each
  std::optional<core::TimePoint> since;
};

// Thread-safe; owns its connection. Throws as store::Database does.
class DrillStore {
 public:
  explicit DrillStore(const std::string& path);
  // Gives the row's id and puts it into test_id.
  std::int64_t insert(DRTestResult& result);
  void update(const DRTestResult& result);
  std::vector<DRTestResult> list(const TestFilter& filter);  // newest first
  // Its rows: one, or one for each VM that a plan came to. Empty: the drill is not of this machine.
  std::vector<DRTestResult> list_drill(const std::string& drill_id);

 private:
  std::mutex mutex_;
  store::Database db_;
};

}  // namespace azlin::dr
