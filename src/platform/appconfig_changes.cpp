// Comparing stores and files, and making one like the other.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "azlin/core/cancel.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/platform/appconfig.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

using Index = std::map<std::pair<std::string, std::string>, const KeyValue*>;

Index index_of(const std::vector<KeyValue>& items) {
  Index out;
  for (const auto& item : items) out[{item.key, item.label}] = &item;
  return out;
}

// A member that must be text or null.
std::string text_member(const json& item, const char* key, std::size_t place) {
  const auto& value = at(item, key);
  if (value.is_null()) return "";
  if (!value.is_string())
    throw Error(ErrorKind::usage, fmt::format("item {}: `{}` is no text", place, key),
                "a file of the profile appconfig/kvset holds texts only");
  return value.get<std::string>();
}

constexpr const char* kChangedMeanwhile = "it was changed meanwhile; run it again";

bool same_content(const KeyValue& a, const KeyValue& b) {
  return a.value == b.value && a.content_type == b.content_type && a.tags == b.tags;
}

// Is it as it should be? No also when the store does not say.
bool is_made(AppConfigClient& client, const KeyValue& target, bool gone, std::stop_token stop) {
  try {
    const auto now = client.find(target.key, target.label, std::move(stop));
    return gone ? !now.has_value() : now && same_content(*now, target);
  } catch (const Error&) {
    return false;
  }
}

// Writes or removes the item that has this etag. A request whose reply was lost is sent again and meets its
// own work: the store is read before it is called a failure.
void write(AppConfigClient& client, const KeyChange& change, const std::string& etag, std::stop_token stop) {
  const bool removes = change.what == KeyChange::What::remove;
  KeyValue target = removes ? change.before : change.after;
  target.etag = etag;
  try {
    removes ? client.remove(target, stop) : client.put(target, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted || !is_made(client, target, removes, stop)) throw;
  }
  if (!removes && target.locked) client.set_lock(target, true, stop);
}

// No also when the store does not say.
bool is_locked(AppConfigClient& client, const KeyValue& item) {
  try {
    const auto now = client.find(item.key, item.label);
    return now && now->locked;
  } catch (const Error&) {
    return false;
  }
}

std::string reason(const Error& error) {
  const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
  return refused != nullptr && refused->status() == 412 ? kChangedMeanwhile : error.what();
}

// Unlocking gives it a new etag: what is there then is what we read a moment ago, or somebody was faster.
void unlock_and_write(AppConfigClient& client, const KeyChange& change, std::stop_token stop) {
  try {
    client.set_lock(change.before, false, stop);
    const auto now = client.find(change.before.key, change.before.label, stop);
    if (!now || !same_content(*now, change.before)) throw Error(ErrorKind::failed, kChangedMeanwhile);
    write(client, change, now->etag, stop);
  } catch (const Error& error) {
    try {
      client.set_lock(change.before, true);  // also when interrupted: it was locked
    } catch (const Error&) {
      if (!is_locked(client, change.before))
        throw Error(error.kind(), reason(error) + "; and it could not be locked again");
    }
    throw;
  }
}

std::string one_change(AppConfigClient& client, const KeyChange& change, bool unlock, std::stop_token stop) {
  using What = KeyChange::What;
  if (change.what == What::lock || change.what == What::unlock) {
    client.set_lock(change.after, change.what == What::lock, stop);
  } else if (!change.before.locked) {
    write(client, change, change.before.etag, stop);
  } else if (unlock) {
    unlock_and_write(client, change, stop);
  } else {
    return "it is locked; say --unlock to change it and lock it again";
  }
  return "";
}

}  // namespace

const char* to_string(KeyChange::What what) {
  switch (what) {
    case KeyChange::What::add:
      return "add";
    case KeyChange::What::change:
      return "change";
    case KeyChange::What::remove:
      return "remove";
    case KeyChange::What::lock:
      return "lock";
    case KeyChange::What::unlock:
      break;
  }
  return "unlock";
}

std::string to_kvset(std::vector<KeyValue> items) {
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
    return std::pair(a.key, a.label) < std::pair(b.key, b.label);
  });
  nlohmann::ordered_json out = {{"items", nlohmann::ordered_json::array()}};
  const auto or_null = [](const std::string& value) { return value.empty() ? json(nullptr) : json(value); };
  for (const auto& item : items) {
    out["items"].push_back({{"key", item.key},
                            {"value", item.value},
                            {"label", or_null(item.label)},
                            {"content_type", or_null(item.content_type)},
                            {"tags", item.tags},
                            {"locked", item.locked},
                            {"last_modified", core::to_iso8601(item.last_modified)}});
  }
  return out.dump(2, ' ', false, json::error_handler_t::strict) + "\n";
}

std::vector<KeyValue> parse_kvset(const std::string& content) {
  const json body = parse_or_null(content);
  if (!at(body, "items").is_array())
    throw Error(ErrorKind::usage, "the file is not of the profile appconfig/kvset: it has no list `items`",
                "export with azlin, or with `az appconfig kv export --profile appconfig/kvset`");
  std::vector<KeyValue> out;
  std::size_t place = 0;
  for (const auto& item : at(body, "items")) {
    ++place;
    KeyValue one;
    one.key = text_member(item, "key", place);
    one.label = text_member(item, "label", place);
    one.value = text_member(item, "value", place);
    one.content_type = text_member(item, "content_type", place);
    one.locked = flag(item, "locked");
    for (const auto& [name, tag] : at(item, "tags").items()) {
      if (!tag.is_string())
        throw Error(ErrorKind::usage, fmt::format("item {}: tag {} is no text", place, name));
      one.tags[name] = tag.get<std::string>();
    }
    if (one.key.empty() || one.key == "." || one.key == ".." || one.key.find('%') != std::string::npos)
      throw Error(ErrorKind::usage, fmt::format("item {}: '{}' cannot be a key", place, one.key));
    out.push_back(std::move(one));
  }
  const auto index = index_of(out);
  if (index.size() != out.size())
    throw Error(ErrorKind::usage, "the file has two items of the same key and label");
  return out;
}

std::vector<KeyChange> compare(const std::vector<KeyValue>& current, const std::vector<KeyValue>& wanted,
                               bool strict, bool locks) {
  using What = KeyChange::What;
  std::vector<KeyChange> out;
  const auto have = index_of(current), want = index_of(wanted);
  for (const auto& [id, item] : want) {
    const auto found = have.find(id);
    if (found == have.end()) {
      out.push_back({What::add, {}, *item, {}});
      out.back().before.key = item->key;
      out.back().before.label = item->label;
      if (!locks) out.back().after.locked = false;
      continue;
    }
    const auto& before = *found->second;
    KeyChange change{What::change, before, *item, {}};
    if (before.value != item->value) change.fields.emplace_back("value");
    if (before.content_type != item->content_type) change.fields.emplace_back("content_type");
    if (before.tags != item->tags) change.fields.emplace_back("tags");
    if (!locks) change.after.locked = before.locked;
    if (change.fields.empty() && before.locked == change.after.locked) continue;
    if (change.fields.empty()) change.what = change.after.locked ? What::lock : What::unlock;
    out.push_back(std::move(change));
  }
  if (!strict) return out;
  for (const auto& [id, item] : have)
    if (!want.contains(id)) out.push_back({What::remove, *item, *item, {}});
  return out;
}

std::vector<KeyFailure> apply_changes(AppConfigClient& client, const std::vector<KeyChange>& changes,
                                      bool unlock, int parallel,
                                      const std::function<void(std::size_t, std::size_t)>& progress,
                                      std::stop_token stop) {
  std::vector<KeyFailure> failures;
  std::mutex mutex;
  std::size_t done = 0;
  core::run_parallel(changes.size(), parallel, stop, [&](std::size_t i) {
    const auto& change = changes[i];
    std::string error;
    try {
      error = one_change(client, change, unlock, stop);
    } catch (const Error& failed) {
      if (failed.kind() == ErrorKind::interrupted) throw;
      error = reason(failed);
    }
    const std::lock_guard lock(mutex);
    ++done;
    if (!error.empty()) failures.push_back({change.before.key, change.before.label, error});
    if (progress) progress(done, changes.size());
  });
  core::throw_if_stopped(stop, "changing the store; run it again and it goes on");
  std::sort(failures.begin(), failures.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return failures;
}

std::size_t rewrite_references(std::vector<KeyValue>& items, const std::string& from, const std::string& to) {
  std::size_t count = 0;
  const auto is_host = [](const std::string& name) { return name.find('.') != std::string::npos; };
  for (auto& item : items) {
    if (!item.is_vault_reference()) continue;
    json value = parse_or_null(item.value);
    const auto uri = text(value, "uri");
    const auto begin = uri.find("://");
    if (begin == std::string::npos) continue;
    const auto end = std::min(uri.find('/', begin + 3), uri.size());
    const auto host = uri.substr(begin + 3, end - begin - 3);
    const auto dot = host.find('.');
    if (host != from && host.substr(0, dot) != from) continue;
    const auto domain = dot == std::string::npos ? "" : host.substr(dot);
    value["uri"] = uri.substr(0, begin + 3) + (is_host(to) ? to : to + domain) + uri.substr(end);
    item.value = value.dump();
    ++count;
  }
  return count;
}

}  // namespace azlin::platform
