#include "azlin/archive/metadata.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr int kVersion = 1;

std::vector<std::string> as_utf8(std::vector<std::string> texts) {
  for (auto& text : texts) text = archive::as_utf8(text);
  return texts;
}

ordered_json to_json(const Part& part) {
  return {{"id", part.id},
          {"kind", part.kind},
          {"service", part.service},
          {"source", archive::as_utf8(part.source)},
          {"path", archive::as_utf8(part.path)},
          {"data", part.data},
          {"files", part.files},
          {"bytes", part.bytes},
          {"sha256", part.sha256},
          {"changed", as_utf8(part.changed)},
          {"details", part.details}};
}

Part parse_part(const json& from) {
  Part part;
  part.id = from.at("id");
  part.kind = from.at("kind");
  part.service = from.value("service", "");
  part.source = from.value("source", "");
  part.path = from.value("path", "");
  part.data = from.value("data", false);
  part.files = from.value("files", std::uint64_t{0});
  part.bytes = from.value("bytes", std::uint64_t{0});
  part.sha256 = from.value("sha256", "");
  part.changed = from.value("changed", part.changed);
  part.details = from.value("details", part.details);
  return part;
}

core::TimePoint time_of(const json& from, const char* key) {
  const auto time = core::parse_time(from.value(key, ""));
  if (!time) throw Error(ErrorKind::failed, fmt::format("metadata.json has no time '{}'", key));
  return *time;
}

Metadata read(const json& from) {
  if (from.value("version", 0) > kVersion)
    throw Error(ErrorKind::failed, "this archive was written by a newer azlin",
                "use that version to read it");
  Metadata out;
  out.id = from.at("id");
  out.name = from.at("name");
  out.type = from.at("type");
  out.set = from.at("set");
  out.created_at = time_of(from, "createdAt");
  out.finished_at = time_of(from, "finishedAt");
  out.host = from.value("host", "");
  out.services = from.value("services", out.services);
  out.include_data = from.value("includeData", false);
  for (const auto& part : from.at("parts")) out.parts.push_back(parse_part(part));
  out.tools = from.value("tools", out.tools);
  out.findings = from.value("findings", out.findings);
  return out;
}

// As sha256sum does it: a path with one of these is marked, and they are written as \\, \n and \r.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '\\') out += "\\\\";
    if (c == '\n') out += "\\n";
    if (c == '\r') out += "\\r";
    if (c != '\\' && c != '\n' && c != '\r') out += c;
  }
  return out;
}

std::string unescaped(const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '\\' || i + 1 == path.size()) {
      out += path[i];
      continue;
    }
    const char next = path[++i];
    out += next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return out;
}

}  // namespace

std::string as_utf8(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

ordered_json to_json(const Metadata& metadata) {
  ordered_json out = {{"version", kVersion},
                      {"id", metadata.id},
                      {"name", metadata.name},
                      {"type", metadata.type},
                      {"set", metadata.set},
                      {"createdAt", core::to_iso8601(metadata.created_at)},
                      {"finishedAt", core::to_iso8601(metadata.finished_at)},
                      {"host", metadata.host},
                      {"services", metadata.services},
                      {"includeData", metadata.include_data},
                      {"parts", ordered_json::array()},
                      {"tools", metadata.tools},
                      {"findings", as_utf8(metadata.findings)}};
  for (const auto& part : metadata.parts) out["parts"].push_back(to_json(part));
  return out;
}

Metadata parse_metadata(const std::string& text) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    throw Error(ErrorKind::failed, fmt::format("metadata.json cannot be read: {}", error.what()));
  }
}

std::string to_text(const Manifest& manifest) {
  std::string out;
  for (const auto& file : manifest.files) {
    const std::string path = escaped(file.path);
    out +=
        fmt::format("{}{}{}  {}\n", file.link ? "L " : "", path == file.path ? "" : "\\", file.sha256, path);
  }
  return out;
}

Manifest parse_manifest(const std::string& text) {
  Manifest out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    TreeEntry entry;
    entry.link = line.starts_with("L ");
    std::string rest = entry.link ? line.substr(2) : line;
    const bool has_escapes = rest.starts_with("\\");
    if (has_escapes) rest.erase(0, 1);
    if (rest.size() < 67 || rest.substr(64, 2) != "  ")
      throw Error(ErrorKind::failed, "checksums.sha256 cannot be read: " + line.substr(0, 80));
    entry.sha256 = rest.substr(0, 64);
    entry.path = has_escapes ? unescaped(rest.substr(66)) : rest.substr(66);
    out.files.push_back(std::move(entry));
  }
  return out;
}

Manifest read_manifest(const std::filesystem::path& folder) {
  const auto file = folder / "checksums.sha256";
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw Error(ErrorKind::failed, fmt::format("cannot read {}", file.string()));
  return parse_manifest(text);
}

}  // namespace azlin::archive
