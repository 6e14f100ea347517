#include "azlin/platform/blob_client.hpp"

#include <fmt/format.h>

#include <charconv>

#include "azlin/core/names.hpp"
#include "platform/encoding.hpp"
#include "platform/xml.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kVersion = "2021-12-02";
constexpr core::Millis kLong{300'000};  // for a request that carries megabytes

std::string path_of(const std::string& container, const std::string& name, const std::string& query) {
  std::string path = "/" + http::percent_encode(container);
  if (!name.empty()) {
    // "a/../b" would lose its dots on the way, were its slashes plain.
    const bool dots = ("/" + name + "/").find("/../") != std::string::npos ||
                      ("/" + name + "/").find("/./") != std::string::npos;
    path += '/';
    for (const char c : name) path += c == '/' && !dots ? "/" : http::percent_encode(std::string_view(&c, 1));
  }
  return query.empty() ? path : path + "?" + query;
}

std::uint64_t whole(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "Fri, 11 May 2018 18:48:36 GMT"
core::TimePoint http_time(const std::string& text) {
  std::tm parts{};
  if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &parts) == nullptr) return {};
  return std::chrono::floor<core::Millis>(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

BlobInfo blob_of(const XmlNode& node) {
  BlobInfo out;
  out.name = node.text("Name");
  if (const auto* name = node.child("Name"); name != nullptr && name->attribute == "true")
    out.name = percent_decode(out.name);
  const auto* properties = node.child("Properties");
  if (properties == nullptr) throw Error(ErrorKind::failed, "the list of blobs cannot be read");
  out.etag = properties->text("Etag");
  if (!out.etag.starts_with('"')) out.etag = "\"" + out.etag + "\"";
  out.size = whole(properties->text("Content-Length"));
  out.md5 = properties->text("Content-MD5");
  out.type = properties->text("BlobType");
  if (properties->text("AccessTierInferred") != "true" || properties->text("AccessTier") == "Archive")
    out.tier = properties->text("AccessTier");
  out.content_type = properties->text("Content-Type");
  out.content_encoding = properties->text("Content-Encoding");
  out.content_language = properties->text("Content-Language");
  out.content_disposition = properties->text("Content-Disposition");
  out.cache_control = properties->text("Cache-Control");
  out.modified = http_time(properties->text("Last-Modified"));
  if (const auto* metadata = node.child("Metadata"))
    for (const auto& each : metadata->children) out.metadata[each.name] = each.content;
  return out;
}

void add_content_headers(DataCall& call, const BlobInfo& blob) {
  const std::pair<const char*, const std::string&> headers[] = {
      {"x-ms-blob-content-type", blob.content_type},
      {"x-ms-blob-content-encoding", blob.content_encoding},
      {"x-ms-blob-content-language", blob.content_language},
      {"x-ms-blob-content-disposition", blob.content_disposition},
      {"x-ms-blob-cache-control", blob.cache_control},
      {"x-ms-blob-content-md5", blob.md5}};
  for (const auto& [name, value] : headers)
    if (!value.empty()) call.headers.emplace_back(name, value);
}

void add_metadata(DataCall& call, const BlobInfo& blob) {
  for (const auto& [key, value] : blob.metadata) call.headers.emplace_back("x-ms-meta-" + key, value);
}

void add_properties(DataCall& call, const BlobInfo& blob, bool overwrite) {
  add_content_headers(call, blob);
  add_metadata(call, blob);
  const bool kept = blob.tier == "Hot" || blob.tier == "Cool" || blob.tier == "Cold";
  if (kept && blob.type == "BlockBlob") call.headers.emplace_back("x-ms-access-tier", blob.tier);
  if (!overwrite) call.headers.emplace_back("If-None-Match", "*");
}

DataCall content_call(std::string path, std::string content) {
  DataCall call{.method = "PUT", .path = std::move(path)};
  call.headers = {{"Content-Type", "application/octet-stream"},
                  {"Content-MD5", base64_encode(platform::md5(content))}};
  call.body = std::move(content);
  return call;
}

}  // namespace

BlobPage parse_blob_list(std::string_view xml) {
  const auto root = parse_xml(xml);
  const auto* results = root.child("EnumerationResults");
  const auto* blobs = results == nullptr ? nullptr : results->child("Blobs");
  if (blobs == nullptr) throw Error(ErrorKind::failed, "the list of blobs cannot be read");
  BlobPage page;
  for (const auto& each : blobs->children)
    if (each.name == "Blob") page.blobs.push_back(blob_of(each));
  page.next_marker = results->text("NextMarker");
  return page;
}

std::pair<std::vector<std::string>, std::string> parse_container_list(std::string_view xml) {
  const auto root = parse_xml(xml);
  const auto* results = root.child("EnumerationResults");
  const auto* list = results == nullptr ? nullptr : results->child("Containers");
  if (list == nullptr) throw Error(ErrorKind::failed, "the list of containers cannot be read");
  std::vector<std::string> names;
  for (const auto& each : list->children) names.push_back(each.text("Name"));
  return {names, results->text("NextMarker")};
}

http::Response BlobClient::send(DataCall call, std::stop_token stop) {
  set_header(call.headers, "x-ms-version", kVersion);
  call.timeout = kLong;
  return data_.send(call, std::move(stop));
}

std::vector<std::string> BlobClient::containers(std::stop_token stop) {
  std::vector<std::string> out;
  std::string marker;
  do {
    const auto query = "comp=list" + (marker.empty() ? "" : "&marker=" + http::percent_encode(marker));
    auto [names, next] = parse_container_list(send({.path = "/?" + query}, stop).body);
    out.insert(out.end(), names.begin(), names.end());
    if (next == marker && !next.empty())
      throw Error(ErrorKind::failed, "the list of containers does not end");
    marker = next;
  } while (!marker.empty());
  return out;
}

BlobPage BlobClient::list(const std::string& container, const std::string& prefix, const std::string& marker,
                          std::stop_token stop) {
  std::string query = "restype=container&comp=list&include=metadata&maxresults=1000";
  if (!prefix.empty()) query += "&prefix=" + http::percent_encode(prefix);
  if (!marker.empty()) query += "&marker=" + http::percent_encode(marker);
  auto page = parse_blob_list(send({.path = path_of(container, "", query)}, std::move(stop)).body);
  if (!marker.empty() && page.next_marker == marker)
    throw Error(ErrorKind::failed, fmt::format("the list of {} does not end", container));
  return page;
}

std::string BlobClient::read(const std::string& container, const BlobInfo& blob, std::uint64_t offset,
                             std::uint64_t length, std::stop_token stop) {
  constexpr int kTries = 4;
  for (int tried = 1;; ++tried) {
    try {
      return read_once(container, blob, offset, length, stop);
    } catch (const DamagedRange&) {
      if (tried == kTries) throw;
    }
  }
}

std::string BlobClient::read_once(const std::string& container, const BlobInfo& blob, std::uint64_t offset,
                                  std::uint64_t length, std::stop_token stop) {
  DataCall call{.path = path_of(container, blob.name, "")};
  call.headers = {{"x-ms-range", fmt::format("bytes={}-{}", offset, offset + length - 1)},
                  {"x-ms-range-get-content-md5", "true"},
                  {"If-Match", blob.etag}};
  auto response = send(std::move(call), std::move(stop));
  if (response.body.size() != length)
    throw DamagedRange(fmt::format("{} of {} at byte {}: asked for {} bytes, got {}", blob.name, container,
                                   offset, length, response.body.size()));
  const auto told = response.header("Content-MD5").value_or("");
  const bool of_blob = told == blob.md5 && length != blob.size;
  // Where the service gives none of ranges, it gives that of the whole blob (compared at its end).
  if (!told.empty() && !of_blob && told != base64_encode(platform::md5(response.body)))
    throw DamagedRange(fmt::format("{} of {} at byte {}: the bytes that came are not those that were sent",
                                   blob.name, container, offset));
  return std::move(response.body);
}

std::optional<BlobInfo> BlobClient::find(const std::string& container, const std::string& name,
                                         std::stop_token stop) {
  DataCall call{.method = "HEAD", .path = path_of(container, name, "")};
  call.headers.emplace_back("x-ms-version", kVersion);
  const auto response = data_.find(call, std::move(stop));
  if (!response) return std::nullopt;
  BlobInfo out;
  out.name = name;
  out.etag = response->header("ETag").value_or("");
  out.size = whole(response->header("Content-Length").value_or(""));
  out.md5 = response->header("Content-MD5").value_or("");
  out.type = response->header("x-ms-blob-type").value_or("");
  if (const auto mark = response->header(std::string("x-ms-meta-") + kImportMark))
    out.metadata[kImportMark] = *mark;
  return out;
}

void BlobClient::ensure_container(const std::string& container, std::stop_token stop) {
  try {
    send({.method = "PUT", .path = path_of(container, "", "restype=container")}, std::move(stop));
  } catch (const arm::ArmError& error) {
    // Who may only write blobs finds out with the first one whether the container is there.
    if (error.code() != "ContainerAlreadyExists" && error.status() != 403) throw;
  }
}

void BlobClient::put(const std::string& container, const BlobInfo& blob, std::string content, bool overwrite,
                     std::stop_token stop) {
  auto call = content_call(path_of(container, blob.name, ""), std::move(content));
  call.headers.emplace_back("x-ms-blob-type", "BlockBlob");
  add_properties(call, blob, overwrite);
  send(std::move(call), std::move(stop));
}

void BlobClient::put_block(const std::string& container, const std::string& name, const std::string& id,
                           std::string content, std::stop_token stop) {
  send(content_call(path_of(container, name, "comp=block&blockid=" + http::percent_encode(id)),
                    std::move(content)),
       std::move(stop));
}

void BlobClient::create(const std::string& container, const BlobInfo& blob, const std::string& mark,
                        bool overwrite, std::stop_token stop) {
  DataCall call{.method = "PUT", .path = path_of(container, blob.name, "")};
  call.headers = {{"x-ms-blob-type", blob.type}, {"Content-Type", "application/octet-stream"}};
  if (blob.type == "PageBlob")
    call.headers.emplace_back("x-ms-blob-content-length", std::to_string(blob.size));
  auto unproven = blob;
  unproven.md5.clear();
  unproven.metadata[kImportMark] = mark;
  add_properties(call, unproven, overwrite);
  send(std::move(call), std::move(stop));
}

void BlobClient::put_pages(const std::string& container, const std::string& name, std::uint64_t offset,
                           std::string content, std::stop_token stop) {
  const auto last = offset + content.size() - 1;
  auto call = content_call(path_of(container, name, "comp=page"), std::move(content));
  call.headers.emplace_back("x-ms-page-write", "update");
  call.headers.emplace_back("x-ms-range", fmt::format("bytes={}-{}", offset, last));
  send(std::move(call), std::move(stop));
}

void BlobClient::append(const std::string& container, const std::string& name, std::uint64_t offset,
                        std::string content, std::stop_token stop) {
  auto call = content_call(path_of(container, name, "comp=appendblock"), std::move(content));
  call.headers.emplace_back("x-ms-blob-condition-appendpos", std::to_string(offset));
  send(std::move(call), std::move(stop));
}

void BlobClient::finish(const std::string& container, const BlobInfo& blob, std::stop_token stop) {
  DataCall properties{.method = "PUT", .path = path_of(container, blob.name, "comp=properties")};
  add_content_headers(properties, blob);
  send(std::move(properties), stop);
  DataCall metadata{.method = "PUT", .path = path_of(container, blob.name, "comp=metadata")};
  add_metadata(metadata, blob);
  send(std::move(metadata), std::move(stop));
}

std::map<std::string, std::uint64_t> BlobClient::uncommitted(const std::string& container,
                                                             const std::string& name, std::stop_token stop) {
  std::map<std::string, std::uint64_t> out;
  DataCall call{.path = path_of(container, name, "comp=blocklist&blocklisttype=uncommitted")};
  call.headers.emplace_back("x-ms-version", kVersion);
  const auto response = data_.find(call, std::move(stop));
  if (!response) return out;
  const auto root = parse_xml(response->body);
  const auto* list = root.child("BlockList");
  const auto* blocks = list == nullptr ? nullptr : list->child("UncommittedBlocks");
  if (blocks == nullptr) return out;
  for (const auto& block : blocks->children) out[block.text("Name")] = whole(block.text("Size"));
  return out;
}

void BlobClient::commit(const std::string& container, const BlobInfo& blob,
                        const std::vector<std::string>& ids, bool overwrite, std::stop_token stop) {
  DataCall call{.method = "PUT", .path = path_of(container, blob.name, "comp=blocklist")};
  call.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (const auto& id : ids) call.body += "<Uncommitted>" + id + "</Uncommitted>";
  call.body += "</BlockList>";
  call.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  add_properties(call, blob, overwrite);
  send(std::move(call), std::move(stop));
}

}  // namespace azlin::platform
