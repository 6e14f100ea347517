#include "archive/runbook.hpp"

#include <fmt/format.h>

#include <map>

#include "azlin/core/format.hpp"

namespace azlin::archive {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string load_command(const Part& part) {
  const auto detail = [&](const char* key) {
    const auto found = part.details.find(key);
    return found == part.details.end() ? std::string() : found->second;
  };
  const std::string file = quoted("/restore/" + part.path), name = detail("database");
  if (detail("format") == "pg_dump-custom")
    return fmt::format(
        "sudo -u postgres createdb {0}; sudo -u postgres pg_restore --exit-on-error -d {0} <{1}",
        quoted(name), file);
  if (detail("engine") == "postgresql")
    return fmt::format("sudo -u postgres psql -v ON_ERROR_STOP=1 -f - <{}", file);
  if (detail("format") == "mongodump-archive") return fmt::format("mongorestore --archive <{}", file);
  if (detail("format") == "sql")
    return fmt::format("mariadb -e {} && mariadb {} <{}", quoted("CREATE DATABASE `" + name + "`"),
                       quoted(name), file);
  if (!detail("volume").empty() && detail("engine") == "podman")
    return fmt::format("podman volume create {0}; podman volume import {0} {1}", quoted(detail("volume")),
                       file);
  if (!detail("volume").empty())
    return fmt::format(
        "docker volume create {0}; tar -C \"$(docker volume inspect -f '{{{{.Mountpoint}}}}' {0})\" -xf {1}",
        quoted(detail("volume")), file);
  if (!detail("image").empty()) return fmt::format("{} load <{}", detail("engine"), file);
  return {};
}

}  // namespace

void describe_files(const CreatePlan& plan, const Walk& walk, Metadata& metadata, Manifest& manifest) {
  std::vector<std::string> lines(plan.files.size());
  std::vector<Part> parts;
  for (const auto& each : plan.files) {
    parts.push_back({.id = "data",
                     .kind = "files",
                     .service = each.service,
                     .source = each.source,
                     .path = each.place + each.source,
                     .data = each.data,
                     .files = 0,
                     .bytes = 0,
                     .sha256 = {},
                     .changed = {},
                     .details = {}});
  }
  for (const auto& source : walk.sources) {
    if (source.sha256.empty()) continue;  // unreadable: it is not in the archive
    Part& part = parts[source.owner];
    ++part.files;
    part.bytes += source.size;
    lines[source.owner] += fmt::format("{}  {}\n", source.sha256, source.archived);
    if (source.changed) part.changed.push_back(source.archived);
    manifest.files.push_back({source.archived, source.size, source.sha256, source.link});
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].sha256 = sha256_text(lines[i]);
    metadata.parts.push_back(std::move(parts[i]));
  }
}

std::string make_runbook(const Metadata& metadata, const std::string& destination) {
  std::string out = fmt::format(
      "# Rebuild {0} from archive {1}\n\n"
      "Taken {2} UTC by azlin {3} with restic {4}. Repository: {5}\n\n"
      "Needed: this repository, its password, a Linux machine as root with azlin and restic.\n\n"
      "## 1. Bring the files back\n\n"
      "    export AZLIN_ARCHIVE_PASSWORD_FILE=/root/archive-password   # mode 0600\n"
      "    azlin archive verify {1} --deep --destination {6}\n"
      "    azlin archive restore {1} --mode full-rebuild --verify --target /restore --destination {6}\n\n"
      "Without azlin: `restic -r {6} snapshots --tag archive={1}`, then `restic restore ID --target "
      "/restore` "
      "for each of them.\n\n## 2. Put them in place, service by service\n",
      metadata.host, metadata.id, core::to_display(metadata.finished_at), metadata.tools.at("azlin"),
      metadata.tools.at("restic"), destination, quoted(destination.substr(0, destination.find(' '))));
  std::map<std::string, std::string> steps;
  for (const auto& part : metadata.parts) {
    std::string& text = steps[part.service];
    if (part.kind == "files") {
      // Archived below its place with its whole path, so that one copy puts it back.
      const std::string place = part.path.substr(0, part.path.size() - part.source.size());
      text += fmt::format("    cp -a --parents .{} / # in /restore/{}\n", quoted(part.source), place);
      text.insert(text.rfind("    cp"), fmt::format("    cd {}\n", quoted("/restore/" + place)));
    } else if (const std::string command = load_command(part); !command.empty()) {
      text += "    " + command + "\n";
    } else {
      text += fmt::format("    # {}: {} holds what is needed\n", part.source, part.path);
    }
  }
  for (const auto& [service, text] : steps)
    out += fmt::format("\n### {}\n\n{}", service.empty() ? "files" : service, text);
  out +=
      "\n## 3. Check\n\n    sha256sum --check --quiet <(grep -v '^L ' /restore/checksums.sha256)   # in "
      "/restore\n";
  if (!metadata.findings.empty()) {
    out += "\n## What this archive lacks\n\n";
    for (const auto& each : metadata.findings) out += "- " + each + "\n";
  }
  return out;
}

}  // namespace azlin::archive
