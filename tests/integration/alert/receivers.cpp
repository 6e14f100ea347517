#include "integration/alert/receivers.hpp"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace azlin::test {

namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

std::string decoded_base64(const std::string& text) {
  std::string out(text.size(), '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  const auto padding = std::count(text.begin(), text.end(), '=');
  out.resize(length < padding ? 0 : static_cast<std::size_t>(length - padding));
  return out;
}

std::string between_brackets(const std::string& line) {
  const auto open = line.find('<');
  return open == std::string::npos ? "" : line.substr(open + 1, line.find('>') - open - 1);
}

}  // namespace

void make_certificate(const std::string& cert_file, const std::string& key_file) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), &X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86'400);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(cert.get(), names, -1);
  X509_EXTENSION_free(names);
  require(X509_sign(cert.get(), key.get(), EVP_sha256()) != 0, "cannot sign a certificate");
  const auto save = [](const std::string& path, auto write) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    require(file != nullptr && write(file) == 1, "cannot write a certificate");
    std::fclose(file);
  };
  save(cert_file, [&](std::FILE* file) { return PEM_write_X509(file, cert.get()); });
  save(key_file, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Connection::~Connection() {
  if (ssl_ != nullptr) {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
  ::close(fd_);
}

bool Connection::fill() {
  char piece[4096];
  const auto count = ssl_ != nullptr ? SSL_read(ssl_, piece, sizeof piece)
                                     : static_cast<int>(::recv(fd_, piece, sizeof piece, 0));
  if (count > 0) buffer_.append(piece, static_cast<std::size_t>(count));
  return count > 0;
}

bool Connection::read_line(std::string& line) {
  auto end = buffer_.find("\r\n");
  for (; end == std::string::npos; end = buffer_.find("\r\n"))
    if (!fill()) return false;
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

bool Connection::read_bytes(std::size_t count, std::string& bytes) {
  while (buffer_.size() < count)
    if (!fill()) return false;
  bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return true;
}

void Connection::write(const std::string& text) {
  if (ssl_ != nullptr)
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
  else
    (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
}

bool Connection::start_tls(SSL_CTX* context) {
  buffer_.clear();  // what came before the handshake does not count
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
  return SSL_accept(ssl_) == 1;
}

Receiver::Receiver() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  require(listener_ >= 0 && ::bind(listener_, generic, length) == 0 && ::listen(listener_, 16) == 0 &&
              ::getsockname(listener_, generic, &length) == 0 && ::pipe(wake_) == 0,
          "cannot listen on loopback");
  port_ = ntohs(address.sin_port);
}

void Receiver::start() {
  thread_ = std::thread([this] { run(); });
}

void Receiver::stop() {
  (void)!::write(wake_[1], "x", 1);
  thread_.join();
  for (const int fd : silent_) ::close(fd);
  for (const int fd : {listener_, wake_[0], wake_[1]}) ::close(fd);
}

void Receiver::run() {
  for (;;) {
    pollfd waits[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) return;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const Mode mode = mode_;  // as it was when the connection was counted: the test may change it then
    ++connections_;
    const timeval limit{60, 0};  // a client that says nothing must not hold the test
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (mode == Mode::silent) {
      silent_.push_back(fd);
    } else if (mode == Mode::down) {
      const linger reset{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      ::close(fd);
    } else {
      Connection connection(fd);
      serve(connection);
    }
  }
}

MailServer::MailServer(const std::string& cert_file, const std::string& key_file) {
  if (!cert_file.empty()) {
    context_ = SSL_CTX_new(TLS_server_method());
    require(SSL_CTX_use_certificate_file(context_, cert_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_use_PrivateKey_file(context_, key_file.c_str(), SSL_FILETYPE_PEM) == 1,
            "cannot use the certificate");
  }
  start();
}

MailServer::~MailServer() {
  stop();
  SSL_CTX_free(context_);
}

void MailServer::answer(const std::string& verb, const std::string& reply) {
  const std::lock_guard lock(mutex_);
  answers_[verb] = reply;
}

std::vector<ReceivedMail> MailServer::mails() const {
  const std::lock_guard lock(mutex_);
  return mails_;
}

std::vector<std::string> MailServer::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::string MailServer::overridden(const std::string& verb) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(verb);
  return found == answers_.end() ? "" : found->second;
}

void MailServer::serve(Connection& connection) {
  ReceivedMail mail;
  connection.write("220 test ESMTP\r\n");
  converse(connection, mail);
}

// RFC 5321 and 3207, as far as a client that submits one mail goes.
void MailServer::converse(Connection& connection, ReceivedMail& mail) {
  std::string line;
  while (connection.read_line(line)) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back((connection.is_tls() ? "TLS " : "") + line);
    }
    const auto verb = line.substr(0, line.find(' '));
    if (const auto reply = overridden(verb); !reply.empty()) {
      connection.write(reply + "\r\n");
    } else if (verb == "EHLO") {
      const bool offer_tls = context_ != nullptr && !connection.is_tls();
      connection.write(std::string("250-test\r\n") + (offer_tls ? "250-STARTTLS\r\n" : "") +
                       (connection.is_tls() ? "250-AUTH PLAIN\r\n" : "") + "250 SIZE 1000000\r\n");
    } else if (verb == "STARTTLS" && context_ != nullptr) {
      connection.write("220 go\r\n");
      if (!connection.start_tls(context_)) return;
    } else if (verb == "AUTH") {
      std::string token = line.size() > 11 ? line.substr(11) : "";
      if (token.empty()) {
        connection.write("334 \r\n");
        if (!connection.read_line(token)) return;
      }
      const auto plain = decoded_base64(token);
      const auto second = plain.find('\0', 1);
      mail.user = plain.substr(1, second - 1);
      mail.password = plain.substr(second + 1);
      connection.write("235 welcome\r\n");
    } else if (verb == "MAIL") {
      mail.from = between_brackets(line);
      connection.write("250 ok\r\n");
    } else if (verb == "RCPT") {
      mail.to.push_back(between_brackets(line));
      connection.write("250 ok\r\n");
    } else if (verb == "DATA") {
      connection.write("354 go on\r\n");
      while (connection.read_line(line) && line != ".")
        mail.data += line.substr(line.starts_with('.') ? 1 : 0) + "\r\n";
      mail.tls = connection.is_tls();
      const std::lock_guard lock(mutex_);
      mails_.push_back(mail);
      connection.write("250 queued\r\n");
    } else if (verb == "QUIT") {
      connection.write("221 bye\r\n");
      return;
    } else {
      connection.write("500 what?\r\n");
    }
  }
}

std::vector<ReceivedPost> HookServer::posts() const {
  const std::lock_guard lock(mutex_);
  return posts_;
}

void HookServer::serve(Connection& connection) {
  ReceivedPost post;
  std::string line;
  if (!connection.read_line(line)) return;
  post.path = line.substr(line.find(' ') + 1);
  post.path = post.path.substr(0, post.path.find(' '));
  while (connection.read_line(line) && !line.empty()) {
    auto name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    post.headers[name] = line.substr(std::min(line.size(), name.size() + 2));
  }
  if (!connection.read_bytes(std::stoul(post.headers["content-length"]), post.body)) return;
  const int status = status_;
  std::string reply;
  {
    const std::lock_guard lock(mutex_);
    if (status == 200) posts_.push_back(post);
    reply = reply_;
  }
  connection.write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " +
                   std::to_string(reply.size()) + "\r\nConnection: close\r\n\r\n" + reply);
}

}  // namespace azlin::test
