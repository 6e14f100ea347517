#include "azlin/mcp/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>

#include "azlin/core/error.hpp"

namespace azlin::mcp {

using core::Error;
using core::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// Newest first. Source: modelcontextprotocol.io/specification, "Versioning".
constexpr std::array kProtocols = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

constexpr int kDeepest = 64;            // levels of nesting; what works on JSON recurses
constexpr std::size_t kMostCalls = 16;  // that run at a time

// An operator's restore may take hours; the client cancels when it has waited enough.
constexpr core::Millis kNoLimit{0};
// What a command that was cancelled may take to finish or undo the step in hand.
constexpr core::Millis kUndoTime{10 * 60'000};

constexpr int kParseError = -32700, kInvalidRequest = -32600, kUnknownMethod = -32601,
              kInvalidParams = -32602;

struct ProtocolError {
  int code;
  std::string message;
};

ordered_json error_reply(const json& id, const ProtocolError& error) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", error.code}, {"message", error.message}}}};
}

ordered_json tool_result(const ordered_json& structured, bool is_error) {
  return {{"content",
           {{{"type", "text"}, {"text", structured.dump(2, ' ', false, json::error_handler_t::replace)}}}},
          {"structuredContent", structured},
          {"isError", is_error}};
}

ordered_json failure(const Error& error) {
  ordered_json body = {{"kind", core::to_string(error.kind())}, {"message", error.what()}};
  if (!error.hint().empty()) body["hint"] = error.hint();
  return {{"exitCode", core::exit_code(error.kind())}, {"error", body}};
}

// nullopt: not JSON, or nested deeper than any tool's arguments.
std::optional<json> parse(const std::string& line) {
  bool too_deep = false;
  const auto shallow = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  auto message = json::parse(line, shallow, false);
  if (too_deep || message.is_discarded()) return std::nullopt;
  return message;
}

bool is_id(const json& value) {
  return value.is_string() || value.is_number_integer();
}

// Source: JSON-RPC 2.0, 4 "Request object"; that an id is never null: Model Context Protocol, "Messages".
void check_request(const json& message) {
  const bool is_request = message.is_object() && message.contains("jsonrpc") && message["jsonrpc"] == "2.0" &&
                          message.contains("method") && message["method"].is_string();
  if (!is_request) throw ProtocolError{kInvalidRequest, "this is no JSON-RPC 2.0 request"};
  if (message.contains("id") && !is_id(message["id"]))
    throw ProtocolError{kInvalidRequest, "the id of a request is a string or an integer"};
  if (message.contains("params") && !message["params"].is_object())
    throw ProtocolError{kInvalidParams, "params must be an object"};
}

bool is_reply(const json& message) {
  return message.is_object() && !message.contains("method") &&
         (message.contains("result") || message.contains("error"));
}

bool is_error_line(const ordered_json& line) {
  if (!line.is_object() || !line.contains("error") || !line["error"].is_object()) return false;
  const auto& error = line["error"];
  return error.contains("message") && error["message"].is_string();
}

// stderr of `-o json`: lines for people, and at the end of a failure one JSON object {"error": …}.
void add_stderr(ordered_json& structured, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  ordered_json notes = ordered_json::array();
  while (std::getline(lines, line)) {
    const auto error = ordered_json::parse(line, nullptr, false);
    if (is_error_line(error)) {
      structured["error"] = error["error"];
    } else if (!line.empty()) {
      notes.push_back(line);
    }
  }
  if (!notes.empty()) structured["notes"] = notes;
}

}  // namespace

Server::Server(std::vector<Tool> tools, ServerOptions options, core::ProcessRunner& processes,
               store::Journal& journal, std::ostream& out)
    : tools_(std::move(tools)),
      options_(std::move(options)),
      processes_(processes),
      journal_(journal),
      out_(out) {
  if (!options_.read_only) return;
  std::erase_if(tools_, [](const Tool& tool) { return tool.effect() != Effect::reads; });
}

Server::~Server() {
  finish(true);
}

void Server::send(const ordered_json& message) {
  const std::lock_guard lock(out_mutex_);
  out_ << message.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

const Tool* Server::find(const std::string& name) const {
  const auto found =
      std::find_if(tools_.begin(), tools_.end(), [&](const Tool& tool) { return tool.name() == name; });
  return found == tools_.end() ? nullptr : &*found;
}

struct Server::Batch {
  std::mutex mutex;
  std::size_t open = 0;  // messages without an answer
  ordered_json replies = ordered_json::array();
};

void Server::reply(const BatchPtr& batch, const std::optional<ordered_json>& message) {
  if (!batch) {
    if (message) send(*message);
    return;
  }
  const std::lock_guard lock(batch->mutex);
  if (message) batch->replies.push_back(*message);
  if (--batch->open == 0 && !batch->replies.empty()) send(batch->replies);
}

void Server::receive(const std::string& line) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return;
  if (line.size() > kLongestMessage)
    return send(error_reply(nullptr, {kInvalidRequest, "this line is longer than 4 MiB"}));
  const auto message = parse(line);
  if (!message) {
    send(error_reply(nullptr, {kParseError, "this line is not JSON, or nested too deeply"}));
  } else if (message->is_array() && !message->empty()) {
    const auto batch = std::make_shared<Batch>();
    batch->open = message->size();
    for (const auto& each : *message) handle(each, batch);
  } else {
    handle(*message, nullptr);
  }
}

void Server::handle(const json& message, const BatchPtr& batch) {
  if (is_reply(message)) return reply(batch, std::nullopt);
  const bool has_id = message.is_object() && message.contains("id");
  const json id = has_id && is_id(message["id"]) ? message["id"] : json();
  try {
    check_request(message);
    const auto method = message["method"].get<std::string>();
    const json params = message.value("params", json::object());
    if (!has_id) {
      if (method == "notifications/cancelled") cancel(params);
      return reply(batch, std::nullopt);
    }
    if (method == "tools/call") return begin_call(id, params, batch);
    reply(batch, ordered_json{{"jsonrpc", "2.0"}, {"id", id}, {"result", answer(method, params)}});
  } catch (const ProtocolError& error) {
    reply(batch, error_reply(id, error));
  }
}

ordered_json Server::answer(const std::string& method, const json& params) {
  if (method == "initialize") return initialize(params);
  if (method == "ping") return ordered_json::object();
  if (method == "tools/list") return list_tools(params);
  throw ProtocolError{kUnknownMethod, fmt::format("there is no method '{}'", method)};
}

ordered_json Server::list_tools(const json& params) const {
  if (params.contains("cursor") && !params["cursor"].is_null())
    throw ProtocolError{kInvalidParams, "the list has one page: there is no cursor"};
  ordered_json list = ordered_json::array();
  for (const auto& tool : tools_) list.push_back(tool.describe());
  return {{"tools", list}};
}

ordered_json Server::initialize(const json& params) const {
  const auto wanted = params.value("protocolVersion", json());
  const bool known =
      std::any_of(kProtocols.begin(), kProtocols.end(), [&](const char* each) { return wanted == each; });
  return {
      {"protocolVersion", known ? wanted.get<std::string>() : kProtocols.front()},
      {"capabilities", {{"tools", {{"listChanged", false}}}}},
      {"serverInfo", {{"name", "azlin"}, {"version", options_.version}}},
      {"instructions",
       "Backup and disaster recovery for Azure. Tools that may overwrite or delete need `confirm`, which "
       "repeats the "
       "name of what is at stake: ask the person before you give it. exitCode 6 means done, with findings."}};
}

// Throws ProtocolError: the id is in use.
Server::Call& Server::new_call(const json& id) {
  const auto text = id.dump();
  if (std::any_of(calls_.begin(), calls_.end(), [&](const Call& call) { return call.id == text; }))
    throw ProtocolError{kInvalidRequest, "a request with this id is running"};
  return calls_.emplace_back(Call{text, {}, false, {}});
}

void Server::begin_call(const json& id, const json& params, const BatchPtr& batch) {
  if (!params.contains("name") || !params["name"].is_string())
    throw ProtocolError{kInvalidParams, "tools/call needs the name of a tool"};
  const Tool* tool = find(params["name"].get<std::string>());
  if (tool == nullptr) {
    throw ProtocolError{kInvalidParams,
                        fmt::format("there is no tool '{}'{}", params["name"].get<std::string>(),
                                    options_.read_only ? " (this server only reads)" : "")};
  }
  const json arguments = params.value("arguments", json::object());
  const json meta = params.value("_meta", json::object());
  const json token = meta.is_object() ? meta.value("progressToken", json()) : json();
  const auto answer = [](const json& to, const ordered_json& result) {
    return ordered_json{{"jsonrpc", "2.0"}, {"id", to}, {"result", result}};
  };
  const std::lock_guard lock(calls_mutex_);
  calls_.remove_if([](const Call& call) { return call.done; });
  if (calls_.size() >= kMostCalls) {
    auto result =
        tool_result(failure(Error(ErrorKind::busy,
                                  fmt::format("{} calls run already: wait for one of them", kMostCalls))),
                    true);
    audit(*tool, arguments, result);
    return reply(batch, answer(id, result));
  }
  Call& call = new_call(id);
  call.thread = std::jthread([this, id, tool, arguments, token, batch, answer, &call, stop = call.stop] {
    const ordered_json result = run(*tool, arguments, token, stop.get_token());
    // A client that has cancelled waits for no answer.
    reply(batch, stop.stop_requested() ? std::nullopt : std::optional(answer(id, result)));
    const std::lock_guard done(calls_mutex_);
    call.done = true;
    all_done_.notify_all();
  });
}

ordered_json Server::run(const Tool& tool, const json& arguments, const json& token,
                         const std::stop_token& stop) {
  ordered_json result;
  try {
    result = run_command(tool, arguments, token, stop);
  } catch (const Error& error) {
    result = tool_result(failure(error), true);
  } catch (const std::exception& error) {
    result =
        tool_result(failure(Error(ErrorKind::failed, fmt::format("internal error: {}", error.what()))), true);
  }
  audit(tool, arguments, result);
  return result;
}

void Server::audit(const Tool& tool, const json& arguments, ordered_json& result) {
  const auto& structured = result["structuredContent"];
  const std::string error =
      structured.contains("error") ? structured["error"].value("message", "failed") : "";
  try {
    journal_.record("mcp." + tool.name(), "",
                    tool.audited(arguments).dump(-1, ' ', false, json::error_handler_t::replace), error);
  } catch (const Error& journal_error) {
    result["structuredContent"]["notes"].push_back(
        fmt::format("not in the audit trail: {}", journal_error.what()));
  }
}

ordered_json Server::run_command(const Tool& tool, const json& arguments, const json& token,
                                 const std::stop_token& stop) {
  core::ProcessRequest request;
  request.argv = options_.program;
  request.argv.insert(request.argv.end(), {"-o", "json"});
  if (tool.effect() != Effect::reads) request.argv.emplace_back("--yes");
  for (auto& word : tool.command_line(arguments)) request.argv.push_back(std::move(word));
  request.time_limit = kNoLimit;
  request.kill_after = kUndoTime;
  int lines = 0;
  request.on_err_line = [&](std::string_view line) {
    if (token.is_null() || line.empty() || line.front() == '{') return;
    send({{"jsonrpc", "2.0"},
          {"method", "notifications/progress"},
          {"params", {{"progressToken", token}, {"progress", ++lines}, {"message", line}}}});
  };
  const auto ended = processes_.run(request, stop);
  ordered_json structured = {{"exitCode", ended.exit_code}};
  const auto parsed = ordered_json::parse(ended.out, nullptr, false);
  if (!parsed.is_discarded()) {
    structured["result"] = parsed;
  } else if (!ended.out.empty()) {
    structured["result"] = ended.out;
  }
  add_stderr(structured, ended.err);
  const bool done = ended.exit_code == 0 || ended.exit_code == core::exit_code(ErrorKind::findings);
  if (!done && !structured.contains("error"))
    structured["error"] = {{"message", fmt::format("ended with exit code {}", ended.exit_code)}};
  return tool_result(structured, !done);
}

void Server::cancel(const json& params) {
  if (!params.contains("requestId")) return;
  const std::lock_guard lock(calls_mutex_);
  for (auto& call : calls_) {
    if (call.id == params["requestId"].dump() && !call.done) call.stop.request_stop();
  }
}

void Server::finish(bool stop) {
  std::unique_lock lock(calls_mutex_);
  if (stop) {
    for (auto& call : calls_) call.stop.request_stop();
  }
  all_done_.wait(lock, [this] {
    return std::all_of(calls_.begin(), calls_.end(), [](const Call& call) { return call.done; });
  });
}

}  // namespace azlin::mcp
