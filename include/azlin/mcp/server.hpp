#pragma once
// A Model Context Protocol server over a pair of streams: JSON-RPC 2.0, one message a line.
//
// A call of a tool runs azlin itself, as a person would, and hands on what it prints: the journal, the locks,
// the retries and the exit codes are those of the command. Source: Model Context Protocol 2024-11-05 to
// 2025-06-18.
#include <condition_variable>
#include <iosfwd>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "azlin/core/process.hpp"
#include "azlin/mcp/tool.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::mcp {

struct ServerOptions {
  std::string version;               // azlin's
  std::vector<std::string> program;  // what runs a command: the binary and its global flags
  bool read_only = false;            // only tools that change nothing
};

// Borrows the process runner, the journal and the stream.
class Server {
 public:
  Server(std::vector<Tool> tools, ServerOptions options, core::ProcessRunner& processes,
         store::Journal& journal, std::ostream& out);
  ~Server();

  // One message, or a batch of them. Replies at once, except to calls of tools, which run on threads of their
  // own.
  void receive(const std::string& line);
  // Until every call that was begun has replied. With `stop` they are interrupted first.
  void finish(bool stop);

 private:
  void handle(const nlohmann::json& message);
  nlohmann::ordered_json answer(const std::string& method, const nlohmann::json& params);
  nlohmann::ordered_json initialize(const nlohmann::json& params) const;
  void begin_call(const nlohmann::json& id, const nlohmann::json& params);
  nlohmann::ordered_json run(const Tool& tool, const nlohmann::json& arguments, const nlohmann::json& token,
                             const std::stop_token& stop);
  nlohmann::ordered_json run_command(const Tool& tool, const nlohmann::json& arguments,
                                     const nlohmann::json& token, const std::stop_token& stop);
  void cancel(const nlohmann::json& params);
  const Tool* find(const std::string& name) const;
  void send(const nlohmann::ordered_json& message);

  std::vector<Tool> tools_;
  ServerOptions options_;
  core::ProcessRunner& processes_;
  store::Journal& journal_;
  std::ostream& out_;
  std::mutex out_mutex_, calls_mutex_;
  std::condition_variable all_done_;
  std::map<std::string, std::stop_source> running_;  // by the request's id, as JSON text
  std::vector<std::jthread> threads_;
};

}  // namespace azlin::mcp
