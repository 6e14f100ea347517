#pragma once
// VM web with a backup whose copy lies in westus2.
#include "azlin/dr/manager.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::dr {

inline constexpr const char* kRegion = "westus2";

class ReplicatedTest : public test::CloudTest {
 protected:
  // A backup of web (three disks) with a copy in westus2, and what the cloud holds then.
  void SetUp() override {
    backups.configure(backups.plan_configure(vm(), {}, false, {}), {});
    backup_name = backups.trigger(vm(), {}, {}).backup.name;
    replicate(backup_name);
    before = simulator.state();
  }
  void replicate(const std::string& name, const std::string& of = "web") {
    const auto info = backups.find(vm(of), name, {});
    for (const auto& member : info.set.members) {
      azure::NewSnapshot copy;
      copy.id = snapshot_path(member.snapshot.name + "-westus2");
      copy.location = kRegion;
      copy.source_id = member.snapshot.id;
      copy.copy_start = true;
      copy.os_type = member.snapshot.os_type;
      copy.generation = member.snapshot.generation;
      copy.security_type = member.snapshot.security_type;
      copy.tags = member.snapshot.tags;
      copy.tags[snapshot::kReplicaOfTag] = "eastus/production/" + member.snapshot.name;
      copy.tags[snapshot::kTimeTag] = core::to_iso8601(member.snapshot.created_at);
      azure::create_snapshot(arm, copy);
    }
  }
  void fail_calls(const std::string& method, const std::string& path, int count,
                  const std::string& code = "OperationNotAllowed") {
    simulator.add_fault({{"method", method},
                         {"path", path},
                         {"count", count},
                         {"status", 409},
                         {"code", code},
                         {"message", "injected"}});
  }
  nlohmann::json get(const std::string& id, const std::string& version) {
    return simulator.arm("GET", id + "?api-version=" + version).json();
  }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  std::string backup_name;
  nlohmann::json before;
};

}  // namespace azlin::dr
