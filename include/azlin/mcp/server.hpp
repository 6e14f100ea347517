#pragma once
// A Model Context Protocol server over a pair of streams: JSON-RPC 2.0, one message a line.
//
// A call of a tool runs azlin itself, as a person would, and hands on what it prints: the journal, the locks,
// the retries and the exit codes are those of the command. Source: Model Context Protocol 2024-11-05 to
// 2025-11-25.
#include <condition_variable>
#include <iosfwd>
#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "azlin/core/process.hpp"
#include "azlin/mcp/tool.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::mcp {

// Of a line in bytes; a longer one is refused.
inline constexpr std::size_t kLongestMessage = 4U << 20;

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

  // One message, or a batch of them, whose replies are one array. Replies at once, except to calls of tools,
  // which run on threads of their own. Never throws over what the line says.
  void receive(const std::string& line);
  // Until every call that was begun has replied. With `stop` they are interrupted first.
  void finish(bool stop);

 private:
  struct Batch;
  using BatchPtr = std::shared_ptr<Batch>;  // null: the message came alone
  struct Call {
    std::string id;  // of the request, as JSON text
    std::stop_source stop;
    bool done = false;
    std::jthread thread;
  };

  void handle(const nlohmann::json& message, const BatchPtr& batch);
  nlohmann::ordered_json answer(const std::string& method, const nlohmann::json& params);
  nlohmann::ordered_json initialize(const nlohmann::json& params) const;
  nlohmann::ordered_json list_tools(const nlohmann::json& params) const;
  void begin_call(const nlohmann::json& id, const nlohmann::json& params, const BatchPtr& batch);
  Call& new_call(const nlohmann::json& id);
  nlohmann::ordered_json run(const Tool& tool, const nlohmann::json& arguments, const nlohmann::json& token,
                             const std::stop_token& stop);
  nlohmann::ordered_json run_command(const Tool& tool, const nlohmann::json& arguments,
                                     const nlohmann::json& token, const std::stop_token& stop);
  void audit(const Tool& tool, const nlohmann::json& arguments, nlohmann::ordered_json& result);
  void cancel(const nlohmann::json& params);
  const Tool* find(const std::string& name) const;
  void send(const nlohmann::ordered_json& message);
  // The one answer to a message of the batch, or none (a notification).
  void reply(const BatchPtr& batch, const std::optional<nlohmann::ordered_json>& message);

  std::vector<Tool> tools_;
  ServerOptions options_;
  core::ProcessRunner& processes_;
  store::Journal& journal_;
  std::ostream& out_;
  std::mutex out_mutex_, calls_mutex_;
  std::condition_variable all_done_;
  std::list<Call> calls_;
};

}  // namespace azlin::mcp
