#pragma once
// App Configuration in the simulated cloud: stores (ARM) and their data plane of key-values, locks,
// revisions and snapshots. Rules: docs/simulator-platform.md. Used under Context::mutex.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kConfigType = "Microsoft.AppConfiguration/configurationStores";
inline constexpr std::size_t kConfigPage = 100;
inline constexpr const char* kNoLabel = "";  // a label that is not there; an empty one is the same

// One state of a key-value. `body` is null for a deletion.
struct ConfigRevision {
  std::int64_t number = 0;
  std::string key, label;
  core::TimePoint at{};
  Json body;  // as a reply shows it
};

// All that happened to the key-values of stores; a store is known by its instance.
class ConfigStore {
 public:
  explicit ConfigStore(Context& context);
  // The present state; nullopt when the key-value is not there.
  std::optional<ConfigRevision> find(const std::string& store, const std::string& key,
                                     const std::string& label);
  // Appends a state; a null body deletes. Returns its number.
  std::int64_t append(const std::string& store, const std::string& key, const std::string& label,
                      const Json& body);
  // What the store held at a time, ordered by key and label.
  std::vector<ConfigRevision> at(const std::string& store, core::TimePoint time);
  // Every state that a key-value had up to `time`, newest first, without deletions.
  std::vector<ConfigRevision> revisions(const std::string& store, core::TimePoint time);
  // Forgets what was superseded before `limit`.
  void prune(const std::string& store, core::TimePoint limit);
  std::int64_t last_number(const std::string& store);

  std::optional<Json> snapshot(const std::string& store, const std::string& name);
  void save_snapshot(const std::string& store, const std::string& name, const Json& snapshot);
  void erase_snapshot(const std::string& store, const std::string& name);
  std::vector<Json> snapshots(const std::string& store);

  void erase_store(const std::string& store);
  void clear();

 private:
  Context& context_;
};

// One request to a store's data plane.
struct ConfigCall {
  Context& context;
  ConfigStore& store;
  Resource& resource;
  Request& request;

  core::TimePoint now() const { return context.now(); }
  std::string instance() const { return resource.hidden["instance"]; }
  bool is_free() const;
  core::Millis retention() const;  // of revisions
};

// {"type","title","name"?,"detail"?,"status"} as application/problem+json. ApiError: code is the last part of
// the type, message the title, target the name, details the detail.
[[noreturn]] void throw_config(int status, const std::string& type, const std::string& title,
                               const std::string& name = {}, const std::string& detail = {});

// ---- who calls ----
// The string that an HMAC request signs, and its signature in base64. `secret` is decoded.
std::string config_signature(const std::string& method, const std::string& path_and_query,
                             const std::string& date, const std::string& host,
                             const std::string& content_hash, const std::string& secret);
// The dates that the service takes in x-ms-date and Accept-Datetime: RFC 1123, ISO 8601, and the Python
// SDK's.
std::optional<core::TimePoint> config_date(const std::string& text);
// Throws ApiError 401 with WWW-Authenticate, or 403.
void authorize_config(const ConfigCall& call);

// ---- filters ----
using ConfigFilter = std::function<bool(const std::string&)>;
// "a,b*": up to five, '\' escapes. Throws 400 invalid-argument naming `parameter`.
ConfigFilter config_filter(const std::string& text, const std::string& parameter);
// key, label and tags of the request.
std::function<bool(const ConfigRevision&)> request_filter(const Request& request);

// ---- shared handlers ----
// `tags` of a body: absent, null, or an object of texts. Throws 400 invalid-argument.
void check_config_tags(const Json& body);
// A page of items with "@nextLink" and Link. `kind` is the media type's part: kvset, keyset, labelset,
// snapshotset.
Reply config_page(const ConfigCall& call, const std::vector<Json>& items, const std::string& kind);
Json select_fields(const Request& request, const Json& item);
// All that follows /kv/, /locks/ or /snapshots/: the SDKs leave the slashes of a name as they are, others
// write %2F.
std::string name_in_path(const Request& request);
Reply serve_snapshots(ConfigCall& call);
Reply snapshot_operation(ConfigCall& call);
// The key-values that a snapshot holds; none until it is ready. Throws 404.
std::vector<Json> snapshot_items(ConfigCall& call, const std::string& name);
Reply serve_config(Context& context, ConfigStore& store, Resource& resource, Request& request);
// A key-value of its own, for a write or a seed.
Json make_key_value(const std::string& key, const std::string& label, const Json& wanted,
                    core::TimePoint now);

// Key-values in ARM, for templates.
void register_config_key_values(Router& router, Context& context);

// ---- for seeds ----
struct SeedConfigStore {
  std::string name, group = "Production", location = "eastus", sku = "standard";
  int retention_days = 7;
  bool purge_protection = false;
  std::vector<Json> items;  // {key, label?, value, content_type?, tags?, locked?}
  Json tags;
};
void seed_config_store(Context& context, const SeedConfigStore& store);

}  // namespace azlin::simulator
