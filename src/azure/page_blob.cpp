#include "azlin/azure/page_blob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "azlin/arm/error.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::azure {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kStorageVersion = "2020-10-02";  // from here page lists come in pages
constexpr int kMostCuts = 5;                           // replies of one read that break off
constexpr core::Millis kCutPause = std::chrono::milliseconds{500};

// ServerBusy, which names no time: the account needs some seconds.
http::RetryPolicy patient() {
  http::RetryPolicy policy;
  policy.base = std::chrono::seconds{1};
  return policy;
}

[[noreturn]] void throw_no_list() {
  throw Error(ErrorKind::failed, "the service's list of page ranges cannot be read");
}

// The text between <name> and </name> from `from` on; moves `from` behind it.
std::string_view element(std::string_view xml, std::string_view name, std::size_t& from) {
  const auto open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
  const auto begin = xml.find(open, from);
  const auto end = begin == std::string_view::npos ? begin : xml.find(close, begin);
  if (end == std::string_view::npos) throw_no_list();
  from = end + close.size();
  return xml.substr(begin + open.size(), end - begin - open.size());
}

std::uint64_t whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) throw_no_list();
  return value;
}

// Codes that mean: this comparison is not to be had.
bool cannot_compare(const arm::ArmError& error) {
  return error.status() == 400 || error.status() == 409;
}

}  // namespace

PageList parse_page_list(std::string_view xml) {
  if (xml.find("<PageList") == std::string_view::npos) throw_no_list();
  PageList list;
  std::size_t at = 0;
  while (true) {
    const auto page = xml.find("<PageRange>", at), clear = xml.find("<ClearRange>", at);
    if (page == std::string_view::npos && clear == std::string_view::npos) break;
    at = std::min(page, clear);
    const auto first = whole_number(element(xml, "Start", at));
    const auto last = whole_number(element(xml, "End", at));
    if (last < first) throw_no_list();
    list.ranges.push_back({first, last - first + 1, clear < page});
  }
  if (xml.find("<NextMarker>") != std::string_view::npos) {
    at = 0;
    list.next_marker = element(xml, "NextMarker", at);
  }
  return list;
}

PageBlob::PageBlob(http::Transport& transport, core::Clock& clock, std::string what,
                   std::function<std::string()> url)
    : transport_(transport), clock_(clock), what_(std::move(what)), url_(std::move(url)) {}

http::Request PageBlob::request(const char* method, const std::string& query, http::Headers headers) const {
  http::Request request;
  request.method = method;
  request.url = url_() + query;
  request.headers = std::move(headers);
  request.headers.emplace_back("x-ms-version", kStorageVersion);
  request.secret_path = true;
  return request;
}

http::Response PageBlob::send(const http::Request& request, std::stop_token stop) const {
  return http::send_with_retry(transport_, clock_, patient(), request, http::Repeatable::yes, stop);
}

void PageBlob::expect(const http::Response& response, int status, const char* doing) const {
  if (response.status == status) return;
  const auto code = response.header("x-ms-error-code").value_or("");
  const bool denied = response.status == 401 || response.status == 403;
  throw arm::ArmError(
      denied ? ErrorKind::unauthorized : ErrorKind::failed,
      fmt::format("{} of {}: HTTP {}{}", doing, what_, response.status, code.empty() ? "" : " " + code),
      denied ? "the access may have been revoked or have run out meanwhile; try again" : "", response.status,
      code, response.header("x-ms-request-id").value_or(""), "");
}

std::uint64_t PageBlob::size(std::stop_token stop) const {
  const auto response = send(request("HEAD", "", {}), stop);
  expect(response, 200, "asking for the length");
  const auto text = response.header("Content-Length").value_or("");
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::failed, fmt::format("the service does not say how long {} is", what_));
  return size;
}

// The bytes go from the connection to where they belong. A reply that breaks off leaves what came before.
std::size_t PageBlob::read_some(std::uint64_t offset, std::span<std::uint8_t> out, int& cuts,
                                std::stop_token stop) const {
  auto wanted = request("GET", "", {{"Range", fmt::format("bytes={}-{}", offset, offset + out.size() - 1)}});
  std::size_t got = 0;
  bool too_long = false;
  wanted.on_body = [&](const char* data, std::size_t size) {
    too_long = size > out.size() - got;
    if (too_long) return false;
    std::memcpy(out.data() + got, data, size);
    got += size;
    return true;
  };
  try {
    expect(send(wanted, stop), 206, "reading");
  } catch (const http::NetworkError& error) {
    if (!too_long && (got == 0 || !error.retryable() || ++cuts > kMostCuts)) throw;
    if (!too_long && clock_.sleep_for(kCutPause * cuts, stop)) return got;
    core::throw_if_stopped(stop, "reading a disk");
  }
  if (too_long || got != out.size()) {
    throw Error(ErrorKind::failed, fmt::format("reading {} at byte {}: asked for {} bytes, got {}", what_,
                                               offset, out.size(), too_long ? "more" : std::to_string(got)));
  }
  return got;
}

void PageBlob::read(std::uint64_t offset, std::span<std::uint8_t> out, std::stop_token stop) const {
  int cuts = 0;
  while (!out.empty()) {
    const auto got =
        read_some(offset, out.first(std::min<std::size_t>(out.size(), kLongestPageRead)), cuts, stop);
    offset += got;
    out = out.subspan(got);
  }
}

std::vector<PageRange> PageBlob::page_list(const http::Headers& headers, std::stop_token stop) const {
  std::vector<PageRange> ranges;
  std::string marker;
  do {
    std::string query = "&comp=pagelist&maxresults=10000";
    if (!marker.empty()) query += "&marker=" + http::percent_encode(marker);
    const auto response = send(request("GET", query, headers), stop);
    expect(response, 200, "listing the ranges");
    auto page = parse_page_list(response.body);
    if (!page.next_marker.empty() && page.next_marker == marker)
      throw Error(ErrorKind::failed, fmt::format("the list of ranges of {} does not end", what_));
    ranges.insert(ranges.end(), page.ranges.begin(), page.ranges.end());
    marker = page.next_marker;
  } while (!marker.empty());
  return ranges;
}

std::vector<PageRange> PageBlob::allocated(std::stop_token stop) const {
  return page_list({}, stop);
}

std::optional<std::vector<PageRange>> PageBlob::changed_since(const std::string& earlier_sas,
                                                              std::stop_token stop) const {
  try {
    return page_list({{"x-ms-previous-snapshot-url", earlier_sas}}, stop);
  } catch (const arm::ArmError& error) {
    if (!cannot_compare(error)) throw;
    return std::nullopt;
  }
}

}  // namespace azlin::azure
