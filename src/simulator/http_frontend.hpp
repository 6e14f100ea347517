#pragma once
// HTTP in front of dispatch(): threads, connections, and the faults that concern them.
#include <memory>

#include "simulator/context.hpp"
#include "simulator/router.hpp"
#include "simulator/tls_certificate.hpp"

namespace azlin::simulator {

// "Mon, 01 Dec 2025 08:00:00 GMT"
std::string http_date(core::TimePoint time);

class HttpFrontend {
 public:
  HttpFrontend(Context& context, const Router& router);
  ~HttpFrontend();
  // Binds 127.0.0.1 and serves. Throws core::Error (failed) when the port is taken.
  int start(int port);
  // The same over TLS, beside it; returns the port.
  int start_tls(int port, const TlsFiles& files);
  // Opens the listeners of all stores that there are; others open when they are first asked for.
  void open_stores();
  int port() const;
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace azlin::simulator
