// Predefined tags: S/tagNames, what `az tag list|create|add-value|remove-value|delete` reads and writes. A
// list shows the tags that are in use, too, with how often.
#include <fmt/format.h>

#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/tag_rules.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Resources/tagNames";

// {"env": {"prod": 3, "test": 0}}: by value the number of resources and groups that bear it.
using Values = std::map<std::string, std::int64_t>;
struct Name {
  std::string shown;
  std::int64_t count = 0;
  Values values;
};
using Names = std::map<std::string, Name>;  // by name in lower case

std::string meta_key(const Request& request) {
  return "tag names " + lower(request.target.subscription);
}

Json predefined(Context& context, const Request& request) {
  const auto saved = context.state.meta(meta_key(request));
  return saved ? Json::parse(*saved) : Json::object();
}

Names names_of(Context& context, const Request& request) {
  Names names;
  const Json known = predefined(context, request);
  for (const auto& [name, values] : known.items()) {
    auto& entry = names[lower(name)];
    entry.shown = name;
    for (const auto& value : values) entry.values.emplace(value.get<std::string>(), 0);
  }
  ListFilter all;
  all.subscription = request.target.subscription;
  for (const auto& resource : context.state.list(all)) {
    const Json tags = resource.body.value("tags", Json());
    if (!tags.is_object()) continue;
    for (const auto& [name, value] : tags.items()) {
      auto& entry = names[lower(name)];
      if (entry.shown.empty()) entry.shown = name;
      ++entry.count;
      if (value.is_string()) ++entry.values[value.get<std::string>()];
    }
  }
  return names;
}

Json count_of(std::int64_t number) {
  return {{"type", number == 0 ? "Partial" : "Total"}, {"value", number}};
}

std::string id_of(const Request& request, const std::string& name) {
  return fmt::format("/subscriptions/{}/tagNames/{}", request.target.subscription, name);
}

Json value_body(const Request& request, const std::string& name, const std::string& value,
                std::int64_t count) {
  return {
      {"id", id_of(request, name) + "/tagValues/" + value}, {"tagValue", value}, {"count", count_of(count)}};
}

Json name_body(const Request& request, const Name& name) {
  Json values = Json::array();
  for (const auto& [value, count] : name.values)
    values.push_back(value_body(request, name.shown, value, count));
  return {{"id", id_of(request, name.shown)},
          {"tagName", name.shown},
          {"count", count_of(name.count)},
          {"values", values}};
}

void save(Context& context, const Request& request, const Json& names) {
  context.state.set_meta(meta_key(request), names.dump());
}

Reply list_names(Context& context, const Request& request) {
  Json value = Json::array();
  for (const auto& [key, name] : names_of(context, request)) value.push_back(name_body(request, name));
  return Reply::json(200, {{"value", value}});
}

// The spelling under which a name is predefined; "" when it is not.
std::string spelling(const Json& names, const std::string& wanted) {
  for (const auto& [name, values] : names.items())
    if (same(name, wanted)) return name;
  return {};
}

Reply put_name(Context& context, const Request& request) {
  const std::string& wanted = request.param("tag");
  check_tags({{wanted, ""}});
  Json names = predefined(context, request);
  const bool existed = !spelling(names, wanted).empty();
  if (!existed) names[wanted] = Json::array();
  save(context, request, names);
  return Reply::json(existed ? 200 : 201, name_body(request, names_of(context, request)[lower(wanted)]));
}

Reply put_value(Context& context, const Request& request) {
  const std::string &wanted = request.param("tag"), &value = request.param("value");
  check_tags({{wanted, value}});
  Json names = predefined(context, request);
  const auto name = spelling(names, wanted);
  if (name.empty())
    throw ApiError(404, "TagNotFound", fmt::format("The specified tag '{}' does not exist.", wanted));
  const bool existed = std::find(names[name].begin(), names[name].end(), Json(value)) != names[name].end();
  if (!existed) names[name].push_back(value);
  save(context, request, names);
  return Reply::json(existed ? 200 : 201,
                     value_body(request, name, value, names_of(context, request)[lower(name)].values[value]));
}

[[noreturn]] void refuse_used(const std::string& what) {
  throw ApiError(409, "TagInUse", fmt::format("The tag '{}' is in use and cannot be deleted.", what));
}

Reply delete_name(Context& context, const Request& request) {
  Json names = predefined(context, request);
  const auto name = spelling(names, request.param("tag"));
  if (name.empty()) return Reply::empty(204);
  if (names_of(context, request)[lower(name)].count > 0) refuse_used(name);
  names.erase(name);
  save(context, request, names);
  return Reply::empty(200);
}

Reply delete_value(Context& context, const Request& request) {
  Json names = predefined(context, request);
  const auto name = spelling(names, request.param("tag"));
  const Json value = request.param("value");
  const auto found =
      name.empty() ? Json::iterator() : std::find(names[name].begin(), names[name].end(), value);
  if (name.empty() || found == names[name].end()) return Reply::empty(204);
  if (names_of(context, request)[lower(name)].values[value.get<std::string>()] > 0)
    refuse_used(name + ":" + value.get<std::string>());
  names[name].erase(found);
  save(context, request, names);
  return Reply::empty(200);
}

}  // namespace

void register_tag_names(Router& router, Context& context) {
  const std::string all = "/subscriptions/{sub}/tagNames", one = all + "/{tag}",
                    value = one + "/tagValues/{value}";
  router.arm("GET", all, kVersions, [&context](Request& r) { return list_names(context, r); });
  router.arm("PUT", one, kVersions, [&context](Request& r) { return put_name(context, r); });
  router.arm("DELETE", one, kVersions, [&context](Request& r) { return delete_name(context, r); });
  router.arm("PUT", value, kVersions, [&context](Request& r) { return put_value(context, r); });
  router.arm("DELETE", value, kVersions, [&context](Request& r) { return delete_value(context, r); });
}

}  // namespace azlin::simulator
