#include "azlin/simulator/server.hpp"

#include <filesystem>

#include "azlin/core/error.hpp"
#include "simulator/http_frontend.hpp"
#include "simulator/providers.hpp"

namespace azlin::simulator {

struct Server::Parts {
  explicit Parts(const std::string& dir) : context(dir), frontend(context, router) {}
  Context context;
  Router router;
  HttpFrontend frontend;
  int wanted_port = 0, wanted_tls_port = -1, tls_port = 0;
  TlsFiles tls;
};

namespace {

std::string prepared_dir(const std::string& dir) {
  if (dir.empty()) throw core::Error(core::ErrorKind::usage, "the simulator needs a state folder");
  std::error_code failure;
  std::filesystem::create_directories(dir, failure);
  if (failure)
    throw core::Error(core::ErrorKind::failed,
                      "cannot make the state folder " + dir + ": " + failure.message());
  return dir;
}

// A state that is there goes on with its own settings; only what was given on the command line replaces them.
void restore(Context& context, const Options& options) {
  State& state = context.state;
  if (const auto clock = state.meta("clock")) context.clock.load(*clock);
  context.throttle.enabled = options.throttle;
  const auto latency = state.meta("latency");
  context.latency = latency && !options.latency_given ? parse_latency(*latency) : options.latency;
  if (!state.meta("seed")) {
    store::Transaction transaction(state.db());
    apply_seed(context, options.seed);
    state.set_meta("seed", options.seed);
    transaction.commit();
  }
  state.set_meta("latency", to_string(context.latency));
}

}  // namespace

Server::Server(const Options& options) : parts_(std::make_unique<Parts>(prepared_dir(options.state_dir))) {
  parts_->wanted_port = options.port;
  parts_->wanted_tls_port = options.tls_port;
  register_all(parts_->router, parts_->context);
  parts_->context.blob_endpoint = options.blob_endpoint;
  restore(parts_->context, options);
}

Server::~Server() {
  stop();
}

int Server::start() {
  if (parts_->wanted_tls_port >= 0) {
    parts_->tls = tls_files(parts_->context.state_dir + "/tls");
    parts_->tls_port = parts_->frontend.start_tls(parts_->wanted_tls_port, parts_->tls);
  }
  const int port = parts_->frontend.start(parts_->wanted_port);
  parts_->frontend.open_stores();
  return port;
}

std::string Server::tls_url() const {
  return parts_->tls_port == 0 ? "" : "https://127.0.0.1:" + std::to_string(parts_->tls_port);
}

std::string Server::certificate() const {
  return parts_->tls.certificate;
}

int Server::port() const {
  return parts_->frontend.port();
}

std::string Server::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port());
}

void Server::stop() {
  parts_->frontend.stop();
}

}  // namespace azlin::simulator
