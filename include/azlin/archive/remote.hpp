#pragma once
// A folder on another machine, reached by the system's ssh: where a restore can end.
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/digest.hpp"
#include "azlin/core/pipeline.hpp"

namespace azlin::archive {

struct RemoteTarget {
  std::string host;        // as ssh knows it: "backup", "root@10.0.0.5"
  std::string folder;      // absolute, or below the login's home
  std::string ssh_config;  // for `ssh -F`; empty: ssh's own
};

// "[user@]host:folder" or "ssh://[user@]host/folder"; nullopt: a folder on this machine. Throws core::Error
// (usage) for one that names no folder or holds what a shell or ssh would take for something else.
std::optional<RemoteTarget> parse_remote_target(const std::string& text);

// Needs ssh without questions, a POSIX shell, tar and (to compare) sha256sum on the other machine. All calls
// throw core::Error: not_found (no ssh here), unauthorized (the login is refused), failed.
class RemoteFolder {
 public:
  explicit RemoteFolder(RemoteTarget target) : target_(std::move(target)) {}
  std::string text() const { return target_.host + ":" + target_.folder; }
  // Not there, or nothing in it.
  bool is_empty(std::stop_token stop) const;
  // Sends what `folder` holds; the other machine makes its folder when it is missing.
  void send(const std::filesystem::path& folder, std::stop_token stop) const;
  // Reads files and links again over there; returns those that are missing or other than said.
  std::vector<std::string> differing(const std::vector<TreeEntry>& files, std::stop_token stop) const;

 private:
  core::Stage ssh(const std::string& command) const;
  core::PipelineResult run(core::PipelineRequest request, const char* doing, std::stop_token stop) const;
  std::string ask(const std::string& tool, const std::string& names, std::stop_token stop) const;
  RemoteTarget target_;
};

}  // namespace azlin::archive
