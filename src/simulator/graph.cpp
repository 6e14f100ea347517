// POST /providers/Microsoft.ResourceGraph/resources: one query over all resources, in pages.
#include <fmt/format.h>

#include "simulator/kql.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/subscriptions.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.ResourceGraph/resources";
constexpr std::int64_t kDefaultTop = 100, kMaxTop = 1'000;

struct Paging {
  std::int64_t top = kDefaultTop, skip = 0;
};

[[noreturn]] void throw_bad(const std::string& code, const std::string& message) {
  ApiError error(400, "BadRequest", "Please provide below info when asking for support: the details.");
  error.details = Json::array({{{"code", code}, {"message", message}}});
  throw error;
}

// A token says where to go on, and is good for its own query only.
std::string skip_token(const std::string& query, std::int64_t skip) {
  return base64url_encode(Json{{"skip", skip}, {"query", guid_from(query)}}.dump());
}

Paging paging_of(const Json& body, const std::string& query) {
  const Json options = body.value("options", Json::object());
  Paging paging;
  paging.top = options.value("$top", kDefaultTop);
  paging.skip = options.value("$skip", std::int64_t{0});
  if (paging.top < 1 || paging.top > kMaxTop)
    throw_bad("InvalidPageSize",
              fmt::format("The $top value '{}' is invalid: it must be from 1 to {}.", paging.top, kMaxTop));
  if (paging.skip < 0) throw_bad("InvalidSkip", "The $skip value must not be negative.");
  const std::string token = options.value("$skipToken", "");
  if (token.empty()) return paging;
  const Json decoded = Json::parse(base64url_decode(token), nullptr, false);
  if (!decoded.is_object() || decoded.value("query", "") != guid_from(query) || !decoded.contains("skip"))
    throw_bad("InvalidSkipToken", "The $skipToken is invalid or belongs to another query.");
  paging.skip = decoded["skip"];
  return paging;
}

std::vector<std::string> subscriptions_of(Context& context, const Json& body) {
  std::vector<std::string> ids;
  if (!body.contains("subscriptions")) {
    for (const auto& known : list_subscriptions(context.state)) ids.push_back(lower(known.id));
    return ids;
  }
  for (const auto& id : body["subscriptions"]) {
    if (subscription_exists(context.state, id.get<std::string>()))
      ids.push_back(lower(id.get<std::string>()));
  }
  if (ids.empty())
    throw_bad("NoValidSubscriptionsInQueryRequest",
              "There must be at least one subscription that is eligible to contain resources. Given: '" +
                  body["subscriptions"].dump() + "'.");
  return ids;
}

// The columns that Resource Graph adds, and its lower case.
Row row_of(const Resource& resource) {
  Row row = resource.body;
  row["type"] = lower(resource.type);
  row["resourceGroup"] = resource.group;
  row["subscriptionId"] = resource.subscription;
  row["tenantId"] = kTenant;
  if (!row.contains("tags")) row["tags"] = nullptr;
  if (row.contains("location") && row["location"].is_string())
    row["location"] = lower(row["location"].get<std::string>());
  return row;
}

bool in_table(const Resource& resource, const std::string& table) {
  const bool container = same(resource.type, "Microsoft.Resources/resourceGroups");
  return (table == "resourcecontainers") == container && (container || !resource.location.empty());
}

Rows read_rows(Context& context, const KqlQuery& query, const std::vector<std::string>& subscriptions) {
  ListFilter filter;
  filter.type = query.table == "resources" ? query.type : "";
  filter.tag = query.tag;
  filter.tag_ignores_case = true;
  const auto seen_until = context.now() - context.graph_lag;
  Rows rows;
  for (const auto& subscription : subscriptions) {
    filter.subscription = subscription;
    for (const auto& resource : context.state.list(filter)) {
      if (!in_table(resource, query.table) || resource.created > seen_until) continue;
      Resource shown = resource;
      shown.body = context.present(resource);
      rows.push_back(row_of(shown));
    }
  }
  return rows;
}

Json as_table(const Rows& rows) {
  Json columns = Json::array(), data = Json::array();
  if (!rows.empty()) {
    for (const auto& [name, value] : rows[0].items())
      columns.push_back({{"name", name},
                         {"type", value.is_structured()       ? "object"
                                  : value.is_number_integer() ? "integer"
                                                              : "string"}});
  }
  for (const auto& row : rows) {
    Json line = Json::array();
    for (const auto& column : columns) line.push_back(row.value(column["name"].get<std::string>(), Json()));
    data.push_back(line);
  }
  return {{"columns", columns}, {"rows", data}};
}

Reply answer(const Request& request, const KqlQuery& query, const Rows& all, const Paging& paging) {
  const Json& body = request.json;
  const auto total = static_cast<std::int64_t>(all.size());
  const auto begin = std::min(paging.skip, total), end = std::min(begin + paging.top, total);
  const Rows page(all.begin() + begin, all.begin() + end);
  const bool more = end < total;
  Json reply = {{"totalRecords", total},
                {"count", page.size()},
                {"resultTruncated", more ? "true" : "false"},
                {"facets", Json::array()}};
  const bool table =
      same(body.value("options", Json::object()).value("resultFormat", "objectArray"), "table");
  reply["data"] = table ? as_table(page) : Json(page);
  if (more && query.projects_id) reply["$skipToken"] = skip_token(body["query"], end);
  return Reply::json(200, reply);
}

Reply run(Context& context, Request& request) {
  const Json& body = request.object();
  if (!body.contains("query") || !body["query"].is_string()) throw_bad("InvalidQuery", "Query is missing.");
  const std::string text = body["query"];
  Headers headers;
  context.throttle.charge_graph(request, context.now(), headers);
  KqlQuery query;
  try {
    query = parse_kql(text);
  } catch (const std::invalid_argument& error) {
    throw_bad("InvalidQuery",
              fmt::format("Query is invalid. Please refer to the documentation for the Azure Resource Graph "
                          "service and fix the error before retrying. ({})",
                          error.what()));
  }
  const Paging paging = paging_of(body, text);
  Rows rows = run_kql(query, read_rows(context, query, subscriptions_of(context, body)));
  Reply reply = answer(request, query, rows, paging);
  reply.headers.insert(reply.headers.end(), headers.begin(), headers.end());
  return reply;
}

}  // namespace

void register_graph(Router& router, Context& context) {
  router.arm("POST", "/providers/Microsoft.ResourceGraph/resources", kType,
             [&context](Request& request) { return run(context, request); });
}

}  // namespace azlin::simulator
