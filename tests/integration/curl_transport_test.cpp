// The transport against a server that misbehaves, over real sockets.
#include <gtest/gtest.h>

#include <cstdlib>

#include "azlin/core/parallel.hpp"
#include "azlin/http/retry.hpp"
#include "azlin/http/transport.hpp"
#include "support/fake_clock.hpp"
#include "support/socket_server.hpp"

namespace azlin::http {
namespace {

using core::Millis;
using test::Answer;
using test::http_answer;
using test::SeenRequest;
using test::SocketServer;

class CurlTransportTest : public ::testing::Test {
 protected:
  Response get(const std::string& url) { return transport->send({.url = url}, {}); }
  // The error of a request that must fail.
  static NetworkError failure(Transport& with, const Request& request) {
    try {
      with.send(request, {});
    } catch (const NetworkError& error) {
      return error;
    }
    ADD_FAILURE() << "no NetworkError";
    return NetworkError("none", false, false);
  }
  std::unique_ptr<Transport> transport = make_curl_transport({});
};

TEST_F(CurlTransportTest, ReturnsStatusHeadersAndBody) {
  SocketServer server(
      [](const SeenRequest&) { return http_answer(404, "gone", "X-Ms-Request-Id:  abc \r\n"); });
  const auto response = get(server.url("/a?b=c"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "gone");
  EXPECT_EQ(response.header("x-ms-request-id"), "abc");
  EXPECT_TRUE(server.requests()[0].head.starts_with("GET /a?b=c HTTP/1.1\r\n")) << server.requests()[0].head;
}

TEST_F(CurlTransportTest, SendsMethodHeadersAndBody) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, ""); });
  for (const char* method : {"PUT", "POST", "PATCH", "DELETE"})
    transport->send({.method = method, .url = server.url(), .headers = {{"If-Match", "\"9\""}}, .body = "{}"},
                    {});
  ASSERT_EQ(server.requests().size(), 4U);
  for (const auto& request : server.requests()) {
    EXPECT_NE(request.head.find("If-Match: \"9\"\r\n"), std::string::npos);
    EXPECT_EQ(request.head.find("Expect:"), std::string::npos);
    EXPECT_EQ(request.head.find("x-www-form-urlencoded"), std::string::npos);
    EXPECT_EQ(request.body, "{}");
  }
}

TEST_F(CurlTransportTest, EmptyPostHasLengthZero) {
  SocketServer server([](const SeenRequest&) { return http_answer(202, ""); });
  transport->send({.method = "POST", .url = server.url()}, {});
  EXPECT_NE(server.requests()[0].head.find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_F(CurlTransportTest, HeadReadsNoBody) {
  SocketServer server([](const SeenRequest&) { return Answer{"HTTP/1.1 204 X\r\n\r\n"}; });
  EXPECT_EQ(transport->send({.method = "HEAD", .url = server.url()}, {}).status, 204);
}

TEST_F(CurlTransportTest, ConnectionsAreReused) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, "x"); });
  for (int i = 0; i < 20; ++i) get(server.url());
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlTransportTest, ThreadsUseNoMoreConnectionsThanThereAreThreads) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, "x"); });
  const auto results = core::run_parallel(200, 4, {}, [&](std::size_t) { get(server.url()); });
  for (const auto& error : results) EXPECT_FALSE(error);
  EXPECT_LE(server.connections(), 4);
}

TEST_F(CurlTransportTest, PostIsNotRepeatedOnAKeptConnectionThatDied) {
  SocketServer server([](const SeenRequest& request) {
    return request.head.starts_with("POST") ? Answer{.close = true} : http_answer(200, "x");
  });
  get(server.url());
  const auto error = failure(*transport, {.method = "POST", .url = server.url(), .body = "{}"});
  EXPECT_TRUE(error.maybe_received());
  EXPECT_EQ(server.requests().size(), 2U) << "one GET and one POST";
}

TEST_F(CurlTransportTest, APutThatAsksForItsOwnConnectionIsNotRepeatedOnAKeptOne) {
  SocketServer server([](const SeenRequest& request) {
    return request.head.starts_with("PUT") ? Answer{.close = true} : http_answer(200, "x");
  });
  get(server.url());
  const auto error = failure(
      *transport, {.method = "PUT", .url = server.url(), .headers = {{"Connection", "close"}}, .body = "{}"});
  EXPECT_TRUE(error.maybe_received());
  EXPECT_EQ(server.requests().size(), 2U) << "one GET and one PUT";
}

TEST_F(CurlTransportTest, RefusedConnectionWasNotReceived) {
  std::string url;
  {
    SocketServer server([](const SeenRequest&) { return http_answer(200, ""); });
    url = server.url();
  }
  const auto error = failure(*transport, {.url = url});
  EXPECT_FALSE(error.maybe_received());
  EXPECT_TRUE(error.retryable());
}

TEST_F(CurlTransportTest, ReplyLostAfterTheRequestMayHaveBeenReceived) {
  SocketServer server([](const SeenRequest&) { return Answer{.close = true}; });
  const auto error = failure(*transport, {.method = "PUT", .url = server.url(), .body = "{}"});
  EXPECT_TRUE(error.maybe_received());
  EXPECT_TRUE(error.retryable());
}

TEST_F(CurlTransportTest, TruncatedBodyIsAnError) {
  SocketServer server([](const SeenRequest&) {
    return Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", .close = true};
  });
  EXPECT_TRUE(failure(*transport, {.url = server.url()}).retryable());
}

TEST_F(CurlTransportTest, TruncatedChunksAreAnError) {
  SocketServer server([](const SeenRequest&) {
    return Answer{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                  .close = true};
  });
  EXPECT_TRUE(failure(*transport, {.url = server.url()}).retryable());
}

TEST_F(CurlTransportTest, SlowReplyEndsAtTheTimeLimit) {
  SocketServer server([](const SeenRequest&) { return Answer{.hang = true}; });
  Request request{.url = server.url()};
  bool received = false;
  // A busy machine may take longer than the limit to connect.
  for (request.total_timeout = Millis{100}; !received && request.total_timeout < Millis{300'000};
       request.total_timeout *= 4) {
    const auto error = failure(*transport, request);
    received = error.maybe_received();
    EXPECT_TRUE(error.retryable());
  }
  EXPECT_TRUE(received);
}

TEST_F(CurlTransportTest, StopEndsARequestAtOnce) {
  std::stop_source stop;
  SocketServer server([&](const SeenRequest&) {
    stop.request_stop();
    return Answer{.hang = true};
  });
  const auto begun = std::chrono::steady_clock::now();
  try {
    transport->send({.url = server.url()}, stop.get_token());
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::interrupted);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun,
            std::chrono::seconds{50});  // a request's own limit is 60
}

TEST_F(CurlTransportTest, HeadersOfEightKilobytesArrive) {
  const std::string url = "https://management.azure.com/op?c=" + std::string(8'000, 'M');
  SocketServer server(
      [&](const SeenRequest&) { return http_answer(202, "", "Azure-AsyncOperation: " + url + "\r\n"); });
  EXPECT_EQ(get(server.url()).header("azure-asyncoperation"), url);
  EXPECT_EQ(get(server.url("/op?c=" + std::string(8'000, 'M'))).status, 202);
}

TEST_F(CurlTransportTest, BodyIsStreamedWhenAsked) {
  const std::string body(1'000'000, 'x');
  SocketServer server([&](const SeenRequest&) { return http_answer(206, body); });
  std::size_t got = 0;
  Request request{.url = server.url()};
  request.on_body = [&](const char*, std::size_t size) {
    got += size;
    return true;
  };
  const auto response = transport->send(request, {});
  EXPECT_EQ(got, body.size());
  EXPECT_TRUE(response.body.empty());
}

TEST_F(CurlTransportTest, ErrorBodyIsNotStreamed) {
  SocketServer server([](const SeenRequest&) { return http_answer(403, "denied"); });
  Request request{.url = server.url()};
  request.on_body = [](const char*, std::size_t) { return false; };
  EXPECT_EQ(transport->send(request, {}).body, "denied");
}

TEST_F(CurlTransportTest, ReceiverMayAbortOrThrow) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, "data"); });
  Request request{.url = server.url()};
  request.on_body = [](const char*, std::size_t) { return false; };
  EXPECT_FALSE(failure(*transport, request).retryable());
  request.on_body = [](const char*, std::size_t) -> bool { throw std::runtime_error("disk full"); };
  EXPECT_THROW(transport->send(request, {}), std::runtime_error);
}

TEST_F(CurlTransportTest, BodyOverTheLimitIsRefused) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, std::string(1000, 'x')); });
  Request request{.url = server.url()};
  request.longest_body = 999;
  EXPECT_FALSE(failure(*transport, request).retryable());
}

TEST_F(CurlTransportTest, TokenIsNotSentOverPlainHttp) {
  const auto error = failure(*transport, {.url = "http://management.azure.invalid/",
                                          .headers = {{"authorization", "Bearer secret"}}});
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("plain http"), std::string::npos) << error.what();
}

TEST_F(CurlTransportTest, HeaderInjectionIsRefused) {
  SocketServer server([](const SeenRequest&) { return http_answer(200, ""); });
  EXPECT_FALSE(failure(*transport, {.url = server.url(), .headers = {{"X", "a\r\nY: b"}}}).retryable());
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(CurlTransportTest, OtherProtocolsAreRefused) {
  EXPECT_FALSE(failure(*transport, {.url = "file:///etc/passwd"}).retryable());
  EXPECT_FALSE(failure(*transport, {.url = "not a url"}).retryable());
}

TEST_F(CurlTransportTest, LoopbackIgnoresAProxy) {
  setenv("http_proxy", "http://proxy.invalid:1", 1);
  SocketServer server([](const SeenRequest&) { return http_answer(200, "direct"); });
  EXPECT_EQ(get(server.url()).body, "direct");
  unsetenv("http_proxy");
}

TEST_F(CurlTransportTest, RedirectsAreNotFollowed) {
  SocketServer server(
      [](const SeenRequest&) { return http_answer(302, "", "Location: http://127.0.0.1:1/\r\n"); });
  EXPECT_EQ(get(server.url()).status, 302);
}

TEST_F(CurlTransportTest, RetryMendsDroppedTruncatedAndFailingReplies) {
  std::atomic<int> calls{0};
  SocketServer server([&](const SeenRequest&) {
    switch (++calls) {
      case 1:
        return Answer{.close = true};
      case 2:
        return Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", .close = true};
      case 3:
        return http_answer(503, "", "Retry-After: 1\r\n");
      default:
        return http_answer(200, "whole");
    }
  });
  test::FakeClock clock;
  EXPECT_EQ(send_with_retry(*transport, clock, {}, {.url = server.url()}, Repeatable::yes, {}).body, "whole");
  EXPECT_EQ(calls, 4);
}

}  // namespace
}  // namespace azlin::http
