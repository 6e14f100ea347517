#pragma once
// A blob account in memory behind the transport: lists in pages, ranges, blocks, MD5s, faults.
#include <algorithm>
#include <latch>
#include <map>
#include <mutex>
#include <string>

#include "azlin/http/transport.hpp"
#include "platform/encoding.hpp"

namespace azlin::test {

class FakeBlobs final : public http::Transport {
 public:
  struct Blob {
    std::string content, etag, md5, tier;
  };
  std::map<std::string, std::map<std::string, Blob>> containers;
  std::map<std::string, std::map<std::string, std::string>> blocks;  // container/name -> id -> content
  std::size_t page = 3;
  int fail_after = -1;  // then every request breaks: as if the machine had died
  int break_every = 0;  // each n-th request breaks once, and may be repeated
  int requests = 0, reads = 0, puts = 0;
  int corrupt = 0;                    // so many of the next ranges
  std::latch* all_at_once = nullptr;  // blocks that are sent wait for each other, and break

  void put(const std::string& container, const std::string& name, std::string content, bool with_md5 = true) {
    Blob blob;
    blob.md5 = with_md5 ? platform::base64_encode(platform::md5(content)) : "";
    blob.content = std::move(content);
    blob.etag = "\"" + std::to_string(++etags_) + "\"";
    containers[container][name] = blob;
  }

  http::Response send(const http::Request& request, std::stop_token) override {
    if (all_at_once && request.method == "PUT" && request.url.find("comp=block&") != std::string::npos) {
      all_at_once->arrive_and_wait();
      throw http::NetworkError("the connections broke", true, false);
    }
    const std::lock_guard lock(mutex_);
    ++requests;
    if (fail_after >= 0 && requests > fail_after)
      throw http::NetworkError("the machine is gone", true, false);
    if (break_every > 0 && requests % break_every == 0)
      throw http::NetworkError("the connection broke", true, true);
    const auto start = request.url.find('/', 8), mark = std::min(request.url.find('?'), request.url.size());
    const auto path = platform::percent_decode(request.url.substr(start + 1, mark - start - 1));
    const auto query = mark == request.url.size() ? "" : request.url.substr(mark + 1);
    const auto slash = path.find('/');
    const auto container = path.substr(0, slash);
    if (slash == std::string::npos) return of_container(request, container, query);
    return of_blob(request, container, path.substr(slash + 1), query);
  }

 private:
  static std::string parameter(const std::string& query, const std::string& name) {
    const auto at = ("&" + query).find("&" + name + "=");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 1;
    return platform::percent_decode(query.substr(begin, query.find('&', begin) - begin));
  }
  static http::Response error(int status, const std::string& code) {
    return {.status = status, .body = "<Error><Code>" + code + "</Code><Message>refused</Message></Error>"};
  }

  http::Response of_container(const http::Request& request, const std::string& container,
                              const std::string& query) {
    if (request.method == "PUT")
      return containers.try_emplace(container).second ? http::Response{.status = 201}
                                                      : error(409, "ContainerAlreadyExists");
    if (container.empty()) {
      std::string xml = "<?xml version=\"1.0\"?><EnumerationResults><Containers>";
      for (const auto& [name, blobs] : containers) xml += "<Container><Name>" + name + "</Name></Container>";
      return {.status = 200, .body = xml + "</Containers><NextMarker/></EnumerationResults>"};
    }
    if (!containers.contains(container)) return error(404, "ContainerNotFound");
    const auto prefix = parameter(query, "prefix"), marker = parameter(query, "marker");
    std::string xml = "<?xml version=\"1.0\"?><EnumerationResults><Blobs>", next;
    std::size_t count = 0;
    for (const auto& [name, blob] : containers[container]) {
      if (!name.starts_with(prefix) || name < marker) continue;
      if (count++ == page) {
        next = name;
        break;
      }
      std::string escaped;
      for (const char c : name) escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
      xml += "<Blob><Name>" + escaped + "</Name><Properties><Etag>" +
             blob.etag.substr(1, blob.etag.size() - 2) + "</Etag><Content-Length>" +
             std::to_string(blob.content.size()) + "</Content-Length><BlobType>BlockBlob</BlobType>" +
             "<Content-MD5>" + blob.md5 + "</Content-MD5><AccessTier>" + blob.tier +
             "</AccessTier></Properties></Blob>";
    }
    return {.status = 200,
            .body = xml + "</Blobs><NextMarker>" + next + "</NextMarker></EnumerationResults>"};
  }

  http::Response of_blob(const http::Request& request, const std::string& container, const std::string& name,
                         const std::string& query) {
    const auto header = [&](const char* key) {
      return http::Response{.headers = request.headers}.header(key).value_or("");
    };
    auto& blobs = containers[container];
    const auto found = blobs.find(name);
    if (request.method == "PUT" && query.starts_with("comp=blocklist")) {
      std::string content;
      for (auto at = request.body.find("<Uncommitted>"); at != std::string::npos;
           at = request.body.find("<Uncommitted>", at + 1)) {
        const auto id = request.body.substr(at + 13, request.body.find('<', at + 13) - at - 13);
        content += blocks[container + "/" + name].at(id);
      }
      put(container, name, content);
      blobs[name].md5 = header("x-ms-blob-content-md5");
      blocks.erase(container + "/" + name);
      return {.status = 201};
    }
    if (request.method == "PUT") {
      ++puts;
      if (platform::base64_encode(platform::md5(request.body)) != header("Content-MD5"))
        return error(400, "Md5Mismatch");
      if (query.starts_with("comp=block")) {
        blocks[container + "/" + name][parameter(query, "blockid")] = request.body;
        return {.status = 201};
      }
      if (found != blobs.end() && header("If-None-Match") == "*") return error(409, "BlobAlreadyExists");
      put(container, name, request.body);
      return {.status = 201};
    }
    if (query.starts_with("comp=blocklist")) {
      std::string xml = "<BlockList><UncommittedBlocks>";
      for (const auto& [id, content] : blocks[container + "/" + name])
        xml += "<Block><Name>" + id + "</Name><Size>" + std::to_string(content.size()) + "</Size></Block>";
      return {.status = 200, .body = xml + "</UncommittedBlocks></BlockList>"};
    }
    if (found == blobs.end()) return error(404, "BlobNotFound");
    const auto& blob = found->second;
    if (request.method == "HEAD")
      return {.status = 200,
              .headers = {{"ETag", blob.etag},
                          {"Content-Length", std::to_string(blob.content.size())},
                          {"Content-MD5", blob.md5}}};
    if (header("If-Match") != blob.etag) return error(412, "ConditionNotMet");
    ++reads;
    const auto range = header("x-ms-range");
    const auto from = std::stoull(range.substr(6)), to = std::stoull(range.substr(range.find('-') + 1));
    auto bytes = blob.content.substr(from, to - from + 1);
    const auto md5 = platform::base64_encode(platform::md5(bytes));
    if (corrupt > 0 && corrupt-- > 0) bytes[0] = static_cast<char>(bytes[0] ^ 1);
    return {.status = 206, .headers = {{"Content-MD5", md5}}, .body = bytes};
  }

  std::mutex mutex_;
  int etags_ = 0;
};

}  // namespace azlin::test
