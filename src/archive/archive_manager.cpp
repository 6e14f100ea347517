#include "azlin/archive/archive_manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

std::uint64_t number(const std::string& text) {
  try {
    return text.empty() ? 0 : std::stoull(text);
  } catch (const std::exception&) {
    return 0;
  }
}

Archive summarize(std::vector<EngineSnapshot> snapshots) {
  std::stable_sort(snapshots.begin(), snapshots.end(), [](const auto& a, const auto& b) {
    return (a.tag("part") == "meta") < (b.tag("part") == "meta");
  });
  Archive out;
  const EngineSnapshot& last = snapshots.back();
  out.id = last.tag("archive");
  out.name = last.tag("name");
  out.type = last.tag("type");
  out.set = last.tag("set");
  out.host = last.host;
  out.taken_at = last.time;
  for (const auto& tag : last.tags) {
    if (tag.starts_with("service=")) out.services.push_back(tag.substr(8));
  }
  out.files = number(last.tag("files"));
  out.bytes = number(last.tag("bytes"));
  out.complete = last.tag("part") == "meta" && number(last.tag("parts")) + 1 == snapshots.size();
  out.snapshots = std::move(snapshots);
  return out;
}

const EngineSnapshot& meta_of(const Archive& archive) {
  const EngineSnapshot* meta = archive.part("meta");
  if (meta == nullptr)
    throw Error(ErrorKind::failed, fmt::format("archive {} is incomplete: it has no metadata", archive.id));
  return *meta;
}

std::string told_apart(const std::vector<const Archive*>& archives) {
  std::string out;
  for (const auto* each : archives)
    out += fmt::format("\n  {}  set {}  from {}", each->id, each->set, each->host);
  return out;
}

}  // namespace

const EngineSnapshot* Archive::part(const std::string& part_id) const {
  for (const auto& each : snapshots) {
    if (each.tag("part") == part_id) return &each;
  }
  return nullptr;
}

std::vector<std::string> Archive::ids() const {
  std::vector<std::string> out;
  for (const auto& each : snapshots) out.push_back(each.id);
  return out;
}

std::vector<Archive> group_archives(const std::vector<EngineSnapshot>& snapshots) {
  std::map<std::string, std::vector<EngineSnapshot>> sets;
  for (const auto& each : snapshots) {
    const bool ours = std::find(each.tags.begin(), each.tags.end(), kMark) != each.tags.end();
    if (ours && !each.tag("set").empty()) sets[each.tag("set")].push_back(each);
  }
  std::vector<Archive> out;
  for (auto& [set, members] : sets) out.push_back(summarize(std::move(members)));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(b.taken_at, b.id) < std::tie(a.taken_at, a.id);
  });
  return out;
}

void check_archive_name(const std::string& name) {
  const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  bool ok = !name.empty() && name.size() <= 64 && good(name.front());
  for (const char c : name) ok = ok && (good(c) || c == '-' || c == '_' || c == '.');
  if (!ok)
    throw Error(ErrorKind::usage, fmt::format("'{}' cannot be the name of an archive", name),
                "1-64 letters, digits, '-', '_', '.'; it begins with a letter or digit");
}

std::string archive_id(const std::string& name, core::TimePoint time) {
  std::string stamp;
  for (const char c : core::to_display(time)) {
    if (c == ' ') stamp += '-';
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) stamp += c;
  }
  return name + "-" + stamp;
}

std::vector<Archive> ArchiveManager::list(const ListFilter& filter, std::stop_token stop) {
  std::vector<std::string> tags = {kMark};
  if (!filter.name.empty()) tags.push_back("name=" + filter.name);
  auto out = group_archives(engine_.snapshots(tags, stop));
  std::erase_if(out, [&](const auto& each) { return each.complete == filter.incomplete; });
  return out;
}

Archive ArchiveManager::find(const std::string& name_or_id, const std::optional<core::TimePoint>& at,
                             std::stop_token stop) {
  const auto all = list({}, stop);  // newest first
  std::vector<const Archive*> exact, named, begun;
  for (const auto& each : all) {
    if (each.set == name_or_id) return each;
    if (each.id == name_or_id) exact.push_back(&each);
    if (each.name == name_or_id) named.push_back(&each);
    if (each.id.starts_with(name_or_id)) begun.push_back(&each);
  }
  if (exact.size() == 1) return *exact.front();
  if (!exact.empty())
    throw Error(ErrorKind::usage,
                fmt::format("{} archives are '{}':{}", exact.size(), name_or_id, told_apart(exact)),
                "name the one that you mean by its set");
  for (const auto* each : named) {
    if (!at || each->taken_at <= *at) return *each;
  }
  if (!named.empty())
    throw Error(ErrorKind::not_found,
                fmt::format("there is no archive of {} from {} or before; the oldest is {}", name_or_id,
                            core::to_display(*at), named.back()->id));
  if (begun.size() == 1) return *begun.front();
  if (!begun.empty())
    throw Error(ErrorKind::usage,
                fmt::format("several archives begin with '{}':{}", name_or_id, told_apart(begun)));
  throw Error(ErrorKind::not_found,
              fmt::format("there is no archive '{}' in {}", name_or_id, engine_.destination().text),
              all.empty() ? "it holds no complete archive; see `azlin archive list --incomplete`"
                          : "see `azlin archive list`; the newest is " + all.front().id);
}

Metadata ArchiveManager::metadata(const Archive& archive, std::stop_token stop) {
  return parse_metadata(engine_.dump_text(meta_of(archive).id, "/metadata.json", stop));
}

Manifest ArchiveManager::manifest(const Archive& archive, std::stop_token stop) {
  return parse_manifest(engine_.dump_text(meta_of(archive).id, "/checksums.sha256", stop));
}

std::optional<std::string> ArchiveManager::text(const Archive& archive, const std::string& path,
                                                std::stop_token stop) {
  const EngineSnapshot& meta = meta_of(archive);
  const auto files = engine_.list_files(meta.id, stop);
  if (std::none_of(files.begin(), files.end(), [&](const auto& f) { return f.path == "/" + path; }))
    return std::nullopt;
  return engine_.dump_text(meta.id, "/" + path, stop);
}

void ArchiveManager::extract(const Archive& archive, const std::string& target, std::stop_token stop) {
  if (std::filesystem::exists(target) && !std::filesystem::is_empty(target))
    throw Error(ErrorKind::usage, fmt::format("the folder {} is not empty", target),
                "name one that is, or a new one");
  for (const auto& each : archive.snapshots) engine_.restore({.id = each.id, .target = target}, stop);
}

void ArchiveManager::remove(const std::vector<Archive>& archives, std::stop_token stop) {
  std::vector<std::string> ids;
  for (const auto& archive : archives) {
    for (const auto& id : archive.ids()) ids.push_back(id);
  }
  engine_.forget(ids, stop);
}

}  // namespace azlin::archive
