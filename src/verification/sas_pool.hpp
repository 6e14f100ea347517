#pragma once
// Access to the bytes of snapshots: granted for a short time, shared within the process, revoked in every
// case. Azure lets at most five snapshots of one disk's family be read at once; who comes sixth waits.
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::verification {

// The service does not give these bytes out: a network access policy, or data access that needs an own token.
class NoAccess : public core::Error {
 public:
  explicit NoAccess(const std::string& reason) : core::Error(core::ErrorKind::failed, reason) {}
};

// Borrows its arguments; thread-safe.
class SasPool {
 public:
  using Urls = std::vector<std::function<std::string()>>;  // each gives a SAS that is good for some minutes

  SasPool(arm::ArmClient& arm, core::Clock& clock) : arm_(arm), clock_(clock) {}

  // Runs `work` with a SAS for each snapshot (of one family), then revokes those that nobody else uses. Notes
  // "grant-access" {"snapshot": id} in `operation` before and after. Waits for a free place in the family;
  // throws NoAccess, core::Error (busy) when the service stays at its limit, and what `work` throws. A
  // revocation that failed is put into `revoke_error`, and its step stays open.
  void with_access(const std::vector<azure::Snapshot>& snapshots, store::Operation& operation,
                   core::Millis duration, std::stop_token stop, std::string& revoke_error,
                   const std::function<void(const Urls&)>& work);

 private:
  struct Entry;
  std::vector<std::shared_ptr<Entry>> reserve(const std::vector<azure::Snapshot>& snapshots,
                                              std::stop_token stop);
  std::string url_of(Entry& entry, core::Millis duration, std::stop_token stop);
  std::string grant(const azure::Snapshot& snapshot, core::Millis duration, std::stop_token stop);
  void release(const std::shared_ptr<Entry>& entry);

  arm::ArmClient& arm_;
  core::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;  // by snapshot id in lower case
};

}  // namespace azlin::verification
