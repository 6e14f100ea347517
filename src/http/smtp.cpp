#include "azlin/http/smtp.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>

#include "azlin/core/log.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::http {

using core::Error;
using core::ErrorKind;

namespace {

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Curl = std::unique_ptr<CURL, CurlDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

// What the callbacks of one transfer share.
struct Transfer {
  std::string_view message;
  std::size_t sent = 0;
  std::string refusal;  // the last 4xx or 5xx line
  std::stop_token stop;
};

std::size_t read_message(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto piece = transfer.message.substr(transfer.sent, size * count);
  std::memcpy(buffer, piece.data(), piece.size());
  transfer.sent += piece.size();
  return piece.size();
}

// libcurl hands each reply line of an SMTP server to the header callback.
std::size_t note_reply(const char* data, std::size_t size, std::size_t count, void* user) {
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (!line.empty() && (line[0] == '4' || line[0] == '5')) {
    std::string text(line.substr(0, 300));
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    static_cast<Transfer*>(user)->refusal = text;
  }
  return size * count;
}

int stop_requested(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

template <class Value>
void set(CURL* curl, CURLoption option, Value value) {
  if (const auto code = curl_easy_setopt(curl, option, value); code != CURLE_OK) {
    throw Error(ErrorKind::failed,
                fmt::format("cannot prepare a mail transfer: {}", curl_easy_strerror(code)));
  }
}

void check_address(const std::string& address) {
  bool good = !address.empty() && address.size() <= 254;
  for (const char c : address) good = good && c > 0x20 && c < 0x7f && c != '<' && c != '>';
  if (!good) throw Error(ErrorKind::usage, "not a plain mail address");
}

std::string server_url(const SmtpRequest& request) {
  bool good = !request.host.empty() && request.port > 0 && request.port < 65536;
  for (const char c : request.host)
    good = good && (std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr(".-:_", c) != nullptr);
  if (!good) throw Error(ErrorKind::usage, "not a mail server's host name and port");
  const bool v6 = request.host.find(':') != std::string::npos;
  const auto host = v6 ? "[" + request.host + "]" : request.host;
  if (request.security == SmtpSecurity::none && !is_loopback_url("http://" + host + "/"))
    throw Error(ErrorKind::usage, "mail to " + request.host + " without TLS is refused",
                "use starttls or tls; only a server on this machine may do without");
  return fmt::format("{}://{}:{}", request.security == SmtpSecurity::tls ? "smtps" : "smtp", host,
                     request.port);
}

List recipients(const SmtpRequest& request) {
  List list;
  for (const auto& address : request.to) {
    check_address(address);
    curl_slist* longer = curl_slist_append(list.get(), ("<" + address + ">").c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
  }
  if (!list) throw Error(ErrorKind::usage, "a mail needs a recipient");
  return list;
}

void set_security(CURL* curl, const SmtpRequest& request) {
  set(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  const bool plain = request.security == SmtpSecurity::none;
  set(curl, CURLOPT_USE_SSL, static_cast<long>(plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file.empty()) set(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.user.empty()) {
    set(curl, CURLOPT_USERNAME, request.user.c_str());
    set(curl, CURLOPT_PASSWORD, request.password.c_str());
  }
}

void set_limits(CURL* curl, const SmtpRequest& request, Transfer& transfer) {
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name lookup that has timed out
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
  // libcurl waits for each reply on a limit of its own, in whole seconds.
  set(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
      static_cast<long>(std::max<std::int64_t>(1, request.total_timeout.count() / 1000)));
  set(curl, CURLOPT_PROXY, "");
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &stop_requested);
  set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
}

bool is_permanent(CURLcode code, long reply) {
  if (reply >= 500) return true;
  if (reply >= 400) return false;
  switch (code) {
    case CURLE_LOGIN_DENIED:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
    case CURLE_URL_MALFORMAT:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void throw_failure(const SmtpRequest& request, const Transfer& transfer, CURLcode code,
                                long reply, const char* detail) {
  if (transfer.stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted while sending a mail");
  const std::string reason = !transfer.refusal.empty() ? "answered \"" + transfer.refusal + "\""
                             : *detail != '\0'         ? std::string(detail)
                                                       : std::string(curl_easy_strerror(code));
  throw SmtpError(fmt::format("mail server {}:{}: {}", request.host, request.port, reason),
                  static_cast<int>(reply), is_permanent(code, transfer.refusal.empty() ? 0 : reply));
}

}  // namespace

void send_mail(const SmtpRequest& request, std::stop_token stop) {
  const auto url = server_url(request);
  check_address(request.from);
  const auto to = recipients(request);
  const auto from = "<" + request.from + ">";
  const Curl owner(curl_easy_init());
  if (!owner) throw std::bad_alloc();
  CURL* curl = owner.get();
  Transfer transfer{request.message, 0, {}, std::move(stop)};
  char detail[CURL_ERROR_SIZE] = "";

  set(curl, CURLOPT_URL, url.c_str());
  set_security(curl, request);
  set_limits(curl, request, transfer);
  set(curl, CURLOPT_ERRORBUFFER, static_cast<char*>(detail));
  set(curl, CURLOPT_MAIL_FROM, from.c_str());
  set(curl, CURLOPT_MAIL_RCPT, to.get());
  set(curl, CURLOPT_UPLOAD, 1L);
  set(curl, CURLOPT_READFUNCTION, &read_message);
  set(curl, CURLOPT_READDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_HEADERFUNCTION, &note_reply);
  set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));

  const CURLcode code = curl_easy_perform(curl);
  long reply = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
  core::log_debug("SMTP {} -> {} (reply {})", url, code == CURLE_OK ? "sent" : "failed", reply);
  if (code != CURLE_OK) throw_failure(request, transfer, code, reply, detail);
}

}  // namespace azlin::http
