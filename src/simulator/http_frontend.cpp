#include "simulator/http_frontend.hpp"

#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "simulator/corrupt.hpp"
#include "simulator/dispatch.hpp"
#include "simulator/store_planes.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMaxBody = 16U << 20;
constexpr int kWaiting = 512;  // connections that are not taken in yet

// A thread for each connection that is open at the same time, reused: idle keep-alive connections starve
// nobody.
class GrowingPool final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    if (idle_ >= work_.size()) {
      wake_.notify_one();
    } else {
      threads_.emplace_back([this] { run(); });
    }
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [this] { return ending_ || !work_.empty(); });
      --idle_;
      if (work_.empty()) return;
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

int port_of(const sockaddr_in& address) {
  return ntohs(address.sin_port);
}

// httplib gives no access to the connection's socket: it is found by its two ports, and cut.
void cut_connection(const httplib::Request& request) {
  for (int fd = 3; fd < 4'096; ++fd) {
    sockaddr_in local{}, remote{};
    socklen_t size = sizeof(local);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0 || local.sin_family != AF_INET)
      continue;
    size = sizeof(remote);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &size) != 0) continue;
    if (port_of(local) != request.local_port || port_of(remote) != request.remote_port) continue;
    ::shutdown(fd, SHUT_RDWR);
    return;
  }
}

std::string host_url(const httplib::Request& request, bool secure) {
  std::string host = request.get_header_value("Host");
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  };
  if (host.empty() || !std::all_of(host.begin(), host.end(), allowed))
    host = fmt::format("127.0.0.1:{}", request.local_port);
  // A proxy in front of us that ends TLS says so.
  secure = secure || request.get_header_value("X-Forwarded-Proto") == "https";
  return (secure ? "https://" : "http://") + host;
}

Request translate(const httplib::Request& from, bool secure) {
  Request request;
  request.method = from.method;
  const std::string target = from.target.substr(0, from.target.find('#'));
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.raw_query = target.substr(question + 1);
  request.segments = split_path(request.path);
  for (const auto& [name, value] : parse_query(request.raw_query)) request.query.emplace(lower(name), value);
  for (const auto& [name, value] : from.headers) request.headers.emplace(lower(name), trim(value));
  request.body = from.body;
  request.base_url = host_url(from, secure);
  return request;
}

}  // namespace

std::string http_date(core::TimePoint time) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{}, {:02d} {} {:04d} {:02d}:{:02d}:{:02d} GMT",
                     kDays[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

namespace {

// httplib reads forms itself and refuses those above 8 KiB, which no setting changes: a body that merely says
// that it is one (curl's default) must not look so to httplib. It owns the request and made it non-const.
void hide_form(const httplib::Request& from) {
  auto& headers = const_cast<httplib::Request&>(from).headers;
  const auto type = headers.find("Content-Type");
  if (type != headers.end() && type->second.starts_with("application/x-www-form-urlencoded"))
    type->second.insert(0, " ");
}

// What a fault does instead of, or before, the work. nullopt: the work goes on.
std::optional<Reply> faulty_reply(const FaultRule& fault, Request& request) {
  if (!fault.operation_code.empty()) request.fail_operation = {fault.operation_code, fault.operation_message};
  if (fault.expire_token) {
    const auto header = request.headers.find("authorization");
    if (header != request.headers.end()) header->second = "Bearer " + make_token({});  // expired in 1970
    return std::nullopt;
  }
  if (fault.status == 0) return std::nullopt;
  Reply reply = Reply::error(ApiError(fault.status, fault.code, fault.message));
  if (!fault.retry_after.empty()) reply.with("Retry-After", fault.retry_after);
  return reply;
}

void send(Reply& reply, const Request& request, httplib::Response& response) {
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) response.headers.emplace(name, value);
  if (reply.stream) {
    response.set_content_provider(
        reply.length, reply.content_type,
        [stream = std::move(reply.stream)](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
          const std::string piece = stream(offset, std::min<std::size_t>(length, 1U << 20));
          return !piece.empty() && sink.write(piece.data(), piece.size());
        });
  } else if (!reply.body.empty() || !reply.content_type.empty()) {
    if (request.method == "HEAD") {
      response.set_header("Content-Type", reply.content_type);
    } else {
      response.set_content(reply.body, reply.content_type);
    }
  }
}

// The full length is announced and half of it sent.
void send_truncated(const Reply& reply, httplib::Response& response) {
  response.status = reply.status;
  response.set_content_provider(std::max<std::size_t>(reply.body.size(), 2), reply.content_type,
                                [half = reply.body.substr(0, reply.body.size() / 2)](
                                    std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                  if (offset == 0 && !half.empty()) sink.write(half.data(), half.size());
                                  return false;
                                });
}

}  // namespace

struct HttpFrontend::Parts {
  Parts(Context& c, const Router& r) : context(c), router(r) {}
  // A listener of its own for one store.
  struct Store {
    std::unique_ptr<httplib::Server> server;
    std::thread listener;
    int port = 0;
  };

  void configure(httplib::Server& server, bool secure, const std::string& store = {});
  void serve(const httplib::Request& from, httplib::Response& response, bool secure,
             const std::string& store);
  std::string store_url(const std::string& id);
  Store open_store(const std::string& key);
  bool hold(core::Millis time);
  void note(const Request& request, int status, std::chrono::steady_clock::time_point begun);

  Context& context;
  const Router& router;
  httplib::Server plain;
  std::unique_ptr<httplib::SSLServer> tls;
  std::thread listener, tls_listener;
  int port = 0;
  TlsFiles files;
  std::map<std::string, Store> stores;  // by key of the resource; under Context::mutex
  std::mutex ending_mutex;
  std::condition_variable ending_told;
  bool ending = false;
};

// Waits; false when the server ends meanwhile.
bool HttpFrontend::Parts::hold(core::Millis time) {
  std::unique_lock lock(ending_mutex);
  return !ending_told.wait_for(lock, time, [this] { return ending; });
}

void HttpFrontend::Parts::note(const Request& request, int status,
                               std::chrono::steady_clock::time_point begun) {
  if (request.path.starts_with("/_simulator/")) return;
  LoggedRequest entry;
  entry.time = context.now();
  entry.method = request.method;
  entry.path = request.path;
  entry.query = request.raw_query.substr(0, request.raw_query.find("sig="));
  entry.status = status;
  entry.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  context.log.add(std::move(entry));
}

void HttpFrontend::Parts::serve(const httplib::Request& from, httplib::Response& response, bool secure,
                                const std::string& store) {
  const auto begun = std::chrono::steady_clock::now();
  Request request = translate(from, secure);
  // We answer ranges ourselves; httplib would cut our reply a second time. It owns this object and made it
  // non-const.
  const_cast<httplib::Request&>(from).ranges.clear();
  const bool admin = request.path.starts_with("/_simulator/");
  const auto fault = admin ? std::nullopt : context.faults.strike(from.method, percent_decode(from.target));
  if (fault && fault->delay > core::Millis{0} && !hold(fault->delay)) return cut_connection(from);
  if (fault && fault->drop == "before") {
    note(request, 0, begun);
    return cut_connection(from);
  }
  std::optional<Reply> reply;
  if (fault) reply = faulty_reply(*fault, request);
  const auto address = store.empty() ? store_of_host(context, from.get_header_value("Host"))
                                     : std::optional<StoreAddress>({store, nullptr, ""});
  if (!reply)
    reply = address ? dispatch_store(context, *address, request) : dispatch(context, router, request);
  if (fault && fault->corrupt)
    context.faults.note_corrupted(fault->id, request.path + " " + corrupt(reply->body, *fault->corrupt));
  note(request, fault && !fault->drop.empty() ? 0 : reply->status, begun);
  if (reply->status == 0) return cut_connection(from);
  const bool cut = fault && fault->drop == "truncate";
  // (A HEAD has no body that could be cut: what would be half of it is no reply.)
  if (fault && (fault->drop == "after" || (cut && from.method == "HEAD"))) return cut_connection(from);
  if (cut) return send_truncated(*reply, response);
  response.set_header("Date", http_date(context.now()));
  send(*reply, request, response);
}

void HttpFrontend::Parts::configure(httplib::Server& server, bool secure, const std::string& store) {
  server.new_task_queue = [] { return new GrowingPool; };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(100'000);
  server.set_keep_alive_timeout(5);
  server.set_read_timeout(60);
  server.set_payload_max_length(kMaxBody);
  // httplib waits for a body after each POST, PUT, PATCH and DELETE, also when none was announced: those are
  // answered before it begins to read.
  server.set_pre_routing_handler(
      [this, secure, store](const httplib::Request& from, httplib::Response& response) {
        const bool body = from.has_header("Transfer-Encoding") ||
                          from.get_header_value<std::uint64_t>("Content-Length") > 0;
        if (body && from.method != "GET" && from.method != "HEAD") {
          hide_form(from);
          return httplib::Server::HandlerResponse::Unhandled;
        }
        serve(from, response, secure, store);
        return httplib::Server::HandlerResponse::Handled;
      });
  const auto handler = [this, secure, store](const httplib::Request& from, httplib::Response& response) {
    serve(from, response, secure, store);
  };
  server.Put(R"([\s\S]*)", handler)
      .Post(R"([\s\S]*)", handler)
      .Patch(R"([\s\S]*)", handler)
      .Delete(R"([\s\S]*)", handler);
}

HttpFrontend::HttpFrontend(Context& context, const Router& router)
    : parts_(std::make_unique<Parts>(context, router)) {
  parts_->configure(parts_->plain, false);
  context.store_url = [this](const std::string& id) { return parts_->store_url(id); };
}

HttpFrontend::~HttpFrontend() {
  stop();
}

namespace {

// Binds, and serves in a thread of its own. Returns the port.
int listen(httplib::Server& server, int port, std::thread& listener) {
  int own = -1;
  server.set_socket_options([&own](int each) {
    httplib::default_socket_options(each);
    own = each;
  });
  const int bound = port == 0                                ? server.bind_to_any_port("127.0.0.1")
                    : server.bind_to_port("127.0.0.1", port) ? port
                                                             : -1;
  if (bound <= 0)
    throw core::Error(core::ErrorKind::failed, fmt::format("cannot listen on 127.0.0.1:{}", port),
                      "is another simulator running?");
  server.set_socket_options(httplib::default_socket_options);
  // httplib lets five wait; the kernel drops the next, and its client tries again only after a second.
  ::listen(own, kWaiting);
  listener = std::thread([&server] { server.listen_after_bind(); });
  // stop() before the listener runs would be lost.
  while (!server.is_running()) std::this_thread::yield();
  return bound;
}

void end(httplib::Server& server, std::thread& listener) {
  if (!listener.joinable()) return;
  server.stop();
  listener.join();
}

}  // namespace

// The port of last time, if it is still free: clients may remember the address.
HttpFrontend::Parts::Store HttpFrontend::Parts::open_store(const std::string& key) {
  Store store;
  const auto make = [&] {
    store.server = tls ? std::make_unique<httplib::SSLServer>(files.certificate.c_str(), files.key.c_str())
                       : std::make_unique<httplib::Server>();
    configure(*store.server, tls != nullptr, key);
  };
  make();
  const auto last = context.state.meta("port " + key);
  try {
    store.port = listen(*store.server, last ? std::stoi(*last) : 0, store.listener);
  } catch (const core::Error&) {
    make();
    store.port = listen(*store.server, 0, store.listener);
  }
  return store;
}

std::string HttpFrontend::Parts::store_url(const std::string& id) {
  const std::string key = lower(id);
  auto found = stores.find(key);
  if (found == stores.end()) found = stores.emplace(key, open_store(key)).first;
  const std::string number = std::to_string(found->second.port);
  if (context.state.meta("port " + key) != number) context.state.set_meta("port " + key, number);
  return (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + number;
}

int HttpFrontend::start(int port) {
  parts_->port = listen(parts_->plain, port, parts_->listener);
  if (!parts_->tls) parts_->context.main_url = fmt::format("http://127.0.0.1:{}", parts_->port);
  return parts_->port;
}

void HttpFrontend::open_stores() {
  const std::lock_guard lock(parts_->context.mutex);
  for (const auto& id : all_stores(parts_->context)) parts_->store_url(id);
}

int HttpFrontend::start_tls(int port, const TlsFiles& files) {
  parts_->tls = std::make_unique<httplib::SSLServer>(files.certificate.c_str(), files.key.c_str());
  if (!parts_->tls->is_valid())
    throw core::Error(core::ErrorKind::failed, "cannot use the certificate " + files.certificate);
  parts_->files = files;
  parts_->configure(*parts_->tls, true);
  const int bound = listen(*parts_->tls, port, parts_->tls_listener);
  parts_->context.main_url = fmt::format("https://127.0.0.1:{}", bound);
  return bound;
}

int HttpFrontend::port() const {
  return parts_->port;
}

void HttpFrontend::stop() {
  {
    const std::lock_guard lock(parts_->ending_mutex);
    parts_->ending = true;
  }
  parts_->ending_told.notify_all();
  end(parts_->plain, parts_->listener);
  if (parts_->tls) end(*parts_->tls, parts_->tls_listener);
  // Only requests to the main listeners open stores: nobody adds to the map any more.
  for (auto& [key, store] : parts_->stores) end(*store.server, store.listener);
}

}  // namespace azlin::simulator
