#pragma once
// One HTTP exchange. The seam between azlin and the network: Transport is one of the program's three
// interfaces.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"

namespace azlin::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  // The path is a secret as well (an incoming webhook): logs and errors name scheme and host only.
  bool secret_path = false;
  core::Millis connect_timeout{10'000};
  core::Millis total_timeout{60'000};     // 0: none, but a minute without a byte ends it
  std::size_t longest_body = 256U << 20;  // of a reply kept in memory; a longer one is a NetworkError
  // When set, the body of a 2xx reply goes here in pieces, and Response::body stays empty. Return false to
  // abort (NetworkError). What it throws leaves send().
  std::function<bool(const char*, std::size_t)> on_body;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  // First header of that name, ignoring case.
  std::optional<std::string> header(std::string_view name) const;
};

// The exchange did not end with a complete reply.
class NetworkError : public core::Error {
 public:
  NetworkError(const std::string& message, bool maybe_received, bool retryable)
      : core::Error(core::ErrorKind::failed, message),
        maybe_received_(maybe_received),
        retryable_(retryable) {}
  // The server may have got the request (so a POST must not be sent again).
  bool maybe_received() const { return maybe_received_; }
  // False for what a retry cannot mend: a TLS failure, a malformed URL.
  bool retryable() const { return retryable_; }

 private:
  bool maybe_received_, retryable_;
};

// Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;
  // One attempt. Any HTTP status is a Response; throws NetworkError when there is none, core::Error
  // (interrupted) when `stop` is requested meanwhile. Does not follow redirects.
  virtual Response send(const Request& request, std::stop_token stop) = 0;
};

struct CurlOptions {
  std::string user_agent = "azlin";
  std::string ca_bundle;  // empty: the system's
};

// libcurl, with connections kept open and reused by whichever thread comes next (a POST or PATCH opens a new
// one, because libcurl would silently send it again on a kept connection that died). TLS certificates are
// always verified; plain http is for loopback only when a request carries an Authorization header (else it
// throws NetworkError before anything is sent). Honours HTTPS_PROXY/NO_PROXY as libcurl does, but never uses
// a proxy for loopback or IMDS.
std::unique_ptr<Transport> make_curl_transport(const CurlOptions& options);

// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback_url(std::string_view url);

// "https://management.azure.com:443": scheme, host and port in lower case; empty when `url` is not absolute
// or malformed.
std::string url_origin(std::string_view url);

// Percent-encodes all but letters, digits and "-._~", for one value of a query or one segment of a path.
std::string percent_encode(std::string_view text);

}  // namespace azlin::http
