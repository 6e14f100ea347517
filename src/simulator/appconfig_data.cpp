// The data plane: key-values, locks, keys, labels, revisions.
#include <fmt/format.h>

#include <set>

#include "simulator/appconfig.hpp"
#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

void check_config_tags(const Json& body) {
  const Json tags = body.value("tags", Json());
  bool good = tags.is_null() || tags.is_object();
  if (tags.is_object())
    for (const auto& tag : tags) good = good && (tag.is_string() || tag.is_null());
  if (!good)
    throw_config(400, "invalid-argument", "Invalid property 'tags'", "tags",
                 "An object of texts is expected.");
}
namespace {

constexpr const char* kMedia = "application/vnd.microsoft.appconfig.";
constexpr std::size_t kMaxItem = 10'240;

const std::vector<std::string> kVersions = {"1.0",        "2022-11-01-preview", "2023-10-01", "2023-11-01",
                                            "2024-09-01", "2025-06-01-preview", "2026-04-01"};

std::string http_time(core::TimePoint time) {
  const auto clock =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(time.time_since_epoch()));
  std::tm parts{};
  gmtime_r(&clock, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text.data();
}

// Accept-Datetime asks for the store as it was.
core::TimePoint wanted_time(ConfigCall& call) {
  const auto header = call.request.header("accept-datetime");
  call.store.prune(call.instance(), call.now() - call.retention());
  if (!header) return call.now();
  // A date in whole seconds means the end of that second.
  if (const auto time = config_date(*header)) return *time + core::Millis{999};
  throw_config(400, "invalid-argument", "Invalid header 'Accept-Datetime'", "Accept-Datetime",
               "It is no date.");
}

std::string label_of(const Request& request) {
  const std::string label = request.query_or("label", "");
  if (label == std::string(1, '\0')) return kNoLabel;
  if (label.find_first_of("*,") != std::string::npos)
    throw_config(400, "invalid-argument", "Invalid request parameter 'label'", "label",
                 "label(0): Invalid character");
  return label;
}

Reply item_reply(const ConfigCall& call, const Json& item) {
  Reply reply = Reply::json(200, select_fields(call.request, item));
  reply.content_type = std::string(kMedia) + "kv+json; charset=utf-8";
  reply.with("ETag", "\"" + item["etag"].get<std::string>() + "\"");
  if (const auto time = core::parse_time(item["last_modified"].get<std::string>()))
    reply.with("Last-Modified", http_time(*time));
  return reply;
}

// Whether one of the quoted ETags (or *) of a header is the item's; `item` is null when there is none.
bool etag_matches(const std::string& header, const Json& item) {
  if (item.is_null()) return false;
  if (trim(header) == "*") return true;
  for (const auto& part : split(header, ',')) {
    std::string tag = trim(part);
    if (tag.starts_with("W/")) tag = tag.substr(2);
    if (tag == "\"" + item["etag"].get<std::string>() + "\"") return true;
  }
  return false;
}

void check_conditions(const Request& request, const Json& item) {
  const auto match = request.header("if-match"), none = request.header("if-none-match");
  if ((match && !etag_matches(*match, item)) || (none && etag_matches(*none, item)))
    throw_config(412, "precondition-failed", "Precondition failed");
}

Json current(ConfigCall& call, const std::string& key, const std::string& label) {
  const auto found = call.store.find(call.instance(), key, label);
  return found ? found->body : Json();
}

void check_key(const std::string& key) {
  if (key.empty() || key == "." || key == ".." || key.find('%') != std::string::npos)
    throw_config(400, "invalid-argument", "Invalid request parameter 'key'", "key",
                 "A key is not '.', '..' or empty and has no '%'.");
}

void check_unlocked(const Json& item) {
  if (item.is_null() || item["locked"] != true) return;
  const std::string key = item["key"];
  throw_config(409, "key-locked", fmt::format("Modifing key '{}' is not allowed", key), key,
               "The key is read-only. To allow modification unlock it first.");
}

Reply get_key(ConfigCall& call, const std::string& key) {
  const std::string label = label_of(call.request);
  Json item;
  if (call.request.header("accept-datetime")) {
    for (const auto& revision : call.store.at(call.instance(), wanted_time(call)))
      if (revision.key == key && revision.label == label) item = revision.body;
  } else {
    item = current(call, key, label);
  }
  const auto none = call.request.header("if-none-match");
  if (none && etag_matches(*none, item)) return Reply::empty(304);
  if (const auto match = call.request.header("if-match"); match && !etag_matches(*match, item))
    throw_config(412, "precondition-failed", "Precondition failed");
  return item.is_null() ? Reply::empty(404) : item_reply(call, item);
}

Json read_value(const Request& request) {
  const std::string type = lower(request.header("content-type").value_or(""));
  if (type.find("application/vnd.microsoft.appconfig.kv+json") == std::string::npos &&
      type.find("application/json") == std::string::npos)
    throw_config(415, "unsupported-media-type", "Unsupported media type");
  if (!request.json.is_object())
    throw_config(400, "invalid-argument", "Invalid request body", "body", "A JSON object is expected.");
  for (const char* member : {"value", "content_type"})
    if (request.json.contains(member) && !request.json[member].is_string() && !request.json[member].is_null())
      throw_config(400, "invalid-argument", fmt::format("Invalid property '{}'", member), member,
                   "A text is expected.");
  check_config_tags(request.json);
  return request.json;
}

Reply put_key(ConfigCall& call, const std::string& key) {
  check_key(key);
  const Json wanted = read_value(call.request);
  const std::string label = label_of(call.request);
  const Json present = current(call, key, label);
  check_conditions(call.request, present);
  check_unlocked(present);
  const Json item = make_key_value(key, label, wanted, call.now());
  if (item.dump().size() > kMaxItem)
    throw_config(413, "content-too-large", "The key-value exceeds 10 KB", key);
  call.store.append(call.instance(), key, label, item);
  return item_reply(call, item);
}

Reply delete_key(ConfigCall& call, const std::string& key) {
  const std::string label = label_of(call.request);
  const Json present = current(call, key, label);
  check_conditions(call.request, present);
  if (present.is_null()) return Reply::empty(204);
  check_unlocked(present);
  call.store.append(call.instance(), key, label, nullptr);
  return item_reply(call, present);
}

Reply lock_key(ConfigCall& call, const std::string& key) {
  const std::string label = label_of(call.request);
  Json item = current(call, key, label);
  check_conditions(call.request, item);
  if (item.is_null()) return Reply::empty(404);
  const bool wanted = call.request.method == "PUT";
  if (item["locked"] != wanted) {
    item = make_key_value(key, label, item, call.now());
    item["locked"] = wanted;
    call.store.append(call.instance(), key, label, item);
  }
  return item_reply(call, item);
}

Reply list_keys_values(ConfigCall& call) {
  if (call.request.has_query("snapshot"))
    return config_page(call, snapshot_items(call, call.request.query_or("snapshot", "")), "kvset");
  const auto matches = request_filter(call.request);
  std::vector<Json> items;
  for (auto& revision : call.store.at(call.instance(), wanted_time(call)))
    if (matches(revision)) items.push_back(std::move(revision.body));
  return config_page(call, items, "kvset");
}

Reply list_revisions(ConfigCall& call) {
  const auto matches = request_filter(call.request);
  std::vector<Json> items;
  for (auto& revision : call.store.revisions(call.instance(), wanted_time(call)))
    if (matches(revision)) items.push_back(std::move(revision.body));
  return config_page(call, items, "kvset");
}

// The names of keys, or of labels (null: none).
Reply list_names(ConfigCall& call, bool labels) {
  const auto matches = config_filter(call.request.query_or("name", "*"), "name");
  std::set<std::string> names;
  for (const auto& revision : call.store.at(call.instance(), wanted_time(call))) {
    const std::string& name = labels ? revision.label : revision.key;
    if (matches(name)) names.insert(name);
  }
  std::vector<Json> items;
  for (const auto& name : names) items.push_back({{"name", labels && name.empty() ? Json() : Json(name)}});
  return config_page(call, items, labels ? "labelset" : "keyset");
}

void check_version(const Request& request) {
  if (request.api_version.empty())
    throw_config(400, "invalid-argument", "API version is not specified", "api-version",
                 "An API version is required, but was not specified.");
  if (std::find(kVersions.begin(), kVersions.end(), request.api_version) != kVersions.end() &&
      !(request.api_version == "1.0" &&
        (request.segments[0] == "snapshots" || request.has_query("snapshot"))))
    return;
  throw_config(
      400, "invalid-argument", "Unsupported API version", "api-version",
      fmt::format(
          "The HTTP resource that matches the request URI '{}' does not support the API version '{}'.",
          request.path, request.api_version));
}

Reply route(ConfigCall& call) {
  const auto& path = call.request.segments;
  const bool read = call.request.method == "GET" || call.request.method == "HEAD";
  const std::string& method = call.request.method;
  if (path[0] == "snapshots") return serve_snapshots(call);
  if (path.size() == 1 && read) {
    if (path[0] == "kv") return list_keys_values(call);
    if (path[0] == "revisions") return list_revisions(call);
    if (path[0] == "labels") return list_names(call, true);
    if (path[0] == "keys") return list_names(call, false);
    if (path[0] == "operations") return snapshot_operation(call);
  }
  if (path.size() >= 2 && path[0] == "kv") {
    const std::string key = name_in_path(call.request);
    if (read) return get_key(call, key);
    if (method == "PUT") return put_key(call, key);
    if (method == "DELETE") return delete_key(call, key);
  }
  if (path.size() >= 2 && path[0] == "locks" && (method == "PUT" || method == "DELETE"))
    return lock_key(call, name_in_path(call.request));
  throw_config(404, "not-found", fmt::format("There is no {} {}", method, call.request.path));
}

}  // namespace

bool ConfigCall::is_free() const {
  return same(text_at(resource.body, "/sku/name"), "free");
}

core::Millis ConfigCall::retention() const {
  const std::int64_t usual = std::chrono::seconds(std::chrono::days(is_free() ? 7 : 30)).count();
  return std::chrono::seconds(
      number_at(resource.body, "/properties/defaultKeyValueRevisionRetentionPeriodInSeconds", usual));
}

void throw_config(int status, const std::string& type, const std::string& title, const std::string& name,
                  const std::string& detail) {
  ApiError error(status, type, title, name);
  if (!detail.empty()) error.details = detail;
  throw error;
}

Json make_key_value(const std::string& key, const std::string& label, const Json& wanted,
                    core::TimePoint now) {
  return {{"etag", base64url_encode(random_bytes(24))},
          {"key", key},
          {"label", label.empty() ? Json() : Json(label)},
          {"content_type", wanted.value("content_type", Json())},
          {"value", wanted.value("value", Json())},
          {"tags", wanted.value("tags", Json()).is_object() ? wanted["tags"] : Json::object()},
          {"locked", wanted.value("locked", Json()) == true},
          {"last_modified", core::to_iso8601(std::chrono::floor<std::chrono::seconds>(now))}};
}

std::string name_in_path(const Request& request) {
  return percent_decode(std::string_view(request.path).substr(request.path.find('/', 1) + 1));
}

Json select_fields(const Request& request, const Json& item) {
  const std::string wanted = request.query_or("$select", "");
  if (wanted.empty()) return item;
  Json shown = Json::object();
  for (const auto& field : split(wanted, ',')) {
    if (!item.contains(trim(field)))
      throw_config(400, "invalid-argument", "Invalid request parameter '$select'", "$select",
                   fmt::format("'{}' is no field.", field));
    shown[trim(field)] = item[trim(field)];
  }
  return shown;
}

Reply config_page(const ConfigCall& call, const std::vector<Json>& items, const std::string& kind) {
  const std::string after = base64url_decode(call.request.query_or("after", ""));
  if (call.request.has_query("after") &&
      (after.empty() || after.find_first_not_of("0123456789") != std::string::npos))
    throw_config(400, "invalid-argument", "Invalid request parameter 'after'", "after");
  const std::size_t begin = std::min(items.size(), after.empty() ? std::size_t{0} : std::stoul(after));
  const std::size_t end = std::min(items.size(), begin + kConfigPage);
  Json body = {{"items", Json::array()}};
  for (std::size_t i = begin; i < end; ++i)
    body["items"].push_back(kind == "kvset" ? select_fields(call.request, items[i]) : items[i]);
  std::string next;
  if (end < items.size()) {
    next = call.request.path + "?";
    for (const auto& [name, value] : parse_query(call.request.raw_query))
      if (name != "after") next += percent_encode(name) + "=" + percent_encode(value) + "&";
    next += "after=" + base64url_encode(std::to_string(end));
    body["@nextLink"] = next;
  }
  body["etag"] = base64url_encode(sha256(body["items"].dump()));
  const auto none = call.request.header("if-none-match");
  const bool unchanged = none && etag_matches(*none, body);
  Reply reply = unchanged ? Reply::empty(304) : Reply::json(200, body);
  if (!unchanged) reply.content_type = kMedia + kind + "+json; charset=utf-8";
  reply.with("ETag", "\"" + body["etag"].get<std::string>() + "\"");
  // Also behind a page that did not change: the SDKs go on from there.
  if (!next.empty()) reply.with("Link", "<" + next + ">; rel=\"next\"");
  return reply;
}

Reply serve_config(Context& context, ConfigStore& store, Resource& resource, Request& request) {
  ConfigCall call{context, store, resource, request};
  authorize_config(call);
  if (request.segments.empty()) throw_config(404, "not-found", "There is nothing here");
  request.segments[0] = lower(request.segments[0]);
  check_version(request);
  context.throttle.charge_store("appConfiguration", call.instance(), call.now());
  request.json = Json::parse(request.body.empty() ? "null" : request.body, nullptr, false);
  if (request.json.is_discarded())
    throw_config(400, "invalid-argument", "The request body is no valid JSON", "body");
  Reply reply = route(call);
  // The same id for the whole store: its highest number is what a client gives back.
  return reply.with("Sync-Token", fmt::format("{}=MDoxIzE=;sn={}", guid_from(call.instance()).substr(0, 8),
                                              store.last_number(call.instance())));
}

}  // namespace azlin::simulator
