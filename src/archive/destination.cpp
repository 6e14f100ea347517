#include "azlin/archive/destination.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::usage, message, hint);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

struct Refusal {
  const char* scheme;
  const char* name;
  const char* instead;
};
constexpr const char* kMountIt = "mount the share and give its path, such as /mnt/backup";
constexpr const char* kKnownStores = "use a folder, s3:, azure:, gs: or sftp:";
constexpr std::array<Refusal, 14> kRefused = {{
    {"smb", "SMB shares", kMountIt},
    {"cifs", "SMB shares", kMountIt},
    {"nfs", "NFS shares", kMountIt},
    {"nfs4", "NFS shares", kMountIt},
    {"davs", "WebDAV", "mount it (davfs2) and give its path"},
    {"webdav", "WebDAV", "mount it (davfs2) and give its path"},
    {"ftp", "FTP", "use sftp:user@host:/path; FTP sends passwords in the clear"},
    {"ftps", "FTP", "use sftp:user@host:/path"},
    {"b2", "Backblaze B2", "use its S3 address: s3:https://s3.REGION.backblazeb2.com/bucket/prefix"},
    {"swift", "OpenStack Swift", kKnownStores},
    {"rest", "restic's REST server", kKnownStores},
    {"rclone", "rclone remotes", kKnownStores},
    {"dropbox", "Dropbox", kKnownStores},
    {"oss", "Alibaba OSS", "use its S3 address: s3:https://oss-REGION.aliyuncs.com/bucket/prefix"},
}};

// "s3" of "s3://…" or "s3:…"; empty for a path.
std::string scheme_of(const std::string& text) {
  const auto colon = text.find(':');
  const auto slash = text.find('/');
  if (colon == std::string::npos || (slash != std::string::npos && slash < colon)) return {};
  return lower(text.substr(0, colon));
}

bool starts(const std::string& text, std::string_view with) {
  return text.starts_with(with);
}

std::string strip_slashes(std::string text) {
  while (!text.empty() && text.back() == '/') text.pop_back();
  while (!text.empty() && text.front() == '/') text.erase(0, 1);
  return text;
}

// "bucket/a/b" -> {"bucket", "a/b"}
std::pair<std::string, std::string> split_first(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return {text, {}};
  return {text.substr(0, slash), strip_slashes(text.substr(slash + 1))};
}

bool is_loopback(const std::string& host_and_port) {
  const std::string host = host_and_port.substr(0, host_and_port.rfind(':'));
  return host == "localhost" || starts(host, "127.") || host == "[::1]";
}

void check_endpoint(const std::string& url) {
  if (starts(url, "https://")) return;
  if (!starts(url, "http://")) refuse(fmt::format("'{}' is no https:// address", url));
  if (!is_loopback(url.substr(7, url.find('/', 7) - 7)))
    refuse(fmt::format("{} would send credentials in the clear", url), "use https://");
}

void refuse_password(const std::string& address) {
  const auto begin = address.find("//");
  const auto from = begin == std::string::npos ? address.find(':') + 1 : begin + 2;
  const auto at = address.find('@', from);
  if (at == std::string::npos || address.find('/', from) < at) return;
  if (address.substr(from, at - from).find(':') != std::string::npos)
    refuse("an address must not hold a password",
           "name a variable or a file under `credentials:` in archive.yaml");
}

// Copies those of `names` that are set: from the references first, else from this process's environment.
void take_variables(Destination& into, const std::vector<const char*>& names, const core::Env& env,
                    const DestinationSettings& settings) {
  for (const char* name : names) {
    const auto reference = settings.credentials.find(name);
    if (reference != settings.credentials.end())
      into.env[name] = resolve_reference(reference->second, env, name);
    else if (const auto value = env.get(name))
      into.env[name] = *value;
  }
  for (const char* proxy : {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"}) {
    if (const auto value = env.get(proxy)) into.env[proxy] = *value;
  }
  const std::set<std::string> known(names.begin(), names.end());
  for (const auto& [name, reference] : settings.credentials) {
    if (!known.contains(name))
      refuse(fmt::format("`credentials:` names {}, which a {} destination does not read", name,
                         to_string(into.kind)));
  }
}

// restic reads the value of -o as a line of CSV: what holds quotes or commas is quoted as a field of it.
void set_option(Destination& into, const char* name, const std::string& value) {
  const std::string option = fmt::format("{}={}", name, value);
  std::string field;
  for (const char c : option) field.append(c == '"' ? 2 : 1, c);
  into.options.insert(into.options.end(),
                      {"-o", option.find_first_of("\",") == std::string::npos ? option : '"' + field + '"'});
}

Destination local(const std::string& path, const core::Env& env) {
  Destination out;
  std::string full = starts(path, "file://") ? path.substr(7) : path;
  if (starts(full, "~/")) full = env.get_or("HOME", "~") + full.substr(1);
  full = std::filesystem::absolute(full).lexically_normal().string();
  while (full.size() > 1 && full.back() == '/') full.pop_back();
  if (full == "/") refuse("the root folder is no place for archives", "name a folder of its own");
  out.text = out.url = full;
  return out;
}

constexpr std::array kS3Classes = {"STANDARD",   "STANDARD_IA",         "ONEZONE_IA",
                                   "GLACIER_IR", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"};

void choose_s3_class(Destination& into, const std::string& name) {
  if (name.empty()) return;
  if (name == "GLACIER" || name == "DEEP_ARCHIVE")
    refuse(fmt::format("storage class {} cannot be read at once, which every check and restore needs", name),
           "use GLACIER_IR or STANDARD_IA");
  if (std::find(kS3Classes.begin(), kS3Classes.end(), name) == kS3Classes.end())
    refuse(fmt::format("S3 has no storage class '{}'", name), "for example STANDARD_IA");
  set_option(into, "s3.storage-class", name);
}

Destination s3(const std::string& text, const core::Env& env, const DestinationSettings& settings) {
  Destination out;
  out.kind = DestinationKind::s3;
  std::string rest = text.substr(3);
  std::string endpoint = settings.endpoint;
  if (endpoint.empty()) endpoint = env.get_or("AWS_ENDPOINT_URL", "https://s3.amazonaws.com");
  if (starts(rest, "http://") || starts(rest, "https://")) {
    const auto slash = rest.find('/', rest.find("://") + 3);
    if (slash == std::string::npos)
      refuse(fmt::format("'{}' names no bucket", text), "s3:https://host/bucket/prefix");
    endpoint = rest.substr(0, slash);
    rest = rest.substr(slash);
  } else if (!starts(rest, "//")) {  // restic's own s3:host/bucket
    const auto slash = rest.find('/');
    if (slash != std::string::npos && rest.find('.') < slash) {
      endpoint = "https://" + rest.substr(0, slash);
      rest = rest.substr(slash);
    }
  }
  check_endpoint(endpoint);
  const auto [bucket, prefix] = split_first(strip_slashes(rest));
  if (bucket.empty()) refuse(fmt::format("'{}' names no bucket", text), "s3://bucket/prefix");
  while (endpoint.back() == '/') endpoint.pop_back();
  out.url = fmt::format("s3:{}/{}{}{}", endpoint, bucket, prefix.empty() ? "" : "/", prefix);
  out.text = out.url;
  take_variables(out,
                 {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION",
                  "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"},
                 env, settings);
  if (!settings.region.empty()) out.env["AWS_DEFAULT_REGION"] = settings.region;
  if (out.env.contains("AWS_DEFAULT_REGION")) set_option(out, "s3.region", out.env["AWS_DEFAULT_REGION"]);
  if (settings.path_style) set_option(out, "s3.bucket-lookup", "path");
  choose_s3_class(out, settings.storage_class);
  out.s3 = {.endpoint = endpoint,
            .bucket = bucket,
            .prefix = prefix,
            .region = out.env.contains("AWS_DEFAULT_REGION") ? out.env["AWS_DEFAULT_REGION"] : "",
            .path_style = settings.path_style,
            .ca_file = settings.ca_file};
  return out;
}

Destination azure(const std::string& text, const core::Env& env, const DestinationSettings& settings) {
  Destination out;
  out.kind = DestinationKind::azure;
  std::string account = settings.account, container, prefix;
  if (starts(text, "https://")) {
    const std::string host = text.substr(8, text.find('/', 8) - 8);
    account = host.substr(0, host.find('.'));
    std::tie(container, prefix) =
        split_first(strip_slashes(text.substr(std::min(text.size(), 8 + host.size()))));
  } else if (starts(text, "azure://")) {
    std::tie(container, prefix) = split_first(strip_slashes(text.substr(8)));
  } else {
    const std::string rest = text.substr(6);
    const auto colon = rest.find(':');
    container = rest.substr(0, colon);
    if (colon != std::string::npos) prefix = strip_slashes(rest.substr(colon + 1));
  }
  if (container.empty()) refuse(fmt::format("'{}' names no container", text), "azure://container/prefix");
  if (!settings.storage_class.empty())
    refuse("an Azure container takes its access tier from the account or a lifecycle rule, not from azlin",
           "leave storageClass out");
  take_variables(out, {"AZURE_ACCOUNT_NAME", "AZURE_ACCOUNT_KEY", "AZURE_ACCOUNT_SAS"}, env, settings);
  if (!account.empty()) out.env["AZURE_ACCOUNT_NAME"] = account;
  if (!out.env.contains("AZURE_ACCOUNT_NAME"))
    refuse("no storage account is named", "set AZURE_ACCOUNT_NAME, or `account:` in archive.yaml");
  if (!out.env.contains("AZURE_ACCOUNT_KEY") && !out.env.contains("AZURE_ACCOUNT_SAS"))
    refuse(fmt::format("there is no key for the storage account {}", out.env["AZURE_ACCOUNT_NAME"]),
           "set AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS; restic 0.14 has no Entra login");
  out.url = fmt::format("azure:{}:/{}", container, prefix);
  out.text = fmt::format("{} in account {}", out.url, out.env["AZURE_ACCOUNT_NAME"]);
  return out;
}

Destination gcs(const std::string& text, const core::Env& env, const DestinationSettings& settings) {
  Destination out;
  out.kind = DestinationKind::gcs;
  std::string rest = text.substr(text.find(':') + 1), bucket, prefix;
  if (starts(rest, "//")) {
    std::tie(bucket, prefix) = split_first(strip_slashes(rest));
  } else {
    const auto colon = rest.find(':');
    bucket = rest.substr(0, colon);
    if (colon != std::string::npos) prefix = strip_slashes(rest.substr(colon + 1));
  }
  if (bucket.empty()) refuse(fmt::format("'{}' names no bucket", text), "gs://bucket/prefix");
  if (!settings.storage_class.empty())
    refuse(fmt::format("objects in {} take the bucket's default class: the engine cannot ask for {}", bucket,
                       settings.storage_class),
           fmt::format("set the bucket's default storage class to {} and leave storageClass out",
                       settings.storage_class));
  take_variables(out, {"GOOGLE_PROJECT_ID", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_ACCESS_TOKEN"}, env,
                 settings);
  if (!settings.project.empty()) out.env["GOOGLE_PROJECT_ID"] = settings.project;
  out.url = fmt::format("gs:{}:/{}", bucket, prefix);
  out.text = out.url;
  return out;
}

Destination sftp(const std::string& text, const core::Env& env, const DestinationSettings& settings) {
  Destination out;
  out.kind = DestinationKind::sftp;
  refuse_password(text);
  const std::string rest = text.substr(5);
  const bool url = starts(rest, "//");
  const std::string address = url ? rest.substr(2) : rest;
  const auto end = address.find(url ? '/' : ':');
  if (end == std::string::npos || end == 0 || end + 1 >= address.size())
    refuse(fmt::format("'{}' names no host with a folder", text), "sftp:user@host:/path");
  if (!settings.storage_class.empty()) refuse("SFTP has no storage classes", "leave storageClass out");
  out.url = out.text = text;
  if (!settings.ssh_config.empty()) {
    // The URL's host is not used with a command of our own, so it is handed on.
    std::string host = address.substr(0, end), port;
    if (const auto colon = host.rfind(':'); url && colon != std::string::npos) {
      port = "-p " + host.substr(colon + 1) + " ";
      host.resize(colon);
    }
    if ((host + port + settings.ssh_config).find_first_of("'\"\\\n") != std::string::npos)
      refuse(
          "quotes and backslashes are not accepted in an SFTP address or the path of its ssh configuration");
    set_option(out, "sftp.command",
               fmt::format("ssh -F \"{}\" -o BatchMode=yes {}{} -s sftp", settings.ssh_config, port, host));
  }
  take_variables(out, {"SSH_AUTH_SOCK"}, env, settings);
  return out;
}

void refuse_others(const std::string& text, const std::string& scheme) {
  if (starts(text, "\\\\") || starts(text, "//")) refuse(fmt::format("'{}' is an SMB share", text), kMountIt);
  for (const auto& each : kRefused) {
    if (scheme == each.scheme)
      refuse(fmt::format("{} are no destination of azlin ('{}')", each.name, scheme), each.instead);
  }
  if (scheme == "http" || scheme == "https")
    refuse(fmt::format("'{}' is no store that azlin knows", text),
           "for S3 write s3:https://host/bucket/prefix; for Azure "
           "https://ACCOUNT.blob.core.windows.net/container");
  refuse(fmt::format("'{}' begins with '{}:', which is no kind of destination", text, scheme),
         "a folder whose name has a colon is written ./name");
}

bool is_blob_url(const std::string& text) {
  return starts(text, "https://") &&
         text.substr(0, text.find('/', 8)).find(".blob.core.") != std::string::npos;
}

// Addresses are shown, logged and kept. Nothing of this one is repeated.
void refuse_credentials(const std::string& text) {
  const auto host = text.find("://");
  if (host == std::string::npos) return;
  const std::string authority = text.substr(host + 3, text.find('/', host + 3) - host - 3);
  const auto user_end = authority.rfind('@');
  const bool has_password = user_end != std::string::npos && authority.find(':') < user_end;
  if (has_password || text.find('?') != std::string::npos)
    refuse("an address holds no password, key or signature",
           "the store's variables do, such as AWS_SECRET_ACCESS_KEY or AZURE_ACCOUNT_SAS");
}

Destination by_kind(const std::string& text, const core::Env& env, const DestinationSettings& settings) {
  const std::string scheme = scheme_of(text);
  if (!scheme.empty() && scheme != "file") refuse_credentials(text);
  if (starts(text, "\\\\") || starts(text, "//")) refuse_others(text, scheme);
  if (scheme.empty() || scheme == "file") return local(text, env);
  if (scheme == "s3") return s3(text, env, settings);
  if (scheme == "azure" || is_blob_url(text)) return azure(text, env, settings);
  if (scheme == "gs" || scheme == "gcs") return gcs(text, env, settings);
  if (scheme == "sftp") return sftp(text, env, settings);
  refuse_others(text, scheme);
  return {};
}

}  // namespace

const char* to_string(DestinationKind kind) {
  switch (kind) {
    case DestinationKind::local:
      return "local";
    case DestinationKind::s3:
      return "s3";
    case DestinationKind::azure:
      return "azure";
    case DestinationKind::gcs:
      return "gcs";
    case DestinationKind::sftp:
      return "sftp";
  }
  return "";
}

std::optional<std::string> why_no_object_lock(DestinationKind kind) {
  switch (kind) {
    case DestinationKind::s3:
      return std::nullopt;
    case DestinationKind::azure:
      return "azlin does not read the immutability policies of Azure, so it promises nothing; leave "
             "objectLock out. "
             "What works: versions and a default policy of version-level immutability on the container. Not "
             "a policy "
             "of the whole container: restic removes its own lock files";
    case DestinationKind::gcs:
      return "a retention policy of a Google bucket also holds restic's own lock files, which it must "
             "remove; leave "
             "objectLock out and use versions with a soft-delete policy, or S3";
    case DestinationKind::local:
      return "a folder has no object lock; leave objectLock out, and keep a second copy by `azlin archive "
             "sync`";
    case DestinationKind::sftp:
      return "SFTP has no object lock; leave objectLock out, and keep a second copy by `azlin archive sync`";
  }
  return std::nullopt;
}

std::string resolve_reference(const std::string& reference, const core::Env& env, const std::string& what) {
  if (starts(reference, "env:")) {
    const auto value = env.get(reference.substr(4));
    if (!value) refuse(fmt::format("{}: the variable {} is not set", what, reference.substr(4)));
    return *value;
  }
  if (!starts(reference, "file:"))
    refuse(fmt::format("{} must be a reference, env:NAME or file:/path, not a value", what));
  const std::string path = reference.substr(5);
  struct stat info = {};
  std::ifstream file(path);
  if (stat(path.c_str(), &info) != 0 || !file) refuse(fmt::format("{}: cannot read {}", what, path));
  if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)
    refuse(fmt::format("{}: {} can be read by others", what, path), "chmod 600 " + path);
  std::string value;
  std::getline(file, value);
  if (!value.empty() && value.back() == '\r') value.pop_back();
  if (value.empty()) refuse(fmt::format("{}: {} is empty", what, path));
  return value;
}

Destination parse_destination(const std::string& text, const core::Env& env,
                              const DestinationSettings& settings) {
  if (text.empty())
    refuse("no destination was given", "--destination DIR, s3://…, azure://…, gs://… or sftp:…");
  if (text.find_first_of("\n\r") != std::string::npos) refuse("a destination is one line");
  Destination out = by_kind(text, env, settings);
  if (settings.object_lock) {
    if (const auto why = why_no_object_lock(out.kind))
      refuse(fmt::format("{} cannot be asked for object lock", out.text), *why);
    out.object_lock = settings.object_lock;
  }
  if (!settings.ca_file.empty()) out.options.insert(out.options.end(), {"--cacert", settings.ca_file});
  if (settings.upload_kib > 0)
    out.options.insert(out.options.end(), {"--limit-upload", std::to_string(settings.upload_kib)});
  if (settings.download_kib > 0)
    out.options.insert(out.options.end(), {"--limit-download", std::to_string(settings.download_kib)});
  return out;
}

}  // namespace azlin::archive
