#include "simulator/providers.hpp"

#include <fmt/format.h>

#include "simulator/disk_model.hpp"
#include "simulator/disk_requests.hpp"
#include "simulator/disk_rules.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/sas.hpp"
#include "simulator/snapshot_copy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Compute/snapshots";
constexpr const char* kWrite = "snapshot.write";
constexpr std::int64_t kMaxIncremental = 500;  // per disk
constexpr std::int64_t kMaxRecent = 7;         // incremental ones per disk …
constexpr std::chrono::minutes kRecent{5};     // … within these

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

std::int64_t count(Context& context, const std::string& sql, const std::string& disk) {
  auto row = context.state.db().prepare(sql);
  row.bind(1, std::string_view(disk));
  row.step();
  return row.integer(0);
}

// "7 incremental per disk per 5 min; 500 incremental per disk". Deleting one does not make room in the five
// minutes.
bool over_limit(Context& context, const std::string& disk_unique_id) {
  auto& db = context.state.db();
  db.prepare("DELETE FROM snapshot_times WHERE at <= ? OR at > ?")
      .bind(1, to_millis(context.now() - kRecent))
      .bind(2, to_millis(context.now()))  // the clock was set back
      .run();
  return count(context, "SELECT COUNT(*) FROM snapshot_times WHERE disk = ?", disk_unique_id) >= kMaxRecent ||
         count(context,
               "SELECT COUNT(*) FROM resources WHERE ref = ? AND type = 'microsoft.compute/snapshots'",
               disk_unique_id) >= kMaxIncremental;
}

void note_time(Context& context, const std::string& disk_unique_id) {
  context.state.db()
      .prepare("INSERT INTO snapshot_times (disk, at) VALUES (?, ?)")
      .bind(1, std::string_view(disk_unique_id))
      .bind(2, to_millis(context.now()))
      .run();
}

// "Default ZRS where available else LRS, later the previous one's sku."
std::string default_sku(Context& context, const Resource& source, bool incremental) {
  if (!incremental) return "Standard_LRS";
  const auto unique_id = source.body["properties"].value("uniqueId", "");
  auto row = context.state.db().prepare(
      "SELECT json_extract(body, '$.sku.name') FROM resources WHERE ref = ? AND type = "
      "'microsoft.compute/snapshots' "
      "ORDER BY created DESC LIMIT 1");
  row.bind(1, std::string_view(unique_id));
  if (row.step()) return row.text(0);
  const auto* location = find_location(source.location);
  return location != nullptr && location->zones ? "Standard_ZRS" : "Standard_LRS";
}

bool stated_incremental(const Json& wanted) {
  const auto found = wanted.find("incremental");
  if (found == wanted.end() || found->is_null()) return false;
  if (!found->is_boolean()) throw_invalid("incremental", "The value of parameter incremental is invalid.");
  return found->get<bool>();
}

// Our choice: "incremental lives on Standard HDD whatever the disk".
void check_incremental_sku(const std::string& sku, bool incremental) {
  if (incremental && sku == "Premium_LRS") {
    throw_invalid("sku.name", "SKU 'Premium_LRS' is not supported for incremental snapshots.");
  }
}

Reply start_write(Context& context, const Request& request, Resource& snapshot,
                  const Json& more = Json::object()) {
  snapshot.body["properties"]["provisioningState"] = "Updating";
  context.save(snapshot);
  Json data = {{"id", snapshot.id}};
  data.update(more);
  const bool copy = snapshot.hidden.contains("copy");
  const Work work{kWrite, snapshot.id, data, core::Millis{1'000},
                  copy ? core::Millis{1'200} : core::Millis{200}};
  return context.operations.start(request, LroShape::disk, snapshot.location, work, 202,
                                  accepted_body(snapshot));
}

// The service accepts one too many, fails in the operation and leaves a snapshot in state Failed behind.
Reply start_refused(Context& context, const Request& request, Resource& snapshot) {
  for (const char* member : {"uniqueId", "diskSizeBytes", "incrementalSnapshotFamilyId"}) {
    snapshot.body["properties"].erase(member);
  }
  snapshot.ref.clear();  // it does not count
  snapshot.hidden.erase("volume");
  return start_write(context, request, snapshot, {{"limit", true}});
}

Resource planned(Context& context, const Resource& fresh, const Resource& source, const std::string& sku,
                 bool incremental) {
  NewSnapshot plan;
  plan.id = fresh.id;
  plan.sku = sku;
  plan.incremental = incremental;
  plan.tags = fresh.body.value("tags", Json());
  plan.taken = context.now();
  return new_snapshot(source, plan);
}

// A stated size is that of the source, to whole GiB: growing a snapshot is not simulated.
void check_size(const Request& request, const Resource& source, const Json& wanted) {
  const auto bytes = requested_bytes(wanted, "");
  const auto now = source.body["properties"].value("diskSizeBytes", std::uint64_t{0});
  if (bytes != 0 && bytes < now) throw_shrink(request.target.id);
  if (bytes > gib(size_gb(now))) {
    throw_invalid("diskSizeGB",
                  fmt::format("The size of a snapshot must be that of its source, {} GB.", size_gb(now)));
  }
}

Reply create_local(Context& context, const Request& request, const Resource& fresh, const Json& wanted) {
  const auto& body = request.object();
  refuse_security_profile(wanted, "Copy");
  const auto id = string_or_empty(wanted["creationData"], "sourceResourceId");
  if (id.empty()) throw_missing("snapshot.creationData.sourceResourceId");
  const auto source = checked_source(context, request, id, fresh.location, {kDiskType, kSnapshotType});
  check_size(request, source, wanted);
  const bool incremental = stated_incremental(wanted);
  // "No create across subscriptions."
  if (incremental && !same(source.subscription, request.target.subscription)) {
    throw_invalid("creationData.sourceResourceId",
                  "An incremental snapshot must be in the subscription of its source.");
  }
  if (incremental && same(source.type, kSnapshotType) &&
      !source.body["properties"].value("incremental", false)) {
    throw_invalid("incremental", "An incremental snapshot cannot be made from a full snapshot.");
  }
  auto sku = checked_sku(body, false, fresh.location);
  check_incremental_sku(sku, incremental);
  if (sku.empty()) sku = default_sku(context, source, incremental);
  auto snapshot = planned(context, fresh, source, sku, incremental);
  apply_settings(context, snapshot, wanted);
  if (incremental && over_limit(context, snapshot.ref)) return start_refused(context, request, snapshot);
  if (incremental) note_time(context, snapshot.ref);
  // The moment of the copy: nothing is refused from here on.
  snapshot.hidden["volume"] = contents(context).clone(volume_of(source));
  begin_creation(snapshot);
  return start_write(context, request, snapshot);
}

// "A copy loses securityProfile unless the PUT states it"; the rest is taken over, or as stated.
void apply_copy_properties(Resource& snapshot, const Resource& source, const Json& wanted) {
  auto& properties = snapshot.body["properties"];
  properties.erase("securityProfile");
  const auto generation = choice(wanted, "hyperVGeneration", "hyperVGeneration", {"V1", "V2"});
  if (!generation.empty()) properties["hyperVGeneration"] = generation;
  if (!wanted.contains("securityProfile") || !wanted["securityProfile"].is_object()) return;
  const auto stated = string_or_empty(wanted["securityProfile"], "securityType");
  const auto original =
      source.body["properties"].value("securityProfile", Json::object()).value("securityType", "");
  if (!stated.empty() && !original.empty() && !same(stated, original)) {
    throw ApiError(
        400, "BadRequest",
        fmt::format("Security type '{}' does not match that of the source, '{}'.", stated, original));
  }
  if (!stated.empty()) properties["securityProfile"] = {{"securityType", stated}};
}

Reply create_remote(Context& context, const Request& request, const Resource& fresh, const Json& wanted) {
  const auto source = checked_copy_source(context, request, wanted, fresh.location);
  check_size(request, source, wanted);
  auto sku = checked_sku(request.object(), false, fresh.location);
  check_incremental_sku(sku, true);
  if (sku.empty()) sku = "Standard_LRS";
  const auto speed = choice(wanted["creationData"], "provisionedBandwidthCopySpeed",
                            "creationData.provisionedBandwidthCopySpeed", {"None", "Enhanced"});
  auto snapshot =
      new_snapshot_copy(source, fresh.id, fresh.location, fresh.body.value("tags", Json()), 0, context.now());
  snapshot.body["sku"] = sku_body(sku);
  if (!speed.empty()) snapshot.body["properties"]["creationData"]["provisionedBandwidthCopySpeed"] = speed;
  apply_copy_properties(snapshot, source, wanted);
  apply_settings(context, snapshot, wanted);
  begin_copy(context, snapshot, source, speed == "Enhanced");
  snapshot.hidden["volume"] = contents(context).clone(volume_of(source));
  begin_creation(snapshot);
  return start_write(context, request, snapshot);
}

Reply create_snapshot(Context& context, const Request& request, const Resource& fresh) {
  const auto& wanted = checked_properties(request.object(), false);
  const auto& creation = checked_creation_data(wanted, "snapshot");
  const auto option = choice(creation, "createOption", "creationData.createOption", {"Copy", "CopyStart"});
  if (option.empty()) throw_missing("snapshot.creationData.createOption");
  requested_bytes(wanted, "");
  return option == "Copy" ? create_local(context, request, fresh, wanted)
                          : create_remote(context, request, fresh, wanted);
}

void check_unchanged(const Resource& snapshot, const Json& wanted) {
  check_same_origin(snapshot, wanted);
  const auto& properties = snapshot.body["properties"];
  if (wanted.contains("incremental") &&
      stated_incremental(wanted) != properties.value("incremental", false)) {
    throw_change_not_allowed("incremental", snapshot.name);
  }
  const auto bytes = requested_bytes(wanted, "");
  const auto now = properties.value("diskSizeBytes", std::uint64_t{0});
  if (bytes != 0 && bytes < now) throw_shrink(snapshot.id);
  if (bytes > gib(size_gb(now))) throw_change_not_allowed("diskSizeGB", snapshot.name);
}

Reply update_snapshot(Context& context, const Request& request, Resource snapshot, bool replace) {
  const auto& body = request.object();
  const auto& wanted = checked_properties(body, false);
  check_idle(context, snapshot);
  check_unchanged(snapshot, wanted);
  update_tags(snapshot, body, replace);
  const auto sku = checked_sku(body, false, snapshot.location);
  check_incremental_sku(sku, snapshot.body["properties"].value("incremental", false));
  if (!sku.empty()) snapshot.body["sku"] = sku_body(sku);
  apply_settings(context, snapshot, wanted);
  return start_write(context, request, snapshot);
}

Reply delete_snapshot(Context& context, const Request& request, const Resource& snapshot) {
  check_no_access(context, snapshot, "snapshot");
  // Our choice: on Azure nothing says that it is refused; the copy would fail.
  if (const auto copy = running_copy_of(context, snapshot); !copy.empty()) {
    throw_not_allowed(
        fmt::format("Snapshot {} cannot be deleted while it is copied to snapshot {}.", snapshot.name, copy));
  }
  check_idle(context, snapshot);
  const Work work{
      "snapshot.delete", snapshot.id, {{"id", snapshot.id}}, core::Millis{500}, core::Millis{1'000}};
  return context.operations.start(request, LroShape::disk, snapshot.location, work, 202);
}

Json finish_write(Context& context, const Json& data) {
  if (data.value("limit", false)) {
    throw ApiError(409, "SnapshotsLimitReached",
                   "The snapshot count was exceeded for a disk. Please retry the request after sometime");
  }
  auto snapshot = context.state.find(data.at("id").get<std::string>());
  if (!snapshot) return nullptr;
  finish_creation(*snapshot);
  snapshot->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*snapshot);
  return context.present(*snapshot);
}

void fail_write(Context& context, const Json& data, const ApiError&) {
  auto snapshot = context.state.find(data.at("id").get<std::string>());
  if (!snapshot) return;
  if (snapshot->live) abandon_copy(context, *snapshot);
  snapshot->body["properties"]["provisioningState"] = "Failed";
  context.save(*snapshot);
}

void release_snapshot(Context& context, const Resource& snapshot) {
  drop_copies(context, snapshot);
  release_contents(context, snapshot);
}

}  // namespace

void register_snapshots(Router& router, Context& context) {
  register_snapshot_copies(context);
  context.state.db().execute(
      "CREATE TABLE IF NOT EXISTS snapshot_times (disk TEXT NOT NULL, at INTEGER NOT NULL);"
      "CREATE INDEX IF NOT EXISTS snapshot_times_by_disk ON snapshot_times (disk, at)");
  context.on_reset.push_back([&context] { context.state.db().execute("DELETE FROM snapshot_times"); });
  context.operations.on(kWrite, finish_write, fail_write);
  context.operations.on("snapshot.delete", [](Context& ctx, const Json& data) {
    erase_with_children(ctx, data.at("id").get<std::string>());
    return Json();
  });
  context.on_erase[lower(kSnapshotType)] = release_snapshot;
  register_disk_kind(router, context,
                     {"snapshot", kSnapshotType, kVersions,
                      [&context](const Request& request, const Resource& fresh) {
                        return create_snapshot(context, request, fresh);
                      },
                      [&context](const Request& request, Resource snapshot, bool replace) {
                        return update_snapshot(context, request, std::move(snapshot), replace);
                      },
                      [&context](const Request& request, const Resource& snapshot) {
                        return delete_snapshot(context, request, snapshot);
                      }});
}

}  // namespace azlin::simulator
