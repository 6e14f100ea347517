#pragma once
// A key vault in memory behind the transport: pages of 25, soft delete, backups of all versions, 429s.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "azlin/http/transport.hpp"
#include "platform/encoding.hpp"

namespace azlin::test {

class FakeVault final : public http::Transport {
 public:
  struct Item {
    std::vector<std::pair<std::string, std::string>> versions;  // id, value
    bool managed = false;
  };
  using Items = std::map<std::string, Item>;  // by name

  std::map<std::string, Items> live, deleted;  // by "secrets", "keys", "certificates"
  int throttle_every = 0;                      // each n-th request is answered 429
  int fail_after = -1;                         // then every request breaks: as if the machine had died
  std::atomic<int> requests{0}, backups{0};
  std::set<std::string> refused;   // backups of these names are answered 403
  std::set<std::string> disabled;  // ids of versions

  void add(const std::string& kind, const std::string& name, int versions, bool managed = false) {
    Item item;
    item.managed = managed;
    for (int i = 0; i < versions; ++i)
      item.versions.emplace_back(name + "-v" + std::to_string(i),
                                 "value-of-" + name + "-" + std::to_string(i));
    live[kind][name] = item;
  }

  http::Response send(const http::Request& request, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const int n = ++requests;
    if (fail_after >= 0 && n > fail_after) throw http::NetworkError("the machine is gone", true, false);
    if (throttle_every > 0 && n % throttle_every == 0)
      return {.status = 429, .headers = {{"Retry-After", "3"}}, .body = R"({"error":{"code":"Throttled"}})"};
    EXPECT_TRUE(http::Response{.headers = request.headers}.header("Authorization"));
    return answer(request);
  }

 private:
  using Json = nlohmann::json;
  static http::Response ok(const Json& body) { return {.status = 200, .body = body.dump()}; }
  static http::Response error(int status, const char* code, const char* inner = "") {
    return {
        .status = status,
        .body = Json{{"error", {{"code", code}, {"message", "refused"}, {"innererror", {{"code", inner}}}}}}
                    .dump()};
  }

  http::Response answer(const http::Request& request) {
    const auto start = request.url.find('/', 8);
    const auto mark = request.url.find('?');
    const std::string path = request.url.substr(start + 1, mark - start - 1);
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= path.size();) {
      const auto end = std::min(path.find('/', from), path.size());
      parts.push_back(path.substr(from, end - from));
      from = end + 1;
    }
    const std::string kind = parts[0].starts_with("deleted") ? parts[0].substr(7) : parts[0];
    auto& items = parts[0] == kind ? live[kind] : deleted[kind];
    if (parts.size() == 1) return page(request.url, kind, items);
    if (parts[1] == "restore") return restore(kind, request.body);
    if (request.method == "PUT") {
      EXPECT_EQ(http::Response{.headers = request.headers}.header("Connection"), "close")
          << "may be sent twice";
      items.try_emplace(parts[1]);
    }
    const auto found = items.find(parts[1]);
    if (found == items.end()) return error(404, "NotFound");
    if (parts.size() == 3 && parts[2] == "versions") return versions(kind, parts[1], found->second);
    if (parts.size() == 3 && parts[2] == "backup") {
      if (refused.contains(parts[1])) return error(403, "Forbidden", "AccessDenied");
      ++backups;
      return ok({{"value", platform::base64url_encode(blob(kind, parts[1], found->second).dump())}});
    }
    if (parts.size() == 3 && parts[2] == "recover") {
      live[kind][parts[1]] = found->second;
      items.erase(found);
      return ok(Json::object());
    }
    if (request.method == "DELETE") {
      items.erase(found);
      return {.status = 204};
    }
    if (request.method == "GET") {
      const auto& all = found->second.versions;
      for (const auto& [id, value] : all)
        if (parts.size() == 2 ? id == all.back().first : id == parts[2]) {
          if (disabled.contains(id)) return error(403, "Forbidden", "SecretDisabled");
          return ok({{"value", value},
                     {"id", "https://v/secrets/" + parts[1] + "/" + id},
                     {"attributes", Json::object()}});
        }
    }
    if (request.method == "PUT") {
      const auto body = Json::parse(request.body);
      const auto version = parts[1] + "-put" + std::to_string(found->second.versions.size());
      found->second.versions.emplace_back(version, body.at("value"));
      if (body.at("attributes").at("enabled") == false) disabled.insert(version);
      return ok(Json::object());
    }
    return error(405, "NotAllowed");
  }

  http::Response page(const std::string& url, const std::string& kind, const Items& items) {
    std::size_t from = 0;
    if (const auto at = url.find("skip="); at != std::string::npos) from = std::stoul(url.substr(at + 5));
    Json out = {{"value", Json::array()}, {"nextLink", nullptr}};
    std::size_t place = 0;
    for (const auto& [name, item] : items) {
      if (place++ < from) continue;
      if (place > from + 25) break;
      Json one = {{kind == "keys" ? "kid" : "id", "https://v/" + kind + "/" + name},
                  {"attributes", {{"enabled", true}, {"updated", 1}}}};
      if (item.managed) one["managed"] = true;
      out["value"].push_back(one);
    }
    if (from + 25 < items.size())
      out["nextLink"] = url.substr(0, url.find('?')) + "?api-version=7.4&skip=" + std::to_string(from + 25);
    return ok(out);
  }

  http::Response versions(const std::string& kind, const std::string& name, const Item& item) {
    Json out = {{"value", Json::array()}, {"nextLink", nullptr}};
    int at = 0;
    for (const auto& [id, value] : item.versions)
      out["value"].push_back(
          {{kind == "keys" ? "kid" : "id", "https://v/" + kind + "/" + name + "/" + id},
           {"attributes", {{"enabled", !disabled.contains(id)}, {"created", ++at}, {"updated", at}}}});
    return ok(out);
  }

  static Json blob(const std::string& kind, const std::string& name, const Item& item) {
    return {{"kind", kind}, {"name", name}, {"versions", item.versions}};
  }

  http::Response restore(const std::string& kind, const std::string& body) {
    const auto content = platform::base64url_decode(Json::parse(body).at("value").get<std::string>());
    const auto blob = Json::parse(*content);
    EXPECT_EQ(blob.at("kind"), kind);
    const std::string name = blob.at("name");
    if (live[kind].contains(name)) return error(409, "Conflict");
    if (deleted[kind].contains(name)) return error(409, "Conflict", "ObjectIsDeletedButRecoverable");
    live[kind][name].versions = blob.at("versions").get<std::vector<std::pair<std::string, std::string>>>();
    return ok({{"id", "https://v/" + kind + "/" + name}});
  }

  std::mutex mutex_;
};

}  // namespace azlin::test
