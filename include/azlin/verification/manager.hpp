#pragma once
// Proves that a backup can be brought back: makes test disks from it, reads it, hashes it.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/verification/record.hpp"
#include "azlin/verification/report.hpp"

namespace azlin::verification {

using snapshot::VmRef;

class History;
class SasPool;

struct VerifyOptions {
  Level level = Level::content;
  int readers = 8;                                      // requests at a time for level full, a disk
  std::function<void(const std::string& line)> notify;  // progress; from any thread; may be empty
};

// A call that a verification makes.
struct PlannedStep {
  std::string method, path;
};

// Borrows its arguments; thread-safe.
class VerificationManager {
 public:
  // Opens or creates `<home>/verification.db`.
  VerificationManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                      const std::string& database_path);
  ~VerificationManager();

  // Checks one set (a backup's primary, or one of its replicas) where it is. What it finds is a result, and
  // so is that it could not look (Outcome::inconclusive): recorded in verification.db, and on the snapshots
  // as azlin:verified unless it is inconclusive. Test disks are deleted and access is revoked in every case;
  // what cannot be is left to `azlin recover`. Throws core::Error: busy when something else works on the set,
  // or an earlier verification could not be settled; failed while it is still being copied; interrupted.
  Verification verify(const VmRef& vm, const snapshot::SnapshotSet& set, const VerifyOptions& options,
                      std::stop_token stop);

  // The level that verify() takes where `asked` is asked for: a set that was found bad is looked at no less
  // closely than then.
  Level level_to_take(const VmRef& vm, const snapshot::SnapshotSet& set, Level asked);

  // The changing calls of verify(), in their order; "ID" stands for what is made up for each run. Pure.
  static std::vector<PlannedStep> plan(const snapshot::SnapshotSet& set, Level level);

  // Runs whose end is within the last `days` (1 and over, else core::Error usage); of one VM if named.
  std::vector<Verification> history(int days, const std::optional<std::string>& vm);

  // Recovers every verification that was interrupted on this machine; one line a thing done or left.
  std::vector<std::string> settle(std::stop_token stop);

  // Test disks whose time is over, whoever made them: found by their tag azlin:drill, then deleted.
  std::vector<snapshot::Removal> remove_expired(const std::string& subscription, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Deletes the test disks of an interrupted verification, revokes its access, takes off its mark.
  backup::Recovered recover(const store::OperationRecord& record, std::stop_token stop);

  // Adds a row for each set that its tags say was verified and that the database knows nothing of. Returns
  // how many.
  std::size_t rebuild(const std::vector<snapshot::SnapshotSet>& sets);

 private:
  struct Run;
  void settle_earlier(const std::string& lock_key, std::stop_token stop);
  void check_members(Run& run, std::stop_token stop);
  void clean_up(Run& run);
  void finish(Run& run, core::TimePoint started);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::unique_ptr<History> history_;
  std::unique_ptr<SasPool> pool_;
};

}  // namespace azlin::verification
