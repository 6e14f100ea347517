#pragma once
// A database server in a temporary folder, for one test load; reached by a socket in that folder alone.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "azlin/archive/metadata.hpp"
#include "azlin/core/pipeline.hpp"

namespace azlin::archive {

class ScratchServer {
 public:
  // `engine`: postgresql, mysql or mariadb. Starts it below `folder` and waits until it answers. Throws
  // core::Error: not_found (its programs are not installed), failed (it did not start).
  ScratchServer(const std::string& engine, const std::string& folder, std::stop_token stop);
  // Ends the server and removes the folder. The server ends by itself when this process is killed.
  ~ScratchServer();
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;

  // Reads a dump of this format from stdin into the scratch database. nullopt: not a format of this server.
  std::optional<core::Stage> loader(const std::string& format) const;
  // How many tables there are after the load.
  std::size_t tables(std::stop_token stop) const;

 private:
  void start_postgresql(std::stop_token stop);
  void start_mysql(std::stop_token stop);
  void run_server(core::Stage stage);
  void wait_until_ready(const core::Stage& probe, std::stop_token stop);
  core::Stage client(std::vector<std::string> arguments) const;

  bool postgresql_ = false;
  std::string folder_, program_folder_;
  std::vector<std::string> as_user_;  // servers that refuse to run as root
  std::jthread server_;
};

}  // namespace azlin::archive
