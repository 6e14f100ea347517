#include "azlin/vault/recovery.hpp"

#include <fmt/format.h>

#include "azlin/arm/error.hpp"
#include "azlin/vault/jobs.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

namespace {

// A step's data: {"vault": id, "job": name, "item": id}; what a step does not know is missing.
struct Begun {
  std::string vault, job, item, region;
};

Begun read_steps(const store::OperationRecord& operation) {
  Begun begun;
  for (const auto& step : operation.steps) {
    const json data = json::parse(step.data, nullptr, false);
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

// The request was perhaps made, perhaps not: the item says where it stands, and the command can be run again.
RecoveredWork look(Service& service, store::Operation& journal, const Begun& begun, std::stop_token stop) {
  std::string note = "no job was noted; run the command again if it is still wanted";
  if (!begun.item.empty()) {
    const auto body = service.find(begun.item, "read item " + last_segment(begun.item), kBackupVersion, stop);
    const std::string state = body ? text(at(*body, "properties"), "protectionState") : "";
    note = fmt::format("{} is {}; run the command again if that is not what was wanted",
                       last_segment(begun.item),
                       !body           ? "not protected"
                       : state.empty() ? "known to the vault"
                                       : state);
  }
  journal.recovered(note);
  return {true, {note}};
}

}  // namespace

bool recovers(const std::string& kind) {
  return kind.starts_with(kJournalPrefix);
}

RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop) {
  const auto found = journal.find(operation.id);  // with its steps
  const Begun begun = read_steps(found.value_or(operation));
  store::Operation resumed = journal.resume(operation.id);
  try {
    return begun.job.empty() || begun.vault.empty() ? look(service, resumed, begun, stop)
                                                    : follow(service, resumed, begun, stop);
  } catch (const core::Error& error) {
    resumed.interrupt(error.what());
    if (error.kind() == core::ErrorKind::interrupted) throw;
    return {false, {error.what()}};
  }
}

}  // namespace azlin::vault
