#include "simulator/message.hpp"

namespace azlin::simulator {

Json ApiError::inner() const {
  Json error = {{"code", code}, {"message", message}};
  if (!target.empty()) error["target"] = target;
  if (!details.is_null()) error["details"] = details;
  if (!additional_info.is_null()) error["additionalInfo"] = additional_info;
  return error;
}

std::string Request::query_or(const std::string& name, const std::string& fallback) const {
  const auto found = query.find(name);
  return found == query.end() ? fallback : found->second;
}

std::optional<std::string> Request::header(const std::string& lower_name) const {
  const auto found = headers.find(lower_name);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

const Json& Request::object() const {
  if (!json.is_object())
    throw ApiError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'a JSON object is expected.'.");
  return json;
}

Reply Reply::json(int status, const Json& body) {
  Reply reply;
  reply.status = status;
  // Bytes that are not UTF-8 came from a client; replacing them keeps the reply valid JSON.
  reply.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return reply;
}

Reply Reply::text(int status, std::string body, std::string content_type) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = std::move(content_type);
  return reply;
}

Reply Reply::empty(int status) {
  Reply reply;
  reply.status = status;
  reply.content_type.clear();
  return reply;
}

Reply Reply::error(const ApiError& error) {
  Reply reply = json(error.status, error.bare ? error.inner() : Json{{"error", error.inner()}});
  reply.headers = error.headers;
  return reply;
}

Reply& Reply::with(std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

}  // namespace azlin::simulator
