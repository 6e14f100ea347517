#pragma once
// Platform resources against what is expected of them, and mending what falls short.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/platform/backup_log.hpp"
#include "azlin/platform/service.hpp"

namespace azlin::platform {

// What is said about each kind of resource, besides the checks.
struct KindNotes {
  std::string strategy, rto, rpo, compliance, cost;
};

struct Expectations {
  std::string cosmos_backup, cosmos_tier;
  int cosmos_regions = 0;  // at least; 0: not checked
  bool cosmos_automatic_failover = false;
  bool storage_versioning = false;
  int storage_blob_days = 0, storage_container_days = 0;
  std::vector<std::string> storage_redundancy;  // any of these; empty: not checked
  int vault_soft_delete_days = 0;
  bool vault_purge_protection = false;
  int vault_backup_age_days = 0;  // 0: not checked
  bool store_purge_protection = false, store_standard = false;
  int store_export_age_days = 0;
  std::map<Kind, KindNotes> notes;
};

// The file that azlin comes with: docs/platform.md explains each key.
const std::string& standard_expectations_text();
// Throws core::Error (usage) naming line, column and key for what is not known or not of its type. A key that
// is left out is not checked. `name` is for errors. Also takes a protection file (docs/protection.md): then
// what its key `expectations` says.
Expectations parse_expectations(const std::string& yaml, const std::string& name);

// One change that azlin can make by itself.
struct Mend {
  enum class How { none, storage_protection, storage_sku, cosmos_policy, cosmos_failover, purge_protection };
  How how = How::none;
  std::string value;
  bool for_good = false;  // cannot be taken back
  bool costs = false;
};

struct Finding {
  enum class State { good, short_of, unchecked };
  State state = State::good;
  std::string check, expected, found;
  std::string command;  // that mends it; "" for good ones
  std::string note;
  Mend mend;
};

struct Assessed {
  Resource resource;
  KindNotes notes;
  std::string consistency;  // Cosmos DB
  std::vector<Finding> findings;
  bool falls_short() const;
};

// Every supported resource of the subscription or one group. What could not be read is a finding that is
// unchecked, never a good one. `log` knows the last backups from this machine.
std::vector<Assessed> assess(Service& service, BackupLog& log, const Expectations& expected,
                             const std::string& subscription, const std::optional<std::string>& group,
                             std::stop_token stop = {});

// Pure parts of it.
std::vector<Finding> check_cosmos(const Resource& account, const Expectations& expected);
std::vector<Finding> check_storage(const Resource& account, const nlohmann::json& blob_service,
                                   const Expectations& expected);
std::vector<Finding> check_vault(const Resource& vault, const std::optional<SavedCopy>& last,
                                 core::TimePoint now, const Expectations& expected);
std::vector<Finding> check_store(const Resource& store, const std::optional<SavedCopy>& last,
                                 core::TimePoint now, const Expectations& expected);

// Makes one change. Throws arm::ArmError, core::Error.
void mend(Service& service, const Resource& resource, const Mend& mend, std::stop_token stop = {});

std::string assessment_html(const std::vector<Assessed>& all, core::TimePoint now);

}  // namespace azlin::platform
