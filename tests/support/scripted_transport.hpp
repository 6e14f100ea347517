#pragma once
// Scripted replies in place of the network.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "azlin/http/transport.hpp"

namespace azlin::test {

// A reply in one line: reply(200, R"({"a":1})", {{"Retry-After", "5"}}).
inline http::Response reply(int status, std::string body = {}, http::Headers headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

// Thread-safe. Answers requests in the order of the script (or, after any_order(), the first unused step that
// matches). A surprise fails the test, and so does a reply that was not asked for.
class ScriptedTransport final : public http::Transport {
 public:
  using Handler = std::function<http::Response(const http::Request&)>;

  ~ScriptedTransport() override {
    for (const auto& step : script_)
      ADD_FAILURE() << "never requested: " << step.method << " …" << step.url_part;
  }

  // The next request must be `method` on a URL that contains `url_part`.
  void expect(std::string method, std::string url_part, http::Response response) {
    expect(std::move(method), std::move(url_part),
           Handler([response](const http::Request&) { return response; }));
  }
  void expect(std::string method, std::string url_part, Handler handler) {
    script_.push_back({std::move(method), std::move(url_part), std::move(handler)});
  }
  // The next request ends without a reply.
  void expect_failure(std::string method, std::string url_part, bool maybe_received, bool retryable = true) {
    expect(std::move(method), std::move(url_part), Handler([=](const http::Request&) -> http::Response {
             throw http::NetworkError("scripted network failure", maybe_received, retryable);
           }));
  }
  void any_order() { any_order_ = true; }

  http::Response send(const http::Request& request, std::stop_token stop) override {
    if (stop.stop_requested()) throw core::Error(core::ErrorKind::interrupted, "interrupted");
    const auto response = next(request)(request);
    if (request.on_body && response.status >= 200 && response.status < 300) {
      if (!request.on_body(response.body.data(), response.body.size()))
        throw http::NetworkError("the receiver of the body gave up", true, false);
      return {.status = response.status, .headers = response.headers, .body = {}};
    }
    return response;
  }

  std::vector<http::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // A header of the n-th request; "" when it had none.
  std::string sent_header(std::size_t n, std::string_view name) {
    return http::Response{.headers = requests().at(n).headers}.header(name).value_or("");
  }

 private:
  struct Step {
    std::string method, url_part;
    Handler handler;
  };

  static bool matches(const Step& step, const http::Request& request) {
    return step.method == request.method && request.url.find(step.url_part) != std::string::npos;
  }

  Handler next(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    for (auto step = script_.begin(); step != script_.end(); ++step) {
      if (matches(*step, request)) {
        auto handler = std::move(step->handler);
        script_.erase(step);
        return handler;
      }
      if (!any_order_) break;
    }
    const auto expected =
        script_.empty() ? "nothing" : script_.front().method + " …" + script_.front().url_part;
    ADD_FAILURE() << "unexpected request: " << request.method << " " << request.url << "; expected "
                  << expected;
    throw http::NetworkError("unexpected request: " + request.method + " " + request.url, false, false);
  }

  std::mutex mutex_;
  std::deque<Step> script_;
  std::vector<http::Request> requests_;
  bool any_order_ = false;
};

}  // namespace azlin::test
