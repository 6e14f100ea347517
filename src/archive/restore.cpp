#include "azlin/archive/restore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "archive/staging.hpp"
#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
namespace fs = std::filesystem;

namespace {

void check_target(const std::string& target) {
  if (target.empty())
    throw Error(ErrorKind::usage, "where should it be restored?",
                "--target DIR; the archive's layout is made in it");
  std::error_code error;
  const bool there = fs::exists(target, error);
  if (error)
    throw Error(ErrorKind::usage, fmt::format("cannot restore into {}: {}", target, error.message()));
  if (there && !fs::is_directory(target))
    throw Error(ErrorKind::usage, fmt::format("{} is no folder", target),
                "--target DIR; the archive's layout is made in it");
}

bool wanted(const ArchiveRestore& request, const Part& part, std::string& reason) {
  if (request.mode == RestoreMode::config_only && part.data) reason = "data";
  if (request.mode == RestoreMode::selective &&
      std::find(request.services.begin(), request.services.end(), part.service) == request.services.end())
    reason = "of " + (part.service.empty() ? "no service" : part.service);
  return reason.empty();
}

void check_services(const ArchiveRestore& request, const Metadata& metadata) {
  if (request.mode == RestoreMode::selective && request.services.empty())
    throw Error(ErrorKind::usage, "a selective restore names its services", "--service NAME");
  if (request.mode != RestoreMode::selective && !request.services.empty())
    throw Error(ErrorKind::usage, "services are named for --mode selective");
  for (const auto& service : request.services) {
    if (std::find(metadata.services.begin(), metadata.services.end(), service) != metadata.services.end())
      continue;
    std::string known;
    for (const auto& each : metadata.services) known += (known.empty() ? "" : ", ") + each;
    throw Error(ErrorKind::not_found, fmt::format("archive {} has no service '{}'", metadata.id, service),
                "it has: " + known);
  }
}

bool below(const std::string& path, const std::string& top) {
  return path == top || path.starts_with(top + "/");
}

// Files of the manifest that belong to these parts.
std::vector<TreeEntry> files_of(const Manifest& manifest, const std::vector<Part>& parts) {
  std::vector<TreeEntry> out;
  for (const auto& file : manifest.files) {
    if (std::any_of(parts.begin(), parts.end(),
                    [&](const auto& part) { return below(file.path, part.path); }))
      out.push_back(file);
  }
  return out;
}

// Compares what is in the target with the archive's checksums.
void compare(const ArchiveRestore& request, RestoreOutcome& out) {
  for (const auto& file : out.compared) {
    const fs::path at = fs::path(request.target) / file.path;
    std::string found = "missing";
    std::error_code error;  // what cannot be looked at counts as missing
    if (fs::exists(fs::symlink_status(at, error)))
      found = file.link ? sha256_text(fs::read_symlink(at).string()) : sha256_file(at);
    if (found != file.sha256) out.mismatches.push_back(file.path);
  }
  out.verified = out.mismatches.empty();
}

}  // namespace

std::optional<RestoreMode> parse_restore_mode(const std::string& text) {
  for (const auto mode : {RestoreMode::full_rebuild, RestoreMode::selective, RestoreMode::config_only}) {
    if (text == to_string(mode)) return mode;
  }
  return std::nullopt;
}

const char* to_string(RestoreMode mode) {
  switch (mode) {
    case RestoreMode::full_rebuild:
      return "full-rebuild";
    case RestoreMode::selective:
      return "selective";
    case RestoreMode::config_only:
      return "config-only";
  }
  return "";
}

RestorePlan plan_restore(Engine& engine, const ArchiveRestore& request, std::stop_token stop) {
  check_target(request.target);
  ArchiveManager manager(engine);
  RestorePlan plan;
  plan.metadata = manager.metadata(request.archive, stop);
  check_services(request, plan.metadata);
  for (const auto& part : plan.metadata.parts) {
    std::string reason;
    if (wanted(request, part, reason)) {
      plan.parts.push_back(part);
      plan.files += part.files;
      plan.bytes += part.bytes;
    } else {
      plan.left_out.push_back(fmt::format("{}: {}", part.path, reason));
    }
  }
  std::error_code error;  // what cannot be looked at, restoring names
  if (!fs::exists(request.target) || fs::is_empty(request.target, error)) return plan;
  for (const auto& file : files_of(manager.manifest(request.archive, stop), plan.parts)) {
    if (fs::exists(fs::symlink_status(fs::path(request.target) / file.path, error)))
      plan.overwrites.push_back(file.path);
  }
  return plan;
}

RestoreOutcome restore_archive(Engine& engine, const ArchiveRestore& request, const RestorePlan& plan,
                               core::Clock& clock, std::stop_token stop) {
  const auto began = clock.now();
  RestoreOutcome out;
  out.plan = plan;
  std::map<std::string, std::vector<std::string>> includes;  // part of the set -> paths
  for (const auto& part : plan.parts) includes[part.id].push_back(literal_pattern("/" + part.path));
  const bool everything = plan.parts.size() == plan.metadata.parts.size();
  for (const auto& [id, paths] : includes) {
    const EngineSnapshot* snapshot = request.archive.part(id);
    if (snapshot == nullptr)
      throw Error(ErrorKind::failed, fmt::format("archive {} has lost its part {}", request.archive.id, id));
    RestoreRequest each{
        .id = snapshot->id, .target = request.target, .include = {}, .verify = request.verify};
    if (!everything) each.include = paths;
    engine.restore(each, stop);
  }
  engine.restore({.id = request.archive.part("meta")->id, .target = request.target}, stop);
  std::set<std::string> changed;
  for (const auto& part : plan.parts) changed.insert(part.changed.begin(), part.changed.end());
  for (auto& file : files_of(read_manifest(request.target), plan.parts)) {
    if (changed.contains(as_utf8(file.path)))
      out.changed.push_back(file.path);
    else
      out.compared.push_back(std::move(file));
  }
  if (request.verify) compare(request, out);
  out.took = std::chrono::duration_cast<core::Millis>(clock.now() - began);
  return out;
}

}  // namespace azlin::archive
