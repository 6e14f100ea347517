#include "azlin/protection/manager.hpp"

#include <gmock/gmock.h>

#include "azlin/core/file.hpp"
#include "azlin/snapshot/lease.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::protection {
namespace {

using testing::HasSubstr;

// Does something between the read of a VM and the write that follows it, once.
class Meddler final : public http::Transport {
 public:
  Meddler(http::Transport& transport, std::function<void()> meddle)
      : transport_(transport), meddle_(std::move(meddle)) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    if (request.method == "PATCH" && meddle_) std::exchange(meddle_, nullptr)();
    return transport_.send(request, std::move(stop));
  }

 private:
  http::Transport& transport_;
  std::function<void()> meddle_;
};

class ProtectionManagerTest : public test::CloudTest {
 protected:
  std::string alerts_path = journal_path + ".alerts.yaml";
  ProtectionManager manager{arm, journal, clock, alerts_path};
  ProtectionFile file = parse_file(
      "version: 1\nrules:\n- {name: all, select: {name: \"web*\"}, schedule: [daily], retention: {daily: "
      "9}}\n",
      "p.yaml");

  Plan plan() { return manager.plan(file, vm("web2").subscription, {}); }
  ApplyResult apply(const Plan& plan) { return manager.apply(plan, 4, {}, {}); }
  static const Applied& of(const ApplyResult& result, const std::string& name) {
    for (const auto& each : result.vms) {
      if (each.vm.name == name) return each;
    }
    throw std::runtime_error("no " + name);
  }
};

TEST_F(ProtectionManagerTest, ApplyWritesTheTagsKeepsOthersAndLeavesNothingToDo) {
  set_vm_tag("team", "storage", "web2");
  const auto result = apply(plan());
  EXPECT_EQ(result.failed(), 0u);
  EXPECT_EQ(vm_tags("web2")["azlin:backup-schedule"], R"({"v":1,"on":true,"d":9,"w":4,"m":12,"off":"wm"})");
  EXPECT_EQ(vm_tags("web2")["team"], "storage");
  EXPECT_FALSE(plan().drift());
  EXPECT_EQ(journal.list(1).at(0).kind, "protection.apply");
}

TEST_F(ProtectionManagerTest, AVmThatChangedSinceThePlanIsRefusedAndTheOthersGoOn) {
  const auto before = plan();
  set_vm_tag("owner", "somebody", "web2");
  const auto result = apply(before);
  EXPECT_EQ(of(result, "web2").state, Applied::State::refused);
  EXPECT_THAT(of(result, "web2").error,
              HasSubstr("web2 has changed since the plan was made: the tag owner is new"));
  EXPECT_FALSE(vm_tags("web2").contains("azlin:backup-schedule"));
  EXPECT_EQ(result.failed(), 1u);
  EXPECT_EQ(result.changed(), result.vms.size() - 1);
  EXPECT_EQ(apply(plan()).changed(), 1u);
}

TEST_F(ProtectionManagerTest, AChangeBetweenReadAndWriteIsSeenByTheService) {
  Meddler meddler(*transport, [&] { set_vm_tag("owner", "somebody", "web2"); });
  arm::ArmClient client{meddler, clock, chain, {.endpoint = simulator.url()}};
  ProtectionManager here{client, journal, clock, alerts_path};
  file = parse_file("version: 1\nrules:\n- {name: a, select: {name: web2}, schedule: [daily]}\n", "p.yaml");
  const auto result = here.apply(plan(), 1, {}, {});
  EXPECT_EQ(of(result, "web2").state, Applied::State::refused);
  EXPECT_EQ(vm_tags("web2")["owner"], "somebody");
  EXPECT_FALSE(vm_tags("web2").contains("azlin:backup-schedule"));
}

TEST_F(ProtectionManagerTest, ALeaseThatComesInBetweenIsNoChange) {
  const std::string lease =
      to_tag(snapshot::LeaseInfo{"op", "backup.trigger", "host:1", clock.now() + std::chrono::minutes{5}});
  Meddler meddler(*transport, [&] { set_vm_tag(snapshot::kLeaseTag, lease, "web2"); });
  arm::ArmClient client{meddler, clock, chain, {.endpoint = simulator.url()}};
  ProtectionManager here{client, journal, clock, alerts_path};
  file = parse_file("version: 1\nrules:\n- {name: a, select: {name: web2}, schedule: [daily]}\n", "p.yaml");
  EXPECT_EQ(here.apply(plan(), 1, {}, {}).changed(), 1u);
  EXPECT_EQ(vm_tags("web2")[snapshot::kLeaseTag], lease);
  EXPECT_TRUE(vm_tags("web2").contains("azlin:backup-schedule"));
}

TEST_F(ProtectionManagerTest, ALostReplyOfTheWriteIsNoChangeByOthers) {
  file = parse_file("version: 1\nrules:\n- {name: a, select: {name: web2}, schedule: [daily]}\n", "p.yaml");
  const auto before = plan();
  simulator.add_fault(
      {{"method", "PATCH"}, {"path", "*/virtualMachines/web2?*"}, {"drop", "after"}, {"count", 1}});
  const auto result = apply(before);
  EXPECT_EQ(of(result, "web2").state, Applied::State::changed) << of(result, "web2").error;
  EXPECT_TRUE(vm_tags("web2").contains("azlin:backup-schedule"));
  EXPECT_FALSE(plan().drift());
}

TEST_F(ProtectionManagerTest, ALostReplyOfTheLastTryIsNoChangeByOthers) {
  const std::string write = "*/virtualMachines/web2?*";
  simulator.add_fault(
      {{"method", "PATCH"}, {"path", write}, {"status", 412}, {"code", "PreconditionFailed"}, {"count", 4}});
  const auto lost =
      simulator.add_fault({{"method", "PATCH"}, {"path", write}, {"drop", "after"}, {"count", 1}});
  file = parse_file("version: 1\nrules:\n- {name: a, select: {name: web2}, schedule: [daily]}\n", "p.yaml");
  const auto result = apply(plan());
  EXPECT_EQ(simulator.fault_hits(lost), 1);
  EXPECT_EQ(of(result, "web2").state, Applied::State::changed) << of(result, "web2").error;
  EXPECT_TRUE(vm_tags("web2").contains("azlin:backup-schedule"));
}

TEST_F(ProtectionManagerTest, PlanNamesWhatTheNextBackupWouldDelete) {
  backup::BackupManager backups{arm, journal, clock, journal_path};
  apply(plan());
  for (int day = 0; day < 6; ++day) {
    if (day > 0) clock.advance(std::chrono::hours{24});
    backups.trigger(vm("web2"), {}, {});
  }
  file = parse_file("version: 1\nrules:\n- {name: all, select: {name: web2}, retention: {daily: 2}}\n",
                    "p.yaml");
  const auto lowered = plan();
  ASSERT_EQ(lowered.vms.size(), 1u);
  std::vector<std::string> lost;
  for (const auto& each : lowered.vms[0].lost) lost.push_back(each.point.name);
  ASSERT_FALSE(lost.empty());
  apply(lowered);
  const auto cleanup = backups.plan_cleanup(vm("web2"), {});
  std::vector<std::string> going;
  for (const auto& each : cleanup.plan.deletions()) going.push_back(each.point.name);
  EXPECT_EQ(lost, going);
}

TEST_F(ProtectionManagerTest, AlertsThatSomebodyChangedAreRefused) {
  file = parse_file("version: 1\nalerts: {rpo_exceeded: {threshold_hours: 26}}\n", "p.yaml");
  const auto before = plan();
  core::write_file(alerts_path, "rto_exceeded: {enabled: false}\n");
  const auto result = apply(before);
  EXPECT_FALSE(result.alerts_written);
  EXPECT_THAT(result.alerts_error, HasSubstr("has changed since the plan was made"));
  EXPECT_TRUE(apply(plan()).alerts_written);
  EXPECT_EQ(core::read_file(alerts_path + ".before"), "rto_exceeded: {enabled: false}\n");
  EXPECT_FALSE(plan().drift());
}

TEST_F(ProtectionManagerTest, WhatIsExportedHasNoDifference) {
  apply(plan());
  const auto exported = manager.export_all(vm("web2").subscription, std::nullopt, {});
  file = parse_file(to_yaml_file(exported.tree), "exported.yaml");
  const auto again = plan();
  EXPECT_FALSE(again.drift());
  EXPECT_TRUE(again.not_in_file.empty());
  EXPECT_FALSE(again.vms.empty());
}

}  // namespace
}  // namespace azlin::protection
