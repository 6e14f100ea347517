#pragma once
// The right to change a VM, between machines: the VM tag `azlin:lease`, written under the VM's If-Match. On
// one machine the journal's lock comes first.
#include <optional>
#include <stop_token>
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::snapshot {

inline constexpr const char* kLeaseTag = "azlin:lease";
inline constexpr core::Millis kLeaseTime = std::chrono::minutes{30};

struct LeaseInfo {
  std::string operation;  // a GUID
  std::string doing;      // "backup.trigger"
  std::string by;         // host, and which azlin home on it
  core::TimePoint until;
};

std::string to_tag(const LeaseInfo& lease);
std::optional<LeaseInfo> parse_lease(const std::string& value);

// Held while it lives; gives the tag back when destroyed (a failure to do so is logged: it runs out by
// itself). Borrows arm.
class VmLease {
 public:
  // Takes it when it is free, has run out, or belongs to this same `by` (whose journal lock the caller
  // holds). Throws core::Error (busy) naming the holder. Reads the VM again after each lost race, five times
  // at most.
  VmLease(arm::ArmClient& arm, const std::string& vm_id, const std::string& doing, const std::string& by,
          core::TimePoint until, std::stop_token stop);
  ~VmLease();
  VmLease(const VmLease&) = delete;
  VmLease& operator=(const VmLease&) = delete;
  void release();

 private:
  arm::ArmClient& arm_;
  std::string vm_id_;
  std::string value_;  // of the tag; empty once it is given back
};

// "{host}:{hash of the journal's path}": the `by` of this machine and home.
std::string lease_holder(const std::string& journal_path);

}  // namespace azlin::snapshot
