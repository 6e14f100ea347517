#include "azlin/platform/vault_backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "azlin/core/cancel.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "platform/encoding.hpp"
#include "platform/files.hpp"
#include "platform/vault_files.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

// Two backups into one folder would mix their lines. Released with the process, also when it is killed.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : fd_(open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw Error(ErrorKind::failed, fmt::format("cannot write into {}", folder));
    if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
    close(fd_);
    throw Error(ErrorKind::busy, fmt::format("another azlin writes a backup into {}", folder));
  }
  ~FolderLock() { close(fd_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

const std::vector<std::string>& named(const VaultBackupOptions& options, ItemKind kind) {
  return kind == ItemKind::certificate ? options.certificates
         : kind == ItemKind::key       ? options.keys
                                       : options.secrets;
}

bool everything(const VaultBackupOptions& options) {
  return options.certificates.empty() && options.keys.empty() && options.secrets.empty();
}

class Run {
 public:
  Run(KeyVaultClient& client, const VaultIdentity& vault, core::Clock& clock,
      const VaultBackupOptions& options)
      : client_(client), clock_(clock), options_(options) {
    if (!file_exists(options.folder + "/manifest.json"))
      check_new_folder(options.folder, {".lock", "items", "manifest.json.part"}, "key vault backup");
    make_folder(options.folder + "/items");
    lock_.emplace(options.folder);
    open_folder(vault);
  }

  VaultBackupResult all(const ItemProgress& progress, std::stop_token stop) {
    const auto wanted = list_wanted(stop);
    if (!result_.manifest.complete) write_header(options_.folder, result_.manifest);
    std::size_t done = 0;
    const auto outcomes = core::run_parallel(wanted.size(), options_.parallel, stop, [&](std::size_t i) {
      save(wanted[i], stop);
      const std::lock_guard lock(mutex_);
      ++done;
      if (progress) progress(done, wanted.size());
    });
    core::throw_if_stopped(stop, "backing up the vault; run it again and it goes on");
    for (std::size_t i = 0; i < outcomes.size(); ++i) note_failure(wanted[i], outcomes[i]);
    finish(wanted);
    return std::move(result_);
  }

 private:
  // Begins a backup, or goes on with the one that is there.
  void open_folder(const VaultIdentity& vault) {
    auto& manifest = result_.manifest;
    if (file_exists(options_.folder + "/manifest.json")) {
      manifest = read_vault_manifest_tolerantly();
      if (!core::equal_ignoring_case(manifest.vault.id, vault.id))
        throw Error(ErrorKind::usage,
                    fmt::format("{} holds the backup of vault {}", options_.folder, manifest.vault.name),
                    "give each vault a folder of its own");
      if (manifest.recipe.has_value() != options_.password.has_value())
        throw Error(ErrorKind::usage,
                    manifest.recipe ? "the backup there is encrypted: give its password"
                                    : "the backup there is not encrypted by azlin",
                    "use the same choice, or another folder");
      if (manifest.recipe) sealer_.emplace(Sealer::open_with(*manifest.recipe, *options_.password));
    } else if (options_.password) {
      sealer_.emplace(Sealer::create(*options_.password));
      manifest.recipe = sealer_->recipe();
    }
    if (options_.values && !sealer_)
      throw Error(ErrorKind::usage, "secret values are kept only encrypted: a password is needed",
                  "set AZLIN_BACKUP_PASSWORD or give --password-file");
    manifest.vault = vault;
    if (!manifest.complete) manifest.partial = !everything(options_);
    manifest.started_at = clock_.now();
    items_ = read_items(options_.folder);
  }

  VaultManifest read_vault_manifest_tolerantly() const {
    try {
      return read_vault_manifest(options_.folder);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      throw Error(ErrorKind::failed, error.what(), "move the folder away and begin a new backup");
    }
  }

  std::vector<VaultItem> list_wanted(std::stop_token stop) {
    std::vector<VaultItem> wanted;
    std::vector<std::string> through_certificate;
    const bool all = everything(options_);
    const ItemKind order[] = {ItemKind::secret, ItemKind::key, ItemKind::certificate};
    for (const auto kind : order) {
      if (!all && named(options_, kind).empty() &&
          !(kind == ItemKind::certificate && !through_certificate.empty()))
        continue;
      const auto listed = client_.list(kind, stop);
      if (all) mark_absent(kind, listed);
      auto names = named(options_, kind);
      if (kind == ItemKind::certificate)
        names.insert(names.end(), through_certificate.begin(), through_certificate.end());
      if (!all) check_named(kind, names, listed);
      for (const auto& item : listed) {
        if (!all && std::none_of(names.begin(), names.end(), [&](const auto& name) {
              return core::equal_ignoring_case(name, item.name);
            }))
          continue;
        if (item.managed) {
          ++result_.managed;
          if (!all) through_certificate.push_back(item.name);
        } else {
          wanted.push_back(item);
        }
      }
    }
    return wanted;
  }

  void check_named(ItemKind kind, const std::vector<std::string>& names,
                   const std::vector<VaultItem>& listed) {
    for (const auto& name : names) {
      if (std::none_of(listed.begin(), listed.end(),
                       [&](const auto& item) { return core::equal_ignoring_case(item.name, name); }))
        throw Error(ErrorKind::not_found,
                    fmt::format("{} has no {} '{}'", client_.data().what(), to_string(kind), name));
    }
  }

  void mark_absent(ItemKind kind, const std::vector<VaultItem>& listed) {
    std::vector<std::string> names;
    for (const auto& item : listed) names.push_back(core::to_lower(item.name));
    std::sort(names.begin(), names.end());
    for (auto& [key, item] : items_) {
      if (key.first != kind) continue;
      item.absent = !std::binary_search(names.begin(), names.end(), key.second);
      result_.absent += item.absent ? 1 : 0;
    }
  }

  bool is_current(const SavedItem& saved, const std::vector<ItemVersion>& versions) const {
    const std::string path = options_.folder + "/" + saved.file;
    return saved.versions == versions &&
           (!options_.values || saved.values || saved.kind != ItemKind::secret) && file_exists(path) &&
           hex(sha256(read_file(path))) == saved.sha256;
  }

  void save(const VaultItem& item, std::stop_token stop) {
    const auto key = std::pair(item.kind, core::to_lower(item.name));
    SavedItem saved;
    saved.kind = item.kind;
    saved.name = item.name;
    saved.versions = client_.versions(item.kind, item.name, stop);
    std::optional<SavedItem> before;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = items_.find(key); found != items_.end()) before = found->second;
    }
    if (before && is_current(*before, saved.versions)) {
      const std::lock_guard lock(mutex_);
      items_[key].absent = false;
      ++result_.unchanged;
      return;
    }
    // First the call that a disabled item refuses: what the folder has of it stays as it is.
    std::string content = client_.backup(item.kind, item.name, stop);
    if (options_.values && item.kind == ItemKind::secret) save_values(saved, before, stop);
    if (sealer_) content = sealer_->seal(content, about(item.kind, item.name));
    saved.file = file_of(item.kind, item.name, sealer_.has_value());
    saved.sha256 = hex(sha256(content));
    write_file_whole(options_.folder + "/" + saved.file, content);
    const std::lock_guard lock(mutex_);
    append_line(options_.folder + "/items.jsonl", to_json(saved).dump());
    items_[key] = std::move(saved);
    ++result_.saved;
  }

  // Versions of one second have no order that their times would tell; which is the current one, the vault
  // says.
  void put_current_last(const SavedItem& saved, std::vector<SecretValue>& values, std::stop_token stop) {
    const auto& versions = saved.versions;
    if (versions.size() < 2 || versions[versions.size() - 2].created != versions.back().created) return;
    const auto current = client_.secret(saved.name, "", stop).version;
    std::stable_partition(values.begin(), values.end(),
                          [&](const auto& value) { return value.version != current; });
  }

  // What the folder has by now; none where its file is missing or damaged.
  std::vector<SecretValue> values_before(const std::optional<SavedItem>& before) const {
    if (!before || !before->values) return {};
    try {
      const auto sealed = read_file(options_.folder + "/" + values_file_of(before->name));
      return values_of(sealer_->open(sealed, "values of " + before->name));
    } catch (const Error&) {
      return {};
    }
  }

  // A disabled version cannot be read: its value is the one that an earlier run kept, if there was one. The
  // service's backup has it all the same.
  void save_values(SavedItem& saved, const std::optional<SavedItem>& before, std::stop_token stop) {
    std::vector<SecretValue> values;
    const auto kept = values_before(before);
    for (const auto& version : saved.versions) {
      if (version.enabled) {
        values.push_back(client_.secret(saved.name, version.id, stop));
        continue;
      }
      const auto known = std::find_if(kept.begin(), kept.end(),
                                      [&](const auto& value) { return value.version == version.id; });
      if (known == kept.end()) continue;
      values.push_back(*known);
      values.back().enabled = false;
    }
    put_current_last(saved, values, stop);
    const auto sealed = sealer_->seal(values_to_text(values), "values of " + saved.name);
    write_file_whole(options_.folder + "/" + values_file_of(saved.name), sealed);
    saved.values = true;
  }

  void note_failure(const VaultItem& item, const std::exception_ptr& outcome) {
    if (!outcome) return;
    try {
      std::rethrow_exception(outcome);
    } catch (const arm::ArmError& refused) {
      const bool disabled = refused.status() == 403 && refused.code().ends_with("Disabled");
      if (!disabled) {
        result_.failures.push_back({item.kind, item.name, refused.what(), refused.kind(), refused.hint()});
        return;
      }
      const bool kept = items_.contains({item.kind, core::to_lower(item.name)});
      result_.skipped.push_back({item.kind,
                                 item.name,
                                 std::string("it is disabled, and Key Vault backs up no disabled item") +
                                     (kept ? "; the backup keeps what it had of it before" : ""),
                                 ErrorKind::findings,
                                 {}});
    } catch (const Error& error) {
      result_.failures.push_back({item.kind, item.name, error.what(), error.kind(), error.hint()});
    }
  }

  // A run of named items says nothing of the others.
  void update_skipped(const std::vector<VaultItem>& wanted) {
    auto& skipped = result_.manifest.skipped;
    std::erase_if(skipped, [&](const ItemFailure& before) {
      return everything(options_) || std::any_of(wanted.begin(), wanted.end(), [&](const VaultItem& item) {
               return item.kind == before.kind && core::equal_ignoring_case(item.name, before.name);
             });
    });
    skipped.insert(skipped.end(), result_.skipped.begin(), result_.skipped.end());
  }

  void finish(const std::vector<VaultItem>& wanted) {
    auto& manifest = result_.manifest;
    update_skipped(wanted);
    write_items(options_.folder, items_);
    manifest.items.clear();
    for (const auto& [key, item] : items_) manifest.items.push_back(item);
    if (everything(options_)) manifest.partial = false;
    if (result_.failures.empty() && (everything(options_) || manifest.partial)) {
      manifest.complete = true;
      manifest.finished_at = clock_.now();
    }
    write_header(options_.folder, manifest);
    result_.throttled = client_.data().throttled();
  }

  KeyVaultClient& client_;
  core::Clock& clock_;
  const VaultBackupOptions& options_;
  std::optional<FolderLock> lock_;
  std::optional<Sealer> sealer_;
  std::mutex mutex_;  // of items_, result_ and items.jsonl
  ItemMap items_;
  VaultBackupResult result_;
};

}  // namespace

VaultBackupResult back_up_vault(KeyVaultClient& client, const VaultIdentity& vault, core::Clock& clock,
                                const VaultBackupOptions& options, const ItemProgress& progress,
                                std::stop_token stop) {
  Run run(client, vault, clock, options);
  return run.all(progress, std::move(stop));
}

void back_up_vault_file(KeyVaultClient& client, ItemKind kind, const std::string& name,
                        const std::string& path, std::stop_token stop) {
  if (file_exists(path)) throw Error(ErrorKind::usage, fmt::format("{} exists already", path));
  write_file_whole(path, client.backup(kind, name, std::move(stop)));
}

}  // namespace azlin::platform
