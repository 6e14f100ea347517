#pragma once
// What vaults hold: secrets, keys and certificates with their versions, live and soft-deleted. Tables of the
// state's database; a vault is known by its instance, so that a new one of the same name begins empty.
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

struct Context;

enum class ItemState { live, deleting, deleted, recovering, purging };

struct VaultObject {
  std::string vault, kind, name;  // kind: secrets, keys, certificates; name as created
  ItemState state = ItemState::live;
  core::TimePoint ready{};                // when deleting, recovering or purging is done
  core::TimePoint deleted{}, purge_at{};  // of a deleted one
  bool managed = false;                   // the key or secret of a certificate
  Json notes;                             // a certificate's policy
  std::string key() const;                // of the name, for comparing
};

struct VaultVersion {
  std::string version;
  Json body;  // attributes, tags, contentType and what the kind has
};

class KeyVaultStore {
 public:
  explicit KeyVaultStore(Context& context);

  // As of now: what has become deleted or live by the clock is so, what is purged is gone.
  std::optional<VaultObject> find(const std::string& vault, const std::string& kind, const std::string& name);
  void save(const VaultObject& item);
  void erase(const VaultObject& item);
  // Those after `after` (a key) whose state is `state`, in order of the key.
  std::vector<VaultObject> page(const std::string& vault, const std::string& kind, ItemState state,
                                const std::string& after, std::size_t limit);

  void append(const VaultObject& item, const VaultVersion& version);  // becomes the current one
  void replace(const VaultObject& item, const VaultVersion& version);
  // The current version for an empty text.
  std::optional<VaultVersion> version(const VaultObject& item, const std::string& version);
  // Oldest first, after number `after`; the numbers count from 1.
  std::vector<std::pair<std::int64_t, VaultVersion>> versions(const VaultObject& item, std::int64_t after,
                                                              std::size_t limit);
  std::int64_t count_versions(const VaultObject& item);

  void erase_vault(const std::string& vault);
  void clear();

 private:
  void settle();
  Context& context_;
};

}  // namespace azlin::simulator
