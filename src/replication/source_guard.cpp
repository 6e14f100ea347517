#include "replication/source_guard.hpp"

#include <algorithm>

#include "azlin/azure/compute.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/snapshot/tags.hpp"

namespace azlin::replication {

using core::Error;
using core::ErrorKind;

namespace {

constexpr core::Millis kMarkTime = std::chrono::hours{48};
constexpr core::Millis kMarkRenewal = std::chrono::hours{12};
constexpr core::Millis kLookAgain = std::chrono::minutes{5};  // at a mark of somebody else

}  // namespace

void SourceGuard::guard(Job& job, std::stop_token stop) {
  const auto now = clock_.now();
  const bool waits = std::any_of(job.copies.begin(), job.copies.end(),
                                 [](const Copy& copy) { return copy.status == Status::pending; });
  if (!waits || (job.marked_until && *job.marked_until > now + kMarkRenewal)) return;
  const auto until = now + kMarkTime;
  const std::string value =
      snapshot::to_tag(snapshot::InUseMark{mark_, std::chrono::floor<std::chrono::seconds>(until)});
  job.marked_until = until;
  store_.save(job);  // before the tags: a crash finds out that there are some to take off
  for (const auto& copy : job.copies) {
    try {
      const auto source = azure::find_snapshot(arm_, copy.source_id, stop);
      if (!source) continue;
      const auto tag = source->tags.find(snapshot::kInUseTag);
      const auto mark = tag == source->tags.end() ? std::nullopt : snapshot::parse_in_use(tag->second);
      if (mark && mark->what != mark_ && mark->until > now) {  // it guards as well, while it is there
        job.marked_until = now + kMarkRenewal + kLookAgain;
        continue;
      }
      azure::merge_tags(arm_, copy.source_id, {{snapshot::kInUseTag, value}}, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      core::log_warn("cannot mark {} as in use: {}", copy.source_id, error.what());
      job.marked_until = now;  // the next look tries again
      return;
    }
  }
}

void SourceGuard::unguard(Job& job) {
  if (!job.marked_until) return;
  job.marked_until.reset();
  JobFilter others;  // to another region
  others.subscription = job.subscription;
  others.vm_key = job.vm_key;
  others.set = job.set;
  others.open_only = true;
  for (const auto& other : store_.list(others)) {
    if (other.id != job.id && other.marked_until) return;
  }
  for (const auto& copy : job.copies) {
    try {
      const auto source = azure::find_snapshot(arm_, copy.source_id);
      const auto tag = source ? source->tags.find(snapshot::kInUseTag) : azure::Tags::const_iterator{};
      if (!source || tag == source->tags.end()) continue;
      const auto mark = snapshot::parse_in_use(tag->second);
      if (mark && mark->what == mark_) azure::remove_tags(arm_, copy.source_id, {*tag});
    } catch (const Error& error) {
      core::log_warn("cannot take the mark off {} (it ends by itself): {}", copy.source_id, error.what());
    }
  }
}

}  // namespace azlin::replication
