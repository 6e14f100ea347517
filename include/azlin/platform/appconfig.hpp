#pragma once
// App Configuration's data plane (REST 1.0), and comparing and changing what a store holds.
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/platform/data_plane.hpp"

namespace azlin::platform {

struct KeyValue {
  std::string key, label;  // "" is no label
  std::string value, content_type;
  std::map<std::string, std::string> tags;
  bool locked = false;
  std::string etag;  // of the store it was read from
  core::TimePoint last_modified{};

  bool is_feature_flag() const;
  bool is_vault_reference() const;
};

// Which items: key and label as the service filters them ("app/*", "prod", "*").
struct KeyFilter {
  std::string key = "*";
  std::string label = "*";            // "" : only those without a label
  std::optional<core::TimePoint> at;  // the store as it was then (within its history)
};

// Thread-safe. Borrows the data plane. Throws arm::ArmError; values are in no message.
class AppConfigClient {
 public:
  explicit AppConfigClient(DataPlane& data) : data_(data) {}

  // Sorted by key, then label.
  std::vector<KeyValue> list(const KeyFilter& filter, std::stop_token stop = {});
  // One item, exactly; nullopt: there is none.
  std::optional<KeyValue> find(const std::string& key, const std::string& label, std::stop_token stop = {});
  // Writes only when the item is as it was read: `item.etag`, or no such item when it is empty. 412: it is
  // not.
  void put(const KeyValue& item, std::stop_token stop = {});
  void remove(const KeyValue& item, std::stop_token stop = {});
  void set_lock(const KeyValue& item, bool locked, std::stop_token stop = {});

  DataPlane& data() { return data_; }

 private:
  http::Response send(DataCall call, std::stop_token stop);
  DataPlane& data_;
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, long long>> sync_tokens_;  // id -> value, sequence number
};

// ---- files: the profile `appconfig/kvset` of `az appconfig kv export|import` ----
// With locks and times added, which az does not read. Sorted; two spaces of indent.
std::string to_kvset(std::vector<KeyValue> items);
// Throws core::Error (usage) naming what is wrong: no JSON, no `items`, an item without a key, a field that
// is no text.
std::vector<KeyValue> parse_kvset(const std::string& content);

// ---- comparing ----
struct KeyChange {
  enum class What { add, change, remove, lock, unlock };
  What what = What::add;
  KeyValue before, after;           // `before` of the store that would be changed
  std::vector<std::string> fields;  // of `change`: "value", "content_type", "tags"
};
const char* to_string(KeyChange::What what);
// What turns `current` into `wanted`, by key and label. `strict`: also what is only in `current` is removed.
// `locks`: lock states count.
std::vector<KeyChange> compare(const std::vector<KeyValue>& current, const std::vector<KeyValue>& wanted,
                               bool strict, bool locks);

struct KeyFailure {
  std::string key, label, error;
};
// Makes the changes, each only if the item is still as it was read. A locked item is changed only with
// `unlock` (unlock, write, lock again as wanted).
std::vector<KeyFailure> apply_changes(AppConfigClient& client, const std::vector<KeyChange>& changes,
                                      bool unlock, int parallel,
                                      const std::function<void(std::size_t, std::size_t)>& progress = {},
                                      std::stop_token stop = {});

// Key Vault references that point at vault `from` are made to point at `to` (names, or host names); returns
// how many.
std::size_t rewrite_references(std::vector<KeyValue>& items, const std::string& from, const std::string& to);

}  // namespace azlin::platform
