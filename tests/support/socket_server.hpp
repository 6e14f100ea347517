#pragma once
// A TCP server on loopback that answers HTTP requests with scripted bytes: whole replies, cut ones, or none.
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace azlin::test {

// What one request is answered with.
struct Answer {
  std::string bytes;   // sent as they are
  bool close = false;  // then the connection is closed
  bool hang = false;   // then nothing more is sent until the client or the server goes away
};

// "HTTP/1.1 200 OK" with Content-Length and `body`.
Answer http_answer(int status, const std::string& body, const std::string& extra_headers = {});

// A request as it came.
struct SeenRequest {
  std::string head;  // request line and headers
  std::string body;
  int connection = 0;  // counted from 1
};

// Serves each connection on a thread of its own, on a free port of 127.0.0.1, until destroyed.
class SocketServer {
 public:
  explicit SocketServer(std::function<Answer(const SeenRequest&)> handler);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  std::string url(const std::string& path = "/") const;
  int connections() const { return connections_; }
  std::vector<SeenRequest> requests();

 private:
  void accept_all();
  void serve(int fd, int number);

  std::function<Answer(const SeenRequest&)> handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<SeenRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace azlin::test
