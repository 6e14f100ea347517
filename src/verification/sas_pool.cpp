#include "verification/sas_pool.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/fields.hpp"
#include "azlin/core/names.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kMostPerFamily = 5;
constexpr core::Millis kRenewBefore = std::chrono::minutes{5};
constexpr int kGrantTries = 10;
constexpr core::Millis kGrantPause = std::chrono::seconds{30};

// Why the service refuses to give out the bytes, if it is by a setting of the snapshot; else empty.
std::string closed_by(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm::Call call;
  call.path = id;
  call.api_version = "2023-10-02";
  const auto body = arm.send(call, stop).json();
  const auto& properties = core::fields::member(body, "properties");
  const auto policy = core::fields::text(properties, "networkAccessPolicy", "AllowAll");
  if (policy != "AllowAll") return fmt::format("networkAccessPolicy is {}", policy);
  if (core::fields::text(properties, "publicNetworkAccess") == "Disabled")
    return "publicNetworkAccess is Disabled";
  return {};
}

}  // namespace

struct SasPool::Entry {
  azure::Snapshot snapshot;
  int users = 0;         // under the pool's mutex
  bool closing = false;  // under the pool's mutex
  std::mutex mutex;      // of what follows
  std::string url;
  core::TimePoint expires{};
};

std::vector<std::shared_ptr<SasPool::Entry>> SasPool::reserve(const std::vector<azure::Snapshot>& snapshots,
                                                              std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto key = [](const azure::Snapshot& snapshot) { return core::to_lower(snapshot.id); };
  const auto has_room = [&] {
    std::size_t open = 0, wanted = 0;
    for (const auto& [id, entry] : entries_)
      open += entry->snapshot.family_id == snapshots.front().family_id ? 1 : 0;
    for (const auto& snapshot : snapshots) {
      const auto known = entries_.find(key(snapshot));
      if (known == entries_.end()) {
        ++wanted;
      } else if (known->second->closing) {
        return false;
      }
    }
    return snapshots.front().family_id.empty() || open + wanted <= kMostPerFamily;
  };
  if (!changed_.wait(lock, stop, has_room)) core::throw_if_stopped(stop, "waiting to read a snapshot");
  std::vector<std::shared_ptr<Entry>> reserved;
  for (const auto& snapshot : snapshots) {
    auto& entry = entries_[key(snapshot)];
    if (!entry) {
      entry = std::make_shared<Entry>();
      entry->snapshot = snapshot;
    }
    ++entry->users;
    reserved.push_back(entry);
  }
  return reserved;
}

// Another process, or another machine, may hold the places of the family: they come free.
std::string SasPool::grant(const azure::Snapshot& snapshot, core::Millis duration, std::stop_token stop) {
  for (int attempt = 1;; ++attempt) {
    try {
      return azure::begin_access(arm_, snapshot.id, duration, stop);
    } catch (const arm::ArmError& error) {
      if (error.code() != "OperationNotAllowed") throw;
      if (const auto reason = closed_by(arm_, snapshot.id, stop); !reason.empty()) throw NoAccess(reason);
      if (attempt < kGrantTries) {
        if (!clock_.sleep_for(kGrantPause, stop)) core::throw_if_stopped(stop, "waiting to read a snapshot");
        continue;
      }
      throw Error(
          ErrorKind::busy, fmt::format("access to {} is refused: {}", snapshot.name, error.service_message()),
          "Azure lets at most 5 snapshots of a disk be read at once: wait until others have ended, or "
          "revoke access with `az snapshot revoke-access`");
    }
  }
}

std::string SasPool::url_of(Entry& entry, core::Millis duration, std::stop_token stop) {
  const std::lock_guard lock(entry.mutex);
  if (entry.url.empty() || clock_.now() + kRenewBefore >= entry.expires) {
    const auto asked_at = clock_.now();
    entry.url = grant(entry.snapshot, duration, stop);
    entry.expires = asked_at + duration;
  }
  return entry.url;
}

void SasPool::release(const std::shared_ptr<Entry>& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (--entry->users > 0) return;
    entry->closing = true;
  }
  const auto forget = [&] {
    const std::lock_guard lock(mutex_);
    entries_.erase(core::to_lower(entry->snapshot.id));
    changed_.notify_all();
  };
  try {
    // Also when no SAS came back: the service may have granted it all the same.
    azure::end_access(arm_, entry->snapshot.id);
  } catch (const Error&) {
    forget();
    throw;
  }
  forget();
}

void SasPool::with_access(const std::vector<azure::Snapshot>& snapshots, store::Operation& operation,
                          core::Millis duration, std::stop_token stop, std::string& revoke_error,
                          const std::function<void(const Urls&)>& work) {
  const auto entries = reserve(snapshots, stop);
  std::vector<std::int64_t> steps;
  const auto release_all = [&] {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      try {
        release(entries[i]);
        if (i < steps.size()) operation.undone(steps[i]);
      } catch (const Error& error) {
        revoke_error =
            fmt::format("access to {} is not revoked: {}", entries[i]->snapshot.name, error.what());
      }
    }
  };
  try {
    Urls urls;
    for (const auto& entry : entries) {
      steps.push_back(
          operation.begin("grant-access", nlohmann::json{{"snapshot", entry->snapshot.id}}.dump()));
      url_of(*entry, duration, stop);
      operation.done(steps.back());
      urls.emplace_back([this, entry, duration, stop] { return url_of(*entry, duration, stop); });
    }
    work(urls);
  } catch (...) {
    release_all();
    throw;
  }
  release_all();
}

}  // namespace azlin::verification
