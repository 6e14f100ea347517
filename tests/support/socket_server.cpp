#include "support/socket_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace azlin::test {
namespace {

// The length of the body that a request's head announces.
std::size_t announced_length(const std::string& head) {
  const std::string name = "Content-Length: ";
  const auto at = head.find(name);
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + name.size(), nullptr, 10);
}

}  // namespace

Answer http_answer(int status, const std::string& body, const std::string& extra_headers) {
  return {"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n" + extra_headers + "\r\n" + body};
}

SocketServer::SocketServer(std::function<Answer(const SeenRequest&)> handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, plain, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, plain, &size) != 0)
    throw std::runtime_error("cannot listen on loopback");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

SocketServer::~SocketServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

std::string SocketServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<SeenRequest> SocketServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void SocketServer::accept_all() {
  for (int fd = accept(listener_, nullptr, nullptr); fd >= 0; fd = accept(listener_, nullptr, nullptr)) {
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd, number = ++connections_] { serve(fd, number); });
  }
}

void SocketServer::serve(int fd, int number) {
  std::string pending;
  char buffer[65536];
  const auto fill = [&] {
    const auto got = recv(fd, buffer, sizeof buffer, 0);
    if (got > 0) pending.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  };
  for (bool open = true; open;) {
    while (pending.find("\r\n\r\n") == std::string::npos && (open = fill())) {
    }
    if (!open) break;
    SeenRequest request{.head = pending.substr(0, pending.find("\r\n\r\n") + 2), .connection = number};
    pending.erase(0, request.head.size() + 2);
    while (pending.size() < announced_length(request.head) && (open = fill())) {
    }
    request.body = pending.substr(0, announced_length(request.head));
    pending.erase(0, request.body.size());
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const auto answer = handler_(request);
    send(fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
    if (answer.hang) {
      while (fill()) {
      }
    }
    open = !answer.close && !answer.hang;
  }
  const std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

}  // namespace azlin::test
