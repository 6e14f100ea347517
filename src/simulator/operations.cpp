#include "simulator/operations.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "simulator/context.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kRunning = "InProgress";

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}
core::TimePoint from_millis(std::int64_t millis) {
  return core::TimePoint{core::Millis{millis}};
}

struct Links {
  std::string document;  // empty: the service sends none
  std::string location;
};

Links links(const Request& request, LroShape shape, const std::string& region, const std::string& id) {
  const std::string sub = request.base_url + "/subscriptions/" + request.target.subscription;
  const std::string version = "api-version=" + request.api_version;
  const auto compute = [&](const char* type) {
    const std::string url = fmt::format("{}/providers/Microsoft.Compute/locations/{}/{}/{}?p={}&", sub,
                                        region, type, id, guid_from(request.target.subscription));
    return Links{url + version, url + "monitor=true&" + version};
  };
  const auto plain = [&](const char* space, const std::string& document, const char* location) {
    const auto url = [&](const std::string& type) {
      return type.empty() ? ""
                          : fmt::format("{}/providers/{}/locations/{}/{}/{}?{}", sub, space, region, type, id,
                                        version);
    };
    return Links{url(document), url(location)};
  };
  switch (shape) {
    case LroShape::disk:
      return compute("DiskOperations");
    case LroShape::vm:
      return compute("operations");
    case LroShape::network: {
      const std::string url = fmt::format("{}/providers/Microsoft.Network/locations/{}/", sub, region);
      return {url + "operations/" + id + "?" + version, url + "operationResults/" + id + "?" + version};
    }
    case LroShape::keyvault:
      return plain("Microsoft.KeyVault", "", "operationResults");
    case LroShape::storage:
      return plain("Microsoft.Storage", "", "asyncoperations");
    case LroShape::cosmos:
      return plain("Microsoft.DocumentDB", "operationsStatus", "operationResults");
    case LroShape::protection:
      return plain("Microsoft.DataProtection", "operationStatus", "operationResults");
    case LroShape::group:
      break;
  }
  return {"", fmt::format("{}/operationresults/{}?{}", sub, base64url_encode("JobId-" + id), version)};
}

struct Row {
  core::TimePoint started, ended;
  std::string state;
  Json output, error, shape;
  int error_status = 0;
};

std::optional<Row> read_operation(Context& context, const std::string& id) {
  auto query = context.state.db().prepare(
      "SELECT started, ended, state, output, error, error_status, shape FROM operations WHERE id = ?1");
  query.bind(1, lower(id));
  if (!query.step()) return std::nullopt;
  return Row{from_millis(query.integer(0)),     from_millis(query.integer(1)), query.text(2),
             Json::parse(query.text(3)),        Json::parse(query.text(4)),    Json::parse(query.text(6)),
             static_cast<int>(query.integer(5))};
}

[[noreturn]] void throw_unknown(const std::string& id) {
  throw ApiError(404, "NotFound",
                 fmt::format("The entity was not found. Operation '{}' does not exist.", id));
}

void insert(Context& context, const std::string& id, const Work& work, core::Millis delay,
            const Json& shape) {
  const auto now = context.now();
  context.state.db()
      .prepare(
          "INSERT INTO operations (id, kind, target, data, started, due, state, shape)"
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
      .bind(1, id)
      .bind(2, work.kind)
      .bind(3, lower(work.target))
      .bind(4, work.data.dump())
      .bind(5, to_millis(now))
      .bind(6, to_millis(now + delay))
      .bind(7, kRunning)
      .bind(8, shape.dump())
      .run();
}

}  // namespace

void Operations::on(const std::string& kind, Effect effect, OnFailure on_failure) {
  if (!kinds_.emplace(kind, Kind{std::move(effect), std::move(on_failure)}).second)
    throw std::invalid_argument("two effects named " + kind);
}

Reply Operations::start(const Request& request, LroShape shape, const std::string& location, const Work& work,
                        int status, const Json& body, bool output_in_document) {
  if (kinds_.count(work.kind) == 0) throw std::invalid_argument("no effect named " + work.kind);
  const std::string id = shape == LroShape::group ? new_guid() : request.request_id;
  Json notes = {{"polled", true}, {"output", output_in_document}};
  if (request.fail_operation)
    notes["fail"] = {{"code", request.fail_operation->first}, {"message", request.fail_operation->second}};
  insert(context_, id, work, context_.delay(work.demo, work.realistic), notes);
  Reply reply = body.is_null() ? Reply::empty(status) : Reply::json(status, body);
  const Links urls = links(request, shape, location, id);
  if (!urls.document.empty()) reply.with("Azure-AsyncOperation", urls.document);
  return reply.with("Location", urls.location).with("Retry-After", context_.retry_after());
}

void Operations::schedule(const Work& work, core::Millis delay) {
  if (kinds_.count(work.kind) == 0) throw std::invalid_argument("no effect named " + work.kind);
  insert(context_, new_guid(), work, delay, {{"polled", false}});
}

bool Operations::running_on(const std::string& target) {
  auto query = context_.state.db().prepare(
      "SELECT 1 FROM operations WHERE target = ?1 AND state = 'InProgress' AND shape LIKE "
      "'%\"polled\":true%'");
  query.bind(1, lower(target));
  return query.step();
}

void Operations::cancel(const std::string& target, const std::string& kind) {
  context_.state.db()
      .prepare(
          "UPDATE operations SET state = 'Canceled', ended = ?3 WHERE target = ?1 AND kind = ?2 AND state = "
          "'InProgress'")
      .bind(1, lower(target))
      .bind(2, kind)
      .bind(3, to_millis(context_.now()))
      .run();
}

void Operations::settle() {
  // One at a time: an effect may start, schedule or cancel others.
  while (true) {
    auto query = context_.state.db().prepare(
        "SELECT id, kind, target, data, shape FROM operations WHERE state = 'InProgress' AND due <= ?1"
        " ORDER BY due, rowid LIMIT 1");
    query.bind(1, to_millis(context_.now()));
    if (!query.step()) return;
    const std::string id = query.text(0), kind = query.text(1), target = query.text(2);
    const Json data = Json::parse(query.text(3)), shape = Json::parse(query.text(4));
    query.reset();
    store::Transaction transaction(context_.state.db());
    finish(id, kind, target, data, shape);
    transaction.commit();
  }
}

void Operations::finish(const std::string& id, const std::string& kind, const std::string& /*target*/,
                        const Json& data, const Json& shape) {
  const Kind& work = kinds_.at(kind);
  Json output;
  std::optional<ApiError> failure;
  if (shape.contains("fail"))
    failure =
        ApiError(409, shape["fail"]["code"].get<std::string>(), shape["fail"]["message"].get<std::string>());
  try {
    if (!failure) output = work.effect(context_, data);
  } catch (const ApiError& error) {
    failure = error;
  } catch (const Json::exception& error) {
    // A body that no handler could read ends this operation, not every request after it.
    failure = ApiError(400, "InvalidRequestContent", error.what());
  } catch (const std::exception& error) {
    failure = ApiError(500, "InternalServerError", error.what());
  }
  try {
    if (failure && work.on_failure) work.on_failure(context_, data, *failure);
  } catch (const std::exception& error) {
    failure->message += fmt::format(" (And the end of its resource failed: {})", error.what());
  }
  context_.state.db()
      .prepare(
          "UPDATE operations SET state = ?2, ended = ?3, output = ?4, error = ?5, error_status = ?6 WHERE id "
          "= ?1")
      .bind(1, id)
      .bind(2, failure ? "Failed" : "Succeeded")
      .bind(3, to_millis(context_.now()))
      .bind(4, output.dump())
      .bind(5, failure ? failure->inner().dump() : std::string("null"))
      .bind(6, std::int64_t{failure ? failure->status : 0})
      .run();
}

// Always 200, also when the operation has failed; status tells.
Reply Operations::status_document(const Request& /*request*/, const std::string& id) {
  const auto row = read_operation(context_, id);
  if (!row) throw_unknown(id);
  Json document = {{"startTime", to_azure_time(row->started)}, {"status", row->state}, {"name", lower(id)}};
  if (row->state == kRunning) return Reply::json(200, document).with("Retry-After", context_.retry_after());
  document["endTime"] = to_azure_time(row->ended);
  if (!row->error.is_null()) document["error"] = row->error;
  if (!row->output.is_null() && row->shape.value("output", false))
    document["properties"] = {{"output", row->output}};
  return Reply::json(200, document);
}

Reply Operations::location_result(const Request& request, const std::string& id) {
  const auto row = read_operation(context_, id);
  if (!row) throw_unknown(id);
  if (row->state == kRunning) {
    return Reply::empty(202)
        .with("Location", request.base_url + request.path + "?" + request.raw_query)
        .with("Retry-After", context_.retry_after());
  }
  if (!row->error.is_null()) return Reply::json(row->error_status, {{"error", row->error}});
  return row->output.is_null() ? Reply::empty(200) : Reply::json(200, row->output);
}

}  // namespace azlin::simulator
