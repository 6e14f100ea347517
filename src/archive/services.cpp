#include "azlin/archive/services.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "azlin/archive/archive_manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kMostLockDays = 36'500;  // S3's own limit: a hundred years

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  [[noreturn]] void refuse(const YAML::Node& at, const std::string& message,
                           const std::string& hint = {}) const {
    throw Error(ErrorKind::usage,
                fmt::format("{}:{}:{}: {}", path_, at.Mark().line + 1, at.Mark().column + 1, message), hint);
  }
  void check_map(const YAML::Node& node, const std::string& what, const std::set<std::string>& keys) const {
    if (!node.IsMap()) refuse(node, what + " must be a table of keys");
    for (const auto& each : node) {
      const auto key = each.first.as<std::string>();
      if (keys.contains(key)) continue;
      std::string known;
      for (const auto& k : keys) known += (known.empty() ? "" : ", ") + k;
      refuse(each.first, fmt::format("unknown key '{}' in {}", key, what), "known: " + known);
    }
  }
  std::string text(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) refuse(node, what + " must be one value");
    return node.as<std::string>();
  }
  std::string text_of(const YAML::Node& map, const char* key) const {
    return map[key] ? text(map[key], key) : std::string();
  }
  std::vector<std::string> list(const YAML::Node& node, const std::string& what) const {
    if (node.IsScalar()) return {node.as<std::string>()};
    if (!node.IsSequence()) refuse(node, what + " must be a list");
    std::vector<std::string> out;
    for (const auto& each : node) out.push_back(text(each, "an item of " + what));
    return out;
  }
  std::vector<std::string> list_of(const YAML::Node& map, const char* key) const {
    return map[key] ? list(map[key], key) : std::vector<std::string>();
  }
  std::vector<std::string> paths_of(const YAML::Node& map, const char* key) const {
    const auto out = list_of(map, key);
    for (const auto& path : out) {
      if (!path.starts_with("/"))
        refuse(map[key], fmt::format("'{}' in {} must be an absolute path", path, key));
    }
    return out;
  }
  bool flag_of(const YAML::Node& map, const char* key, bool fallback) const {
    if (!map[key]) return fallback;
    try {
      return map[key].as<bool>();
    } catch (const YAML::Exception&) {
      refuse(map[key], std::string(key) + " must be true or false");
    }
  }
  int number_of(const YAML::Node& map, const char* key) const {
    if (!map[key]) return 0;
    try {
      return map[key].as<int>();
    } catch (const YAML::Exception&) {
      refuse(map[key], std::string(key) + " must be a number");
    }
  }

 private:
  std::string path_;
};

PasswordSource read_source(const Reader& in, const YAML::Node& node) {
  if (!node) return {};
  if (node.IsScalar())
    in.refuse(node, "a password is not written into this file",
              "password: {file: /path}, {command: [...]} or {env: NAME}");
  in.check_map(node, "password", {"file", "command", "env", "machineKey"});
  PasswordSource out;
  out.file = in.text_of(node, "file");
  if (node["command"])
    out.command = node["command"].IsScalar() ? split_command(node["command"].as<std::string>())
                                             : in.list(node["command"], "command");
  out.variable = in.text_of(node, "env");
  out.machine_key = in.flag_of(node, "machineKey", false);
  if (out.file.find(".vault.azure.net") != std::string::npos)
    in.refuse(node, "a Key Vault reference is not followed here",
              "use command: [az, keyvault, secret, show, …]");
  return out;
}

std::string required(const Reader& in, const YAML::Node& node, const char* key) {
  if (!node[key]) in.refuse(node, fmt::format("{} is missing", key));
  return in.text(node[key], key);
}

// The seed's forms: a bucket with a prefix, a container, a host with a path; or `url`.
std::string read_address(const Reader& in, const YAML::Node& node, const std::string& name) {
  if (node["url"]) return in.text(node["url"], "url");
  std::string prefix = in.text_of(node, "prefix");
  if (!prefix.empty() && prefix.front() != '/') prefix.insert(0, "/");
  if (node["container"]) return "azure://" + in.text(node["container"], "container") + prefix;
  if (node["bucket"]) {
    const bool google = name == "gcp" || name == "gcs" || name == "gs" || in.text_of(node, "kind") == "gcs";
    return (google ? "gs://" : "s3://") + in.text(node["bucket"], "bucket") + prefix;
  }
  if (node["host"]) {
    const std::string user = in.text_of(node, "user"), port = in.text_of(node, "port");
    const std::string login = (user.empty() ? "" : user + "@") + in.text(node["host"], "host");
    const std::string path = required(in, node, "path");
    return port.empty() ? fmt::format("sftp:{}:{}", login, path)
                        : fmt::format("sftp://{}:{}/{}", login, port, path);
  }
  return required(in, node, "path");
}

// "30d" or 30.
int read_days(const Reader& in, const YAML::Node& node) {
  std::string text = in.text(node, "days");
  if (text.ends_with('d')) text.pop_back();
  const bool number =
      !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string::npos;
  const int days = number ? std::stoi(text) : 0;
  if (days < 1 || days > kMostLockDays)
    in.refuse(node, fmt::format("object lock is for 1 to {} days", kMostLockDays), "for example 30d");
  return days;
}

// What `address` is before it is looked at: enough to refuse by name.
DestinationKind apparent_kind(const std::string& address) {
  const auto scheme = address.substr(0, address.find(':'));
  if (scheme == "s3") return DestinationKind::s3;
  if (scheme == "azure" || scheme == "https") return DestinationKind::azure;
  if (scheme == "gs" || scheme == "gcs") return DestinationKind::gcs;
  return scheme == "sftp" ? DestinationKind::sftp : DestinationKind::local;
}

// {mode: compliance, days: 30}, or "30d": either mode.
ObjectLock read_object_lock(const Reader& in, const YAML::Node& node, const std::string& address) {
  if (const auto why = why_no_object_lock(apparent_kind(address)))
    in.refuse(node, fmt::format("{} cannot be asked for object lock", address), *why);
  if (node.IsScalar()) return {.mode = "", .days = read_days(in, node)};
  in.check_map(node, "objectLock", {"mode", "days"});
  const ObjectLock out{.mode = core::to_lower(required(in, node, "mode")), .days = 0};
  if (out.mode != "governance" && out.mode != "compliance")
    in.refuse(node["mode"], fmt::format("'{}' is no mode of object lock", out.mode),
              "governance or compliance");
  if (!node["days"]) in.refuse(node, "days is missing", "for how long each object is held, such as 30d");
  return {.mode = out.mode, .days = read_days(in, node["days"])};
}

void read_destination(const Reader& in, const std::string& name, const YAML::Node& node, Settings& into) {
  in.check_map(node, "destination " + name,
               {"url",       "path",           "kind",       "bucket",     "prefix", "container",
                "account",   "storageAccount", "host",       "user",       "port",   "region",
                "endpoint",  "storageClass",   "pathStyle",  "project",    "caFile", "sshConfig",
                "uploadKiB", "downloadKiB",    "objectLock", "credentials"});
  DestinationSettings store;
  store.region = in.text_of(node, "region");
  store.endpoint = in.text_of(node, "endpoint");
  store.storage_class = in.text_of(node, "storageClass");
  store.path_style = in.flag_of(node, "pathStyle", false);
  store.account = in.text_of(node, node["account"] ? "account" : "storageAccount");
  store.project = in.text_of(node, "project");
  store.ca_file = in.text_of(node, "caFile");
  store.ssh_config = in.text_of(node, "sshConfig");
  store.upload_kib = in.number_of(node, "uploadKiB");
  store.download_kib = in.number_of(node, "downloadKiB");
  if (const auto credentials = node["credentials"]) {
    if (!credentials.IsMap()) in.refuse(credentials, "credentials must be a table of variables");
    for (const auto& each : credentials) {
      const std::string value = in.text(each.second, "a credential");
      if (!value.starts_with("env:") && !value.starts_with("file:"))
        in.refuse(each.second, "a credential is a reference and not the value", "env:NAME or file:/path");
      store.credentials[each.first.as<std::string>()] = value;
    }
  }
  into.addresses[name] = read_address(in, node, name);
  if (node["objectLock"]) store.object_lock = read_object_lock(in, node["objectLock"], into.addresses[name]);
  into.stores[name] = store;
}

DatabaseSpec read_database(const Reader& in, const YAML::Node& node) {
  in.check_map(node, "databases",
               {"engine", "name", "host", "port", "user", "passwordFile", "socket", "runAs"});
  DatabaseSpec out;
  out.engine = required(in, node, "engine");
  if (out.engine == "postgres") out.engine = "postgresql";
  if (out.engine != "postgresql" && out.engine != "mysql" && out.engine != "mariadb" &&
      out.engine != "mongodb")
    in.refuse(node["engine"], fmt::format("'{}' is no database that azlin dumps", out.engine),
              "postgresql, mysql, mariadb or mongodb");
  out.name = required(in, node, "name");
  if (out.name.starts_with("-")) in.refuse(node["name"], "a database's name does not begin with '-'");
  out.host = in.text_of(node, "host");
  out.port = in.text_of(node, "port");
  out.user = in.text_of(node, "user");
  out.password_file = in.text_of(node, "passwordFile");
  out.socket = in.text_of(node, "socket");
  out.run_as = in.text_of(node, "runAs");
  return out;
}

std::vector<std::vector<std::string>> read_hooks(const Reader& in, const YAML::Node& node, const char* key) {
  std::vector<std::vector<std::string>> out;
  if (!node[key]) return out;
  if (!node[key].IsSequence()) in.refuse(node[key], fmt::format("{} must be a list of commands", key));
  for (const auto& each : node[key]) {
    out.push_back(each.IsScalar() ? split_command(each.as<std::string>()) : in.list(each, key));
    if (out.back().empty()) in.refuse(each, "an empty command");
  }
  return out;
}

void append(std::vector<std::string>& into, const std::vector<std::string>& more) {
  into.insert(into.end(), more.begin(), more.end());
}

Service read_service(const Reader& in, const std::string& name, const YAML::Node& key,
                     const YAML::Node& node) {
  try {
    check_archive_name(name);
  } catch (const Error& error) {
    in.refuse(key, error.what(), error.hint());
  }
  Service out;
  if (node.IsNull() || (node.IsMap() && node["profile"])) {
    const std::string wanted = node.IsNull() ? name : in.text(node["profile"], "profile");
    const auto profile = find_profile(wanted);
    if (!profile)
      in.refuse(node.IsNull() ? key : node["profile"],
                fmt::format("there is no shipped profile '{}'", wanted));
    out = *profile;
    if (node.IsNull()) return out;
  }
  in.check_map(node, "service " + name,
               {"profile", "place", "config", "data", "excludes", "databases", "containers", "before",
                "after", "depends", "destination", "password"});
  out.name = name;
  if (node["place"]) out.place = in.text(node["place"], "place");
  if (out.place.empty()) out.place = "services/" + name;
  if (out.place.starts_with("/") || out.place.find("..") != std::string::npos)
    in.refuse(node["place"], "place is a folder inside the archive");
  if (node["config"] || node["data"]) out.optional_paths = false;
  append(out.config, in.paths_of(node, "config"));
  append(out.data, in.paths_of(node, "data"));
  append(out.excludes, in.list_of(node, "excludes"));
  if (node["databases"]) {
    if (!node["databases"].IsSequence()) in.refuse(node["databases"], "databases must be a list");
    for (const auto& each : node["databases"]) out.databases.push_back(read_database(in, each));
  }
  if (const auto containers = node["containers"]) {
    in.check_map(containers, "containers", {"engine", "volumes", "images"});
    if (containers["engine"]) out.containers.engine = in.text(containers["engine"], "engine");
    if (out.containers.engine != "podman" && out.containers.engine != "docker")
      in.refuse(containers["engine"], "the engine of containers is podman or docker");
    append(out.containers.volumes, in.list_of(containers, "volumes"));
    append(out.containers.images, in.list_of(containers, "images"));
  }
  out.before = read_hooks(in, node, "before");
  out.after = read_hooks(in, node, "after");
  append(out.depends, in.list_of(node, "depends"));
  out.destination = in.text_of(node, "destination");
  out.password = read_source(in, node["password"]);
  if (!out.password.empty() && out.destination.empty())
    in.refuse(node["password"], "a key of its own needs a repository of its own",
              "add destination: to the service");
  return out;
}

Settings read(const Reader& in, const YAML::Node& root) {
  Settings out;
  if (root.IsNull()) return out;
  in.check_map(root, "archive.yaml",
               {"version", "destination", "destinations", "password", "compression", "services"});
  out.destination = in.text_of(root, "destination");
  out.password = read_source(in, root["password"]);
  if (root["compression"]) {
    out.compression = in.text(root["compression"], "compression");
    if (out.compression != "auto" && out.compression != "off" && out.compression != "max")
      in.refuse(root["compression"], "compression is auto, off or max");
  }
  if (const auto stores = root["destinations"]) {
    if (!stores.IsMap()) in.refuse(stores, "destinations must be a table");
    for (const auto& each : stores) read_destination(in, each.first.as<std::string>(), each.second, out);
  }
  if (const auto services = root["services"]) {
    if (!services.IsMap()) in.refuse(services, "services must be a table");
    for (const auto& each : services) {
      const auto name = each.first.as<std::string>();
      out.services[name] = read_service(in, name, each.first, each.second);
    }
    for (const auto& each : services) {
      for (const auto& needed : out.services[each.first.as<std::string>()].depends) {
        if (!out.services.contains(needed) && !find_profile(needed))
          in.refuse(each.second["depends"] ? each.second["depends"] : each.first,
                    fmt::format("service {} depends on {}, which is not declared",
                                each.first.as<std::string>(), needed));
      }
    }
  }
  return out;
}

}  // namespace

bool Service::empty() const {
  return config.empty() && data.empty() && databases.empty() && containers.volumes.empty() &&
         containers.images.empty();
}

Settings parse_settings(const std::string& text, const std::string& path) {
  try {
    const Reader reader(path);
    Settings out = read(reader, YAML::Load(text));
    out.path = path;
    out.present = true;
    return out;
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage,
                fmt::format("{}:{}:{}: {}", path, error.mark.line + 1, error.mark.column + 1, error.msg));
  }
}

Settings load_settings(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    Settings out;
    out.path = path;
    return out;
  }
  std::ostringstream text;
  text << file.rdbuf();
  return parse_settings(text.str(), path);
}

Destination choose_destination(const Settings& settings, const std::string& name_or_address,
                               const core::Env& env) {
  std::string wanted = name_or_address.empty() ? settings.destination : name_or_address;
  if (wanted.empty())
    throw Error(ErrorKind::usage, "no destination was given",
                "--destination DIR, s3://…, azure://…, gs://…, sftp:… or `destination:` in archive.yaml");
  const auto named = settings.addresses.find(wanted);
  if (named != settings.addresses.end())
    return parse_destination(named->second, env, settings.stores.at(wanted));
  if (wanted.find('/') == std::string::npos && wanted.find(':') == std::string::npos) {
    std::string known;
    for (const auto& [name, address] : settings.addresses) known += (known.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::usage, fmt::format("archive.yaml has no destination '{}'", wanted),
                (known.empty() ? "" : "known: " + known + "; ") + "a folder here is written ./" + wanted);
  }
  return parse_destination(wanted, env);
}

}  // namespace azlin::archive
