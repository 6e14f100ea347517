#include "killer.hpp"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <stdexcept>

namespace azlin::crash {

namespace {

const Killer* watching = nullptr;
std::atomic<int> commit_count = 0;

extern "C" int on_commit(void*, sqlite3*, const char*, int) {
  watching->reached(Point::after_commit, ++commit_count);
  return SQLITE_OK;
}

// SQLite puts its own WAL hook in place at the end of opening, so ours follows with the first statement.
extern "C" int on_first_statement(unsigned, void* db, void*, void*) {
  auto* const handle = static_cast<sqlite3*>(db);
  sqlite3_wal_hook(handle, on_commit, nullptr);
  sqlite3_trace_v2(handle, 0, nullptr, nullptr);
  return 0;
}

extern "C" int on_open(sqlite3* db, const char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_first_statement, db);
}

bool may_change(const http::Request& request) {
  return request.method != "GET" && request.url.find("/subscriptions/") != std::string::npos;
}

}  // namespace

Point parse_point(const std::string& word) {
  if (word == "none") return Point::none;
  if (word == "before") return Point::before_request;
  if (word == "after") return Point::after_request;
  if (word == "commit") return Point::after_commit;
  throw std::invalid_argument("no such point: " + word);
}

void Killer::reached(Point point, int number) const {
  if (point != point_ || number != number_) return;
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

http::Response DeadlyTransport::send(const http::Request& request, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  const int number = ++count_;
  if (may_change(request)) changes_.push_back(number);
  killer_.reached(Point::before_request, number);
  auto response = inner_.send(request, std::move(stop));
  killer_.reached(Point::after_request, number);
  return response;
}

void watch_commits(const Killer& killer) {
  watching = &killer;
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(on_open));
}

int commits() {
  return commit_count;
}

}  // namespace azlin::crash
