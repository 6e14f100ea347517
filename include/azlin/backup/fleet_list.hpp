#pragma once
// Every backup of a subscription, for showing, in little memory: of a snapshot only what a list shows is
// kept, and a backup is put together when it is asked for.
#include <memory>
#include <stop_token>
#include <string>

#include "azlin/backup/manager.hpp"

namespace azlin::backup {

// Newest first. `set` (and `set` of replicas) of its backups is empty.
class FleetList {
 public:
  // Throws core::Error or arm::ArmError.
  static FleetList read(arm::ArmClient& arm, const std::string& subscription, core::TimePoint now,
                        std::stop_token stop);
  FleetList(FleetList&&) noexcept;
  ~FleetList();

  std::size_t size() const;
  BackupInfo at(std::size_t index) const;

 private:
  struct Facts;
  explicit FleetList(std::unique_ptr<Facts> facts);
  std::unique_ptr<Facts> facts_;
};

}  // namespace azlin::backup
