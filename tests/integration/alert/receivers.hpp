#pragma once
// Real receivers on loopback, each on a port that the system picks: a mail server and an HTTP server that
// record what they are given and can be told to misbehave.
#include <openssl/ssl.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace azlin::test {

// A self-signed certificate for localhost and 127.0.0.1, written as PEM to `cert_file` and `key_file`.
void make_certificate(const std::string& cert_file, const std::string& key_file);

// One connection, as text lines and bytes, plain or TLS.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  bool read_line(std::string& line);  // without its CR LF; false at the end
  bool read_bytes(std::size_t count, std::string& bytes);
  void write(const std::string& text);
  bool start_tls(SSL_CTX* context);
  bool is_tls() const { return ssl_ != nullptr; }

 private:
  bool fill();
  int fd_;
  SSL* ssl_ = nullptr;
  std::string buffer_;
};

// Accepts and serves one connection after the other on a thread of its own.
class Receiver {
 public:
  enum class Mode { up, down, silent };  // down: each connection is reset; silent: nothing is ever answered

  virtual ~Receiver() = default;
  int port() const { return port_; }
  void set_mode(Mode mode) { mode_ = mode; }
  int connections() const { return connections_; }

 protected:
  Receiver();
  void start();
  void stop();  // by the destructor of each receiver
  virtual void serve(Connection& connection) = 0;

  mutable std::mutex mutex_;

 private:
  void run();
  int listener_ = -1, wake_[2] = {-1, -1}, port_ = 0;
  std::atomic<Mode> mode_ = Mode::up;
  std::atomic<int> connections_ = 0;
  std::vector<int> silent_;
  std::thread thread_;
};

struct ReceivedMail {
  std::string from;
  std::vector<std::string> to;
  std::string data;  // as sent, dots unstuffed
  bool tls = false;
  std::string user, password;
};

class MailServer final : public Receiver {
 public:
  // With a certificate it offers STARTTLS and, behind it, AUTH PLAIN.
  explicit MailServer(const std::string& cert_file = {}, const std::string& key_file = {});
  ~MailServer() override;
  // Answers `verb` ("RCPT", "AUTH", "DATA", …) with `reply` instead; empty: as usual again.
  void answer(const std::string& verb, const std::string& reply);
  std::vector<ReceivedMail> mails() const;
  std::vector<std::string> commands() const;  // all lines but message texts, "TLS " before those under TLS

 private:
  void serve(Connection& connection) override;
  void converse(Connection& connection, ReceivedMail& mail);
  std::string overridden(const std::string& verb) const;
  SSL_CTX* context_ = nullptr;
  std::map<std::string, std::string> answers_;
  std::vector<ReceivedMail> mails_;
  std::vector<std::string> commands_;
};

struct ReceivedPost {
  std::string path, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

class HookServer final : public Receiver {
 public:
  HookServer() { start(); }
  ~HookServer() override { stop(); }
  void set_status(int status) { status_ = status; }
  void set_reply(const std::string& body) {
    const std::lock_guard lock(mutex_);
    reply_ = body;
  }
  std::vector<ReceivedPost> posts() const;  // those answered 200

 private:
  void serve(Connection& connection) override;
  std::atomic<int> status_ = 200;
  std::string reply_ = "ok";
  std::vector<ReceivedPost> posts_;
};

}  // namespace azlin::test
