// Snapshots: named, unchangeable copies of a store's key-values.
#include <fmt/format.h>

#include "simulator/appconfig.hpp"
#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kMedia = "application/vnd.microsoft.appconfig.snapshot+json; charset=utf-8";
constexpr std::int64_t kLeastPeriod = 3'600, kMostPeriod = 7'776'000, kMostFree = 604'800,
                       kUsualPeriod = 2'592'000;

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

// As of now: ready when its time has come; nullopt when it has expired.
std::optional<Json> find(ConfigCall& call, const std::string& name) {
  auto kept = call.store.snapshot(call.instance(), name);
  if (!kept) return std::nullopt;
  if (const auto expires = number_at(*kept, "/expiresAt", 0); expires != 0 && expires <= millis(call.now()))
    return std::nullopt;
  Json& shown = (*kept)["shown"];
  if (shown["status"] == "provisioning" && number_at(*kept, "/readyAt", 0) <= millis(call.now()))
    shown["status"] = "ready";
  return kept;
}

Json require_snapshot(ConfigCall& call, const std::string& name) {
  auto kept = find(call, name);
  if (!kept) throw_config(404, "not-found", fmt::format("Snapshot '{}' was not found", name), name);
  return std::move(*kept);
}

[[noreturn]] void refuse(const std::string& property, const std::string& why) {
  throw_config(400, "invalid-argument", fmt::format("Invalid property '{}'", property), property, why);
}

// What the filters choose. With composition `key` a later filter's value of a key replaces an earlier one's.
std::vector<Json> choose(ConfigCall& call, const Json& filters, bool one_label) {
  std::map<std::pair<std::string, std::string>, Json> chosen;
  for (const auto& filter : filters) {
    const auto key = config_filter(text_at(filter, "/key"), "filters");
    const auto label = config_filter(text_at(filter, "/label"), "filters");
    for (const auto& revision : call.store.at(call.instance(), call.now()))
      if (key(revision.key) && label(revision.label))
        chosen[{revision.key, one_label ? "" : revision.label}] = revision.body;
  }
  std::vector<Json> items;
  for (auto& [id, item] : chosen) items.push_back(std::move(item));
  return items;
}

Json checked_filters(const Json& body) {
  const Json filters = body.value("filters", Json());
  if (!filters.is_array() || filters.empty() || filters.size() > 3)
    refuse("filters", "One to three filters are needed.");
  for (const auto& filter : filters) {
    if (text_at(filter, "/key").empty()) refuse("filters", "A filter needs a key.");
    if (text_at(filter, "/label").find_first_of("*,") != std::string::npos)
      refuse("filters", "A filter's label has no wildcard.");
  }
  return filters;
}

Reply show(const ConfigCall& call, int status, const Json& kept) {
  Reply reply = Reply::json(status, kept["shown"]);
  reply.content_type = kMedia;
  reply.with("ETag", "\"" + text_at(kept, "/shown/etag") + "\"");
  return reply.with("Link",
                    fmt::format("</kv?snapshot={}&api-version={}>; rel=\"items\"",
                                percent_encode(text_at(kept, "/shown/name")), call.request.api_version));
}

Reply put_snapshot(ConfigCall& call, const std::string& name) {
  const Json& body = call.request.json;
  if (!body.is_object()) refuse("body", "A JSON object is expected.");
  if (find(call, name))
    throw_config(409, "already-exists", fmt::format("The snapshot '{}' already exists", name), name);
  const Json filters = checked_filters(body);
  check_config_tags(body);
  const std::string composition = text_at(body, "/composition_type", "key");
  if (composition != "key" && composition != "key_label")
    refuse("composition_type", "It is key or key_label.");
  const auto most = call.is_free() ? kMostFree : kMostPeriod;
  const auto period = number_at(body, "/retention_period", std::min(kUsualPeriod, most));
  if (period < kLeastPeriod || period > most)
    refuse("retention_period", fmt::format("It is 3600 to {} seconds.", most));
  const auto items = choose(call, filters, composition == "key");
  const auto ready = call.now() + call.context.delay(core::Millis{1'000}, core::Millis{10'000});
  std::size_t size = 0;
  for (const auto& item : items) size += item.dump().size();
  const Json kept = {{"readyAt", millis(ready)},
                     {"items", items},
                     {"shown",
                      {{"etag", base64url_encode(random_bytes(24))},
                       {"name", name},
                       {"status", "provisioning"},
                       {"filters", filters},
                       {"composition_type", composition},
                       {"created", core::to_iso8601(call.now())},
                       {"expires", nullptr},
                       {"retention_period", period},
                       {"size", size},
                       {"items_count", items.size()},
                       {"tags", body.value("tags", Json()).is_object() ? body["tags"] : Json::object()}}}};
  call.store.save_snapshot(call.instance(), name, kept);
  return show(call, 201, kept)
      .with("Operation-Location",
            fmt::format("{}/operations?snapshot={}&api-version={}", call.request.base_url,
                        percent_encode(name), call.request.api_version));
}

// {"status": "archived" | "ready"}: an archived one goes when its retention period is over.
Reply patch_snapshot(ConfigCall& call, const std::string& name) {
  Json kept = require_snapshot(call, name);
  const std::string wanted = call.request.json.is_object() ? text_at(call.request.json, "/status") : "";
  const std::string present = kept["shown"]["status"];
  if (const auto match = call.request.header("if-match");
      match && trim(*match) != "*" && trim(*match) != "\"" + text_at(kept, "/shown/etag") + "\"")
    throw_config(412, "precondition-failed", "Precondition failed");
  if (wanted != "archived" && wanted != "ready") refuse("status", "It is archived or ready.");
  if (present == "provisioning")
    throw_config(409, "invalid-state", "Target resource state invalid", name,
                 "The snapshot is being provisioned.");
  if (wanted != present) {
    const auto end =
        call.now() + std::chrono::seconds(number_at(kept, "/shown/retention_period", kUsualPeriod));
    kept["shown"]["status"] = wanted;
    kept["shown"]["expires"] = wanted == "archived" ? Json(core::to_iso8601(end)) : Json();
    kept["shown"]["etag"] = base64url_encode(random_bytes(24));
    kept["expiresAt"] = wanted == "archived" ? millis(end) : 0;
    call.store.save_snapshot(call.instance(), name, kept);
  }
  return show(call, 200, kept);
}

Reply list_snapshots(ConfigCall& call) {
  const auto name = config_filter(call.request.query_or("name", "*"), "name");
  const std::string status = call.request.query_or("status", "");
  std::vector<Json> items;
  for (const auto& kept : call.store.snapshots(call.instance())) {
    const auto now = find(call, text_at(kept, "/shown/name"));
    if (!now || !name(text_at(*now, "/shown/name"))) continue;
    const auto wanted = split(status, ',');
    if (status.empty() ||
        std::find(wanted.begin(), wanted.end(), text_at(*now, "/shown/status")) != wanted.end())
      items.push_back((*now)["shown"]);
  }
  return config_page(call, items, "snapshotset");
}

}  // namespace

std::vector<Json> snapshot_items(ConfigCall& call, const std::string& name) {
  const Json kept = require_snapshot(call, name);
  if (kept["shown"]["status"] == "provisioning") return {};
  return kept["items"].get<std::vector<Json>>();
}

Reply snapshot_operation(ConfigCall& call) {
  const Json kept = require_snapshot(call, call.request.query_or("snapshot", ""));
  const bool running = kept["shown"]["status"] == "provisioning";
  Reply reply = Reply::json(200, {{"id", text_at(kept, "/shown/name")},
                                  {"status", running ? "Running" : "Succeeded"},
                                  {"error", nullptr}});
  if (running) reply.with("Retry-After", call.context.retry_after());
  return reply;
}

Reply serve_snapshots(ConfigCall& call) {
  const auto& path = call.request.segments;
  const std::string& method = call.request.method;
  if (path.size() == 1 && method == "GET") return list_snapshots(call);
  if (path.size() >= 2) {
    const std::string name = name_in_path(call.request);
    if (method == "GET" || method == "HEAD") return show(call, 200, require_snapshot(call, name));
    if (method == "PUT") return put_snapshot(call, name);
    if (method == "PATCH") return patch_snapshot(call, name);
  }
  throw_config(404, "not-found", fmt::format("There is no {} {}", method, call.request.path));
}

}  // namespace azlin::simulator
