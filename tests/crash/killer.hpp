#pragma once
// Ends this process with SIGKILL at a chosen point of its work.
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "azlin/http/transport.hpp"

namespace azlin::crash {

enum class Point {
  none,
  before_request,  // the request is not sent
  after_request,   // the service has done the work, azlin does not know
  after_commit,    // a database was written, nothing more happened
};

// Throws std::invalid_argument for another word than none, before, after, commit.
Point parse_point(const std::string& word);

// Counts from 1, through all requests and all commits of this process.
class Killer {
 public:
  Killer(Point point, int number) : point_(point), number_(number) {}
  void reached(Point point, int number) const;

 private:
  Point point_;
  int number_;
};

// One request at a time, so that none is under way when the process dies and the numbers mean the same in
// each run.
class DeadlyTransport final : public http::Transport {
 public:
  DeadlyTransport(http::Transport& inner, const Killer& killer) : inner_(inner), killer_(killer) {}
  http::Response send(const http::Request& request, std::stop_token stop) override;
  int requests() const { return count_; }
  // Numbers of those that may change something.
  const std::vector<int>& changes() const { return changes_; }

 private:
  http::Transport& inner_;
  const Killer& killer_;
  std::mutex mutex_;
  int count_ = 0;
  std::vector<int> changes_;
};

// From now on each commit of each SQLite connection of this process is counted. Borrows the killer.
void watch_commits(const Killer& killer);
int commits();

}  // namespace azlin::crash
