#include "azlin/platform/appconfig.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/core/cancel.hpp"
#include "azlin/core/names.hpp"
#include "platform/encoding.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kVersion = "api-version=1.0";
constexpr const char* kItem = "application/vnd.microsoft.appconfig.kv+json";
constexpr const char* kSet = "application/vnd.microsoft.appconfig.kvset+json";

// A label with the characters that filters give a meaning; none is "%00". `*` alone or at the end stays.
std::string label_filter(const std::string& label) {
  return label.empty() ? "%00" : http::percent_encode(label);
}

std::string path_of(const char* what, const KeyValue& item) {
  std::string path = fmt::format("/{}/{}?{}", what, http::percent_encode(item.key), kVersion);
  if (!item.label.empty()) path += "&label=" + http::percent_encode(item.label);
  return path;
}

KeyValue item_of(const json& body) {
  KeyValue out;
  out.key = text(body, "key");
  out.label = text(body, "label");
  out.value = text(body, "value");
  out.content_type = text(body, "content_type");
  out.locked = flag(body, "locked");
  out.etag = text(body, "etag");
  out.last_modified = core::parse_time(text(body, "last_modified")).value_or(core::TimePoint{});
  for (const auto& [name, tag] : at(body, "tags").items())
    if (tag.is_string()) out.tags[name] = tag.get<std::string>();
  return out;
}

// "</kv?after=…>; rel=\"next\"" -> "/kv?after=…"
std::string next_of(const http::Response& response, const json& page) {
  if (const auto link = text(page, "@nextLink"); !link.empty()) return link;
  const auto header = response.header("Link").value_or("");
  const auto open = header.find('<'), close = header.find('>');
  if (open == std::string::npos || close == std::string::npos ||
      header.find("next", close) == std::string::npos)
    return "";
  return header.substr(open + 1, close - open - 1);
}

}  // namespace

bool KeyValue::is_feature_flag() const {
  return content_type.starts_with("application/vnd.microsoft.appconfig.ff+json");
}
bool KeyValue::is_vault_reference() const {
  return content_type.starts_with("application/vnd.microsoft.appconfig.keyvaultref+json");
}

// Sync-Token: of each id the highest sequence number is given back, so that a read sees our own writes.
http::Response AppConfigClient::send(DataCall call, std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    std::string all;
    for (const auto& [id, value] : sync_tokens_) all += (all.empty() ? "" : ",") + id + "=" + value.first;
    if (!all.empty()) set_header(call.headers, "Sync-Token", all);
  }
  auto response = data_.send(call, std::move(stop));
  const auto token = response.header("Sync-Token").value_or("");
  const std::lock_guard lock(mutex_);
  for (std::size_t from = 0; from < token.size();) {
    const auto end = std::min(token.find(',', from), token.size());
    const auto one = token.substr(from, end - from);
    from = end + 1;
    const auto equals = one.find('='), sequence = one.rfind(";sn=");
    if (equals == std::string::npos || sequence == std::string::npos || sequence < equals) continue;
    const auto number = std::strtoll(one.c_str() + sequence + 4, nullptr, 10);
    auto& known = sync_tokens_[one.substr(0, equals)];
    if (known.first.empty() || number > known.second)
      known = {one.substr(equals + 1, sequence - equals - 1), number};
  }
  return response;
}

std::vector<KeyValue> AppConfigClient::list(const KeyFilter& filter, std::stop_token stop) {
  std::vector<KeyValue> out;
  std::set<std::string> seen;
  std::string next = fmt::format("/kv?key={}&label={}&{}", http::percent_encode(filter.key),
                                 label_filter(filter.label), kVersion);
  while (!next.empty()) {
    core::throw_if_stopped(stop, "listing the store");
    if (!seen.insert(next).second)
      throw Error(ErrorKind::failed, fmt::format("the pages of {} go round in a circle", data_.what()));
    DataCall call{.path = next, .headers = {{"Accept", kSet}}};
    if (filter.at) call.headers.emplace_back("Accept-Datetime", http_date(*filter.at));
    const auto response = send(std::move(call), stop);
    const json page = parse_or_null(response.body);
    if (!at(page, "items").is_array())
      throw Error(ErrorKind::failed, fmt::format("{} answered with no list", data_.what()));
    for (const auto& item : at(page, "items")) out.push_back(item_of(item));
    next = next_of(response, page);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::pair(a.key, a.label) < std::pair(b.key, b.label);
  });
  return out;
}

namespace {

void add_condition(DataCall& call, const KeyValue& item) {
  if (item.etag.empty()) {
    call.headers.emplace_back("If-None-Match", "*");
  } else {
    call.headers.emplace_back("If-Match", "\"" + item.etag + "\"");
  }
}

}  // namespace

std::optional<KeyValue> AppConfigClient::find(const std::string& key, const std::string& label,
                                              std::stop_token stop) {
  KeyValue wanted;
  wanted.key = key;
  wanted.label = label;
  try {
    return item_of(parse_or_null(send({.path = path_of("kv", wanted)}, std::move(stop)).body));
  } catch (const arm::ArmError& error) {
    if (error.status() != 404) throw;
    return std::nullopt;
  }
}

void AppConfigClient::put(const KeyValue& item, std::stop_token stop) {
  json body = {{"value", item.value}, {"tags", item.tags}};
  body["content_type"] = item.content_type.empty() ? json(nullptr) : json(item.content_type);
  DataCall call{.method = "PUT", .path = path_of("kv", item), .body = body.dump()};
  call.headers.emplace_back("Content-Type", kItem);
  add_condition(call, item);
  send(std::move(call), std::move(stop));
}

void AppConfigClient::remove(const KeyValue& item, std::stop_token stop) {
  DataCall call{.method = "DELETE", .path = path_of("kv", item)};
  if (!item.etag.empty()) add_condition(call, item);
  send(std::move(call), std::move(stop));
}

void AppConfigClient::set_lock(const KeyValue& item, bool locked, std::stop_token stop) {
  send({.method = locked ? "PUT" : "DELETE", .path = path_of("locks", item)}, std::move(stop));
}

}  // namespace azlin::platform
