#pragma once
// Jobs of a vault: list, follow, cancel; a summary.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

struct JobQuery {
  std::string status, operation;
  std::optional<core::TimePoint> since, until;
  std::optional<Workload> workload;
};

struct Summary {
  std::map<std::string, std::int64_t> items, containers;  // by management type
  std::map<std::string, int> jobs;                        // of the last 24 hours, by status
  int unhealthy = 0;                                      // items whose last backup failed
  int soft_deleted = 0;
  int never_backed_up = 0;
  std::vector<Job> failed;  // newest first, at most 10
};

// Borrows the service. One thread.
class JobManager {
 public:
  JobManager(Service& service, VaultId vault) : service_(service), vault_(std::move(vault)) {}
  // Newest first, by pages, until `each` returns false.
  void each(const JobQuery& query, const std::function<bool(Job&&)>& each, std::stop_token stop = {});
  std::optional<Job> find(const std::string& name, std::stop_token stop = {});
  Job require(const std::string& name, std::stop_token stop = {});
  // Until it ends; `progress` is called after each look. Throws core::Error (interrupted) on stop: the job
  // goes on.
  Job wait(const std::string& name, const std::function<void(const Job&)>& progress,
           std::stop_token stop = {});
  void cancel(const std::string& name, std::stop_token stop = {});
  Summary summary(std::stop_token stop = {});

  // Of a restore in the secondary region, whose path is `region_path`.
  Job wait_secondary(const std::string& region_path, const std::string& name,
                     const std::function<void(const Job&)>& progress, std::stop_token stop = {});

 private:
  Job wait_for(const std::function<Job()>& look, const std::function<void(const Job&)>& progress,
               std::stop_token stop);
  Service& service_;
  VaultId vault_;
};

// Throws core::Error (failed) with the job's errors and recommendations when it did not complete.
void check_completed(const Job& job);

}  // namespace azlin::vault
