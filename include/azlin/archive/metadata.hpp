#pragma once
// What an archive says about itself: metadata.json, and the checksum of each file.
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "azlin/archive/digest.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::archive {

// One source in an archive.
struct Part {
  std::string id;       // "data", "dump-1", …: the tag part= of the snapshot that holds it
  std::string kind;     // files | database | containers | vm-snapshot
  std::string service;  // empty: not of a service
  std::string source;   // "/srv/nextcloud", "postgresql:nextcloud", "podman volume:web"
  std::string path;     // in the archive: "services/nextcloud/data/srv/nextcloud"
  bool data = false;    // data, not configuration: config-only leaves it out
  std::uint64_t files = 0, bytes = 0;
  std::string sha256;  // of a stream: of its bytes; of files: of the lines "<sha256>  <path>\n" by path
  std::vector<std::string> changed;            // paths that changed while they were read
  std::map<std::string, std::string> details;  // database: engine, name, format; vm-snapshot: snapshots, …
};

struct Metadata {
  std::string id;               // "etc-20241224-143022"
  std::string name;             // "etc"
  std::string type;             // config | full | service | disaster-recovery
  std::string set;              // UUID: the tag set= of all its snapshots
  core::TimePoint created_at;   // when it began
  core::TimePoint finished_at;  // when all its parts were read
  std::string host;
  std::vector<std::string> services;
  bool include_data = false;
  std::vector<Part> parts;
  std::map<std::string, std::string> tools;  // "azlin" -> version, "restic", "pg_dump", …
  std::vector<std::string> findings;         // what it lacks, and what was skipped
};

// `text` as JSON can hold it: bytes that are no UTF-8 are replaced. Names of files may have such.
std::string as_utf8(const std::string& text);

// Keys as in docs/archive.md; name, type and createdAt among them. Texts are as_utf8: paths in
// checksums.sha256 are not.
nlohmann::ordered_json to_json(const Metadata& metadata);
// Throws core::Error (failed): no JSON, or written by a newer azlin than this one understands.
Metadata parse_metadata(const std::string& text);

// checksums.sha256: "<sha256>  <path in the archive>" a line, as sha256sum writes it (with a backslash before
// a line whose path has escapes); links with their target's checksum are marked by "L " before it.
struct Manifest {
  std::vector<TreeEntry> files;
};
std::string to_text(const Manifest& manifest);
Manifest parse_manifest(const std::string& text);
// The one in a folder that an archive was restored into. Throws core::Error (failed).
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace azlin::archive
