#include "vault_work.hpp"

#include <iostream>

#include "azlin/vault/jobs.hpp"
#include "azlin/vault/policies.hpp"
#include "azlin/vault/protection.hpp"
#include "azlin/vault/recovery.hpp"
#include "azlin/vault/registration.hpp"
#include "azlin/vault/restore.hpp"

namespace azlin::crash {

namespace {

using vault::ItemQuery;
using vault::ProtectedItem;

const vault::VaultId kVault{"00000000-0000-0000-0000-000000000001", "Production", "my-vault"};
constexpr const char* kPolicy = "hana-policy";

class Work {
 public:
  Work(arm::ArmClient& arm, store::Journal& journal) : service_(arm), journal_(journal) {}

  void prepare() {
    vault::RegistrationManager(service_, kVault)
        .enroll("/subscriptions/" + kVault.subscription +
                    "/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/hana",
                vault::Workload::hana);
    vault::PolicyManager(service_, kVault)
        .put(kPolicy, vault::policy_body(vault::template_policy(vault::Workload::hana)));
    protect("SYSTEMDB");
    back_up();
  }
  void protect(const std::string& name) {
    const ItemQuery query{name, "", vault::Workload::hana};
    const std::string policy = kVault.id() + "/backupPolicies/" + kPolicy;
    if (const auto item = find(name)) {
      change("policy", item->id, [&] { return protection_.set_policy(*item, policy); });
      return;
    }
    const auto item = protection_.require_protectable(query);
    change("protect", item.id, [&] { return protection_.protect(item, policy); });
  }
  void unprotect() {
    const auto item = require();
    change("unprotect", item.id, [&] { return protection_.stop_protection(item); });
  }
  void delete_data() {
    const auto item = require();
    if (item.soft_deleted) return;
    change("delete-data", item.id, [&] { return protection_.delete_data(item); });
  }
  void back_up() {
    const auto item = require();
    change("backup", item.id, [&] { return protection_.back_up(item, vault::BackupType::full, 0, false); });
  }
  void restore() {
    const auto item = require();
    vault::RestoreManager restores(service_, kVault);
    const auto point = vault::choose_point(restores.points(item, false), {}, item.friendly_name);
    change("restore", item.id,
           [&] { return restores.restore(point, restores.original_body(item, point, false)); });
  }

 private:
  std::optional<ProtectedItem> find(const std::string& name) {
    std::optional<ProtectedItem> found;
    protection_.each_item({name, "", vault::Workload::hana}, [&](ProtectedItem&& item) {
      found = std::move(item);
      return false;
    });
    return found;
  }
  ProtectedItem require() { return protection_.require_item({"SYSTEMDB", "", vault::Workload::hana}); }
  void change(const std::string& kind, const std::string& target, const std::function<std::string()>& begin) {
    vault::make_change(journal_, kVault, {kind, target, ""}, begin, [&](const std::string& job) {
      return vault::JobManager(service_, kVault).wait(job, {});
    });
  }
  vault::Service service_;
  store::Journal& journal_;
  vault::ProtectionManager protection_{service_, kVault};
};

}  // namespace

bool vault_work(arm::ArmClient& arm, store::Journal& journal, const std::string& command) {
  Work work(arm, journal);
  if (command == "vault-prepare") return work.prepare(), true;
  if (command == "vault-protect") return work.protect("HXE"), true;
  if (command == "vault-unprotect") return work.unprotect(), true;
  if (command == "vault-delete-data") return work.delete_data(), true;
  if (command == "vault-backup") return work.back_up(), true;
  if (command == "vault-restore") return work.restore(), true;
  return false;
}

bool recover_vault_work(arm::ArmClient& arm, store::Journal& journal,
                        const store::OperationRecord& operation) {
  vault::Service service(arm);
  const auto done = vault::recover(service, journal, operation);
  for (const auto& note : done.notes) std::cerr << operation.kind << ": " << note << "\n";
  return done.settled;
}

}  // namespace azlin::crash
