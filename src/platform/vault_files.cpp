#include "platform/vault_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/files.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kFormat = 1;

ItemKind kind_of(const std::string& word) {
  for (const auto kind : kItemKinds)
    if (word == to_string(kind)) return kind;
  throw Error(ErrorKind::failed, "the backup names a kind of item that this azlin does not know: " + word);
}

}  // namespace

std::string about(ItemKind kind, const std::string& name) {
  return fmt::format("{} {}", to_string(kind), name);
}

// Names are letters, digits and '-', so they are good file names; two that differ in case are one item.
std::string file_of(ItemKind kind, const std::string& name, bool sealed) {
  return fmt::format("items/{}.{}.{}", core::to_lower(name), to_string(kind), sealed ? "sealed" : "backup");
}
std::string values_file_of(const std::string& name) {
  return fmt::format("items/{}.values.sealed", core::to_lower(name));
}

// Letters, digits and '-'; the manifest comes with the folder, from anywhere.
bool is_item_name(const std::string& name) {
  return !name.empty() && name.size() <= 127 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-';
  });
}

json to_json(const SavedItem& item) {
  json versions = json::array();
  for (const auto& each : item.versions)
    versions.push_back(
        {{"id", each.id}, {"enabled", each.enabled}, {"created", each.created}, {"updated", each.updated}});
  return {{"kind", to_string(item.kind)}, {"name", item.name},    {"file", item.file},
          {"sha256", item.sha256},        {"versions", versions}, {"values", item.values},
          {"absent", item.absent}};
}

SavedItem item_of(const json& line) {
  SavedItem item;
  item.kind = kind_of(text(line, "kind"));
  item.name = text(line, "name");
  item.file = text(line, "file");
  item.sha256 = text(line, "sha256");
  item.values = flag(line, "values");
  item.absent = flag(line, "absent");
  for (const auto& each : at(line, "versions"))
    item.versions.push_back(
        {text(each, "id"), flag(each, "enabled", true), number(each, "created"), number(each, "updated")});
  const bool in_place =
      item.file == file_of(item.kind, item.name, true) || item.file == file_of(item.kind, item.name, false);
  if (!is_item_name(item.name) || !in_place)
    throw Error(ErrorKind::failed, "the backup's list of items is damaged", "look at items.jsonl");
  return item;
}

// The last line may be cut off by a crash: that item counts as not saved.
ItemMap read_items(const std::string& folder) {
  ItemMap items;
  const std::string path = folder + "/items.jsonl";
  if (!file_exists(path)) return items;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    const json parsed = parse_or_null(line);
    if (!parsed.is_object()) continue;
    auto item = item_of(parsed);
    auto key = std::pair(item.kind, core::to_lower(item.name));
    items[std::move(key)] = std::move(item);
  }
  return items;
}

void write_items(const std::string& folder, const ItemMap& items) {
  std::string all;
  for (const auto& [key, item] : items) all += to_json(item).dump() + "\n";
  write_file_whole(folder + "/items.jsonl", all);
}

void write_header(const std::string& folder, const VaultManifest& manifest) {
  json skipped = json::array();
  for (const auto& each : manifest.skipped)
    skipped.push_back({{"kind", to_string(each.kind)}, {"name", each.name}, {"reason", each.error}});
  nlohmann::ordered_json header = {
      {"format", kFormat},
      {"what", "azlin key vault backup"},
      {"vault",
       {{"id", manifest.vault.id},
        {"name", manifest.vault.name},
        {"subscription", manifest.vault.subscription},
        {"location", manifest.vault.location},
        {"uri", manifest.vault.uri}}},
      {"startedAt", core::to_iso8601(manifest.started_at)},
      {"finishedAt", manifest.complete ? json(core::to_iso8601(manifest.finished_at)) : json(nullptr)},
      {"complete", manifest.complete},
      {"partial", manifest.partial},
      {"items", manifest.items.size()},
      {"skipped", skipped},
      {"encryption", manifest.recipe ? *manifest.recipe : json(nullptr)}};
  write_file_whole(folder + "/manifest.json", header.dump(2) + "\n");
}

VaultManifest read_vault_manifest(const std::string& folder) {
  const std::string path = folder + "/manifest.json";
  if (!file_exists(path))
    throw Error(ErrorKind::not_found, fmt::format("there is no key vault backup in {}", folder),
                "`azlin platform keyvault backup` makes one");
  const json header = parse_or_null(read_file(path));
  if (text(header, "what") != "azlin key vault backup" || number(header, "format") != kFormat)
    throw Error(ErrorKind::failed, fmt::format("{} is not the manifest of a key vault backup", path));
  const auto& vault = at(header, "vault");
  VaultManifest out;
  out.vault = {text(vault, "id"), text(vault, "name"), text(vault, "subscription"), text(vault, "location"),
               text(vault, "uri")};
  out.started_at = core::parse_time(text(header, "startedAt")).value_or(core::TimePoint{});
  out.finished_at = core::parse_time(text(header, "finishedAt")).value_or(core::TimePoint{});
  out.complete = flag(header, "complete");
  out.partial = flag(header, "partial");
  if (at(header, "encryption").is_object()) out.recipe = at(header, "encryption");
  for (const auto& each : at(header, "skipped"))
    out.skipped.push_back(
        {kind_of(text(each, "kind")), text(each, "name"), text(each, "reason"), ErrorKind::findings, {}});
  for (auto& [key, item] : read_items(folder)) out.items.push_back(std::move(item));
  if (out.complete && out.items.size() < static_cast<std::size_t>(number(header, "items")))
    throw Error(ErrorKind::failed,
                fmt::format("the backup in {} lists {} items, but its manifest counts {}", folder,
                            out.items.size(), number(header, "items")),
                "items.jsonl was cut off: run the backup again, it fetches what is missing");
  return out;
}

std::string values_to_text(const std::vector<SecretValue>& values) {
  json out = json::array();
  for (const auto& each : values) {
    json one = {{"value", each.value},
                {"contentType", each.content_type},
                {"version", each.version},
                {"enabled", each.enabled},
                {"tags", json::object()}};
    if (each.not_before) one["nbf"] = *each.not_before;
    if (each.expires) one["exp"] = *each.expires;
    for (const auto& [key, tag] : each.tags) one["tags"][key] = tag;
    out.push_back(std::move(one));
  }
  return out.dump();
}

std::vector<SecretValue> values_of(const std::string& content) {
  std::vector<SecretValue> out;
  for (const auto& one : parse_or_null(content)) {
    SecretValue value;
    value.value = text(one, "value");
    value.content_type = text(one, "contentType");
    value.version = text(one, "version");
    value.enabled = flag(one, "enabled", true);
    if (at(one, "nbf").is_number()) value.not_before = number(one, "nbf");
    if (at(one, "exp").is_number()) value.expires = number(one, "exp");
    for (const auto& [key, tag] : at(one, "tags").items())
      value.tags.emplace_back(key, tag.get<std::string>());
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace azlin::platform
