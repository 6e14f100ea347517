#include "simulator/snapshot_copy.hpp"

#include <fmt/format.h>

#include <cmath>

#include "simulator/api_versions.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/disk_rules.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::int64_t kMaxParallel = 100;  // per subscription and region
constexpr const char* kFinish = "snapshot.copied";

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

std::string text_of(Context& context, const std::string& sql, const std::string& key) {
  auto row = context.state.db().prepare(sql);
  row.bind(1, std::string_view(key));
  return row.step() ? row.text(0) : std::string();
}

std::string family_of(const Resource& snapshot) {
  return snapshot.body["properties"].value("incrementalSnapshotFamilyId", "");
}

Resource find_source(Context& context, const Request& request, const std::string& id,
                     const std::string& location) {
  const auto target = check_id(id, "properties.creationData.sourceResourceId");
  if (!same(target.type, kSnapshotType)) {
    throw_invalid("creationData.sourceResourceId",
                  "The source of CreateOption 'CopyStart' must be an incremental snapshot.");
  }
  auto source = context.state.find(id);
  if (!source) throw_source_not_found(id);
  context.access.check_linked(request, std::string(kSnapshotType) + "/beginGetAccess/action", source->id);
  // "No create across subscriptions": whether it holds for CopyStart no source says; the stricter reading.
  if (!same(target.subscription, request.target.subscription)) {
    throw_invalid("creationData.sourceResourceId", "The source snapshot must be in the same subscription.");
  }
  if (same(source->location, location)) {
    throw_invalid(
        "creationData.createOption",
        "CreateOption 'CopyStart' is for a source in another region; use 'Copy' in the same region.");
  }
  return *source;
}

// The codes for order and for a second copy are our choice: no source gives them.
void check_order(Context& context, const Resource& source, const std::string& location) {
  for (const auto& copy : context.state.list_by_ref(kSnapshotType, "copy:" + lower(family_of(source)))) {
    if (copy.live) {
      throw_not_allowed(
          fmt::format("Snapshot '{}' cannot be copied while the copy '{}' of a snapshot of the same disk is "
                      "in progress.",
                      source.name, copy.name));
    }
    const bool failed = copy.body["properties"].contains("copyCompletionError");
    const auto taken = copy.hidden["copy"].value("taken", std::int64_t{0});
    if (failed || !same(copy.location, location) || taken <= to_millis(source.created)) continue;
    throw_not_allowed(
        fmt::format("Snapshots must be copied in the order of their creation: '{}' is a copy of a snapshot "
                    "newer than '{}'.",
                    copy.name, source.name));
  }
}

void check_parallel(Context& context, const std::string& subscription, const std::string& location) {
  auto row = context.state.db().prepare(
      "SELECT COUNT(*) FROM snapshot_copies WHERE subscription = ? AND location = ?");
  row.bind(1, std::string_view(lower(subscription))).bind(2, std::string_view(location));
  row.step();
  if (row.integer(0) < kMaxParallel) return;
  throw_not_allowed(
      fmt::format("At most {} snapshot copies may be in progress in region '{}'.", kMaxParallel, location));
}

// None is published; minutes for a typical disk. The first copy into a region carries the whole disk, later
// ones what changed since the last one there.
core::Millis copy_time(Context& context, const Resource& source, const std::string& location, bool enhanced) {
  const auto gb = source.body["properties"].value("diskSizeGB", std::int64_t{1});
  bool first = true;
  for (const auto& copy : context.state.list_by_ref(kSnapshotType, "copy:" + lower(family_of(source)))) {
    if (same(copy.location, location)) first = false;
  }
  core::Millis realistic{60'000 + (first ? 2'000 : 250) * gb};
  if (enhanced) realistic /= 2;
  return context.delay(core::Millis{2'000}, realistic);
}

void forget(Context& context, const std::string& key) {
  context.state.db()
      .prepare("DELETE FROM snapshot_copies WHERE target = ?")
      .bind(1, std::string_view(key))
      .run();
}

double percent_now(const Resource& snapshot, core::TimePoint now) {
  const auto& copy = snapshot.hidden["copy"];
  const auto start = copy["start"].get<std::int64_t>(), end = copy["end"].get<std::int64_t>();
  if (end <= start) return 99.9;
  const auto done = static_cast<double>(to_millis(now) - start) / static_cast<double>(end - start);
  // 100 is for the finished copy alone.
  return std::clamp(std::floor(done * 1000.0) / 10.0, 0.0, 99.9);
}

Json present(Context& context, const Resource& snapshot) {
  Json body = snapshot.body;
  body["properties"]["completionPercent"] = percent_now(snapshot, context.now());
  return body;
}

// A source whose region is down cannot be read: the copy waits.
bool put_off(Context& context, Resource& snapshot) {
  const auto source = context.state.find(snapshot.hidden["copy"]["source"].get<std::string>());
  if (!source || !context.faults.region_down(source->location)) return false;
  const core::Millis wait{60'000};
  snapshot.hidden["copy"]["end"] = to_millis(context.now() + wait);
  context.save(snapshot);
  context.operations.schedule({kFinish, snapshot.id, {{"id", snapshot.id}}}, wait);
  return true;
}

Json finish(Context& context, const Json& data) {
  auto snapshot = context.state.find(data.at("id").get<std::string>());
  if (!snapshot || !snapshot->live || put_off(context, *snapshot)) return nullptr;
  snapshot->live = false;
  snapshot->body["properties"]["completionPercent"] = 100.0;
  context.save(*snapshot);
  forget(context, snapshot->key());
  return nullptr;
}

// The copy stays, at the percentage it had reached, and says why.
void fail_copy(Context& context, const std::string& key) {
  auto snapshot = context.state.find(key);
  if (!snapshot) return;
  auto& properties = snapshot->body["properties"];
  properties["completionPercent"] = percent_now(*snapshot, context.now());
  properties["copyCompletionError"] = {{"errorCode", "CopySourceNotFound"},
                                       {"errorMessage", "The source snapshot of the copy was not found."}};
  snapshot->live = false;
  context.save(*snapshot);
  context.operations.cancel(snapshot->id, kFinish);
}

}  // namespace

Resource checked_copy_source(Context& context, const Request& request, const Json& properties,
                             const std::string& location) {
  const auto& creation = properties["creationData"];
  if (!version_at_least(request.api_version, "2020-12-01")) {
    throw_invalid(
        "creationData.createOption",
        fmt::format("CreateOption 'CopyStart' is not supported with api-version '{}'.", request.api_version));
  }
  const auto id = string_or_empty(creation, "sourceResourceId");
  if (id.empty()) throw_missing("snapshot.creationData.sourceResourceId");
  const auto source = find_source(context, request, id, location);
  if (!properties.value("incremental", Json(false)).is_boolean() || !properties.value("incremental", false) ||
      !source.body["properties"].value("incremental", false)) {
    throw_invalid("incremental", "CreateOption 'CopyStart' is supported for incremental snapshots only.");
  }
  if (volume_of(source) == 0 || source.body["properties"].value("provisioningState", "") == "Failed") {
    throw_not_allowed(
        fmt::format("Snapshot '{}' is in provisioning state 'Failed' and cannot be copied.", source.name));
  }
  check_created(source);
  check_copy_complete(source);
  check_order(context, source, location);
  check_parallel(context, request.target.subscription, location);
  return source;
}

void begin_copy(Context& context, Resource& snapshot, const Resource& source, bool enhanced) {
  const auto now = context.now();
  const auto takes = copy_time(context, source, snapshot.location, enhanced);
  snapshot.hidden["copy"] = {{"source", source.key()},
                             {"taken", to_millis(source.created)},
                             {"start", to_millis(now)},
                             {"end", to_millis(now + takes)}};
  snapshot.ref = "copy:" + lower(family_of(source));
  snapshot.live = true;
  snapshot.body["properties"]["completionPercent"] = 0.0;
  context.state.db()
      .prepare(
          "INSERT OR REPLACE INTO snapshot_copies (target, source, subscription, location) VALUES (?, ?, ?, "
          "?)")
      .bind(1, std::string_view(snapshot.key()))
      .bind(2, std::string_view(source.key()))
      .bind(3, std::string_view(lower(split_path(snapshot.id).at(1))))
      .bind(4, std::string_view(snapshot.location))
      .run();
  context.operations.schedule({kFinish, snapshot.id, {{"id", snapshot.id}}}, takes);
}

std::string running_copy_of(Context& context, const Resource& snapshot) {
  const auto key =
      text_of(context, "SELECT target FROM snapshot_copies WHERE source = ? LIMIT 1", snapshot.key());
  return key.substr(key.rfind('/') + 1);
}

void abandon_copy(Context& context, Resource& snapshot) {
  forget(context, snapshot.key());
  context.operations.cancel(snapshot.id, kFinish);
  snapshot.live = false;
  snapshot.ref.clear();
  snapshot.body["properties"].erase("completionPercent");
}

void drop_copies(Context& context, const Resource& snapshot) {
  forget(context, snapshot.key());
  context.operations.cancel(snapshot.id, kFinish);
  while (true) {
    const auto key =
        text_of(context, "SELECT target FROM snapshot_copies WHERE source = ? LIMIT 1", snapshot.key());
    if (key.empty()) return;
    forget(context, key);
    fail_copy(context, key);
  }
}

void register_snapshot_copies(Context& context) {
  context.state.db().execute(
      "CREATE TABLE IF NOT EXISTS snapshot_copies (target TEXT PRIMARY KEY, source TEXT NOT NULL, "
      "subscription TEXT NOT NULL,"
      " location TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE INDEX IF NOT EXISTS snapshot_copies_by_source ON snapshot_copies (source);"
      "CREATE INDEX IF NOT EXISTS snapshot_copies_by_region ON snapshot_copies (subscription, location)");
  context.on_reset.push_back([&context] { context.state.db().execute("DELETE FROM snapshot_copies"); });
  context.operations.on(kFinish, finish);
  context.presenters[lower(kSnapshotType)] = [&context](const Resource& snapshot) {
    return present(context, snapshot);
  };
}

}  // namespace azlin::simulator
