// Jobs: begun by other requests, advancing with the clock, listed and canceled here.
#include <fmt/format.h>

#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kWork = "recovery.job";
constexpr const char* kCancelWork = "recovery.job.cancel";
constexpr core::Millis kCancelDemo{500}, kCancelRealistic{30'000};
constexpr int kCancellable = 1;  // primary jobs name actions by number

core::TimePoint time_from(const Json& millis) {
  return core::TimePoint{core::Millis{millis.get<std::int64_t>()}};
}

bool running(const RecoveryObject& job) {
  const std::string status = job.properties().at("status");
  return status == "InProgress" || status == "Cancelling";
}

std::string job_type(const NewJob& job) {
  if (job.secondary) return job.management == "AzureWorkload" ? "AzureWorkloadJobV2" : "AzureIaaSVMJobV2";
  return job.management == "AzureWorkload" ? "AzureWorkloadJob" : "AzureIaaSVMJob";
}

// How far it is, 0 to 1: by the clock while it runs.
double fraction(const Recovery& recovery, const RecoveryObject& job) {
  if (job.properties().at("status") == "Completed") return 1.0;
  const auto due = time_from(job.notes.at("due"));
  const auto until = running(job) ? recovery.now() : time_from(job.notes.at("ended"));
  if (due <= job.at) return 0.0;
  const double part =
      static_cast<double>((until - job.at).count()) / static_cast<double>((due - job.at).count());
  return std::clamp(part, 0.0, 0.99);
}

// Tasks one after another, each an equal part of the time.
Json tasks_of(const Recovery& recovery, const RecoveryObject& job) {
  Json tasks = Json::array();
  const bool workload = job.properties().at("backupManagementType") == "AzureWorkload";
  const Json& names = job.notes.at("tasks");
  const double done = fraction(recovery, job) * static_cast<double>(names.size());
  const std::string status = job.properties().at("status");
  const auto length = time_from(job.notes.at("due")) - job.at;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double part = std::clamp(done - static_cast<double>(i), 0.0, 1.0);
    std::string state = part >= 1.0 ? "Completed" : part > 0.0 || i == 0 ? "InProgress" : "NotStarted";
    if (!running(job) && state == "InProgress") state = status;
    Json task = {{"taskId", names[i]}, {"status", state}};
    if (!workload) {
      const auto started = job.at + length * static_cast<int>(i) / static_cast<int>(names.size());
      if (state != "NotStarted") task["startTime"] = iso(started);
      task["progressPercentage"] = static_cast<int>(part * 100);
      task["duration"] = iso_duration(core::Millis{static_cast<std::int64_t>(
          part * static_cast<double>(length.count()) / static_cast<double>(names.size()))});
    }
    tasks.push_back(task);
  }
  return tasks;
}

Json present(const Recovery& recovery, const RecoveryObject& job, bool detailed) {
  Json body = job.body;
  Json& properties = body["properties"];
  const auto ended = running(job) ? recovery.now() : time_from(job.notes.at("ended"));
  properties["duration"] = iso_duration(ended - job.at);
  if (properties["status"] == "InProgress" && job.notes.value("cancellable", false)) {
    const bool by_name = job.notes.value("secondary", false);
    properties["actionsInfo"] = Json::array({by_name ? Json("Cancellable") : Json(kCancellable)});
  }
  if (!detailed) return body;
  Json extended = {{"tasksList", tasks_of(recovery, job)}, {"propertyBag", job.notes.at("bag")}};
  if (properties["backupManagementType"] == "AzureIaasVM")
    extended["progressPercentage"] = static_cast<int>(fraction(recovery, job) * 100);
  properties["extendedInfo"] = extended;
  return body;
}

void end_job(Recovery& recovery, RecoveryObject& job, const std::string& status) {
  const auto ended =
      status == "Cancelled" ? recovery.now() : std::min(recovery.now(), time_from(job.notes["due"]));
  job.properties()["status"] = status;
  job.properties()["endTime"] = iso(ended);
  job.notes["ended"] = ended.time_since_epoch().count();
  recovery.store.save(job);
}

void fail_job(Recovery& recovery, RecoveryObject& job, const JobFailure& failure) {
  job.properties()["errorDetails"] = Json::array({{{"errorCode", failure.code},
                                                   {"errorTitle", failure.title},
                                                   {"errorString", failure.text},
                                                   {"recommendations", failure.recommendations}}});
  end_job(recovery, job, "Failed");
}

void run_job(Recovery& recovery, const Json& data) {
  auto job = recovery.store.find(data.at("id").get<std::string>());
  if (!job || !running(*job)) return;
  try {
    const std::string effect = job->notes["effect"];
    if (!effect.empty()) {
      const Json more = recovery.effects.at(effect)(recovery, job->notes["data"]);
      if (more.is_object()) job->notes["bag"].update(more);
    }
    end_job(recovery, *job, "Completed");
  } catch (const JobFailure& failure) {
    fail_job(recovery, *job, failure);
  } catch (const ApiError& error) {
    fail_job(recovery, *job,
             {400, error.code, error.message, {"Retry the operation after the cause is removed."}});
  }
}

bool in_range(const Filter& filter, const RecoveryObject& job) {
  const auto bound = [&](const char* key) -> std::optional<core::TimePoint> {
    const auto found = filter.find(key);
    if (found == filter.end()) return std::nullopt;
    const auto time = parse_filter_time(found->second);
    if (!time) throw_invalid_input(std::string(key) + " is not a date.");
    return time;
  };
  const auto start = bound("starttime"), end = bound("endtime");
  return (!start || job.at >= *start) && (!end || job.at <= *end);
}

Reply list_jobs(Recovery& recovery, const Request& request, const std::string& vault, bool secondary) {
  const Filter filter = parse_filter(request);
  return recovery_page(
      recovery, request, "job", vault, true,
      [&](const RecoveryObject& job) {
        const Json& properties = job.properties();
        return job.notes.value("secondary", false) == secondary && in_range(filter, job) &&
               passes(filter, "status", properties.at("status")) &&
               passes(filter, "operation", properties.at("operation")) &&
               passes(filter, "jobid", job.name()) &&
               passes(filter, "backupmanagementtype", properties.at("backupManagementType"));
      },
      [&](const RecoveryObject& job) { return present(recovery, job, false); });
}

RecoveryObject require_job(Recovery& recovery, const std::string& vault, const std::string& name) {
  auto job = recovery.store.find(vault + "/backupJobs/" + name);
  if (!job) throw_recovery(404, "ResourceNotFound", "The job '" + name + "' was not found.");
  return std::move(*job);
}

Reply cancel_job(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  RecoveryObject job = require_job(recovery, vault.id, request.param("job"));
  if (!job.notes.value("cancellable", false) || job.notes.value("secondary", false) ||
      job.properties()["status"] != "InProgress")
    throw_invalid_input("The job cannot be canceled in its present state.");
  job.properties()["status"] = "Cancelling";
  recovery.store.save(job);
  recovery.context.operations.cancel(job.id, kWork);
  recovery.context.operations.schedule({kCancelWork, job.id, {{"id", job.id}}},
                                       recovery.context.delay(kCancelDemo, kCancelRealistic));
  RecoveryOperation operation;
  operation.base = job.id;
  operation.status_part = "";
  operation.final_status = 204;
  operation.demo = kCancelDemo;
  operation.realistic = kCancelRealistic;
  return recovery.start(request, operation);
}

// Jobs of the secondary region are asked for by POST, with the vault in the body.
Reply secondary_job(Recovery& recovery, Request& request) {
  const Json& body = request.object();
  const auto job =
      recovery.store.find(body.value("resourceId", "") + "/backupJobs/" + body.value("jobName", ""));
  if (!job || !job->notes.value("secondary", false))
    throw_recovery(404, "ResourceNotFound", "The job '" + body.value("jobName", "") + "' was not found.");
  return Reply::json(200, present(recovery, *job, true));
}

}  // namespace

std::string Recovery::start_job(const NewJob& job) {
  const std::string name = new_guid();
  const core::Millis length = context.delay(job.demo, job.realistic);
  RecoveryObject object;
  object.id = job.vault + "/backupJobs/" + name;
  object.vault = job.vault;
  object.kind = "job";
  object.ref = job.item;
  object.at = job.began.value_or(now());
  const auto due = object.at + length;
  Json properties = {{"jobType", job_type(job)},
                     {"operation", job.operation},
                     {"status", "InProgress"},
                     {"entityFriendlyName", job.entity},
                     {"backupManagementType", job.management},
                     {"startTime", iso(object.at)},
                     {"activityId", new_guid()},
                     {"isUserTriggered", job.user}};
  if (!job.workload.empty()) properties["workloadType"] = job.workload;
  object.body = {{"id", object.id},
                 {"name", name},
                 {"type", "Microsoft.RecoveryServices/vaults/backupJobs"},
                 {"properties", properties}};
  object.notes = {{"due", due.time_since_epoch().count()},
                  {"ended", 0},
                  {"tasks", job.tasks},
                  {"bag", job.bag},
                  {"cancellable", job.cancellable},
                  {"secondary", job.secondary},
                  {"effect", job.effect},
                  {"data", job.data}};
  store.save(object);
  context.operations.schedule({kWork, object.id, {{"id", object.id}}}, due - now());
  return name;
}

void add_recovery_jobs(Router& router, Recovery& recovery) {
  recovery.context.operations.on(kWork, [&recovery](Context&, const Json& data) {
    run_job(recovery, data);
    return Json();
  });
  recovery.context.operations.on(kCancelWork, [&recovery](Context&, const Json& data) {
    auto job = recovery.store.find(data.at("id").get<std::string>());
    if (job) end_job(recovery, *job, "Cancelled");
    return Json();
  });
  router.arm("GET", kVaultPath + "/backupJobs", kBackupVersions, [&recovery](Request& request) {
    return list_jobs(recovery, request, recovery.vault(request).id, false);
  });
  router.arm("GET", kVaultPath + "/backupJobs/{job}", kBackupVersions, [&recovery](Request& request) {
    const auto job = require_job(recovery, recovery.vault(request).id, request.param("job"));
    return Reply::json(200, present(recovery, job, true));
  });
  router.arm("POST", kVaultPath + "/backupJobs/{job}/cancel", kBackupVersions,
             [&recovery](Request& request) { return cancel_job(recovery, request); });
  router.arm("POST", kRegionPath + "/backupCrrJob", kSecondaryVersions,
             [&recovery](Request& request) { return secondary_job(recovery, request); });
  router.arm("POST", kRegionPath + "/backupCrrJobs", kSecondaryVersions, [&recovery](Request& request) {
    return list_jobs(recovery, request, request.object().value("resourceId", ""), true);
  });
}

}  // namespace azlin::simulator
