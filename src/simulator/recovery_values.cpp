// Errors, filters, times and pages of Recovery Services.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr std::size_t kPageSize = 100;  // fixed by the service
constexpr const char* kCursorMark = "s:";

}  // namespace

void throw_recovery(int status, const std::string& code, const std::string& message) {
  throw ApiError(status, code, message);
}

void throw_invalid_input(const std::string& detail) {
  std::string message = "Input provided for the call is invalid\r\nPlease check the required inputs";
  if (!detail.empty()) message += "\r\n" + detail;
  throw ApiError(400, "BMSUserErrorInvalidInput", message);
}

void throw_item_not_found() {
  throw ApiError(404, "BMSUserErrorDataSourceObjectNotFound",
                 "Item not found. \r\nPlease check the item exists, or that its container is registered with "
                 "the vault.");
}

Filter parse_filter(const Request& request) {
  Filter filter;
  std::string rest = trim(request.query_or("$filter", ""));
  while (!rest.empty()) {
    const auto quote = rest.find('\'');
    const auto end = quote == std::string::npos ? quote : rest.find('\'', quote + 1);
    if (end == std::string::npos) throw_invalid_input("The filter cannot be read.");
    const auto words = split(trim(rest.substr(0, quote)), ' ');
    if (words.size() != 2 || !same(words[1], "eq")) throw_invalid_input("The filter cannot be read.");
    filter[lower(words[0])] = rest.substr(quote + 1, end - quote - 1);
    rest = trim(rest.substr(end + 1));
    if (rest.empty()) break;
    if (!starts_with_ignoring_case(rest, "and ")) throw_invalid_input("The filter cannot be read.");
    rest = trim(rest.substr(4));
  }
  return filter;
}

bool passes(const Filter& filter, const std::string& key, const std::string& value) {
  const auto found = filter.find(key);
  return found == filter.end() || same(found->second, value);
}

std::optional<core::TimePoint> parse_filter_time(const std::string& text) {
  const auto words = split(text, ' ');
  if (words.size() != 3) return core::parse_time(text);
  auto time = core::parse_time(words[0] + "T" + words[1]);
  if (!time) return std::nullopt;
  const auto day = std::chrono::floor<std::chrono::days>(*time);
  const auto hour = std::chrono::duration_cast<std::chrono::hours>(*time - day).count();
  if (same(words[2], "PM") && hour < 12) *time += std::chrono::hours{12};
  if (same(words[2], "AM") && hour == 12) *time -= std::chrono::hours{12};
  return time;
}

std::string iso(core::TimePoint time) {
  const std::string text = core::to_iso8601(time);  // …Z
  return text.find('.') == std::string::npos ? text : text.substr(0, text.size() - 1) + "0000Z";
}

std::string iso_duration(core::Millis duration) {
  const auto total = std::max<std::int64_t>(0, duration.count());
  const auto hours = total / 3'600'000, minutes = total / 60'000 % 60;
  std::string text = "PT";
  if (hours > 0) text += fmt::format("{}H", hours);
  if (minutes > 0) text += fmt::format("{}M", minutes);
  const auto millis = total % 60'000;
  if (millis % 1'000 != 0) return text + fmt::format("{}.{:03}S", millis / 1'000, millis % 1'000);
  return text + fmt::format("{}S", millis / 1'000);
}

std::string dotnet_duration(core::Millis duration) {
  const auto total = std::max<std::int64_t>(0, duration.count());
  return fmt::format("{}.{:02}:{:02}:{:02}.{:03}0000", total / 86'400'000, total / 3'600'000 % 24,
                     total / 60'000 % 60, total / 1'000 % 60, total % 1'000);
}

bool is_secondary(const std::string& api_version) {
  return api_version == "2018-12-20" || api_version == "2018-12-20-preview" || api_version == "2021-11-15" ||
         api_version == "2023-01-15";
}

std::string workload_of(const std::string& word) {
  const std::string key = lower(word);
  for (const char* sql : {"sql", "sqldatabase", "azurevmworkloadsqldatabase", "sqlinstance", "mssql"})
    if (key == sql) return "SQLDataBase";
  for (const char* hana : {"saphana", "saphanadatabase", "azurevmworkloadsaphanadatabase", "saphanasystem"})
    if (key == hana) return "SAPHanaDatabase";
  for (const char* instance : {"saphanadbinstance", "azurevmworkloadsaphanadbinstance"})
    if (key == instance) return "SAPHanaDBInstance";
  for (const char* vm : {"vm", "microsoft.compute/virtualmachines", "iaasvm", "azureiaasvm"})
    if (key == vm) return "VM";
  return "";
}

Reply recovery_page(Recovery& recovery, const Request& request, std::string_view kind,
                    const std::string& vault, bool newest_first,
                    const std::function<bool(const RecoveryObject&)>& accept,
                    const std::function<Json(const RecoveryObject&)>& show) {
  std::string after;
  if (request.has_query("$skiptoken")) {
    const std::string token = base64url_decode(request.query_or("$skiptoken", ""));
    if (!token.starts_with(kCursorMark)) throw_invalid_input("The $skipToken is not one that a page gave.");
    after = token.substr(2);
  }
  Json page = {{"value", Json::array()}};
  std::string last;
  bool more = false;
  recovery.store.scan(kind, vault, newest_first, after, [&](RecoveryObject&& object) {
    if (!accept(object)) return true;
    more = page["value"].size() == kPageSize;
    if (more) return false;
    page["value"].push_back(show(object));
    last = RecoveryStore::cursor(object, newest_first);
    return true;
  });
  if (more) {
    std::string url = request.base_url + request.path + "?api-version=" + request.api_version;
    if (request.has_query("$filter")) url += "&$filter=" + percent_encode(request.query_or("$filter", ""));
    page["nextLink"] = url + "&$skipToken=" + base64url_encode(kCursorMark + last);
  }
  return Reply::json(200, page);
}

}  // namespace azlin::simulator
