#pragma once
// Where archives are kept: a folder, S3, Azure Blob, Google Cloud Storage or SFTP, as the engine needs it.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/env.hpp"

namespace azlin::archive {

enum class DestinationKind { local, s3, azure, gcs, sftp };
const char* to_string(DestinationKind kind);

// What `objectLock:` in archive.yaml asks of a bucket: that it holds each new object for so long.
struct ObjectLock {
  std::string mode;  // governance | compliance; empty: either
  int days = 0;      // from 1
};

// What an address does not say; from `destinations:` in archive.yaml. Everything is optional.
struct DestinationSettings {
  std::string region;         // S3: AWS_DEFAULT_REGION
  std::string endpoint;       // S3-compatible store: "https://host[:port]"; http is for loopback only
  std::string storage_class;  // S3: STANDARD_IA, …; GCS has the bucket's default only (checked by name)
  bool path_style = false;    // S3: bucket in the path
  std::string account;        // Azure: AZURE_ACCOUNT_NAME
  std::string project;        // GCS: GOOGLE_PROJECT_ID, to create a bucket
  std::string ca_file;        // certificates to trust besides the system's
  std::string ssh_config;     // SFTP: file for `ssh -F`
  int upload_kib = 0, download_kib = 0;  // KiB/s; 0 = no limit
  std::optional<ObjectLock> object_lock;
  // Variable that the engine reads -> where its value is: "env:NAME" or "file:/path" (first line).
  std::map<std::string, std::string> credentials;
};

// Where an S3 destination is, for calls that the engine cannot make.
struct S3Place {
  std::string endpoint;  // "https://host[:port]"
  std::string bucket, prefix;
  std::string region;       // empty: not said
  bool path_style = false;  // the bucket in the path, whatever the host
  std::string ca_file;      // as in DestinationSettings
};

// Ready for the engine. `env` may hold secrets: it goes to the child's environment only, never to an argument
// list, a log or a database.
struct Destination {
  DestinationKind kind = DestinationKind::local;
  std::string text;                        // what a person reads; no secret
  std::string url;                         // RESTIC_REPOSITORY; a local one is an absolute path
  std::map<std::string, std::string> env;  // the store's variables, and nothing else
  std::vector<std::string> options;        // "-o", "s3.storage-class=STANDARD_IA", "--cacert", …
  S3Place s3;                              // of kind s3
  std::optional<ObjectLock> object_lock;   // what was asked for; kind s3 only
};

// Takes a path ("/mnt/backup", "./b", "~/b", "file:///b"), "s3://bucket/prefix",
// "s3:https://host/bucket/prefix", "azure://container/prefix", "azure:container:/prefix",
// "https://ACCOUNT.blob.core.windows.net/container/prefix", "gs://bucket/prefix" (also "gcs:"),
// "gs:bucket:/prefix", "sftp:user@host:/path" or "sftp://user@host:port//path" (one slash: below the home
// folder). Throws core::Error (usage): SMB/NFS addresses and other providers, each by name with what to use
// instead; a password inside an address; plain http to another machine; a missing account; a storage class
// or object lock that the store does not have; a credential reference that points nowhere.
Destination parse_destination(const std::string& text, const core::Env& env,
                              const DestinationSettings& settings = {});

// Why a destination of this kind cannot be asked for object lock, and what to use; nullopt: it can.
std::optional<std::string> why_no_object_lock(DestinationKind kind);

// Follows "env:NAME" or "file:/path". Throws core::Error (usage) when nothing is there, or when the file can
// be read by others. `what` is named in the error.
std::string resolve_reference(const std::string& reference, const core::Env& env, const std::string& what);

}  // namespace azlin::archive
