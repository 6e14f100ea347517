// Key-values of a store in ARM, as templates set them. Source: REST reference, Key Values (2023-03-01).
#include <fmt/format.h>

#include "simulator/appconfig.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMaxItem = 10 * 1024;

ConfigStore& data(Context& context) {
  return *std::any_cast<std::shared_ptr<ConfigStore>&>(context.helpers.at("app configuration"));
}

Resource store_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kConfigType, request.param("store")));
}

// "app~3Acolor$prod": key and label, with ~ for the % of percent-encoding.
std::pair<std::string, std::string> key_and_label(const std::string& name) {
  const auto at = name.find('$');
  const auto plain = [](std::string text) {
    std::replace(text.begin(), text.end(), '~', '%');
    return percent_decode(text);
  };
  return {plain(name.substr(0, at)), at == std::string::npos ? kNoLabel : plain(name.substr(at + 1))};
}

Json shown(const Resource& store, const std::string& name, const Json& item) {
  const auto member = [&](const char* field) { return item.value(field, Json()); };
  return {{"id", fmt::format("{}/keyValues/{}", store.id, name)},
          {"name", name},
          {"type", std::string(kConfigType) + "/keyValues"},
          {"properties",
           {{"key", member("key")},
            {"label", member("label")},
            {"value", member("value")},
            {"contentType", member("content_type")},
            {"eTag", member("etag")},
            {"lastModified", member("last_modified")},
            {"locked", member("locked")},
            {"tags", member("tags")}}}};
}

void check_unlocked(const std::optional<ConfigRevision>& present) {
  if (present && present->body["locked"] == true)
    throw ApiError(409, "KeyLocked", "The key-value is locked; unlock it first.");
}

Reply get_value(Context& context, Request& request) {
  const Resource store = store_of(context, request);
  const std::string& name = request.param("name");
  const auto [key, label] = key_and_label(name);
  const auto found = data(context).find(store.hidden["instance"], key, label);
  if (!found) throw ApiError(404, "KeyValueNotFound", fmt::format("The key-value '{}' was not found.", name));
  return Reply::json(200, shown(store, name, found->body));
}

Reply put_value(Context& context, Request& request) {
  const Resource store = store_of(context, request);
  const std::string& name = request.param("name");
  const auto [key, label] = key_and_label(name);
  if (key.empty() || key == "." || key == ".." || key.find('%') != std::string::npos)
    throw ApiError(400, "InvalidKeyValueName", fmt::format("The key of '{}' is invalid.", name));
  const Json given =
      request.json.is_object() ? request.json.value("properties", Json::object()) : Json::object();
  Json wanted = {{"value", given.value("value", Json())},
                 {"content_type", given.value("contentType", Json())},
                 {"tags", given.value("tags", Json())}};
  check_config_tags(wanted);
  check_unlocked(data(context).find(store.hidden["instance"], key, label));
  const Json item = make_key_value(key, label, wanted, context.now());
  if (item.dump().size() > kMaxItem) throw ApiError(413, "ContentTooLarge", "The key-value exceeds 10 KB.");
  data(context).append(store.hidden["instance"], key, label, item);
  return Reply::json(200, shown(store, name, item));
}

Reply delete_value(Context& context, Request& request) {
  const Resource store = store_of(context, request);
  const auto [key, label] = key_and_label(request.param("name"));
  const auto present = data(context).find(store.hidden["instance"], key, label);
  if (!present) return Reply::empty(204);
  check_unlocked(present);
  data(context).append(store.hidden["instance"], key, label, nullptr);
  return Reply::empty(200);
}

}  // namespace

void register_config_key_values(Router& router, Context& context) {
  const std::string store = group_path(kConfigType) + "/{store}", one = store + "/keyValues/{name}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kConfigType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", one, get_value);
  on("PUT", one, put_value);
  on("DELETE", one, delete_value);
  // A store has no copies in other regions here.
  on("GET", store + "/replicas", [](Context& cloud, Request& request) {
    store_of(cloud, request);
    return Reply::json(200, {{"value", Json::array()}});
  });
}

}  // namespace azlin::simulator
