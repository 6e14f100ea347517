#pragma once
// A simulated Azure inside the test's process, on a free port, with its state in a temporary folder.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "azlin/simulator/server.hpp"
#include "support/temp_dir.hpp"

namespace azlin::test {

struct HttpReply {
  int status = 0;  // 0: the connection broke (`failure` says how)
  std::string failure, body;
  std::multimap<std::string, std::string> headers;          // names in lower case
  nlohmann::json json() const;                              // throws when the body is no JSON
  std::string header(const std::string& lower_name) const;  // "" when it is missing
  std::string error_code() const;                           // of an ARM error body, else ""
};

// HTTP without any of the client's code.
HttpReply http_call(const std::string& method, const std::string& url, const std::string& body,
                    const std::multimap<std::string, std::string>& headers);

class Simulator {
 public:
  // `state`: a folder that save() made, to begin with a copy of it.
  explicit Simulator(simulator::Options options = {.seed = "empty"}, const std::string& state = {});
  const std::string& url() const { return url_; }
  std::string token() const;  // a fresh one for the default principal
  std::string state_dir() const { return dir_.path().string(); }
  // Stops, and starts again on the same state (on another port).
  void restart();
  // Copies the state to a new folder; on another port afterwards.
  void save(const std::string& folder);

  // An ARM call with a good token; `target` is a path with query, or an absolute URL of this server.
  HttpReply arm(const std::string& method, const std::string& target, const nlohmann::json& body = nullptr);
  // Follows Azure-AsyncOperation (or Location) until the end, at most `polls` times; the last reply.
  HttpReply finish(const HttpReply& started, int polls = 50);

  // The admin endpoint: "faults", "clock", …
  nlohmann::json admin(const std::string& method, const std::string& what,
                       const nlohmann::json& body = nullptr);
  void freeze_at(const std::string& iso_time);
  void advance(const std::string& duration);           // "90s"
  std::int64_t add_fault(const nlohmann::json& rule);  // its number
  std::int64_t fault_hits(std::int64_t id);
  nlohmann::json state();                                        // ids by type
  std::vector<std::string> requests(const std::string& method);  // paths since the start; "" for every method
  std::string make_group(const std::string& name, const std::string& location = "eastus");  // its id

 private:
  void start();
  TempDir dir_;
  simulator::Options options_;
  std::unique_ptr<simulator::Server> server_;
  std::string url_;
};

inline constexpr const char* kSubscription = "/subscriptions/00000000-0000-0000-0000-000000000001";

}  // namespace azlin::test
