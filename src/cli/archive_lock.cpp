#include "cli/archive_lock.hpp"

#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "azlin/core/log.hpp"

namespace azlin::cli {

namespace {

using archive::describe;
using archive::LockProof;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr std::size_t kShown = 5;  // objects that are named one by one

ordered_json to_json(const archive::ObjectLock& asked) {
  ordered_json mode = nullptr;
  if (!asked.mode.empty()) mode = asked.mode;
  return {{"mode", mode}, {"days", asked.days}};
}

void add(ordered_json& json, const LockProof& proof) {
  json["objects"] = proof.objects;
  json["until"] = nullptr;
  if (proof.until) json["until"] = core::to_iso8601(*proof.until);
  json["held"] = proof.not_held.empty();
  json["notHeld"] = proof.not_held;
}

void print_faults(Console& console, const LockProof& proof) {
  for (std::size_t i = 0; i < std::min(kShown, proof.not_held.size()); ++i)
    console.line("    " + proof.not_held[i]);
  if (proof.not_held.size() > kShown)
    console.line(fmt::format("    and {} more", proof.not_held.size() - kShown));
}

}  // namespace

WriteLock::WriteLock(Runtime& runtime, const archive::Destination& destination) : runtime_(runtime) {
  if (!destination.object_lock) return;
  transport_ =
      http::make_curl_transport({.user_agent = "azlin/" AZLIN_VERSION, .ca_bundle = destination.s3.ca_file});
  bucket_ = std::make_unique<archive::LockedBucket>(destination, runtime.env(), *transport_);
}

WriteLock::~WriteLock() = default;

void WriteLock::require() {
  if (bucket_) bucket_->require(runtime_.stop());
}

void WriteLock::begin() {
  if (!bucket_) return;
  require();
  before_ = bucket_->remember(runtime_.stop());
}

bool WriteLock::prove(ordered_json& json) {
  if (!bucket_) return true;
  Console& console = runtime_.console();
  auto& said = json["objectLock"] = to_json(bucket_->asked());
  const std::string asked = describe(bucket_->asked());
  try {
    const auto proof = bucket_->prove_new(runtime_.stop());
    add(said, proof);
    if (proof.until) {
      console.line(fmt::format("  Object lock ({}): {} new {} held until {} UTC or later", asked,
                               proof.objects - proof.not_held.size(),
                               proof.objects - proof.not_held.size() == 1 ? "object is" : "objects are",
                               core::to_display(*proof.until)));
      if (before_ > 0)
        console.line("    (data that was in the repository before keeps the date of its own upload)");
    }
    if (proof.not_held.empty()) return true;
    console.line(fmt::format("  ! Object lock ({}): not held:", asked));
    print_faults(console, proof);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    said["held"] = nullptr;
    said["error"] = error.what();
    console.line(fmt::format("  ! Object lock ({}): not proved: {}", asked, error.what()));
  }
  return false;
}

void WriteLock::show(const archive::Archive& archive, ordered_json& json) {
  if (!bucket_) return;
  Console& console = runtime_.console();
  auto& said = json["objectLock"] = to_json(bucket_->asked());
  const auto found = bucket_->look(runtime_.stop());
  const auto lack = lack_of(found, bucket_->asked());
  const auto proof = bucket_->prove_snapshots(archive, runtime_.clock().now(), runtime_.stop());
  add(said, proof);
  said["bucket"] = {{"found", describe(found)}, {"asAsked", !lack}};
  console.line(fmt::format("  {} Object lock: {} asked for; the bucket has {}", lack ? "!" : "·",
                           describe(bucket_->asked()), describe(found)));
  if (proof.until && proof.not_held.empty())
    console.line(fmt::format("    its {} held until {} UTC or later",
                             proof.objects == 1 ? "snapshot is" : "snapshots are",
                             core::to_display(*proof.until)));
  print_faults(console, proof);
}

archive::Measure WriteLock::measure(const std::vector<archive::Archive>& archives) {
  const auto& asked = bucket_->asked();
  const auto found = bucket_->look(runtime_.stop());
  const auto now = runtime_.clock().now();
  std::size_t held = 0, past = 0, open = 0;
  for (const auto& each : archives) {
    const bool kept = bucket_->prove_snapshots(each, now, runtime_.stop()).not_held.empty();
    const bool young = now - each.taken_at < std::chrono::days(asked.days);
    ++(kept ? held : young ? open : past);
  }
  std::string seen = fmt::format("{}; {} held", describe(found), core::counted(held, "archive"));
  if (past > 0) seen += fmt::format(", {} past the date", past);
  if (open > 0) seen += fmt::format(", {} NOT held", open);
  return {"Object lock", describe(asked), seen, !lack_of(found, asked) && open == 0};
}

}  // namespace azlin::cli
