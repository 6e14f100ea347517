#include "azlin/snapshot/tags.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/names.hpp"

namespace azlin::snapshot {

using nlohmann::json;

namespace {

// ASCII only, so that characters are bytes, whatever the service counts.
std::string dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', true);
}

void put(nlohmann::ordered_json& out, const char* key, const std::string& value) {
  if (!value.empty()) out[key] = value;
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && *found == true;
}

int number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
}

std::optional<std::string> optional_text(const json& object, const char* key) {
  const std::string value = text(object, key);
  return value.empty() ? std::nullopt : std::optional(value);
}

std::optional<json> parse_versioned(const std::string& value) {
  json object = json::parse(value, nullptr, false);
  if (!object.is_object() || object.value("v", json()) != 1) return std::nullopt;
  return object;
}

bool is_own_tag(std::string_view name) {
  constexpr std::string_view kPrefix = "azlin:";
  return core::equal_ignoring_case(name.substr(0, kPrefix.size()), kPrefix);
}

nlohmann::ordered_json nic_json(const NicSpec& nic) {
  nlohmann::ordered_json out = {{"n", nic.name}, {"rg", nic.resource_group}};
  put(out, "s", nic.subnet);
  put(out, "nsg", nic.nsg);
  if (nic.accelerated) out["acc"] = true;
  return out;
}

nlohmann::ordered_json vm_json(const VmSpec& spec) {
  nlohmann::ordered_json out = {
      {"v", 1}, {"name", spec.name}, {"rg", spec.resource_group}, {"loc", spec.location}};
  put(out, "id", spec.vm_id);
  put(out, "size", spec.size);
  put(out, "z", spec.zone.value_or(""));
  put(out, "os", spec.os_type);
  put(out, "gen", spec.generation);
  put(out, "sec", spec.security_type);
  if (spec.secure_boot) out["sb"] = true;
  if (spec.vtpm) out["tpm"] = true;
  put(out, "ctl", spec.disk_controller);
  put(out, "lic", spec.license);
  out["nics"] = nlohmann::ordered_json::array();
  for (const auto& nic : spec.nics) out["nics"].push_back(nic_json(nic));
  return out;
}

// Cuts into tag values. None begins or ends with a space, which a service might trim.
std::vector<std::string> cut(const std::string& text_to_cut) {
  std::vector<std::string> pieces;
  for (std::size_t from = 0; from < text_to_cut.size();) {
    std::size_t length = std::min(kLongestTagValue, text_to_cut.size() - from);
    while (length > 1 && from + length < text_to_cut.size() &&
           (text_to_cut[from + length] == ' ' || text_to_cut[from + length - 1] == ' ')) {
      --length;
    }
    pieces.push_back(text_to_cut.substr(from, length));
    from += length;
  }
  return pieces;
}

// Adds the VM's tags one by one for as long as the whole fits; counts the others.
std::vector<std::string> fit_tags(nlohmann::ordered_json spec, const azure::Tags& tags, int already_left) {
  int left = already_left;
  nlohmann::ordered_json fitted = nlohmann::ordered_json::object();
  const auto pieces_with = [&](const nlohmann::ordered_json& some) {
    nlohmann::ordered_json whole = spec;
    if (!some.empty()) whole["tags"] = some;
    if (left > 0) whole["tags-left"] = left;
    return cut(dump(whole));
  };
  for (const auto& [name, value] : tags) {
    if (is_own_tag(name)) continue;
    auto more = fitted;
    more[name] = value;
    // One piece less than allowed: the count of what is left needs room, too.
    if (pieces_with(more).size() < static_cast<std::size_t>(kMostSpecTags)) {
      fitted = std::move(more);
    } else {
      ++left;
    }
  }
  return pieces_with(fitted);
}

NicSpec read_nic(const json& object) {
  return {text(object, "n"), text(object, "rg"), text(object, "s"), text(object, "nsg"), flag(object, "acc")};
}

// "{word} {time}…": the word, the time, and where the rest begins.
std::optional<std::pair<std::string, core::TimePoint>> parse_word_and_time(std::string_view value) {
  const auto space = value.find(' ');
  if (space == std::string_view::npos || space == 0) return std::nullopt;
  const auto time = core::parse_time(value.substr(space + 1));
  if (!time) return std::nullopt;
  return std::pair{std::string(value.substr(0, space)), *time};
}

}  // namespace

std::string vm_key(std::string_view resource_group, std::string_view vm) {
  return core::to_lower(resource_group) + "/" + core::to_lower(vm);
}

std::string to_tag(const DiskSpec& spec) {
  nlohmann::ordered_json out = {{"v", 1}, {"n", spec.name}};
  put(out, "sku", spec.sku);
  put(out, "c", spec.caching);
  out["gb"] = spec.size_gb;
  put(out, "z", spec.zone.value_or(""));
  if (spec.write_accelerator) out["wa"] = true;
  put(out, "del", spec.delete_option);
  return dump(out);
}

std::optional<DiskSpec> disk_spec(const azure::Tags& tags) {
  const auto found = tags.find(kDiskSpecTag);
  if (found == tags.end()) return std::nullopt;
  const auto object = parse_versioned(found->second);
  if (!object) return std::nullopt;
  return DiskSpec{text(*object, "n"),    text(*object, "sku"),        text(*object, "c"),
                  number(*object, "gb"), optional_text(*object, "z"), flag(*object, "wa"),
                  text(*object, "del")};
}

azure::Tags to_tags(const VmSpec& spec) {
  azure::Tags tags;
  int index = 0;
  for (const auto& piece : fit_tags(vm_json(spec), spec.tags, spec.tags_left)) {
    tags[kVmSpecTag + std::to_string(++index)] = piece;
  }
  return tags;
}

std::optional<VmSpec> vm_spec(const azure::Tags& tags) {
  std::string joined;
  for (int index = 1;; ++index) {
    const auto found = tags.find(kVmSpecTag + std::to_string(index));
    if (found == tags.end()) break;
    joined += found->second;
  }
  const auto object = parse_versioned(joined);
  if (!object) return std::nullopt;
  VmSpec spec;
  spec.name = text(*object, "name");
  spec.resource_group = text(*object, "rg");
  spec.location = text(*object, "loc");
  spec.vm_id = text(*object, "id");
  spec.size = text(*object, "size");
  spec.zone = optional_text(*object, "z");
  spec.os_type = text(*object, "os");
  spec.generation = text(*object, "gen");
  spec.security_type = text(*object, "sec");
  spec.secure_boot = flag(*object, "sb");
  spec.vtpm = flag(*object, "tpm");
  spec.disk_controller = text(*object, "ctl");
  spec.license = text(*object, "lic");
  for (const auto& nic : object->value("nics", json::array())) spec.nics.push_back(read_nic(nic));
  const json user_tags = object->value("tags", json::object());
  for (const auto& [name, value] : user_tags.items()) {
    if (value.is_string()) spec.tags[name] = value.get<std::string>();
  }
  spec.tags_left = number(*object, "tags-left");
  return spec;
}

std::string to_tag(const VerifiedMark& mark) {
  return mark.level + " " + core::to_iso8601(mark.at);
}

std::optional<VerifiedMark> parse_verified(std::string_view value) {
  const auto parts = parse_word_and_time(value);
  if (!parts) return std::nullopt;
  const auto& [level, at] = *parts;
  if (level != "disk" && level != "content" && level != "full" && level != "failed") return std::nullopt;
  return VerifiedMark{level, at};
}

std::string to_tag(const InUseMark& mark) {
  return mark.what + " " + core::to_iso8601(mark.until);
}

std::optional<InUseMark> parse_in_use(std::string_view value) {
  const auto parts = parse_word_and_time(value);
  if (!parts) return std::nullopt;
  return InUseMark{parts->first, parts->second};
}

}  // namespace azlin::snapshot
