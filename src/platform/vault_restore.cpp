#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "azlin/core/cancel.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/platform/service.hpp"
#include "azlin/platform/vault_backup.hpp"
#include "platform/encoding.hpp"
#include "platform/files.hpp"
#include "platform/vault_files.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

bool is_named(const std::vector<std::string>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& each) { return core::equal_ignoring_case(each, name); });
}

const std::vector<std::string>& names_of(const VaultRestoreOptions& options, ItemKind kind) {
  return kind == ItemKind::certificate ? options.certificates
         : kind == ItemKind::key       ? options.keys
                                       : options.secrets;
}

std::vector<SavedItem> select(const VaultManifest& manifest, const VaultRestoreOptions& options) {
  const bool all = options.certificates.empty() && options.keys.empty() && options.secrets.empty();
  std::vector<SavedItem> out;
  for (const auto& item : manifest.items)
    if (all ? !item.absent : is_named(names_of(options, item.kind), item.name)) out.push_back(item);
  for (const auto kind : kItemKinds) {
    for (const auto& name : names_of(options, kind)) {
      if (std::none_of(out.begin(), out.end(), [&](const auto& item) {
            return item.kind == kind && core::equal_ignoring_case(item.name, name);
          }))
        throw Error(ErrorKind::not_found, fmt::format("the backup has no {} '{}'", to_string(kind), name),
                    "a key or secret of a certificate comes back with its certificate");
    }
  }
  return out;
}

void check_place(const VaultManifest& manifest, const VaultIdentity& target, bool values) {
  if (values) return;
  const char* advice =
      "Key Vault restores its backups only within one subscription and geography. Secrets can go elsewhere "
      "by "
      "their values: back up with --values, and restore with --values";
  if (!core::equal_ignoring_case(manifest.vault.subscription, target.subscription))
    throw Error(ErrorKind::usage,
                fmt::format("the backup is of subscription {}, vault {} is in {}",
                            manifest.vault.subscription, target.name, target.subscription),
                advice);
  const auto from = geography_of(manifest.vault.location), to = geography_of(target.location);
  if (!from.empty() && !to.empty() && from != to)
    throw Error(ErrorKind::usage,
                fmt::format("the backup is from {} ({}), vault {} is in {} ({})", manifest.vault.location,
                            from, target.name, target.location, to),
                advice);
}

std::optional<Sealer> sealer_for(const VaultManifest& manifest, const std::optional<std::string>& password) {
  if (!manifest.recipe) return std::nullopt;
  if (!password)
    throw Error(ErrorKind::usage, "the backup is encrypted",
                "set AZLIN_BACKUP_PASSWORD or give --password-file");
  return Sealer::open_with(*manifest.recipe, *password);
}

// The backup's bytes of one item, proven whole.
std::string content_of(const std::string& folder, const SavedItem& item,
                       const std::optional<Sealer>& sealer) {
  const auto bytes = read_file(folder + "/" + item.file);
  if (hex(sha256(bytes)) != item.sha256)
    throw Error(ErrorKind::failed, fmt::format("{} was changed since the backup", item.file));
  return sealer ? sealer->open(bytes, about(item.kind, item.name)) : bytes;
}

std::vector<SecretValue> saved_values(const std::string& folder, const SavedItem& item,
                                      const Sealer& sealer) {
  return values_of(
      sealer.open(read_file(folder + "/" + values_file_of(item.name)), "values of " + item.name));
}

// The version ids alone: a restore keeps them, but may touch `updated`.
bool same_versions(const std::vector<ItemVersion>& a, const std::vector<ItemVersion>& b) {
  const auto ids = [](const auto& versions) {
    std::set<std::string> out;
    for (const auto& version : versions) out.insert(version.id);
    return out;
  };
  return ids(a) == ids(b);
}

bool same_value(KeyVaultClient& client, const std::string& name, const std::vector<SecretValue>& saved,
                std::stop_token stop) {
  return !saved.empty() && client.secret(name, "", std::move(stop)).value == saved.back().value;
}

// The service's refusal does not say what is wrong with the blob.
void restore_blob(KeyVaultClient& client, ItemKind kind, const std::string& blob, std::stop_token stop) {
  try {
    client.restore(kind, blob, std::move(stop));
  } catch (const arm::ArmError& error) {
    if (error.service_message().find("Cannot decrypt backup blob") == std::string::npos) throw;
    throw arm::ArmError(error.kind(), error.what(),
                        "Key Vault restores a backup only in the subscription and geography that it is from",
                        error.status(), error.code(), error.request_id(), error.service_message());
  }
}

class Restore {
 public:
  Restore(KeyVaultClient& client, const VaultRestoreOptions& options)
      : client_(client),
        options_(options),
        manifest_(read_vault_manifest(options.folder)),
        sealer_(sealer_for(manifest_, options.password)) {
    if (options.values && !sealer_)
      throw Error(ErrorKind::usage, "this backup holds no values",
                  "make one with `keyvault backup --values`");
  }
  const VaultManifest& manifest() const { return manifest_; }

  // What is to be done about an item, given what the vault has.
  std::string action(const SavedItem& item, const std::set<std::string>& live,
                     const std::set<std::string>& deleted, std::stop_token stop) {
    const auto name = core::to_lower(item.name);
    if (options_.values && !item.values) return "cannot";
    if (live.contains(name)) {
      if (options_.values)
        return same_value(client_, item.name, saved_values(options_.folder, item, *sealer_), stop)
                   ? "same"
                   : "restore";
      return same_versions(client_.versions(item.kind, item.name, stop), item.versions) ? "same" : "differs";
    }
    if (!deleted.contains(name)) return "restore";
    return options_.deleted == Deleted::recover ? "recover"
           : options_.deleted == Deleted::purge ? "purge"
                                                : "deleted";
  }

  void run(RestoreStep& step, std::stop_token stop) {
    const auto& item = step.item;
    if (!changes_the_vault(step)) {
      step.ok = step.action == "same";
      step.outcome = reason(step.action);
      return;
    }
    if (step.action == "recover") client_.recover(item.kind, item.name, stop);
    if (step.action == "purge") client_.purge(item.kind, item.name, stop);
    if (options_.values) {
      set_values(step, stop);
    } else {
      if (step.action != "recover") put_back(step, stop);
      check(step, stop);
    }
  }

 private:
  static std::string reason(const std::string& action) {
    if (action == "same") return "same";
    if (action == "differs")
      return "exists with other versions; delete and purge it first if the backup is to win";
    if (action == "deleted")
      return "a soft-deleted item has the name; say --recover-deleted or --purge-deleted";
    return "only secrets have values; keys and certificates need a vault of the same geography";
  }

  // A 409 after a reply that was lost: the item is there by our own first request, which check() proves.
  void put_back(RestoreStep& step, std::stop_token stop) {
    try {
      restore_blob(client_, step.item.kind, content_of(options_.folder, step.item, sealer_), stop);
    } catch (const arm::ArmError& error) {
      if (error.status() == 409 && error.code() == "Conflict") return;
      throw;
    }
  }

  void check(RestoreStep& step, std::stop_token stop) {
    step.ok = same_versions(client_.versions(step.item.kind, step.item.name, stop), step.item.versions);
    step.outcome = step.ok ? "restored" : "its versions are not those of the backup";
  }

  void set_values(RestoreStep& step, std::stop_token stop) {
    const auto values = saved_values(options_.folder, step.item, *sealer_);
    auto versions = client_.versions(step.item.kind, step.item.name, stop).size();
    for (const auto& value : values) set_value(step.item, value, ++versions, stop);
    step.ok = same_value(client_, step.item.name, values, stop);
    step.outcome = step.ok ? "restored" : "its value is not that of the backup";
  }

  // Each PUT makes a version, so it is not sent twice: a reply that was lost is made up for by looking.
  void set_value(const SavedItem& item, const SecretValue& value, std::size_t versions,
                 std::stop_token stop) {
    try {
      client_.set_secret(item.name, value, stop);
    } catch (const http::NetworkError&) {
      if (client_.versions(item.kind, item.name, stop).size() < versions) throw;
    }
  }

  KeyVaultClient& client_;
  const VaultRestoreOptions& options_;
  VaultManifest manifest_;
  std::optional<Sealer> sealer_;
};

std::set<std::string> lower_set(const std::vector<std::string>& names) {
  std::set<std::string> out;
  for (const auto& name : names) out.insert(core::to_lower(name));
  return out;
}

}  // namespace

bool changes_the_vault(const RestoreStep& step) {
  return step.action == "restore" || step.action == "recover" || step.action == "purge";
}

std::vector<RestoreStep> plan_vault_restore(KeyVaultClient& client, const VaultIdentity& target,
                                            const VaultRestoreOptions& options, std::stop_token stop) {
  Restore restore(client, options);
  const auto& manifest = restore.manifest();
  if (!manifest.complete && !options.allow_incomplete)
    throw Error(ErrorKind::usage, fmt::format("the backup in {} was not finished", options.folder),
                "run the backup again, or restore what there is with --allow-incomplete");
  check_place(manifest, target, options.values);
  std::vector<RestoreStep> steps;
  for (auto& item : select(manifest, options)) steps.push_back({.item = std::move(item)});
  for (const auto kind : kItemKinds) {
    if (std::none_of(steps.begin(), steps.end(), [&](const auto& step) { return step.item.kind == kind; }))
      continue;
    std::set<std::string> live;
    for (const auto& item : client.list(kind, stop)) live.insert(core::to_lower(item.name));
    const auto deleted = lower_set(client.deleted(kind, stop));
    const auto outcomes = core::run_parallel(steps.size(), options.parallel, stop, [&](std::size_t i) {
      if (steps[i].item.kind == kind) steps[i].action = restore.action(steps[i].item, live, deleted, stop);
    });
    for (const auto& outcome : outcomes)
      if (outcome) std::rethrow_exception(outcome);
  }
  return steps;
}

void restore_vault(KeyVaultClient& client, const VaultRestoreOptions& options,
                   std::vector<RestoreStep>& steps, const ItemProgress& progress, std::stop_token stop) {
  Restore restore(client, options);
  std::mutex mutex;
  std::size_t done = 0;
  for (const auto kind : kItemKinds) {
    const auto outcomes = core::run_parallel(steps.size(), options.parallel, stop, [&](std::size_t i) {
      if (steps[i].item.kind != kind) return;
      restore.run(steps[i], stop);
      const std::lock_guard lock(mutex);
      ++done;
      if (progress) progress(done, steps.size());
    });
    core::throw_if_stopped(stop, "restoring the vault; run it again and it goes on");
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i]) continue;
      try {
        std::rethrow_exception(outcomes[i]);
      } catch (const Error& error) {
        steps[i].ok = false;
        steps[i].outcome = error.what();
        steps[i].cause = error.kind();
        steps[i].hint = error.hint();
      }
    }
  }
}

void restore_vault_file(KeyVaultClient& client, ItemKind kind, const std::string& path,
                        std::stop_token stop) {
  const auto content = core::read_input_file(path, "backup file");
  if (Sealer::is_sealed(content))
    throw Error(ErrorKind::usage, fmt::format("{} is encrypted and belongs to a backup", path),
                "restore it from its folder with --from and the item's name");
  restore_blob(client, kind, content, std::move(stop));
}

}  // namespace azlin::platform
