#include "azlin/vault/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/jobs.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

namespace {

constexpr std::chrono::minutes kClockMargin{5};

// The plan's and the steps' data: {"vault": id, "job": name, "item": id}; what a step does not know is
// missing.
struct Begun {
  std::string vault, job, item, region;
};

Begun read_steps(const store::OperationRecord& operation) {
  Begun begun;
  std::vector<std::string> texts = {operation.plan};
  for (const auto& step : operation.steps) texts.push_back(step.data);
  for (const auto& written : texts) {
    const json data = json::parse(written, nullptr, false);
    const auto take = [&](const char* key, std::string& into) {
      if (const std::string value = text(data, key); !value.empty()) into = value;
    };
    take("vault", begun.vault);
    take("job", begun.job);
    take("item", begun.item);
    take("region", begun.region);
  }
  return begun;
}

RecoveredWork follow(Service& service, store::Operation& journal, const Begun& begun, std::stop_token stop) {
  JobManager jobs(service, VaultId::parse(begun.vault));
  const Job job = begun.region.empty() ? jobs.wait(begun.job, {}, stop)
                                       : jobs.wait_secondary(begun.region, begun.job, {}, stop);
  const std::string note =
      fmt::format("job {} ({} of {}) ended as {}", job.name, job.operation, job.entity, job.status);
  if (job.status == "Completed" || job.status == "CompletedWithWarnings") {
    journal.recovered(note);
  } else {
    journal.fail(note);
  }
  return {true, {note}};
}

// What a job that the command began would be called.
std::vector<std::string> job_operations(const std::string& kind) {
  static const std::map<std::string, std::vector<std::string>> kOperations = {
      {"protect", {"ConfigureBackup"}},
      {"policy", {"ConfigureBackup"}},
      {"unprotect", {"DisableBackup"}},
      {"delete-data", {"DeleteBackupData"}},
      {"undelete", {"Undelete"}},
      {"backup", {"Backup"}},
      {"restore", {"Restore", "CrossRegionRestore"}}};
  const auto found = kOperations.find(kind.substr(std::string(kJournalPrefix).size()));
  return found == kOperations.end() ? std::vector<std::string>{} : found->second;
}

// The job that the request began, if it reached the service before this process knew: of the same item and
// kind, not older than the command. Clocks may differ a little, so an earlier job of the item may seem to be
// of this time, too: one that still runs goes before one that ended, and a newer one before an older one.
std::string find_job(Service& service, const store::OperationRecord& operation, const Begun& begun,
                     std::stop_token stop) {
  const auto wanted = job_operations(operation.kind);
  if (wanted.empty() || begun.vault.empty() || begun.item.empty()) return {};
  const std::string name = last_segment(begun.item), entity = name.substr(name.rfind(';') + 1);
  JobQuery query;
  query.since = operation.started_at - kClockMargin;
  std::optional<Job> found;
  const auto runs = [](const Job& job) { return job.status == "InProgress" || job.status == "Cancelling"; };
  JobManager(service, VaultId::parse(begun.vault))
      .each(
          query,
          [&](Job&& job) {
            const bool same = core::equal_ignoring_case(job.entity, entity) &&
                              std::find(wanted.begin(), wanted.end(), job.operation) != wanted.end();
            if (same &&
                (!found || std::pair(runs(job), job.started) > std::pair(runs(*found), found->started)))
              found = std::move(job);
            return true;
          },
          stop);
  return found ? found->name : std::string();
}

// The request was perhaps made, perhaps not, and began no job that can be found: the item says where it
// stands, and the command can be run again.
RecoveredWork look(Service& service, store::Operation& journal, const std::string& kind, const Begun& begun,
                   std::stop_token stop) {
  std::string note = job_operations(kind).empty()
                         ? "perhaps it was done: the command can be run again safely"
                         : "no job was found: run the command again if it is still wanted";
  std::string item = begun.item;
  // What was protectable has become protected under the same name.
  if (const auto part = item.find("/protectableItems/"); part != std::string::npos)
    item.replace(part, std::string("/protectableItems/").size(), "/protectedItems/");
  if (item.find("/protectedItems/") != std::string::npos) {
    const auto body = service.find(item, "read item " + last_segment(item), kBackupVersion, stop);
    const std::string state = body ? text(at(*body, "properties"), "protectionState") : "";
    note = fmt::format("no job was found, and {} is {}; run the command again if that is not what was wanted",
                       last_segment(item),
                       !body           ? "not protected"
                       : state.empty() ? "known to the vault"
                                       : state);
  }
  journal.recovered(note);
  return {true, {note}};
}

}  // namespace

Job make_change(store::Journal& journal, const VaultId& vault, const Change& change,
                const std::function<std::string()>& begin,
                const std::function<Job(const std::string&)>& follow) {
  json known = {{"vault", vault.id()}, {"item", change.target}};
  auto operation = journal.start(kJournalPrefix + change.kind, change.target, known.dump(), "");
  try {
    auto step = operation.begin("request", known.dump());
    Job job;
    job.name = begin();
    job.status = "InProgress";
    known["job"] = job.name;
    if (!change.region.empty()) known["region"] = change.region;
    operation.done(step, known.dump());
    if (follow && !job.name.empty()) {
      step = operation.begin("wait", known.dump());
      job = follow(job.name);
      check_completed(job);
      operation.done(step);
    }
    operation.succeed();
    return job;
  } catch (const core::Error& error) {
    if (error.kind() == core::ErrorKind::interrupted) {
      operation.interrupt(error.what());
    } else {
      operation.fail(error.what());
    }
    throw;
  }
}

bool recovers(const std::string& kind) {
  return kind.starts_with(kJournalPrefix);
}

RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop) {
  const auto found = journal.find(operation.id);  // with its steps
  Begun begun = read_steps(found.value_or(operation));
  store::Operation resumed = journal.resume(operation.id);
  try {
    if (begun.job.empty()) begun.job = find_job(service, operation, begun, stop);
    return begun.job.empty() || begun.vault.empty() ? look(service, resumed, operation.kind, begun, stop)
                                                    : follow(service, resumed, begun, stop);
  } catch (const core::Error& error) {
    resumed.interrupt(error.what());
    if (error.kind() == core::ErrorKind::interrupted) throw;
    return {false, {error.what()}};
  }
}

}  // namespace azlin::vault
