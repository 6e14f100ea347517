#include "simulator/blob_plane.hpp"

#include <fmt/format.h>

#include <charconv>

#include "azlin/core/error.hpp"
#include "simulator/auth.hpp"
#include "simulator/crypto.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/http_frontend.hpp"
#include "simulator/page_blob.hpp"
#include "simulator/sas.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kDefaultVersion = "2018-03-28";  // the SAS's own `sv`
constexpr const char* kXml = "application/xml";
constexpr std::size_t kMostRanges = 10'000;       // of one page list
constexpr std::uint64_t kMaxHashed = 4ull << 20;  // bytes of a range that come with an MD5
constexpr std::uint64_t kNoDiffAcross = 4ull << 40;

struct StorageError {
  int status;
  const char* code;
  std::string message;
  Headers headers = {};
};

[[noreturn]] void throw_authentication_failed(const std::string& detail) {
  throw StorageError{
      403, "AuthenticationFailed",
      "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
      "correctly including the signature. " +
          detail};
}

// Everything a handler needs, looked up under the lock and then used without it.
struct Blob {
  SasGrant grant;
  ContentStore* store = nullptr;
  std::string version;  // x-ms-version
  std::string etag;
  std::uint64_t size() const { return grant.bytes + kVhdFooter; }
};

std::string etag_of(const SasGrant& grant) {
  return fmt::format("\"0x8D{:012X}{:04X}\"",
                     static_cast<std::uint64_t>(grant.created.time_since_epoch().count()),
                     static_cast<std::uint64_t>(grant.version));
}

std::string version_of(const Request& request) {
  const auto version = request.header("x-ms-version").value_or(kDefaultVersion);
  const bool date = version.size() == 10 && version[4] == '-' && version[7] == '-';
  if (!date) {
    throw StorageError{400, "InvalidHeaderValue",
                       "The value for one of the HTTP headers is not in the correct format."};
  }
  return version;
}

// The signature is compared with the granted one; revoking a grant makes its URL unknown.
SasGrant authorized(Context& context, const std::string& account, const std::string& container,
                    const std::map<std::string, std::string>& query) {
  const auto value = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  const auto grant = find_grant(context, account, container);
  if (!grant || value("si") != grant->policy || value("sr") != "b")
    throw_authentication_failed("The access policy is unknown.");
  if (value("sig") != grant->signature) throw_authentication_failed("Signature did not match.");
  if (grant->expires <= context.now()) {
    throw_authentication_failed("Signature not valid in the specified time frame: expired at " +
                                to_azure_time(grant->expires));
  }
  return *grant;
}

// A region that is down gives no data either.
void check_region(Context& context, const SasGrant& grant) {
  if (context.faults.regions_down().empty()) return;
  const auto resource = context.state.find(grant.resource);
  if (resource && context.faults.region_down(resource->location)) {
    throw StorageError{503, "ServerBusy",
                       "The server is currently unable to receive requests. Please retry your request."};
  }
}

Blob open_blob(Context& context, const Request& request) {
  const std::lock_guard lock(context.mutex);
  Blob blob;
  blob.version = version_of(request);
  blob.grant = authorized(context, request.param("account"), request.param("container"), request.query);
  if (!same(request.param("blob"), "abcd")) {
    throw StorageError{404, "BlobNotFound", "The specified blob does not exist."};
  }
  if (blob.grant.needs_token) {
    try {
      check_token(request, context.now(), "https://disk.azure.com/");
    } catch (const ApiError& error) {
      throw StorageError{401, "NoAuthenticationInformation", error.message, error.headers};
    }
  }
  check_region(context, blob.grant);
  blob.store = &contents(context);
  blob.etag = etag_of(blob.grant);
  return blob;
}

void check_conditions(const Request& request, const Blob& blob) {
  const auto differs = [&](const char* name) {
    const auto wanted = request.header(name);
    return wanted && *wanted != "*" && *wanted != blob.etag;
  };
  if (differs("if-match")) {
    throw StorageError{412, "ConditionNotMet",
                       "The condition specified using HTTP conditional header(s) is not met."};
  }
  const auto none = request.header("if-none-match");
  if (none && (*none == "*" || *none == blob.etag)) {
    const bool read = request.method == "GET" || request.method == "HEAD";
    throw StorageError{read ? 304 : 412, "ConditionNotMet",
                       "The condition specified using HTTP conditional header(s) is not met."};
  }
}

Reply& common_headers(Reply& reply, const Blob& blob) {
  return reply.with("x-ms-version", blob.version)
      .with("ETag", blob.etag)
      .with("Last-Modified", http_date(blob.grant.modified))
      .with("x-ms-blob-type", "PageBlob");
}

std::string footer_of(const Blob& blob) {
  const auto created =
      std::chrono::floor<std::chrono::seconds>(blob.grant.created).time_since_epoch().count();
  // The same in all snapshots of a family, so that an unchanged disk is unchanged to its last byte.
  return vhd_footer(blob.grant.bytes, blob.grant.family.empty() ? created : 0,
                    blob.grant.family.empty() ? blob.grant.unique_id : blob.grant.family);
}

// Any run of bytes, of the disk or its footer.
std::string read_bytes(const Blob& blob, std::uint64_t offset, std::uint64_t length) {
  if (offset >= blob.grant.bytes) return footer_of(blob).substr(offset - blob.grant.bytes, length);
  const auto end = std::min(offset + length, blob.grant.bytes);
  const auto first = offset / kSector * kSector, last = (end + kSector - 1) / kSector * kSector;
  auto bytes = blob.store->read(blob.grant.volume, first, last - first);
  bytes.resize(end - first);
  if (first != offset) bytes.erase(0, offset - first);
  return bytes;
}

std::optional<std::string> range_header(const Request& request) {
  const auto own = request.header("x-ms-range");
  return own ? own : request.header("range");
}

[[noreturn]] void throw_invalid_range(const Blob& blob) {
  throw StorageError{416,
                     "InvalidRange",
                     "The range specified is invalid for the current size of the resource.",
                     {{"Content-Range", fmt::format("bytes */{}", blob.size())}}};
}

// Get Blob: "the service returns the MD5 hash for the range, as long as the range is less than or equal to
// 4 MiB"; without a range, or with a larger one, 400.
bool wants_md5(const Request& request, bool with_range, std::uint64_t length) {
  const auto value = request.header("x-ms-range-get-content-md5");
  if (!value || request.method != "GET" || same(*value, "false")) return false;
  if (!same(*value, "true") || !with_range) {
    throw StorageError{400, "InvalidHeaderValue",
                       "The value for one of the HTTP headers is not in the correct format."};
  }
  if (length > kMaxHashed) {
    throw StorageError{400, "OutOfRangeInput", "One of the request inputs is out of range."};
  }
  return true;
}

Reply get_blob(const Request& request, const Blob& blob) {
  ByteRange range{0, blob.size()};
  const auto header = range_header(request);
  if (header) {
    const auto parsed = parse_range(*header, blob.size());
    if (!parsed) throw_invalid_range(blob);
    range = *parsed;
  }
  const bool hashed = wants_md5(request, header.has_value(), range.length);
  Reply reply;
  reply.status = header && request.method == "GET" ? 206 : 200;
  reply.content_type = "application/octet-stream";
  reply.length = request.method == "HEAD" ? blob.size() : range.length;
  // The reply is under way when it is read: a failure can only cut it short.
  if (request.method == "GET") blob.store->prepare(blob.grant.volume);
  if (hashed) {
    auto bytes = read_bytes(blob, range.offset, range.length);
    reply.with("Content-MD5", base64_encode(md5(bytes)));
  }
  reply.stream = [blob, range](std::uint64_t offset, std::size_t size) -> std::string {
    try {
      return read_bytes(blob, range.offset + offset, std::min<std::uint64_t>(size, range.length - offset));
    } catch (const core::Error&) {
      return {};
    }
  };
  common_headers(reply, blob).with("Accept-Ranges", "bytes").with("x-ms-blob-sequence-number", "0");
  if (reply.status == 206) {
    reply.with("Content-Range",
               fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1, blob.size()));
  }
  return reply;
}

// The grant that a snapshot's URL stands for, without its resource's name.
SasGrant previous_grant(Context& context, const std::string& url) {
  const auto question = url.find('?');
  const auto path = split_path(url.substr(0, question));
  std::map<std::string, std::string> query;
  if (question != std::string::npos) {
    for (auto& [name, value] : parse_query(url.substr(question + 1))) query.emplace(lower(name), value);
  }
  if (path.size() < 3) {
    throw StorageError{400, "InvalidHeaderValue",
                       "The value of x-ms-previous-snapshot-url is not a blob's URL."};
  }
  const std::lock_guard lock(context.mutex);
  return authorized(context, path[path.size() - 3], path[path.size() - 2], query);
}

// Get Page Ranges: "same incrementalSnapshotFamilyId; x-ms-version 2019-04-19 or later; managed disks only".
// The codes but UnsupportedHeaderForNonManagedDisksAccount are our choice among the service's documented
// ones.
SasGrant checked_previous(Context& context, const Blob& blob, const std::string& url) {
  if (blob.version < "2019-04-19") {
    throw StorageError{400, "UnsupportedHeader",
                       "x-ms-previous-snapshot-url requires x-ms-version 2019-04-19 or later."};
  }
  if (url.find("/_sas/md-") == std::string::npos) {
    throw StorageError{400, "UnsupportedHeaderForNonManagedDisksAccount",
                       "x-ms-previous-snapshot-url is supported for managed disk snapshots only."};
  }
  const auto older = previous_grant(context, url);
  if (blob.grant.family.empty() || older.family != blob.grant.family) {
    throw StorageError{409, "PreviousSnapshotNotFound",
                       "The previous snapshot is not found: it is of another snapshot family."};
  }
  if (older.created > blob.grant.created) {
    throw StorageError{400, "PreviousSnapshotCannotBeNewer",
                       "The previous snapshot cannot be newer than the snapshot."};
  }
  if (older.bytes <= kNoDiffAcross &&
      blob.grant.bytes > kNoDiffAcross) {  // "no diff across growth past 4 TiB"
    throw StorageError{
        409, "PreviousSnapshotOperationNotSupported",
        "Differential page ranges are not supported between disks of up to 4 TiB and larger ones."};
  }
  return older;
}

std::vector<ChangedRange> as_changes(const std::vector<ByteRange>& ranges) {
  std::vector<ChangedRange> changes;
  for (const auto& range : ranges) changes.push_back({range, false});
  return changes;
}

// The footer is a page of the blob like any other, and one run with data that ends where it begins.
void add_footer(std::vector<ChangedRange>& ranges, const Blob& blob, const ByteRange& window) {
  if (window.offset + window.length <= blob.grant.bytes) return;
  auto* last = ranges.empty() ? nullptr : &ranges.back();
  if (last != nullptr && !last->cleared && last->range.offset + last->range.length == blob.grant.bytes) {
    last->range.length += kVhdFooter;
  } else {
    ranges.push_back({{blob.grant.bytes, kVhdFooter}, false});
  }
}

std::size_t checked_limit(const Request& request, const Blob& blob) {
  if (blob.version < "2020-10-02") return SIZE_MAX - 1;  // not paged before
  if (!request.has_query("maxresults")) return kMostRanges;
  const auto text = request.query_or("maxresults", "");
  std::int64_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || limit <= 0) {
    throw StorageError{
        400, "OutOfRangeQueryParameterValue",
        "One of the query parameters specified in the request URI is outside the permissible range."};
  }
  return std::min<std::size_t>(static_cast<std::size_t>(limit), kMostRanges);
}

ByteRange checked_window(const Request& request, const Blob& blob) {
  ByteRange window{0, blob.size()};
  if (const auto header = range_header(request)) {
    const auto parsed = parse_range(*header, blob.size());
    if (!parsed) throw_invalid_range(blob);
    const auto first = parsed->offset / kSector * kSector;
    const auto last = (parsed->offset + parsed->length + kSector - 1) / kSector * kSector;
    window = {first, last - first};
  }
  const auto marker = request.query_or("marker", "");
  if (marker.empty() || blob.version < "2020-10-02") return window;
  std::uint64_t from = 0;
  const auto parsed = std::from_chars(marker.data() + 2, marker.data() + marker.size(), from);
  const auto end = window.offset + window.length;
  if (!marker.starts_with("2!") || parsed.ec != std::errc() || from % kSector != 0 || from < window.offset ||
      from >= end) {
    throw StorageError{400, "InvalidQueryParameterValue",
                       "Value for one of the query parameters specified is invalid."};
  }
  return {from, end - from};
}

Reply page_list(Context& context, const Request& request, const Blob& blob) {
  const auto limit = checked_limit(request, blob);
  const auto window = checked_window(request, blob);
  const auto of_disk = ByteRange{
      std::min(window.offset, blob.grant.bytes),
      std::min(window.offset + window.length, blob.grant.bytes) - std::min(window.offset, blob.grant.bytes)};
  std::vector<ChangedRange> ranges;
  if (const auto url = request.header("x-ms-previous-snapshot-url")) {
    const auto older = checked_previous(context, blob, *url);
    ranges = blob.store->changed(blob.grant.volume, older.volume, of_disk, limit + 1);
    if (older.bytes != blob.grant.bytes && ranges.size() <= limit) add_footer(ranges, blob, window);
  } else {
    ranges = as_changes(blob.store->allocated(blob.grant.volume, of_disk, limit + 1));
    if (ranges.size() <= limit) add_footer(ranges, blob, window);
  }
  std::optional<std::string> next;
  if (ranges.size() > limit) {
    next = fmt::format("2!{}", ranges[limit].range.offset);
    ranges.resize(limit);
  } else if (blob.version >= "2020-10-02") {
    next = "";
  }
  auto reply = Reply::text(200, page_list_xml(ranges, next), kXml);
  common_headers(reply, blob).with("x-ms-blob-content-length", std::to_string(blob.size()));
  return reply;
}

// Whole sectors within the blob, at most 4 MiB for an update.
ByteRange checked_pages(const Request& request, const Blob& blob, bool update) {
  const auto header = range_header(request);
  if (!header)
    throw StorageError{400, "MissingRequiredHeader",
                       "An HTTP header that's mandatory for this request is not specified."};
  const auto range = parse_range(*header, ~std::uint64_t{0} >> 1);
  if (!range || header->ends_with('-') || range->offset % kSector != 0 || range->length % kSector != 0 ||
      range->offset + range->length > blob.size()) {
    throw StorageError{416, "InvalidPageRange", "The page range specified is invalid."};
  }
  if (update && range->length > kMaxPagePut) {
    throw StorageError{413, "RequestBodyTooLarge",
                       "The request body is too large and exceeds the maximum permissible limit."};
  }
  if (request.body.size() != (update ? range->length : 0)) {
    throw StorageError{400, "InvalidHeaderValue", "The Content-Length does not match the page range."};
  }
  return *range;
}

// Bytes that go to the footer are taken and dropped: the simulator writes its own.
void write_pages(const Blob& blob, const ByteRange& range, const Request& request, bool update) {
  if (range.offset >= blob.grant.bytes) return;
  const auto length = std::min(range.length, blob.grant.bytes - range.offset);
  if (update) {
    blob.store->write(blob.grant.volume, range.offset, std::string_view(request.body).substr(0, length));
  } else {
    blob.store->clear(blob.grant.volume, range.offset, length);
  }
}

Reply put_page(Context& context, const Request& request, const Blob& blob) {
  if (!blob.grant.write) {
    throw StorageError{403, "AuthorizationPermissionMismatch",
                       "This request is not authorized to perform this operation using this permission."};
  }
  if (request.query_or("comp", "") != "page") {
    throw StorageError{400, "InvalidQueryParameterValue",
                       "Value for one of the query parameters specified is invalid."};
  }
  const auto kind = lower(request.header("x-ms-page-write").value_or(""));
  if (kind.empty()) throw StorageError{400, "MissingRequiredHeader", "x-ms-page-write is required."};
  if (kind != "update" && kind != "clear")
    throw StorageError{400, "InvalidHeaderValue", "x-ms-page-write is 'update' or 'clear'."};
  write_pages(blob, checked_pages(request, blob, kind == "update"), request, kind == "update");
  Blob after = blob;
  {
    const std::lock_guard lock(context.mutex);
    after.grant.version = count_write(context, blob.grant);
    after.grant.modified = context.now();
  }
  after.etag = etag_of(after.grant);
  auto reply = Reply::empty(201);
  common_headers(reply, after)
      .with("x-ms-blob-sequence-number", "0")
      .with("x-ms-request-server-encrypted", "true");
  return reply;
}

// A disk's URL reads or writes pages: the blob can neither be deleted nor anything else by it.
void check_verb(const Request& request) {
  if (request.method == "DELETE") {
    throw StorageError{403, "AuthorizationPermissionMismatch",
                       "This request is not authorized to perform this operation using this permission."};
  }
  if (request.method != "GET" && request.method != "HEAD" && request.method != "PUT") {
    throw StorageError{405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."};
  }
}

Reply serve(Context& context, const Request& request) {
  try {
    const auto blob = open_blob(context, request);
    check_verb(request);
    check_conditions(request, blob);
    if (request.method == "PUT") return put_page(context, request, blob);
    const auto comp = request.query_or("comp", "");
    if (comp == "pagelist") return page_list(context, request, blob);
    if (!comp.empty()) {
      throw StorageError{400, "InvalidQueryParameterValue",
                         "Value for one of the query parameters specified is invalid."};
    }
    return get_blob(request, blob);
  } catch (const StorageError& error) {
    auto reply = error.status == 304
                     ? Reply::empty(304)
                     : Reply::text(error.status, storage_error_xml(error.code, error.message), kXml);
    reply.headers = error.headers;
    return reply.with("x-ms-error-code", error.code);
  }
}

// What a guest would write, or what goes bad on its own: {"resource": id, "offset", "length", and "fill": "x"
// (a character, repeated) or "clear": true; or "bytes": base64url}. Whole sectors. Of a disk or a snapshot.
Reply write_from_outside(Context& context, const Request& request) {
  const auto& body = request.object();
  const auto resource = context.state.find(body.value("resource", ""));
  if (!resource || volume_of(*resource) == 0)
    throw ApiError(404, "NotFound", "there is no such disk or snapshot");
  const auto offset = body.value("offset", std::uint64_t{0}), length = body.value("length", std::uint64_t{0});
  auto& store = contents(context);
  try {
    if (body.value("clear", false)) {
      store.clear(volume_of(*resource), offset, length);
    } else if (const auto fill = body.value("fill", ""); !fill.empty()) {
      if (length > kMaxPagePut) throw ApiError(400, "BadRequest", "at most 4 MiB at once");
      store.write(volume_of(*resource), offset, std::string(length, fill[0]));
    } else {
      store.write(volume_of(*resource), offset, base64url_decode(body.value("bytes", "")));
    }
  } catch (const core::Error& error) {
    throw ApiError(400, "BadRequest", error.what());
  }
  return Reply::json(200, {{"resource", resource->id}});
}

}  // namespace

void register_blob_plane(Router& router, Context& context) {
  for (const char* method : {"GET", "PUT", "POST", "PATCH", "DELETE"}) {
    router.data(method, "/_sas/{account}/{container}/{blob}",
                [&context](Request& request) { return serve(context, request); });
  }
  router.open("POST", "/_simulator/disk-writes",
              [&context](Request& request) { return write_from_outside(context, request); });
}

}  // namespace azlin::simulator
