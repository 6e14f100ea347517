#include "simulator/activity_log.hpp"

#include <fmt/format.h>

#include <regex>

#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Insights/eventtypes";
constexpr std::size_t kPage = 200;

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

Json localizable(const std::string& text) {
  return {{"value", text}, {"localizedValue", text}};
}

// Whether the reply is the begin of an operation, not its end.
bool is_under_way(const Reply& reply) {
  return reply.status == 202 ||
         std::any_of(reply.headers.begin(), reply.headers.end(),
                     [](const auto& header) { return same(header.first, "Azure-AsyncOperation"); });
}

Json event_body(const Request& request, const Reply& reply, core::TimePoint now,
                const std::string& event_id) {
  const auto& target = request.target;
  const bool failed = reply.status >= 400;
  const Json answer = failed ? Json::parse(reply.body, nullptr, false) : Json();
  Json properties = {{"eventCategory", "Administrative"},
                     {"entity", target.id},
                     {"message", target.action},
                     {"hierarchy", target.subscription}};
  if (failed) {
    properties["statusCode"] = std::to_string(reply.status);
    properties["statusMessage"] = answer.is_discarded() ? "" : answer.dump();
  }
  const std::string status = failed ? "Failed" : is_under_way(reply) ? "Accepted" : "Succeeded";
  return {{"id", fmt::format("{}/events/{}/ticks/{}", target.id, event_id, to_millis(now))},
          {"eventDataId", event_id},
          {"correlationId", request.header("x-ms-correlation-request-id").value_or(request.request_id)},
          {"operationId", request.request_id},
          {"authorization", {{"action", target.action}, {"scope", target.id}}},
          {"caller", request.principal},
          {"claims", {{"http://schemas.microsoft.com/identity/claims/objectidentifier", request.principal}}},
          {"category", localizable("Administrative")},
          {"channels", "Operation"},
          {"description", ""},
          {"eventName", localizable("EndRequest")},
          {"httpRequest",
           {{"clientRequestId", request.header("x-ms-client-request-id").value_or("")},
            {"method", request.method}}},
          {"level", failed ? "Error" : "Informational"},
          {"operationName", localizable(target.action)},
          {"properties", properties},
          {"resourceGroupName", target.group},
          {"resourceProviderName", localizable(target.space)},
          {"resourceId", target.id},
          {"resourceType", localizable(target.type)},
          {"status", localizable(status)},
          {"subStatus", localizable(failed ? text_at(answer, "/error/code") : "")},
          {"eventTimestamp", to_azure_time(now)},
          {"submissionTimestamp", to_azure_time(now)},
          {"subscriptionId", target.subscription},
          {"tenantId", kTenant}};
}

// What a filter asks for; empty members do not restrict.
struct Query {
  core::TimePoint from, to;
  std::string group, resource, provider, correlation;
};

[[noreturn]] void refuse_filter(const std::string& why) {
  throw ApiError(400, "BadRequest", "The filter of the activity log is invalid. " + why);
}

// "eventTimestamp ge 'T' and eventTimestamp le 'T' and resourceGroupName eq 'g'": the start is required, and
// one of resourceGroupName, resourceUri, resourceProvider, correlationId may follow.
// https://learn.microsoft.com/rest/api/monitor/activity-logs/list
Query parse_query(const std::string& filter, core::TimePoint now) {
  static const std::regex kTerm(R"(^\s*(\w+)\s+(ge|le|eq)\s+'?([^']*?)'?\s*$)", std::regex::icase);
  Query query{{}, now};
  bool started = false;
  std::string rest = filter;
  while (!rest.empty()) {
    const auto at = lower(rest).find(" and ");
    const std::string term = rest.substr(0, at);
    rest = at == std::string::npos ? "" : rest.substr(at + 5);
    std::smatch parts;
    if (!std::regex_match(term, parts, kTerm)) refuse_filter("Cannot read '" + term + "'.");
    const std::string name = lower(parts[1].str()), sign = lower(parts[2].str()), value = parts[3].str();
    if (name == "eventtimestamp") {
      const auto time = core::parse_time(value);
      if (!time || sign == "eq") refuse_filter("eventTimestamp takes ge and le, and a time.");
      (sign == "ge" ? query.from : query.to) = *time;
      started = started || sign == "ge";
    } else if (name == "resourcegroupname") {
      query.group = lower(value);
    } else if (name == "resourceuri" || name == "resourceid") {
      query.resource = lower(value);
    } else if (name == "resourceprovider") {
      query.provider = lower(value);
    } else if (name == "correlationid") {
      query.correlation = lower(value);
    } else if (name != "eventchannels" && name != "levels" && name != "status" && name != "caller") {
      refuse_filter("Unknown property '" + parts[1].str() + "'.");
    }
  }
  if (!started) refuse_filter("The start time is missing: eventTimestamp ge '…'.");
  if (query.from > query.to) refuse_filter("The start time is later than the end time.");
  return query;
}

bool wanted(const Query& query, const Json& event) {
  const auto is = [&](const std::string& value, const char* pointer) {
    return value.empty() || same(value, text_at(event, pointer));
  };
  return is(query.group, "/resourceGroupName") && is(query.resource, "/resourceId") &&
         is(query.provider, "/resourceProviderName/value") && is(query.correlation, "/correlationId");
}

// The number of the event before which a page begins: its token is "/" and that number.
std::int64_t first_not_shown(const Request& request) {
  const auto token = page_start(request);
  return token.empty() ? std::int64_t{1} << 62 : std::strtoll(token.c_str() + 1, nullptr, 10);
}

// Newest first.
Reply list_events(Context& context, const Request& request) {
  const auto query = parse_query(request.query_or("$filter", ""), context.now());
  auto rows = context.state.db().prepare(
      "SELECT number, body FROM activity WHERE sub = ?1 AND time >= ?2 AND time <= ?3 AND number < ?4 ORDER "
      "BY number DESC");
  rows.bind(1, lower(request.target.subscription))
      .bind(2, to_millis(query.from))
      .bind(3, to_millis(query.to));
  rows.bind(4, first_not_shown(request));
  ListPage page;
  std::string last;
  while (rows.step()) {
    const Json event = Json::parse(rows.text(1));
    if (!wanted(query, event)) continue;
    if (page.items.size() == kPage) {
      page.next = last;
      break;
    }
    last = "/" + std::to_string(rows.integer(0));
    Json shown = event;
    const auto select = request.query_or("$select", "");
    if (!select.empty()) {
      shown = Json::object();
      for (const auto& name : split(select, ','))
        if (event.contains(trim(name))) shown[trim(name)] = event[trim(name)];
    }
    page.items.push_back(shown.dump());
  }
  return page_reply(request, page);
}

}  // namespace

void open_activity_log(Context& context) {
  context.state.db().execute(
      "CREATE TABLE IF NOT EXISTS activity (number INTEGER PRIMARY KEY AUTOINCREMENT, sub TEXT NOT NULL, "
      "time INTEGER NOT "
      "NULL, body TEXT NOT NULL);"
      "CREATE INDEX IF NOT EXISTS activity_by_sub ON activity (sub, number)");
  context.on_reset.push_back([&context] { context.state.db().execute("DELETE FROM activity"); });
}

void note_activity(Context& context, const Request& request, const Reply& reply) {
  if (request.method == "GET" || request.method == "HEAD" || request.target.subscription.empty()) return;
  const auto now = context.now();
  auto& db = context.state.db();
  db.prepare("INSERT INTO activity (sub, time, body) VALUES (?1, ?2, ?3)")
      .bind(1, lower(request.target.subscription))
      .bind(2, to_millis(now))
      .bind(3,
            event_body(request, reply, now, new_guid()).dump(-1, ' ', false, Json::error_handler_t::replace))
      .run();
  db.prepare("DELETE FROM activity WHERE number <= (SELECT max(number) FROM activity) - ?1")
      .bind(1, std::int64_t{kKeptEvents})
      .run();
}

void register_activity_log(Router& router, Context& context) {
  open_activity_log(context);
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/eventtypes/management/values",
             kVersions, [&context](Request& request) { return list_events(context, request); });
  router.arm("GET", "/providers/Microsoft.Insights/eventcategories", kVersions, [](Request&) {
    Json value = Json::array();
    for (const char* name :
         {"Administrative", "Security", "ServiceHealth", "Alert", "Recommendation", "Policy"})
      value.push_back(localizable(name));
    return Reply::json(200, {{"value", value}});
  });
}

}  // namespace azlin::simulator
