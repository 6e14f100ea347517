#include "azlin/archive/object_lock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <mutex>

#include "archive/s3_client.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kAtOnce = 8;  // objects that are asked for at a time
constexpr int kDaysOfYear = 365;

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string first_of(const std::string& xml, const char* tag) {
  const auto all = texts_of(xml, tag);
  return all.empty() ? "" : all.front();
}

int number(const std::string& text) {
  const bool good =
      !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos;
  return good ? std::stoi(text) : 0;
}

// The commands that give a bucket what is asked for.
std::string mend(const S3Place& place, const BucketLock& found, const ObjectLock& asked, bool there) {
  const std::string where =
      fmt::format("--bucket {}{}", place.bucket,
                  place.endpoint == "https://s3.amazonaws.com" ? "" : " --endpoint-url " + place.endpoint);
  std::string out;
  if (!there) out = fmt::format("aws s3api create-bucket {} --object-lock-enabled-for-bucket && ", where);
  if (there && !found.versioned)
    out = fmt::format("aws s3api put-bucket-versioning {} --versioning-configuration Status=Enabled && ",
                      where);
  return fmt::format(
      "{}aws s3api put-object-lock-configuration {} --object-lock-configuration "
      R"('{{"ObjectLockEnabled":"Enabled","Rule":{{"DefaultRetention":{{"Mode":"{}","Days":{}}}}}}}')",
      out, where, upper(asked.mode.empty() ? "governance" : asked.mode), asked.days);
}

std::string days_text(int days) {
  return core::counted(static_cast<std::size_t>(days), "day");
}

// "Wed, 21 Oct 2015 07:28:00 GMT"
std::optional<core::TimePoint> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return core::TimePoint(std::chrono::seconds(timegm(&parts)));
}

// Why one object is not held as asked; "" when it is.
std::string fault_of(const http::Response& head, const ObjectLock& asked,
                     const std::optional<core::TimePoint>& now, std::optional<core::TimePoint>& until) {
  const auto mode = core::to_lower(head.header("x-amz-object-lock-mode").value_or(""));
  until = core::parse_time(head.header("x-amz-object-lock-retain-until-date").value_or(""));
  if (mode.empty() || !until)
    return "no retention is shown (no lock, or s3:GetObjectRetention is not allowed)";
  if (!asked.mode.empty() && mode != asked.mode) return fmt::format("its mode is {}", mode);
  const std::string date = core::to_display(*until);
  if (now) return *until > *now ? "" : fmt::format("it was held until {}", date);
  const auto written = parse_http_date(head.header("Last-Modified").value_or(""));
  if (!written) return "the store does not say when it was written";
  // A store may count from the begin of an upload, and date the object at its end.
  constexpr auto kUpload = std::chrono::hours(1);
  if (*until - *written + kUpload >= std::chrono::days(asked.days)) return "";
  return fmt::format("it is held until {} only", date);
}

}  // namespace

BucketLock read_bucket_lock(const std::optional<std::string>& object_lock,
                            const std::optional<std::string>& versioning) {
  BucketLock out;
  out.versioned = versioning && first_of(*versioning, "Status") == "Enabled";
  if (!object_lock) return out;
  out.enabled = first_of(*object_lock, "ObjectLockEnabled") == "Enabled";
  out.days = number(first_of(*object_lock, "Days")) + kDaysOfYear * number(first_of(*object_lock, "Years"));
  if (out.days > 0) out.mode = core::to_lower(first_of(*object_lock, "Mode"));
  return out;
}

std::string describe(const ObjectLock& asked) {
  return fmt::format("{}{}", asked.mode.empty() ? "" : asked.mode + ", ", days_text(asked.days));
}

std::string describe(const BucketLock& found) {
  if (!found.enabled) return "no object lock";
  if (found.mode.empty()) return "object lock without a default retention";
  return describe(ObjectLock{found.mode, found.days});
}

std::optional<std::string> lack_of(const BucketLock& found, const ObjectLock& asked) {
  if (!found.enabled) return "it has no object lock";
  if (!found.versioned) return "it keeps no versions";
  if (found.mode.empty()) return "it has object lock but no default retention, and restic asks for none";
  if (!asked.mode.empty() && found.mode != asked.mode)
    return fmt::format("its default retention is of mode {}, not {}", found.mode, asked.mode);
  if (found.days < asked.days)
    return fmt::format("its default retention is {}, not {}", days_text(found.days), days_text(asked.days));
  return std::nullopt;
}

LockedBucket::LockedBucket(const Destination& destination, const core::Env& env, http::Transport& transport)
    : text_(destination.text),
      asked_(destination.object_lock.value()),
      client_(std::make_unique<S3Client>(destination.s3, find_s3_credentials(destination, env), transport)) {}

LockedBucket::~LockedBucket() = default;

BucketLock LockedBucket::look(std::stop_token stop) {
  const auto lock = client_->setting("object-lock", stop);
  return read_bucket_lock(lock, client_->setting("versioning", stop));
}

void LockedBucket::require(std::stop_token stop) {
  BucketLock found;
  try {
    found = look(stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    throw Error(ErrorKind::not_found,
                fmt::format("{}; restic would make it, without object lock", error.what()),
                "make it first: " + mend(client_->place(), found, asked_, false));
  }
  if (const auto lack = lack_of(found, asked_))
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "archive.yaml asks for object lock ({}) of {}, and the bucket does not give it: {}. Nothing "
            "was written",
            describe(asked_), text_, *lack),
        mend(client_->place(), found, asked_, true));
}

std::size_t LockedBucket::remember(std::stop_token stop) {
  before_.clear();
  for (auto& key : client_->list(stop)) before_.insert(std::move(key));
  return before_.size();
}

LockProof LockedBucket::prove_new(std::stop_token stop) {
  const std::string& prefix = client_->place().prefix;
  const std::string locks = (prefix.empty() ? "" : prefix + "/") + "locks/";
  auto keys = client_->list(stop);
  std::erase_if(keys, [&](const auto& key) { return before_.contains(key) || key.starts_with(locks); });
  return prove(keys, {}, stop);
}

LockProof LockedBucket::prove_snapshots(const Archive& archive, core::TimePoint now, std::stop_token stop) {
  const std::string& prefix = client_->place().prefix;
  std::vector<std::string> keys;
  for (const auto& id : archive.ids())
    keys.push_back((prefix.empty() ? "" : prefix + "/") + "snapshots/" + id);
  return prove(keys, now, stop);
}

LockProof LockedBucket::prove(const std::vector<std::string>& keys, const std::optional<core::TimePoint>& now,
                              std::stop_token stop) {
  LockProof out{.objects = keys.size(), .until = {}, .not_held = {}};
  std::mutex mutex;
  const auto failures = core::run_parallel(keys.size(), kAtOnce, stop, [&](std::size_t at) {
    std::optional<core::TimePoint> until;
    const auto fault = fault_of(client_->head(keys[at], stop), asked_, now, until);
    const std::lock_guard lock(mutex);
    if (!fault.empty()) out.not_held.push_back(fmt::format("{}: {}", keys[at], fault));
    if (fault.empty() && (!out.until || *until < *out.until)) out.until = until;
  });
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  std::sort(out.not_held.begin(), out.not_held.end());
  return out;
}

}  // namespace azlin::archive
