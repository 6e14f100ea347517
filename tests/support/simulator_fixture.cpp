#include "support/simulator_fixture.hpp"

#include <httplib.h>

#include <stdexcept>

namespace azlin::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

}  // namespace

nlohmann::json HttpReply::json() const {
  return nlohmann::json::parse(body);
}

std::string HttpReply::header(const std::string& lower_name) const {
  const auto found = headers.find(lower_name);
  return found == headers.end() ? "" : found->second;
}

std::string HttpReply::error_code() const {
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  return parsed.is_object() && parsed.contains("error") ? parsed["error"].value("code", "") : "";
}

HttpReply http_call(const std::string& method, const std::string& url, const std::string& body,
                    const std::multimap<std::string, std::string>& headers) {
  const auto slash = url.find('/', url.find("://") + 3);
  httplib::Client client(url.substr(0, slash));
  client.set_url_encode(false);  // the test says what goes over the wire
  client.set_read_timeout(30);
  httplib::Request request;
  request.method = method;
  request.path = url.substr(slash);
  request.body = body;
  for (const auto& [name, value] : headers) request.headers.emplace(name, value);
  const auto result = client.send(request);
  HttpReply reply;
  if (!result) {
    reply.failure = httplib::to_string(result.error());
    return reply;
  }
  reply.status = result->status;
  reply.body = result->body;
  for (const auto& [name, value] : result->headers) reply.headers.emplace(lower(name), value);
  return reply;
}

Simulator::Simulator(simulator::Options options, const std::string& state) : options_(std::move(options)) {
  options_.state_dir = dir_.path().string();
  if (!state.empty()) copy_folder(state, dir_.path());
  start();
}

void Simulator::start() {
  server_ = std::make_unique<simulator::Server>(options_);
  server_->start();
  url_ = server_->base_url();
}

void Simulator::restart() {
  server_.reset();
  start();
}

void Simulator::save(const std::string& folder) {
  server_.reset();
  copy_folder(dir_.path(), folder);
  start();
}

std::string Simulator::token() const {
  const auto reply = http_call("POST", url_ + "/_simulator/token", "{}", {});
  return reply.json().at("token");
}

HttpReply Simulator::arm(const std::string& method, const std::string& target, const nlohmann::json& body) {
  std::multimap<std::string, std::string> headers{{"Authorization", "Bearer " + token()}};
  if (!body.is_null()) headers.emplace("Content-Type", "application/json");
  const std::string url = target.starts_with("http") ? target : url_ + target;
  return http_call(method, url, body.is_null() ? "" : body.dump(), headers);
}

HttpReply Simulator::finish(const HttpReply& started, int polls) {
  const std::string document = started.header("azure-asyncoperation");
  HttpReply last = started;
  for (int i = 0; i < polls; ++i) {
    last = arm("GET", document.empty() ? started.header("location") : document);
    const bool running = document.empty() ? last.status == 202 : last.json().at("status") == "InProgress";
    if (!running) return last;
  }
  throw std::runtime_error("the operation did not end: " + last.body);
}

nlohmann::json Simulator::admin(const std::string& method, const std::string& what,
                                const nlohmann::json& body) {
  const auto call = [&] {
    return http_call(method, url_ + "/_simulator/" + what, body.is_null() ? "" : body.dump(), {});
  };
  auto reply = call();
  // Under fifty clients at once a connection may be lost. Again is safe: at worst the clock moves twice.
  const bool repeatable = method == "GET" || what == "clock";
  for (int tries = 1; reply.status == 0 && repeatable && tries < 3; ++tries) reply = call();
  if (reply.status >= 300 || reply.status == 0)
    throw std::runtime_error("admin " + what + ": " + std::to_string(reply.status) + " " + reply.body +
                             reply.failure);
  return reply.json();
}

void Simulator::freeze_at(const std::string& iso_time) {
  admin("POST", "clock", {{"set", iso_time}, {"freeze", true}});
}

void Simulator::advance(const std::string& duration) {
  admin("POST", "clock", {{"advance", duration}});
}

std::int64_t Simulator::add_fault(const nlohmann::json& rule) {
  return admin("POST", "faults", rule).at("id");
}

std::int64_t Simulator::fault_hits(std::int64_t id) {
  const auto answer = admin("GET", "faults");  // must outlive the loop
  for (const auto& rule : answer.at("faults")) {
    if (rule.at("id") == id) return rule.at("hits");
  }
  throw std::runtime_error("no such fault");
}

nlohmann::json Simulator::state() {
  return admin("GET", "state");
}

std::vector<std::string> Simulator::requests(const std::string& method) {
  std::vector<std::string> paths;
  const auto entries = admin("GET", "requests").at("requests");
  for (const auto& entry : entries) {
    if (method.empty() || entry.at("method") == method) paths.push_back(entry.at("path"));
  }
  return paths;
}

std::string Simulator::make_group(const std::string& name, const std::string& location) {
  const auto reply =
      arm("PUT", std::string(kSubscription) + "/resourceGroups/" + name + "?api-version=2021-04-01",
          {{"location", location}});
  if (reply.status >= 300) throw std::runtime_error("no group: " + reply.body);
  return reply.json().at("id");
}

}  // namespace azlin::test
