#include "azlin/platform/keyvault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/core/cancel.hpp"
#include "platform/encoding.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kVersion = "api-version=7.4";
constexpr int kPatience =
    60;  // looks, a second or more apart, at an object that is being deleted or recovered

const char* plural(ItemKind kind) {
  switch (kind) {
    case ItemKind::certificate:
      return "certificates";
    case ItemKind::key:
      return "keys";
    case ItemKind::secret:
      break;
  }
  return "secrets";
}

// Keys have `kid`, the others `id`.
std::string id_of(const json& item) {
  return text(item, "kid").empty() ? text(item, "id") : text(item, "kid");
}

bool in_transition(const arm::ArmError& error) {
  return error.status() == 409 &&
         (error.code() == "ObjectIsBeingDeleted" || error.code() == "ObjectIsBeingRecovered");
}

std::string path_of(ItemKind kind, const std::string& name, const std::string& rest) {
  return fmt::format("/{}/{}{}?{}", plural(kind), http::percent_encode(name), rest, kVersion);
}

DataCall post(std::string path, const json& body) {
  DataCall call{.method = "POST", .path = std::move(path)};
  call.headers.emplace_back("Content-Type", "application/json");
  if (!body.is_null()) call.body = body.dump();
  call.repeatable = http::Repeatable::yes;  // a second restore meets 409, which is looked at
  return call;
}

}  // namespace

const char* to_string(ItemKind kind) {
  switch (kind) {
    case ItemKind::certificate:
      return "certificate";
    case ItemKind::key:
      return "key";
    case ItemKind::secret:
      break;
  }
  return "secret";
}

// Follows nextLink until it is null. A page may be empty and still have a next one.
std::vector<json> KeyVaultClient::pages(const std::string& path, std::stop_token stop) {
  std::vector<json> items;
  std::set<std::string> seen;
  std::string next = fmt::format("/{}?{}&maxresults=25", path, kVersion);
  while (!next.empty()) {
    core::throw_if_stopped(stop, "listing the vault");
    if (!seen.insert(next).second)
      throw Error(ErrorKind::failed, fmt::format("the pages of {} go round in a circle", data_.what()));
    const auto page = parse_or_null(data_.send({.path = next}, stop).body);
    if (!at(page, "value").is_array() && !at(page, "value").is_null())
      throw Error(ErrorKind::failed, fmt::format("{} answered with no list", data_.what()));
    for (const auto& item : at(page, "value")) items.push_back(item);
    if (!page.is_object())
      throw Error(ErrorKind::failed, fmt::format("{} answered with no list", data_.what()));
    next = text(page, "nextLink");
  }
  return items;
}

std::vector<VaultItem> KeyVaultClient::list(ItemKind kind, std::stop_token stop) {
  std::vector<VaultItem> out;
  for (const auto& item : pages(plural(kind), std::move(stop))) {
    const auto& attributes = at(item, "attributes");
    out.push_back({kind, last_segment(id_of(item)), flag(attributes, "enabled", true), flag(item, "managed"),
                   number(attributes, "updated")});
  }
  return out;
}

std::vector<std::string> KeyVaultClient::deleted(ItemKind kind, std::stop_token stop) {
  std::vector<std::string> out;
  for (const auto& item : pages(std::string("deleted") + plural(kind), std::move(stop)))
    out.push_back(last_segment(id_of(item)));
  return out;
}

std::vector<ItemVersion> KeyVaultClient::versions(ItemKind kind, const std::string& name,
                                                  std::stop_token stop) {
  std::vector<ItemVersion> out;
  try {
    for (const auto& item :
         pages(fmt::format("{}/{}/versions", plural(kind), http::percent_encode(name)), stop)) {
      const auto& attributes = at(item, "attributes");
      out.push_back({last_segment(id_of(item)), flag(attributes, "enabled", true),
                     number(attributes, "created"), number(attributes, "updated")});
    }
  } catch (const arm::ArmError& error) {
    if (error.status() != 404) throw;
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::pair(a.created, a.id) < std::pair(b.created, b.id);
  });
  return out;
}

std::string KeyVaultClient::backup(ItemKind kind, const std::string& name, std::stop_token stop) {
  const auto reply =
      parse_or_null(data_.send(post(path_of(kind, name, "/backup"), nullptr), std::move(stop)).body);
  const auto blob = base64url_decode(text(reply, "value"));
  if (!blob || blob->empty())
    throw Error(ErrorKind::failed,
                fmt::format("{} sent no backup of {} {}", data_.what(), to_string(kind), name));
  return *blob;
}

// Sends it again while an object of that name is still being deleted or recovered.
void KeyVaultClient::send_when_settled(const DataCall& call, const char* doing, std::stop_token stop) {
  for (int look = 0;; ++look) {
    try {
      data_.send(call, stop);
      return;
    } catch (const arm::ArmError& error) {
      if (!in_transition(error) || look == kPatience) throw;
    }
    if (!data_.clock().sleep_for(core::Millis{1'000}, stop)) core::throw_if_stopped(stop, doing);
  }
}

void KeyVaultClient::restore(ItemKind kind, const std::string& blob, std::stop_token stop) {
  send_when_settled(
      post(fmt::format("/{}/restore?{}", plural(kind), kVersion), {{"value", base64url_encode(blob)}}),
      "restoring", std::move(stop));
}

void KeyVaultClient::recover(ItemKind kind, const std::string& name, std::stop_token stop) {
  send_when_settled(
      post(fmt::format("/deleted{}/{}/recover?{}", plural(kind), http::percent_encode(name), kVersion),
           nullptr),
      "recovering", stop);
  for (int look = 0; look < kPatience; ++look) {
    if (data_.find({.path = path_of(kind, name, "")}, stop)) return;
    if (!data_.clock().sleep_for(core::Millis{1'000}, stop)) core::throw_if_stopped(stop, "recovering");
  }
  throw Error(ErrorKind::failed,
              fmt::format("{} {} of {} is still being recovered", to_string(kind), name, data_.what()),
              "run it again later");
}

void KeyVaultClient::purge(ItemKind kind, const std::string& name, std::stop_token stop) {
  const auto path = fmt::format("/deleted{}/{}?{}", plural(kind), http::percent_encode(name), kVersion);
  try {
    send_when_settled({.method = "DELETE", .path = path}, "purging", std::move(stop));
  } catch (const arm::ArmError& error) {
    if (error.status() != 404) throw;
  }
}

SecretValue KeyVaultClient::secret(const std::string& name, const std::string& version,
                                   std::stop_token stop) {
  const auto body =
      parse_or_null(data_
                        .send({.path = path_of(ItemKind::secret, name, version.empty() ? "" : "/" + version)},
                              std::move(stop))
                        .body);
  const auto& attributes = at(body, "attributes");
  SecretValue out;
  out.value = text(body, "value");
  out.content_type = text(body, "contentType");
  out.version = last_segment(text(body, "id"));
  out.enabled = flag(attributes, "enabled", true);
  if (at(attributes, "nbf").is_number()) out.not_before = number(attributes, "nbf");
  if (at(attributes, "exp").is_number()) out.expires = number(attributes, "exp");
  for (const auto& [key, tag] : at(body, "tags").items())
    if (tag.is_string()) out.tags.emplace_back(key, tag.get<std::string>());
  return out;
}

void KeyVaultClient::set_secret(const std::string& name, const SecretValue& value, std::stop_token stop) {
  json body = {{"value", value.value}, {"attributes", {{"enabled", value.enabled}}}};
  if (!value.content_type.empty()) body["contentType"] = value.content_type;
  if (value.not_before) body["attributes"]["nbf"] = *value.not_before;
  if (value.expires) body["attributes"]["exp"] = *value.expires;
  for (const auto& [key, tag] : value.tags) body["tags"][key] = tag;
  DataCall call{.method = "PUT", .path = path_of(ItemKind::secret, name, "")};
  call.headers.emplace_back("Content-Type", "application/json");
  call.body = body.dump();
  // Each PUT makes a version: one whose fate is unknown is not sent again, not by the transport either.
  call.headers.emplace_back("Connection", "close");
  call.repeatable = http::Repeatable::only_if_not_begun;
  data_.send(call, std::move(stop));
}

}  // namespace azlin::platform
