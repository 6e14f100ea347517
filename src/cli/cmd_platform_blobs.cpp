// azlin platform storage export|import|verify: containers to a folder and back.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/platform/blob_transfer.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct BlobTransferOptions {
  ResourceArgument account;
  std::string auth = "login", endpoint, prefix, folder;
  std::vector<std::string> containers;
  int parallel = 8;
};
struct BlobExportOptions : BlobTransferOptions {
  bool secondary = false;
};
struct BlobImportOptions : BlobTransferOptions {
  std::string into;
  bool overwrite = false;
};
struct BlobVerifyOptions {
  std::string folder;
  std::vector<std::string> containers;
};

void bind_transfer(CLI::App& command, BlobTransferOptions& options) {
  bind_resource(command, options.account, "Storage account");
  command.add_option("--container", options.containers, "Only this container; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--prefix", options.prefix, "Only blobs whose names begin like this");
  command
      .add_option("--auth", options.auth,
                  "login: a token; key: the account's key (AZLIN_STORAGE_KEY, or asked from Azure); sas: "
                  "AZLIN_STORAGE_SAS")
      ->check(CLI::IsMember({"login", "key", "sas"}))
      ->capture_default_str();
  command.add_option("--blob-endpoint", options.endpoint,
                     "Address of the blob service (default: what Azure says of the account)");
  command.add_option("--parallel", options.parallel, "Requests at once, of at most 4 MiB each")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

// The account's blob service, and who asks.
struct BlobAccess {
  std::string id, name;
  std::unique_ptr<platform::DataPlane> data;
};

std::string account_key(PlatformSession& session, const std::optional<platform::Resource>& account) {
  if (const auto key = session.runtime().env().get("AZLIN_STORAGE_KEY")) return *key;
  if (!account) throw Error(ErrorKind::usage, "AZLIN_STORAGE_KEY is not set");
  const auto keys =
      session.service().ask(account->id + "/listKeys", platform::kStorageVersion, nullptr, session.stop());
  if (!keys.contains("keys") || keys["keys"].empty())
    throw Error(ErrorKind::unauthorized, fmt::format("account {} gives no key", account->name),
                "use --auth login");
  return keys["keys"].front().value("value", "");
}

std::string endpoint_of(const platform::Resource& account, bool secondary) {
  const auto pointer = secondary ? "/properties/secondaryEndpoints/blob"_json_pointer
                                 : "/properties/primaryEndpoints/blob"_json_pointer;
  const auto endpoint = account.body.value(pointer, "");
  if (!endpoint.empty()) return endpoint;
  if (secondary)
    throw Error(ErrorKind::usage,
                fmt::format("the second region of {} ({}) cannot be read", account.name,
                            account.body.value("/sku/name"_json_pointer, "")),
                "only RA-GRS and RA-GZRS can be read there; with GRS a failover comes first");
  throw Error(ErrorKind::failed, fmt::format("account {} has no blob service", account.name));
}

BlobAccess open_blobs(PlatformSession& session, const BlobTransferOptions& options, bool secondary) {
  Runtime& runtime = session.runtime();
  BlobAccess out;
  std::optional<platform::Resource> account;
  if (options.endpoint.empty()) {
    account = session.resource(platform::Kind::storage, options.account);
    out.id = account->id;
    out.name = account->name;
  } else {
    out.name = out.id = options.account.name;
  }
  const auto endpoint = account ? endpoint_of(*account, secondary) : options.endpoint;
  platform::Authorize authorize;
  if (options.auth == "login") {
    authorize = platform::bearer(runtime.credentials(), platform::storage_audience());
  } else if (options.auth == "key") {
    authorize = platform::storage_key(runtime.clock(), out.name, account_key(session, account));
  } else {
    const auto sas = runtime.env().get("AZLIN_STORAGE_SAS");
    if (!sas) throw Error(ErrorKind::usage, "AZLIN_STORAGE_SAS is not set");
    authorize = platform::storage_sas(*sas);
  }
  out.data = std::make_unique<platform::DataPlane>(runtime.transport(), runtime.clock(), endpoint,
                                                   std::move(authorize), "account " + out.name);
  return out;
}

platform::TransferWatch watch_of(ProgressLine& line) {
  return [&line](const platform::TransferProgress& progress) {
    line.update(progress.bytes_done >> 10U, std::max<std::uint64_t>(progress.bytes_known >> 10U, 1),
                fmt::format("KiB, {} of {} blobs", progress.blobs_done, progress.blobs_known));
  };
}

int report(Console& console, const std::string& done, const std::string& account, const std::string& folder,
           const platform::TransferResult& result) {
  ordered_json json = {{"account", account},
                       {"folder", folder},
                       {"containers", result.containers},
                       {"blobs", result.blobs},
                       {"bytes", result.bytes},
                       {"unchanged", result.unchanged},
                       {"gone", result.gone},
                       {"unproven", result.unproven},
                       {"failed", result.failed},
                       {"failures", ordered_json::array()}};
  for (const auto& failure : result.failures) {
    console.line(fmt::format("✗ {}/{}: {}", failure.container, failure.blob, failure.error));
    json["failures"].push_back(
        {{"container", failure.container}, {"blob", failure.blob}, {"error", failure.error}});
  }
  console.line(fmt::format("{} {} {} ({}), {} unchanged, {} failed", result.failed == 0 ? "✓" : "✗",
                           core::counted(result.blobs, "blob"), done, core::to_size(result.bytes),
                           result.unchanged, result.failed));
  if (result.gone > 0)
    console.line(fmt::format("  {} no longer in the account; the folder keeps them", result.gone));
  if (result.unproven > 0)
    console.line(fmt::format("  {} had no MD5 of the service to compare with",
                             core::counted(result.unproven, "blob")));
  console.result(json, "failures");
  if (result.failed == 0) return 0;
  return core::exit_code(result.blobs + result.unchanged == 0 ? ErrorKind::failed : ErrorKind::partial);
}

platform::TransferOptions transfer_of(const BlobTransferOptions& options, const std::string& account) {
  platform::TransferOptions out;
  out.folder = options.folder;
  out.account = account;
  out.containers = options.containers;
  out.prefix = options.prefix;
  out.parallel = options.parallel;
  return out;
}

// Counts what there is; nothing is fetched.
int dry_run_export(PlatformSession& session, platform::BlobClient& client, const BlobExportOptions& options,
                   const std::string& account) {
  Console& console = session.console();
  ordered_json json = {{"dryRun", true}, {"account", account}, {"containers", ordered_json::array()}};
  for (const auto& container :
       options.containers.empty() ? client.containers(session.stop()) : options.containers) {
    std::uint64_t blobs = 0, bytes = 0;
    std::string marker;
    do {
      const auto page = client.list(container, options.prefix, marker, session.stop());
      for (const auto& blob : page.blobs) bytes += blob.size;
      blobs += page.blobs.size();
      marker = page.next_marker;
    } while (!marker.empty());
    console.line(fmt::format("  {}: {}, {}", container, core::counted(blobs, "blob"), core::to_size(bytes)));
    json["containers"].push_back({{"name", container}, {"blobs", blobs}, {"bytes", bytes}});
  }
  console.line("Dry run: nothing was exported.");
  console.result(json, "containers");
  return 0;
}

void bind(CLI::App& command, BlobExportOptions& options) {
  bind_transfer(command, options);
  command
      .add_option("--to", options.folder, "Folder; one that is there goes on, and fetches only what changed")
      ->required();
  command.add_flag("--secondary", options.secondary, "From the second region (RA-GRS, RA-GZRS)");
  command.footer(
      "Example: azlin platform storage export prodstorage01 --container prompts --to ./blobs\n"
      "Interrupted or killed, run it again: it goes on within a blob. Every file is compared with the "
      "service's "
      "MD5.\nExit codes: 0, 1, 2, 3, 4 some blobs failed, 5, 7, 130");
}

int run(Runtime& runtime, const BlobExportOptions& options) {
  PlatformSession session(runtime);
  auto access = open_blobs(session, options, options.secondary);
  platform::BlobClient client(*access.data);
  if (session.dry_run()) return dry_run_export(session, client, options, access.name);
  platform::TransferResult result;
  session.change("storage.export", access.id,
                 {{"folder", options.folder},
                  {"containers", options.containers},
                  {"secondary", options.secondary},
                  {"again", "run `azlin platform storage export` with the same folder again: it goes on"}},
                 [&] {
                   ProgressLine line(runtime.console(), "exported");
                   result = platform::export_blobs(client, transfer_of(options, access.name), watch_of(line),
                                                   session.stop());
                   if (result.failed == 0)
                     session.log().record({access.id, "blob export", runtime.clock().now(), options.folder,
                                           static_cast<std::int64_t>(result.blobs + result.unchanged)});
                 });
  return report(runtime.console(), "exported", access.name, options.folder, result);
}

void bind(CLI::App& command, BlobImportOptions& options) {
  bind_transfer(command, options);
  command.add_option("--from", options.folder, "Folder of an export")->required();
  command.add_option("--into", options.into, "Container of another name (for one --container)");
  command.add_flag("--overwrite", options.overwrite, "Replace blobs that differ");
  command.footer(
      "Every file is compared with its checksum before it is sent, every blob afterwards. What is there "
      "already is skipped.\n"
      "Example: azlin platform storage import stagingstorage01 --container prompts --from ./blobs\n"
      "Exit codes: 0, 1, 2, 3, 4 some blobs failed, 5, 7, 130");
}

int run(Runtime& runtime, const BlobImportOptions& options) {
  PlatformSession session(runtime);
  auto access = open_blobs(session, options, false);
  platform::BlobClient client(*access.data);
  auto work = transfer_of(options, access.name);
  work.into = options.into;
  work.overwrite = options.overwrite;
  if (session.dry_run()) {
    const auto checked = platform::verify_export(work, {}, session.stop());
    runtime.console().line("Dry run: the files were read and compared; nothing was sent.");
    return report(runtime.console(), "would be imported", access.name, options.folder, checked);
  }
  if (options.overwrite && !runtime.console().confirm("replacing blobs of " + access.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  platform::TransferResult result;
  session.change("storage.import", access.id,
                 {{"folder", options.folder},
                  {"containers", options.containers},
                  {"again", "run `azlin platform storage import` again: what is there already is skipped"}},
                 [&] {
                   ProgressLine line(runtime.console(), "imported");
                   result = platform::import_blobs(client, work, watch_of(line), session.stop());
                 });
  return report(runtime.console(), "imported", access.name, options.folder, result);
}

void bind(CLI::App& command, BlobVerifyOptions& options) {
  command.add_option("folder", options.folder, "Folder of an export")->required();
  command.add_option("--container", options.containers, "Only this container; may be repeated")
      ->allow_extra_args(false);
  command.footer(
      "Reads every file and compares it with the index.\n"
      "Example: azlin platform storage verify ./blobs\n"
      "Exit codes: 0, 1, 2, 3, 4 some differ");
}

int run(Runtime& runtime, const BlobVerifyOptions& options) {
  platform::TransferOptions work;
  work.folder = options.folder;
  work.containers = options.containers;
  ProgressLine line(runtime.console(), "read");
  const auto result = platform::verify_export(work, watch_of(line), runtime.stop());
  return report(runtime.console(), "read and compared", "", options.folder, result);
}

}  // namespace

void add_blob_commands(CLI::App& storage, Job& chosen) {
  add_command<BlobExportOptions>(storage, "export", "Containers into a folder", chosen);
  add_command<BlobImportOptions>(storage, "import", "A folder into containers", chosen);
  add_command<BlobVerifyOptions>(storage, "verify", "An export against its checksums", chosen);
}

}  // namespace azlin::cli
