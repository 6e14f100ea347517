#pragma once
// One mail over SMTP (libcurl), for alerts. TLS certificates are always verified.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"

namespace azlin::http {

enum class SmtpSecurity {
  starttls,  // plain connection that must become TLS before anything else is said
  tls,       // TLS from the first byte (port 465)
  none,      // only to loopback
};

struct SmtpRequest {
  std::string host;
  int port = 587;
  SmtpSecurity security = SmtpSecurity::starttls;
  std::string user, password;   // both empty: no login
  std::string ca_file;          // PEM; empty: the system's
  std::string from;             // bare address for MAIL FROM
  std::vector<std::string> to;  // bare addresses, at least one
  std::string message;          // RFC 5322, headers and body, lines ended by CR LF
  core::Millis connect_timeout{10'000};
  core::Millis total_timeout{30'000};
};

// The mail was not accepted. The text names the server and what it answered, never user or password.
class SmtpError : public core::Error {
 public:
  SmtpError(const std::string& message, int reply, bool permanent)
      : core::Error(core::ErrorKind::failed, message), reply_(reply), permanent_(permanent) {}
  int reply() const { return reply_; }  // the server's last reply code, 0 when there was none
  // A retry with the same settings cannot help: a 5xx reply, a TLS or login failure.
  bool permanent() const { return permanent_; }

 private:
  int reply_;
  bool permanent_;
};

// Returns once the server has taken the mail for every recipient. Throws SmtpError; core::Error (usage) for
// an address that holds anything but printable ASCII without spaces and angle brackets, for a host that is no
// host name, and for security `none` to another machine; core::Error (interrupted) when `stop` is requested.
void send_mail(const SmtpRequest& request, std::stop_token stop);

}  // namespace azlin::http
