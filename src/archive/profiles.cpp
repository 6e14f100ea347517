// The shipped profiles: what belongs to well-known services on a Linux machine.
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "azlin/archive/services.hpp"

namespace azlin::archive {

namespace {

std::string home_of_user() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? "/root" : home;
}

Service make(const char* name, const char* place, std::vector<std::string> config,
             std::vector<std::string> data = {}, std::vector<std::string> excludes = {}) {
  Service out;
  out.name = name;
  out.place = place;
  out.config = std::move(config);
  out.data = std::move(data);
  out.excludes = std::move(excludes);
  out.optional_paths = true;
  return out;
}

std::vector<Service> all_profiles() {
  const std::string home = home_of_user();
  const char* azlin_home = std::getenv("AZLIN_HOME");
  const std::string state = azlin_home != nullptr && *azlin_home != '\0' ? azlin_home : home + "/.azlin";
  std::vector<Service> out;
  // Its keys stay out: an archive must not hold what opens it.
  out.push_back(make("azlin", "config/azlin",
                     {state + "/*.toml", state + "/*.yaml", state + "/*.yml", state + "/*.db"}, {},
                     {"archive.key", "tokens.json", "*-wal", "*-shm"}));
  out.push_back(make("providers", "config/providers", {home + "/.aws/config", home + "/.azure/config"}));
  out.push_back(make("terraform", "config/terraform",
                     {"/opt/terraform", "/srv/terraform", home + "/terraform"}, {}, {".terraform"}));
  out.push_back(make("ansible", "config/inventories", {"/etc/ansible", "/opt/ansible", home + "/ansible"}));
  out.push_back(make("compose", "services/compose",
                     {"/opt/*/docker-compose.y*ml", "/opt/*/compose.y*ml", "/srv/*/docker-compose.y*ml",
                      "/srv/*/compose.y*ml", "/etc/docker/daemon.json"}));
  out.push_back(
      make("kubernetes", "services/kubernetes",
           {"/etc/kubernetes", "/etc/rancher/k3s", "/opt/manifests", "/srv/manifests", home + "/manifests"}));
  out.push_back(make("helm", "services/helm",
                     {"/opt/*/values.yaml", "/srv/*/values.yaml", home + "/.config/helm"},
                     {"/var/lib/rancher/k3s/storage", "/opt/local-path-provisioner"}));
  out.push_back(make(
      "certificates", "config/certificates",
      {"/etc/letsencrypt", "/etc/ssl/private", "/usr/local/share/ca-certificates", "/etc/pki/tls/private"}));
  out.push_back(
      make("network", "infrastructure/network-configs",
           {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/network", "/etc/netplan",
            "/etc/systemd/network", "/etc/nftables.conf", "/etc/iptables", "/etc/wireguard", "/etc/ufw"}));
  out.push_back(
      make("environment", "config/environment",
           {"/etc/environment", "/etc/environment.d", "/etc/default", "/opt/*/.env", "/srv/*/.env"}));
  Service nextcloud = make("nextcloud", "services/nextcloud", {"/var/www/nextcloud/config", "/etc/nextcloud"},
                           {"/var/www/nextcloud/data", "/var/www/nextcloud/custom_apps", "/srv/nextcloud"},
                           {"appdata_*/preview", "*.part"});
  out.push_back(nextcloud);
  out.push_back(
      make("gitlab", "services/gitlab", {"/etc/gitlab"},
           {"/var/opt/gitlab/backups", "/var/opt/gitlab/git-data", "/var/opt/gitlab/gitlab-rails/uploads"}));
  out.push_back(make("monitoring", "services/monitoring",
                     {"/etc/prometheus", "/etc/grafana", "/etc/alertmanager", "/etc/loki"},
                     {"/var/lib/grafana", "/var/lib/prometheus/*/snapshots"}, {"*.tmp"}));
  return out;
}

bool any_match(const std::string& pattern) {
  glob_t found = {};
  const bool any = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0 && found.gl_pathc > 0;
  globfree(&found);
  return any;
}

std::vector<std::string> present(const std::vector<std::string>& patterns, const std::string& root) {
  std::vector<std::string> out;
  for (const auto& pattern : patterns) {
    if (any_match((root == "/" ? "" : root) + pattern)) out.push_back(pattern);
  }
  return out;
}

std::string yaml_list(const char* key, const std::vector<std::string>& items) {
  std::string out;
  if (items.empty()) return out;
  out = fmt::format("    {}:\n", key);
  for (const auto& item : items) {
    std::string quoted;
    for (const char c : item) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    out += fmt::format("      - '{}'\n", quoted);
  }
  return out;
}

constexpr const char* kHeader =
    R"(# What azlin archives on this machine; the keys are explained in docs/archive.md.
# destination: /mnt/backup/azlin        # a folder, s3://…, azure://…, gs://…, sftp:…, or a name below
# password: {file: /root/.archive-password}   # or {command: [pass, show, archive]}; never the password itself
services:
)";

}  // namespace

std::vector<std::string> profile_names() {
  std::vector<std::string> out;
  for (const auto& each : all_profiles()) out.push_back(each.name);
  return out;
}

std::optional<Service> find_profile(const std::string& name) {
  for (auto& each : all_profiles()) {
    if (each.name == name) return each;
  }
  return std::nullopt;
}

Proposal propose_settings(const std::string& root) {
  Proposal out;
  out.yaml = kHeader;
  for (const auto& profile : all_profiles()) {
    const auto config = present(profile.config, root), data = present(profile.data, root);
    if (config.empty() && data.empty() && profile.name != "azlin") continue;
    std::string paths;
    for (const auto& path : config) paths += (paths.empty() ? "" : ", ") + path;
    for (const auto& path : data) paths += (paths.empty() ? "" : ", ") + path;
    if (profile.name == "azlin") {
      out.yaml += "  azlin:\n";  // null: the whole profile
      out.found.push_back("azlin: its own configuration and databases");
      continue;
    }
    out.yaml += fmt::format("  {}:\n    place: {}\n", profile.name, profile.place);
    out.yaml +=
        yaml_list("config", config) + yaml_list("data", data) + yaml_list("excludes", profile.excludes);
    if (profile.name == "nextcloud" || profile.name == "gitlab")
      out.yaml += "    # databases: [{engine: postgresql, name: " + profile.name + "}]\n";
    out.found.push_back(profile.name + ": " + paths);
  }
  return out;
}

}  // namespace azlin::archive
