#include "simulator/throttle.hpp"

#include <cmath>

#include <fmt/format.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// A Compute bucket: `size` tokens that come back within `window` seconds.
struct Limit {
  const char* name;
  double size, window;
  bool per_resource;
};

const std::vector<Limit> kDiskWrites = {{"CreateUpdateDisks3Min", 3'000, 180, false},
                                        {"CreateUpdateDisks30Min", 25'000, 1'800, false}};
const std::vector<Limit> kSnapshotWrites = {{"HighCostSnapshotCreateHydrate3Min", 1'000, 180, false},
                                            {"HighCostSnapshotCreateHydrate30Min", 8'000, 1'800, false}};
const std::vector<Limit> kDiskReads = {{"LowCostGet3Min", 15'000, 180, false},
                                       {"LowCostGet30Min", 120'000, 1'800, false}};
const std::vector<Limit> kDiskPolls = {{"GetOperation3Min", 50'000, 180, false}};
const std::vector<Limit> kVmWrites = {{"UpdateVMResource", 12, 180, true},
                                      {"UpdateVMSubscriptionMaximum", 1'500, 180, false}};
const std::vector<Limit> kVmDeletes = {{"DeleteVMResource", 12, 180, true},
                                       {"DeleteVMSubscriptionMaximum", 1'500, 180, false}};
const std::vector<Limit> kVmReads = {{"LowCostGetResource", 36, 180, true},
                                     {"LowCostGetSubscriptionMaximum", 24'000, 180, false}};
const std::vector<Limit> kVmLists = {{"HighCostGetSubscriptionMaximum", 900, 180, false}};
const std::vector<Limit> kVmPolls = {{"GetOperationResource", 45, 180, true},
                                     {"GetOperationSubscriptionMaximum", 15'000, 180, false}};
const std::vector<Limit> kNone;

const std::vector<Limit>& compute_limits(const Request& request) {
  const std::string type = lower(request.target.type);
  const bool read = request.method == "GET" || request.method == "HEAD";
  if (!type.starts_with("microsoft.compute/")) return kNone;
  if (type.find("/diskoperations") != std::string::npos) return kDiskPolls;
  if (type.find("/locations/operations") != std::string::npos) return kVmPolls;
  if (type == "microsoft.compute/disks" || type == "microsoft.compute/snapshots") {
    if (read) return kDiskReads;
    return type == "microsoft.compute/disks" && request.method != "POST" ? kDiskWrites : kSnapshotWrites;
  }
  if (!type.starts_with("microsoft.compute/virtualmachines")) return kNone;
  if (read) return request.target.name.empty() ? kVmLists : kVmReads;
  return request.method == "DELETE" ? kVmDeletes : kVmWrites;
}

std::string arm_kind(const std::string& method) {
  if (method == "GET" || method == "HEAD") return "read";
  return method == "DELETE" ? "delete" : "write";
}

ApiError arm_refusal(const Request& request, const std::string& kind, int wait) {
  ApiError error(
      429, "SubscriptionRequestsThrottled",
      fmt::format("Number of '{}' requests for subscription '{}' actor '{}' exceeded. Please try again after "
                  "'{}' seconds.",
                  kind, request.target.subscription, request.principal, wait));
  error.headers.emplace_back("Retry-After", std::to_string(wait));
  return error;
}

ApiError compute_refusal(const Limit& limit, int wait, core::TimePoint now) {
  ApiError error(
      429, "OperationNotAllowed",
      "The server rejected the request because too many requests have been received for this subscription.");
  const Json inner = {{"operationGroup", limit.name},
                      {"startTime", core::to_iso8601(now)},
                      {"endTime", core::to_iso8601(now + std::chrono::seconds(wait))},
                      {"allowedRequestCount", static_cast<int>(limit.size)},
                      {"measuredRequestCount", static_cast<int>(limit.size) + 1}};
  error.details =
      Json::array({{{"code", "TooManyRequests"}, {"target", limit.name}, {"message", inner.dump()}}});
  error.bare = true;
  error.headers.emplace_back("Retry-After", std::to_string(wait));
  return error;
}

}  // namespace

bool Bucket::take(core::TimePoint now) {
  if (level < 0) {
    level = size;
  } else if (now > at) {
    level = std::min(size, level + per_second * std::chrono::duration<double>(now - at).count());
  }
  at = now;
  if (level < 1) return false;
  level -= 1;
  return true;
}

int Bucket::wait_seconds() const {
  return std::max(1, static_cast<int>(std::ceil((1 - level) / per_second)));
}

Bucket& Throttle::bucket(const std::string& name, double size, double per_second) {
  auto& found = buckets_[name];
  found.size = size;
  found.per_second = per_second;
  return found;
}

// Reads hold 250 and regain 25 a second, writes and deletes 200 and 10; all principals together have 15 times
// that.
void Throttle::charge_arm(const Request& request, core::TimePoint now, Headers& headers) {
  const std::string kind = arm_kind(request.method);
  const double size = kind == "read" ? 250 : 200, gain = kind == "read" ? 25 : 10;
  const bool tenant = request.target.subscription.empty();
  const std::string scope = tenant ? "tenant" : lower(request.target.subscription);
  Bucket& own = bucket(scope + "|" + request.principal + "|" + kind, size, gain);
  Bucket& all = bucket(scope + "|*|" + kind, size * 15, gain * 15);
  const bool own_ok = own.take(now), all_ok = all.take(now);
  const std::string prefix =
      std::string("x-ms-ratelimit-remaining-") + (tenant ? "tenant-" : "subscription-");
  headers.emplace_back(prefix + kind + "s", std::to_string(static_cast<int>(own.level)));
  if (!tenant)
    headers.emplace_back(prefix + "global-" + kind + "s", std::to_string(static_cast<int>(all.level)));
  if (enabled && !(own_ok && all_ok)) throw arm_refusal(request, kind, (own_ok ? all : own).wait_seconds());
}

void Throttle::charge_compute(const Request& request, core::TimePoint now, Headers& headers) {
  std::string remaining;
  for (const auto& limit : compute_limits(request)) {
    std::string name = lower(request.target.subscription) + "|" + limit.name;
    if (limit.per_resource) name += "|" + lower(request.target.id);
    Bucket& found = bucket(name, limit.size, limit.size / limit.window);
    const bool ok = found.take(now);
    if (enabled && !ok) throw compute_refusal(limit, found.wait_seconds(), now);
    remaining += fmt::format("{}Microsoft.Compute/{};{}", remaining.empty() ? "" : ",", limit.name,
                             static_cast<int>(found.level));
  }
  if (remaining.empty()) return;
  headers.emplace_back("x-ms-ratelimit-remaining-resource", remaining);
  headers.emplace_back("x-ms-request-charge", "1");
}

void Throttle::charge_graph(const Request& request, core::TimePoint now, Headers& headers) {
  constexpr int kQueries = 15, kSeconds = 5;
  // A window that begins with its first query, not a bucket that fills again bit by bit.
  Bucket& window = bucket("graph|" + request.principal, kQueries, 0);
  if (window.level < 0 || now >= window.at + std::chrono::seconds(kSeconds) || now < window.at) {
    window.level = kQueries;
    window.at = now;
  }
  const auto left =
      std::chrono::ceil<std::chrono::seconds>(window.at + std::chrono::seconds(kSeconds) - now).count();
  if (enabled && window.level < 1) {
    ApiError error(429, "RateLimiting",
                   "Please provide below info when asking for support: the query quota is exceeded.");
    error.headers = {{"Retry-After", std::to_string(left)}, {"x-ms-user-quota-remaining", "0"}};
    throw error;
  }
  window.level = std::max(0.0, window.level - 1);
  headers.emplace_back("x-ms-user-quota-remaining", std::to_string(static_cast<int>(window.level)));
  headers.emplace_back("x-ms-user-quota-resets-after", fmt::format("00:00:{:02d}", left));
}

void Throttle::charge_store(const std::string& kind, const std::string& store, core::TimePoint now) {
  const bool vault = kind != "appConfiguration";
  const double window = vault ? 10 : 3'600;
  const auto own = store_limits.find(kind);
  const double size = own != store_limits.end() ? own->second
                      : !vault                  ? 30'000
                      : kind == "keyVault"      ? 4'000
                                                : 300;
  Bucket& found = bucket(kind + "|" + store, size, size / window);
  if (found.take(now) || !enabled) return;
  ApiError error(429, vault ? "Throttled" : "too-many-requests",
                 "Request was not processed because too many requests were received. Reason: "
                 "VaultRequestTypeLimitReached");
  if (vault) {
    error.headers.emplace_back("Retry-After", std::to_string(found.wait_seconds()));
  } else {  // documented with this header only
    error.message = "Resource utilization has surpassed the assigned quota";
    error.headers.emplace_back("retry-after-ms", std::to_string(found.wait_seconds() * 1'000));
  }
  throw error;
}

void Throttle::charge(const Request& request, core::TimePoint now, Headers& headers) {
  charge_arm(request, now, headers);
  charge_compute(request, now, headers);
}

}  // namespace azlin::simulator
