#include "cli/completion_cache.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/azure/resources.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/tags.hpp"

namespace azlin::cli {

namespace fs = std::filesystem;

namespace {

// A part of a file name: nothing of it can lead out of the folder.
std::string safe(const std::string& text) {
  std::string result;
  for (const unsigned char c : text) result += std::isalnum(c) != 0 || c == '-' ? static_cast<char>(c) : '_';
  return result;
}

bool is_recent(const std::string& path) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written < kCompletionFreshFor;
}

}  // namespace

CompletionCache::CompletionCache(const std::string& home, const std::string& cloud,
                                 const std::string& subscription)
    : path_(home + "/cache/completion-" + safe(cloud) + "-" + safe(subscription) + ".json") {}

CompletionNames CompletionCache::load() const {
  std::ifstream file(path_);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return {};
  try {
    return json.get<CompletionNames>();
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

void CompletionCache::save(const CompletionNames& names) const {
  const std::string part = path_ + "." + std::to_string(getpid());
  {
    std::ofstream file(part);
    chmod(part.c_str(), 0600);
    file << nlohmann::json(names);
    if (!file.flush()) return;
  }
  std::error_code error;
  fs::rename(part, path_, error);
}

bool CompletionCache::claim_refresh() const {
  if (is_recent(path_)) return false;
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  const std::string claim = path_ + ".claim";
  const int fd = open(claim.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  struct stat now = {};
  const bool fresh_claim = fstat(fd, &now) == 0 && now.st_size > 0 && is_recent(claim);
  const bool mine =
      !fresh_claim && flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, 0) == 0 && write(fd, "1", 1) == 1;
  close(fd);
  return mine;
}

CompletionNames fetch_completion_names(Runtime& runtime) {
  std::map<std::string, std::set<std::string>> found;
  azure::list_resources(
      runtime.arm(), runtime.subscription(),
      [&](const azure::ListedResource& resource) {
        if (core::equal_ignoring_case(resource.type, "Microsoft.Compute/virtualMachines")) {
          found["VM"].insert(resource.name);
          found["GROUP"].insert(core::ResourceId::parse(resource.id).resource_group);
        } else if (core::equal_ignoring_case(resource.type, "Microsoft.RecoveryServices/vaults")) {
          found["VAULT"].insert(resource.name);
        } else if (const auto set = resource.tags.find(snapshot::kSetTag); set != resource.tags.end()) {
          found["BACKUP"].insert(set->second);
        }
      },
      runtime.stop());
  for (auto& region : azure::list_regions(runtime.arm(), runtime.subscription(), runtime.stop()))
    found["REGION"].insert(std::move(region));
  CompletionNames names;
  for (const auto& [kind, values] : found) names[kind] = {values.begin(), values.end()};
  return names;
}

}  // namespace azlin::cli
