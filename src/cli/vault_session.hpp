#pragma once
// What the commands on vaults share: which vault is meant, the journal, following jobs, many items at once.
#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/vault/jobs.hpp"
#include "azlin/vault/protection.hpp"
#include "azlin/vault/service.hpp"
#include "azlin/vault/settings.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

struct VaultArgument {
  std::optional<std::string> vault, resource_group;
};
void bind_vault(CLI::App& command, VaultArgument& argument);

// Throws core::Error (usage) when [recovery_services] is switched off.
vault::Settings recovery_settings(Runtime& runtime);

// --vault (a key or name of config.toml, a name, or an id), AZLIN_VAULT, `vault use`, the primary vault of
// config.toml, or the only one of the subscription. Throws core::Error: usage when several could be meant,
// not_found.
vault::VaultId choose_vault(Runtime& runtime, const VaultArgument& argument);

// One command's work with one vault. Borrows the runtime.
class VaultSession {
 public:
  VaultSession(Runtime& runtime, const VaultArgument& argument);
  VaultSession(Runtime& runtime, vault::VaultId id);
  VaultSession(const VaultSession&) = delete;
  VaultSession& operator=(const VaultSession&) = delete;

  Runtime& runtime() { return runtime_; }
  Console& console() { return runtime_.console(); }
  const vault::VaultId& id() const { return id_; }
  vault::Service& service() { return service_; }
  vault::JobManager jobs() { return {service_, id_}; }
  vault::ProtectionManager protection() { return {service_, id_}; }
  bool dry_run() const { return service_.dry_run(); }
  const std::vector<vault::Planned>& planned() const { return planned_; }
  // Prints the calls that would be made, and returns 0.
  int print_planned();

  // Notes the change in the journal and does it. `begin` returns the job's name ("": none). With `wait`,
  // follows the job to its end. Throws what `begin` throws, and core::Error (failed) when the job did not
  // complete.
  struct Change {
    std::string kind;    // "protect": "vault.protect" in the journal
    std::string target;  // id of the item
    std::string label;   // for people: "HXE/SYSTEMDB"
    std::string region;  // path of the secondary region whose job it is
  };
  std::optional<vault::Job> change(const Change& change, const std::function<std::string()>& begin,
                                   bool wait);

  // Shows tasks and percentage on stderr until the job ends.
  vault::Job follow(const std::string& job, const std::string& label, const std::string& region = {});

 private:
  Runtime& runtime_;
  vault::VaultId id_;
  std::vector<vault::Planned> planned_;
  vault::Service service_;
};

// "12:05  Backup of systemdb: 40 %, Transfer data to vault".
std::string progress_text(const vault::Job& job);
nlohmann::ordered_json job_json(const vault::Job& job);
// The end of a command that began a job: the job's name with --no-wait, else how it ended.
int report_job(VaultSession& session, const std::string& done, const std::string& job_name,
               const std::optional<vault::Job>& job);

// One item of a bulk command and what became of it.
struct BulkOutcome {
  std::string label, id, job, error, hint;
};
// Does `work` for each item, goes on past failures, prints one line an item and the JSON list. Returns 0, or
// 4 when some failed (1 when all did). Stops between items on Ctrl-C.
int run_bulk(VaultSession& session, const std::string& verb, const std::vector<vault::ProtectedItem>& items,
             const std::function<std::optional<vault::Job>(const vault::ProtectedItem&)>& work);

std::string item_label(const vault::ProtectedItem& item);
std::string item_label(const vault::ProtectableItem& item);

}  // namespace azlin::cli
