#include "azlin/platform/appconfig_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"
#include "platform/properties_file.hpp"
#include "platform/yaml_json.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using Format = FileLayout::Format;

namespace {

constexpr const char* kFlagType = "application/vnd.microsoft.appconfig.ff+json;charset=utf-8";
constexpr const char* kReferenceType = "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8";

// The section of flags and its list of filters, as each naming convention writes them.
struct Naming {
  const char *name, *section, *filters;
};
constexpr Naming kNamings[] = {{"pascal", "FeatureManagement", "EnabledFor"},
                               {"camel", "featureManagement", "enabledFor"},
                               {"underscore", "feature_management", "enabled_for"},
                               {"hyphen", "feature-management", "enabled-for"}};

std::vector<std::string> split(const std::string& key, const std::string& separator) {
  if (separator.empty()) return {key};
  std::vector<std::string> out;
  std::size_t from = 0;
  for (auto at = key.find(separator); at != std::string::npos; at = key.find(separator, from)) {
    out.push_back(key.substr(from, at - from));
    from = at + separator.size();
  }
  out.push_back(key.substr(from));
  return out;
}

// Keys taken apart at the separator.
struct Branch {
  std::optional<ordered_json> leaf;
  std::vector<std::pair<std::string, Branch>> children;

  Branch& child(const std::string& name) {
    for (auto& [known, branch] : children)
      if (known == name) return branch;
    return children.emplace_back(name, Branch{}).second;
  }
};

// Children 0, 1, 2, … are a list.
bool is_list(const Branch& branch) {
  std::set<std::string> names;
  for (const auto& [name, child] : branch.children) names.insert(name);
  for (std::size_t i = 0; i < branch.children.size(); ++i)
    if (!names.contains(std::to_string(i))) return false;
  return !branch.children.empty();
}

ordered_json to_json(const Branch& branch, bool may_be_list) {
  if (branch.leaf) return *branch.leaf;
  if (may_be_list && is_list(branch)) {
    ordered_json out(std::vector<ordered_json>(branch.children.size()));
    for (const auto& [name, child] : branch.children) out[std::stoul(name)] = to_json(child, true);
    return out;
  }
  ordered_json out = ordered_json::object();
  for (const auto& [name, child] : branch.children) out[name] = to_json(child, true);
  return out;
}

ordered_json exported_value(const KeyValue& item, Format format) {
  if (format == Format::properties || !is_json_content_type(item.content_type)) return item.value;
  const auto parsed = ordered_json::parse(item.value, nullptr, false);
  return parsed.is_discarded() ? ordered_json(item.value) : parsed;
}

// true, false, or {"EnabledFor": [{"Name", "Parameters"}]}.
ordered_json exported_flag(const KeyValue& item, const Naming& naming) {
  const auto value = ordered_json::parse(item.value, nullptr, false);
  if (!value.is_object())
    throw Error(ErrorKind::usage, fmt::format("the feature flag {} cannot be read: it is no JSON", item.key),
                "leave the flags out with --skip-features, or mend it first");
  const auto filters = value.value("/conditions/client_filters"_json_pointer, ordered_json::array());
  if (!value.value("enabled", false)) return false;
  if (!filters.is_array() || filters.empty()) return true;
  ordered_json list = ordered_json::array();
  for (const auto& filter : filters) {
    ordered_json one = {{"Name", filter.value("name", "")}};
    const auto parameters = filter.value("parameters", ordered_json());
    if (parameters.is_object() && !parameters.empty()) one["Parameters"] = parameters;
    list.push_back(one);
  }
  return {{naming.filters, list}};
}

std::string flag_name(const KeyValue& item) {
  const auto id = text(parse_or_null(item.value), "id");
  return id.empty() ? item.key.substr(std::string_view(kFeaturePrefix).size()) : id;
}

bool is_flag(const KeyValue& item) {
  return item.is_feature_flag() && item.key.starts_with(kFeaturePrefix);
}

const Naming& naming_of(const std::string& name) {
  for (const auto& each : kNamings)
    if (name == each.name) return each;
  throw Error(ErrorKind::usage, "there is no naming convention '" + name + "'",
              "pascal, camel, underscore or hyphen");
}

void put(Branch& root, const KeyValue& item, const std::string& key, const FileLayout& layout) {
  Branch* at = &root;
  for (const auto& part : split(key, layout.separator)) {
    at = &at->child(part);
    if (at->leaf)
      throw Error(ErrorKind::usage,
                  fmt::format("a file cannot hold {}: another key is all of a part of it", item.key),
                  "leave --separator out, or use the format kvset");
  }
  if (!at->children.empty())
    throw Error(ErrorKind::usage, fmt::format("a file cannot hold {}: other keys are below it", item.key),
                "leave --separator out, or use the format kvset");
  at->leaf = exported_value(item, layout.format);
}

std::string written(const ordered_json& root, Format format) {
  if (format == Format::yaml) return to_yaml(root);
  if (format == Format::json) return root.dump(2, ' ', false, json::error_handler_t::strict) + "\n";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, value] : root.items()) pairs.emplace_back(key, value.get<std::string>());
  return to_properties(pairs);
}

// ---- reading ----

void check_key(const std::string& key, const std::string& name) {
  if (key.empty() || key == "." || key == ".." || key.find('%') != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("{}: '{}' cannot be a key", name, key));
  if (key.starts_with(kFeaturePrefix))
    throw Error(ErrorKind::usage, fmt::format("{}: '{}' is the key of a feature flag", name, key),
                "flags stand under FeatureManagement, or in a file of the format kvset");
}

// {"uri": "https://vault…/secrets/…"}: what an exported Key Vault reference looks like.
bool is_reference(const json& value) {
  if (!value.is_object() || value.size() != 1) return false;
  const auto uri = text(value, "uri");
  const auto host = uri.find("://");
  return host != std::string::npos && uri.find("/secrets/", host + 3) != std::string::npos;
}

void flatten(const std::string& key, const json& value, const FileLayout& layout,
             std::vector<FileItem>& out) {
  const bool nested =
      value.is_structured() && !value.empty() && !layout.separator.empty() && !is_reference(value);
  if (!nested) {
    out.push_back({key, value, false});
    return;
  }
  std::size_t index = 0;
  for (const auto& [name, child] : value.items())
    flatten(key + layout.separator + (value.is_array() ? std::to_string(index++) : name), child, layout, out);
}

// Member names of filters are taken in any case; "AlwaysOn" stands for no filter.
json filters_of(const json& list, const std::string& flag, const std::string& name) {
  if (!list.is_array())
    throw Error(ErrorKind::usage, fmt::format("{}: the flag {} has no list of filters", name, flag));
  json out = json::array();
  for (const auto& filter : list) {
    json one = json::object();
    if (!filter.is_object())
      throw Error(ErrorKind::usage, fmt::format("{}: a filter of the flag {} is no object", name, flag));
    for (const auto& [key, value] : filter.items()) {
      const auto lower = core::to_lower(key);
      if (lower == "name" || (lower == "parameters" && value.is_object() && !value.empty()))
        one[lower] = value;
    }
    if (!at(one, "name").is_string())
      throw Error(ErrorKind::usage, fmt::format("{}: a filter of the flag {} has no name", name, flag));
    if (core::equal_ignoring_case(one["name"].get<std::string>(), "AlwaysOn")) return json::array();
    out.push_back(one);
  }
  return out;
}

FileItem flag_of(const std::string& flag, const json& value, const Naming& naming, const std::string& name) {
  if (flag.empty() || flag.find('%') != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("{}: '{}' cannot be a feature flag", name, flag));
  FileItem out{kFeaturePrefix + flag, {{"enabled", false}, {"client_filters", json::array()}}, true};
  if (value.is_boolean()) {
    out.value["enabled"] = value;
  } else if (value.is_object() && value.contains(naming.filters)) {
    out.value["enabled"] = !value[naming.filters].empty();
    out.value["client_filters"] = filters_of(value[naming.filters], flag, name);
  } else {
    throw Error(ErrorKind::usage, fmt::format("{}: the flag {} is neither true nor false nor has {}", name,
                                              flag, naming.filters));
  }
  return out;
}

// Takes the section of flags out of the file.
std::vector<FileItem> take_flags(json& root, const std::string& name) {
  std::vector<FileItem> out;
  bool found = false;
  for (const auto& naming : kNamings) {
    if (!root.is_object() || !root.contains(naming.section)) continue;
    if (found) throw Error(ErrorKind::usage, name + ": it has two sections of feature flags");
    found = true;
    if (!root[naming.section].is_object())
      throw Error(ErrorKind::usage, fmt::format("{}: {} holds no flags by name", name, naming.section));
    for (const auto& [flag, value] : root[naming.section].items())
      out.push_back(flag_of(flag, value, naming, name));
    root.erase(naming.section);
  }
  return out;
}

json parsed(const std::string& content, Format format, const std::string& name) {
  if (format == Format::yaml) return parse_yaml(content, name);
  if (format == Format::json) {
    auto root = json::parse(content, nullptr, false);
    if (root.is_discarded()) throw Error(ErrorKind::usage, name + " is no JSON");
    return root;
  }
  json root = json::object();
  for (const auto& [key, value] : parse_properties(content, name)) root[key] = value;
  return root;
}

// ---- what a file's item means in a store ----

KeyValue resolve_flag(const FileItem& item, const KeyValue* now) {
  KeyValue out = now != nullptr ? *now : KeyValue{};
  auto value = now != nullptr ? ordered_json::parse(now->value, nullptr, false) : ordered_json();
  if (!value.is_object())
    value = {{"id", item.key.substr(std::string_view(kFeaturePrefix).size())},
             {"description", ""},
             {"enabled", false},
             {"conditions", {{"client_filters", ordered_json::array()}}}};
  else if (const bool on = value.value("enabled", false); on == item.value["enabled"].get<bool>()) {
    const auto filters = json(value.value("/conditions/client_filters"_json_pointer, ordered_json::array()));
    // A flag that is off is exported without its filters.
    if (!on || filters == item.value["client_filters"]) return out;
  }
  value["enabled"] = item.value["enabled"].get<bool>();
  if (value["enabled"] == true || !item.value["client_filters"].empty())
    value["conditions"]["client_filters"] = item.value["client_filters"];
  out.value = value.dump();
  out.content_type = kFlagType;
  return out;
}

std::string guessed_type(const json& value) {
  if (is_reference(value)) return kReferenceType;
  return value.is_structured() || value.is_null() ? "application/json" : "";
}

KeyValue resolve_value(const FileItem& item, const KeyValue* now, const std::optional<std::string>& type) {
  KeyValue out = now != nullptr ? *now : KeyValue{};
  const auto guess = guessed_type(item.value);
  const bool reference = now != nullptr ? now->is_vault_reference() : guess == kReferenceType;
  if (now == nullptr) out.content_type = guess;
  if (type && !reference) out.content_type = *type;
  const bool is_text = item.value.is_string();
  const auto same_text = now != nullptr && is_text && now->value == item.value.get<std::string>();
  if (same_text && !(type && is_json_content_type(*type))) return out;
  if (is_json_content_type(out.content_type)) {
    const bool same = now != nullptr && json::parse(now->value, nullptr, false) == item.value;
    if (!same) out.value = item.value.dump();
  } else {
    out.value = is_text ? item.value.get<std::string>() : item.value.dump();
  }
  return out;
}

}  // namespace

bool is_json_content_type(const std::string& content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  std::erase(type, ' ');
  type = core::to_lower(type);
  if (!type.starts_with("application/")) return false;
  const auto parts = split(type.substr(type.find('/') + 1), "+");
  return std::find(parts.begin(), parts.end(), "json") != parts.end();
}

std::string to_config_file(const std::vector<KeyValue>& items, const FileLayout& layout) {
  const auto& naming = naming_of(layout.naming);
  Branch root;
  ordered_json flags = ordered_json::object();
  std::map<std::string, const KeyValue*> seen;
  for (const auto& item : items) {
    if (is_flag(item)) {
      if (layout.features && layout.format != Format::properties)
        flags[flag_name(item)] = exported_flag(item, naming);
      continue;
    }
    const auto [before, fresh] = seen.emplace(item.key, &item);
    if (!fresh && before->second->value != item.value)
      throw Error(ErrorKind::usage,
                  fmt::format("{} has other values under the labels '{}' and '{}'", item.key,
                              before->second->label, item.label),
                  "choose one with --label, or use the format kvset");
    if (!fresh || !item.key.starts_with(layout.prefix)) continue;
    put(root, item, item.key.substr(layout.prefix.size()), layout);
  }
  auto out = to_json(root, flags.empty() && !layout.separator.empty());
  if (!flags.empty()) out[naming.section] = flags;
  return written(out, layout.format);
}

std::vector<FileItem> parse_config_file(const std::string& content, const FileLayout& layout,
                                        const std::string& name) {
  auto root = parsed(content, layout.format, name);
  if (!root.is_structured()) throw Error(ErrorKind::usage, name + " holds no keys and values");
  auto flags = layout.format == Format::properties ? std::vector<FileItem>{} : take_flags(root, name);
  std::vector<FileItem> out;
  std::size_t index = 0;
  for (const auto& [key, value] : root.items())
    flatten(layout.prefix + (root.is_array() ? std::to_string(index++) : key), value, layout, out);
  std::set<std::string> seen;
  for (const auto& item : out) {
    check_key(item.key, name);
    if (!seen.insert(item.key).second)
      throw Error(ErrorKind::usage, fmt::format("{}: two members make the key '{}'", name, item.key));
  }
  if (layout.features) out.insert(out.end(), flags.begin(), flags.end());
  return out;
}

std::vector<KeyValue> resolve(const std::vector<FileItem>& items, const std::vector<KeyValue>& current,
                              const std::string& label, const std::optional<std::string>& content_type) {
  std::map<std::string, const KeyValue*> there;
  for (const auto& item : current)
    if (item.label == label) there[item.key] = &item;
  std::vector<KeyValue> out;
  for (const auto& item : items) {
    const auto found = there.find(item.key);
    const auto* now = found == there.end() ? nullptr : found->second;
    out.push_back(item.is_flag ? resolve_flag(item, now) : resolve_value(item, now, content_type));
    out.back().key = item.key;
    out.back().label = label;
  }
  return out;
}

}  // namespace azlin::platform
