#pragma once
// ~/.azlin/archive.yaml: what belongs to each service of this machine, and where archives go. The keys are
// the table in docs/archive.md.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "azlin/archive/destination.hpp"
#include "azlin/archive/password.hpp"

namespace azlin::archive {

struct DatabaseSpec {
  std::string engine;  // postgresql | mysql | mariadb | mongodb
  std::string name;    // one database; postgresql "globals": roles and tablespaces
  std::string host, port, user;
  std::string password_file;  // handed to the tool as its own kind of file, never as an argument
  std::string socket;         // folder (postgresql) or file (mysql)
  std::string run_as;         // account that may log in without a password, such as postgres
};

struct ContainerSpec {
  std::string engine = "podman";  // podman | docker
  std::vector<std::string> volumes, images;
};

struct Service {
  std::string name;
  std::string
      place;  // in the archive: "services/nextcloud", "config/terraform", "infrastructure/network-configs"
  std::vector<std::string> config, data;  // absolute paths; `*` and `?` as in a shell
  std::vector<std::string> excludes;      // file-name patterns ("*.tmp") or absolute paths
  bool optional_paths = false;            // of a shipped profile: what is not there is no finding
  std::vector<DatabaseSpec> databases;
  ContainerSpec containers;
  std::vector<std::vector<std::string>> before, after;  // hooks: argument vectors, no shell
  std::vector<std::string> depends;                     // other services that a restore needs
  std::string destination;  // a repository of its own (and `password` its key); empty: the common one
  PasswordSource password;
  bool empty() const;
};

struct Settings {
  std::string path;                                   // of the file; it may be missing
  bool present = false;                               // the file is there
  std::string destination;                            // the default: a name below, or an address
  std::map<std::string, DestinationSettings> stores;  // by name
  std::map<std::string, std::string> addresses;       // by the same names
  PasswordSource password;
  std::string compression = "auto";
  std::map<std::string, Service> services;
};

// A missing file gives empty settings. Throws core::Error (usage) with line and column: no YAML, an unknown
// key, a wrong kind of value, a relative path, an unknown profile, a password written out.
Settings load_settings(const std::string& path);
Settings parse_settings(const std::string& text, const std::string& path);

// An address, or a name from `destinations:`. Throws core::Error (usage).
Destination choose_destination(const Settings& settings, const std::string& name_or_address,
                               const core::Env& env);

// Names of the shipped profiles, and one of them. nullopt: no such profile.
std::vector<std::string> profile_names();
std::optional<Service> find_profile(const std::string& name);

// An archive.yaml for what is found below `root` ("/" but for tests): the profiles of which something exists,
// with the paths that do.
struct Proposal {
  std::string yaml;
  std::vector<std::string> found;  // "nextcloud: /etc/nextcloud"
};
Proposal propose_settings(const std::string& root);

}  // namespace azlin::archive
