#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <list>
#include <mutex>

#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::http {
namespace {

using core::Error;
using core::ErrorKind;

// The URL as logs and errors may show it.
std::string shown_url(const Request& request) {
  return request.secret_path ? url_origin(request.url) + "/[secret]" : core::redact_url(request.url);
}

[[noreturn]] void refuse(const Request& request, const std::string& why) {
  throw NetworkError(fmt::format("{} {}: {}", request.method, shown_url(request), why), false, false);
}

// The most that is set aside on the word of Content-Length alone.
constexpr curl_off_t kMostReserved = 8 << 20;

// Lets all handles share names that were looked up and TLS sessions. (Connections cannot be shared between
// threads.)
class Share {
 public:
  Share() : handle_(curl_share_init()) {
    curl_share_setopt(handle_, CURLSHOPT_LOCKFUNC, &Share::lock);
    curl_share_setopt(handle_, CURLSHOPT_UNLOCKFUNC, &Share::unlock);
    curl_share_setopt(handle_, CURLSHOPT_USERDATA, this);
    curl_share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  ~Share() { curl_share_cleanup(handle_); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  CURLSH* get() const { return handle_; }

 private:
  static void lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
    static_cast<Share*>(self)->mutexes_.at(data).lock();
  }
  static void unlock(CURL*, curl_lock_data data, void* self) {
    static_cast<Share*>(self)->mutexes_.at(data).unlock();
  }

  CURLSH* handle_;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
};

// One transfer at a time, with the connections that it left open. The multi handle is there for its wake-up.
struct Channel {
  explicit Channel(CURLSH* shared) : easy(curl_easy_init()), multi(curl_multi_init()), share(shared) {
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 8L);
  }
  ~Channel() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  CURL* easy;
  CURLM* multi;
  CURLSH* share;
  std::string last_origin;
};

// The state of one exchange, as libcurl's callbacks see it.
class Exchange {
 public:
  Exchange(Channel& channel, const Request& request, const CurlOptions& options)
      : channel_(channel), request_(request), options_(options) {}
  ~Exchange() { curl_slist_free_all(headers_); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Response perform(const std::stop_token& stop) {
    configure();
    const CURLcode code = transfer(stop);
    if (thrown_) std::rethrow_exception(thrown_);
    log_line(code);
    if (code != CURLE_OK) fail(code);
    return std::move(response_);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(channel_.easy, option, value);
  }

  void configure() {
    curl_easy_reset(channel_.easy);
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_SHARE, channel_.share);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options_.ca_bundle.empty()) set(CURLOPT_CAINFO, options_.ca_bundle.c_str());
    if (is_loopback_url(request_.url) || url_origin(request_.url) == "http://169.254.169.254:80")
      set(CURLOPT_PROXY, "");
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_BUFFERSIZE, 256L * 1024);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.total_timeout.count()));
    if (request_.total_timeout.count() == 0) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(CURLOPT_LOW_SPEED_TIME, 60L);
    }
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_data);
    set(CURLOPT_WRITEDATA, this);
    configure_method();
    configure_headers();
  }

  void configure_method() {
    const auto& method = request_.method;
    if (method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
      set(CURLOPT_POSTFIELDS, request_.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    }
    if (method != "GET" && method != "HEAD") set(CURLOPT_CUSTOMREQUEST, method.c_str());
    // libcurl sends a request again, unasked, when a connection that it reused turns out to be closed.
    if (method == "POST" || method == "PATCH" || wants_own_connection()) set(CURLOPT_FRESH_CONNECT, 1L);
  }

  // "Connection: close" on a request: it must not be sent twice, whatever its method.
  bool wants_own_connection() const {
    return std::any_of(request_.headers.begin(), request_.headers.end(), [](const auto& header) {
      return core::equal_ignoring_case(header.first, "Connection") &&
             core::equal_ignoring_case(header.second, "close");
    });
  }

  bool has_header(std::string_view name) const {
    return std::any_of(request_.headers.begin(), request_.headers.end(),
                       [&](const auto& header) { return core::equal_ignoring_case(header.first, name); });
  }

  void configure_headers() {
    const auto add = [this](const std::string& line) {
      headers_ = curl_slist_append(headers_, line.c_str());
    };
    for (const auto& [name, value] : request_.headers)
      add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    add("Expect:");
    if (!has_header("Content-Type")) add("Content-Type:");
    set(CURLOPT_HTTPHEADER, headers_);
    // Bytes that are asked for by range, or streamed, must arrive as they are stored.
    if (!request_.on_body && !has_header("Range") && !has_header("x-ms-range"))
      set(CURLOPT_ACCEPT_ENCODING, "");
  }

  CURLcode transfer(const std::stop_token& stop) {
    CURLM* multi = channel_.multi;
    curl_multi_add_handle(multi, channel_.easy);
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    {
      std::stop_callback on_stop(stop, [multi] { curl_multi_wakeup(multi); });
      int running = 1;
      while (running > 0 && !stop.stop_requested()) {
        curl_multi_perform(multi, &running);
        if (running > 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
      }
      int left = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi, &left))
        result = message->data.result;
      else
        stopped_ = true;
    }
    if (!stopped_) connected_ = was_sent();
    curl_multi_remove_handle(multi, channel_.easy);
    if (stopped_ && !thrown_)
      throw Error(ErrorKind::interrupted,
                  fmt::format("interrupted during {} {}", request_.method, shown_url(request_)));
    return result;
  }

  // True once the connection (with TLS) stood, so that the server may have seen the request.
  bool was_sent() const {
    curl_off_t pretransfer = 0;
    curl_easy_getinfo(channel_.easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer);
    return pretransfer > 0;
  }

  [[noreturn]] void fail(CURLcode code) const {
    const std::string detail = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
    const auto text = too_long_  ? fmt::format("the reply is longer than {} bytes", request_.longest_body)
                      : aborted_ ? std::string("the receiver of the body gave up")
                                 : detail;
    bool retryable = !too_long_ && !aborted_;
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CERTPROBLEM:
      case CURLE_SSL_CIPHER:
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_OUT_OF_MEMORY:
        retryable = false;
        break;
      default:
        break;
    }
    throw NetworkError(fmt::format("{} {}: {}", request_.method, shown_url(request_), text), connected_,
                       retryable);
  }

  void log_line(CURLcode code) const {
    if (core::log_level() > core::LogLevel::debug) return;
    curl_off_t micros = 0;
    curl_easy_getinfo(channel_.easy, CURLINFO_TOTAL_TIME_T, &micros);
    core::log_debug("{} {} -> {} in {} ms, request id {}", request_.method, shown_url(request_),
                    code == CURLE_OK ? std::to_string(response_.status) : curl_easy_strerror(code),
                    micros / 1000, response_.header("x-ms-request-id").value_or("-"));
  }

  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Exchange*>(self)->add_header({data, size * count});
    return size * count;
  }

  void add_header(std::string_view line) {
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // also after a 1xx reply: what came before does not count
      response_ = {};
      const auto space = line.find(' ');
      if (space != std::string_view::npos)
        response_.status = std::atoi(std::string(line.substr(space + 1, 3)).c_str());
      return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    response_.headers.emplace_back(line.substr(0, colon), value);
  }

  static std::size_t on_data(const char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    try {
      return exchange.take(data, size * count) ? size * count : 0;
    } catch (...) {  // must not pass through libcurl
      exchange.thrown_ = std::current_exception();
      return 0;
    }
  }

  bool take(const char* data, std::size_t size) {
    if (request_.on_body && response_.status >= 200 && response_.status < 300) {
      aborted_ = !request_.on_body(data, size);
      return !aborted_;
    }
    too_long_ = response_.body.size() + size > request_.longest_body;
    if (too_long_) return false;
    if (response_.body.empty()) make_room();
    response_.body.append(data, size);
    return true;
  }

  // The announced length at once: a body that grows by pieces is copied several times over.
  void make_room() {
    curl_off_t length = -1;
    curl_easy_getinfo(channel_.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > 0 && length <= kMostReserved) response_.body.reserve(static_cast<std::size_t>(length));
  }

  Channel& channel_;
  const Request& request_;
  const CurlOptions& options_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  Response response_;
  std::exception_ptr thrown_;
  bool stopped_ = false, connected_ = false, too_long_ = false, aborted_ = false;
};

void check(const Request& request) {
  const bool secret = std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    return core::equal_ignoring_case(header.first, "Authorization");
  });
  const auto origin = url_origin(request.url);
  if (origin.empty()) refuse(request, "this is not a valid URL");
  if (secret && !origin.starts_with("https://") && !is_loopback_url(request.url))
    refuse(request, "a token is not sent over plain http");
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || name.find_first_of("\r\n:; ") != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      refuse(request, "a header holds a character that it must not hold");
  }
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(CurlOptions options) : options_(std::move(options)) {}

  Response send(const Request& request, std::stop_token stop) override {
    check(request);
    if (stop.stop_requested())
      throw Error(ErrorKind::interrupted,
                  fmt::format("interrupted before {} {}", request.method, shown_url(request)));
    Lease lease(*this, url_origin(request.url));
    return Exchange(*lease.channel, request, options_).perform(stop);
  }

 private:
  // A channel taken from the pool for one exchange.
  struct Lease {
    Lease(CurlTransport& of, std::string origin) : owner(of), channel(of.take(origin)) {
      channel->last_origin = std::move(origin);
    }
    ~Lease() {
      const std::lock_guard lock(owner.mutex_);
      owner.idle_.push_back(std::move(channel));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    CurlTransport& owner;
    std::unique_ptr<Channel> channel;
  };

  // The one used last for that origin (its connection is the least likely to have been closed), else the one
  // used longest ago, else a new one.
  std::unique_ptr<Channel> take(const std::string& origin) {
    const std::lock_guard lock(mutex_);
    if (!share_) {
      static std::once_flag initialised;  // here and not at start: `azlin --version` needs no TLS library
      std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
      share_ = std::make_unique<Share>();
    }
    for (auto it = idle_.rbegin(); it != idle_.rend(); ++it) {
      if ((*it)->last_origin != origin) continue;
      auto found = std::move(*it);
      idle_.erase(std::next(it).base());
      return found;
    }
    if (idle_.size() < kIdleBeforeReuse) return std::make_unique<Channel>(share_->get());
    auto oldest = std::move(idle_.front());
    idle_.pop_front();
    return oldest;
  }

  static constexpr std::size_t kIdleBeforeReuse = 16;
  CurlOptions options_;
  std::mutex mutex_;
  std::unique_ptr<Share> share_;  // outlives the channels
  std::list<std::unique_ptr<Channel>> idle_;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport(const CurlOptions& options) {
  return std::make_unique<CurlTransport>(options);
}

}  // namespace azlin::http
