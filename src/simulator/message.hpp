#pragma once
// What a handler is given and what it gives back; errors as Azure words them.
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "simulator/target.hpp"

namespace azlin::simulator {

using Json = nlohmann::json;
using Headers = std::vector<std::pair<std::string, std::string>>;

// An error reply: {"error":{"code","message","target"?,"details"?,"additionalInfo"?}}. Handlers and effects
// throw it.
struct ApiError : std::exception {
  ApiError(int http_status, std::string error_code, std::string text, std::string error_target = {})
      : status(http_status),
        code(std::move(error_code)),
        message(std::move(text)),
        target(std::move(error_target)) {}
  const char* what() const noexcept override { return message.c_str(); }
  Json inner() const;  // what stands under "error"

  int status;
  std::string code, message, target;
  Json details, additional_info;  // null: left out
  bool bare = false;              // Compute's throttle: the body has no "error" around it
  Headers headers;
};

struct Request {
  std::string method;  // GET, PUT, …; upper case
  std::string path;    // as sent, still escaped
  std::string raw_query;
  std::vector<std::string> segments;                // of the path, decoded
  std::map<std::string, std::string> params;        // of the route's template, decoded, case as sent
  std::map<std::string, std::string> query;         // names in lower case, decoded
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;
  Json json;             // the body when it is JSON, else null
  std::string base_url;  // the address the client used: "http://127.0.0.1:4321", no slash at the end
  std::string api_version;
  std::string principal;   // object id of the token; empty where the route needs none
  Target target;           // what the path names; filled for routes under ARM
  std::string request_id;  // x-ms-request-id of the reply
  std::optional<std::pair<std::string, std::string>>
      fail_operation;  // a fault: the started operation ends so

  const std::string& param(const std::string& name) const { return params.at(name); }
  bool has_query(const std::string& name) const { return query.count(name) != 0; }
  std::string query_or(const std::string& name, const std::string& fallback) const;
  std::optional<std::string> header(const std::string& lower_name) const;
  // The body as an object. Throws ApiError 400 InvalidRequestContent when it is missing or not an object.
  const Json& object() const;
};

struct Reply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json; charset=utf-8";
  Headers headers;
  // For large bodies of the data plane: `length` bytes read piece by piece, without the control plane's lock;
  // with HEAD it only sets Content-Length. Used when set, instead of `body`.
  std::function<std::string(std::uint64_t offset, std::size_t size)> stream;
  std::uint64_t length = 0;

  static Reply json(int status, const Json& body);
  static Reply text(int status, std::string body, std::string content_type);
  static Reply empty(int status);
  static Reply error(const ApiError& error);
  Reply& with(std::string name, std::string value);
};

}  // namespace azlin::simulator
