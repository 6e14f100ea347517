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
  int wanted_port = 0;
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
  register_all(parts_->router, parts_->context);
  restore(parts_->context, options);
}

Server::~Server() {
  stop();
}

int Server::start() {
  return parts_->frontend.start(parts_->wanted_port);
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
