// What an archive will hold: services, paths that exist, dumps.
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "archive/producers.hpp"
#include "azlin/archive/create.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

std::vector<std::string> expand(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos ||
      std::filesystem::exists(std::filesystem::symlink_status(pattern))) {
    return std::filesystem::exists(std::filesystem::symlink_status(pattern)) ? std::vector{pattern}
                                                                             : std::vector<std::string>();
  }
  glob_t found = {};
  std::vector<std::string> out;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return out;
}

bool is_service_place(const std::string& place) {
  return place.starts_with("services/");
}
std::string config_place(const Service& service) {
  return is_service_place(service.place) ? service.place + "/config" : service.place;
}
std::string data_place(const Service& service) {
  return (is_service_place(service.place) ? service.place : "services/" + service.name) + "/data";
}

// What would be taken for archived, and is not.
void note_left_out(CreatePlan& plan, const Service& service, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_socket(path, error))
    plan.findings.push_back(fmt::format("{}: {} is a socket, which is not archived", service.name, path));
  for (const auto& never : plan.never) {
    if (path == never || path.starts_with(never + "/"))
      plan.findings.push_back(
          fmt::format("{}: {} is not archived: it belongs to the archives themselves", service.name, path));
  }
}

void add_paths(CreatePlan& plan, const Service& service, const std::vector<std::string>& patterns, bool data,
               bool must_exist) {
  for (const auto& pattern : patterns) {
    const auto found = expand(pattern);
    if (found.empty() && must_exist)
      throw Error(ErrorKind::not_found, fmt::format("cannot archive {}: it is not there", pattern),
                  "correct the path; nothing was archived");
    if (found.empty() && !service.optional_paths)
      plan.findings.push_back(fmt::format("{}: {} is not there", service.name, pattern));
    std::error_code error;  // a link may lead nowhere, or where we may not look
    if (!service.optional_paths && found == std::vector{pattern} &&
        std::filesystem::is_symlink(pattern, error) && std::filesystem::is_directory(pattern, error))
      plan.findings.push_back(fmt::format("{}: {} is a link: what is in the folder {} is not archived by it",
                                          service.name, pattern,
                                          std::filesystem::canonical(pattern, error).string()));
    for (const auto& path : found) {
      const auto source = std::filesystem::path(path).lexically_normal().string();
      note_left_out(plan, service, source);
      plan.files.push_back({service.name, source, data ? data_place(service) : config_place(service), data});
    }
  }
}

void add_service(CreatePlan& plan, const Service& service, bool given) {
  const std::size_t before = plan.files.size();
  add_paths(plan, service, service.config, false, given);
  if (plan.include_data) {
    add_paths(plan, service, service.data, true, given);
    for (auto& stream : plan_streams(service)) plan.streams.push_back(std::move(stream));
  }
  if (service.optional_paths && plan.files.size() == before)
    plan.findings.push_back(fmt::format("{}: nothing of its profile is on this machine", service.name));
  for (const auto& needed : service.depends) {
    if (std::find(plan.services.begin(), plan.services.end(), needed) == plan.services.end())
      plan.findings.push_back(
          fmt::format("{} depends on {}, which is not in this archive", service.name, needed));
  }
  plan.excludes.insert(plan.excludes.end(), service.excludes.begin(), service.excludes.end());
  plan.before.insert(plan.before.end(), service.before.begin(), service.before.end());
  plan.after.insert(plan.after.end(), service.after.begin(), service.after.end());
}

void check_type(const CreateRequest& request) {
  static const std::set<std::string> known = {"config", "full", "service", "disaster-recovery"};
  if (!known.contains(request.type))
    throw Error(ErrorKind::usage, fmt::format("there is no type '{}'", request.type),
                "config, full, service or disaster-recovery");
  if (request.type == "service" && request.services.empty() && request.given.empty())
    throw Error(ErrorKind::usage, "an archive of type service names its services", "--service NAME");
  if (request.type == "config" && request.include_data)
    throw Error(ErrorKind::usage, "an archive of type config holds no data",
                "use --type service or --type full with --include-data");
}

// A place inside another's would be written through the link of the outer one.
void check_places(const CreatePlan& plan) {
  std::set<std::string> places;
  for (const auto& each : plan.files) places.insert(each.place);
  for (const auto& outer : places) {
    for (const auto& inner : places) {
      if (inner.starts_with(outer + "/"))
        throw Error(ErrorKind::usage, fmt::format("the place {} lies inside the place {}", inner, outer),
                    "give one of the services another `place:`");
    }
  }
}

// The same path twice, or one below another at the same place, is archived once.
void remove_repeats(CreatePlan& plan) {
  std::set<std::pair<std::string, std::string>> seen;
  std::erase_if(plan.files, [&](const auto& each) { return !seen.insert({each.place, each.source}).second; });
  std::set<std::string> names;
  for (auto& stream : plan.streams) {
    if (!names.insert(stream.path).second)
      throw Error(ErrorKind::usage, fmt::format("two dumps would both be {}", stream.path));
  }
}

}  // namespace

CreatePlan plan_create(const CreateRequest& request, const std::map<std::string, Service>& services,
                       core::TimePoint now) {
  check_type(request);
  CreatePlan plan;
  plan.type = request.type;
  plan.name = request.name.empty() ? request.type : request.name;
  check_archive_name(plan.name);
  plan.at = now;
  plan.id = archive_id(plan.name, now);
  plan.set = core::new_guid();
  plan.verify = request.verify;
  plan.never = request.never;
  const bool whole = request.type == "full" || request.type == "disaster-recovery";
  plan.include_data = whole || request.include_data;
  std::vector<Service> wanted = request.given;
  if (wanted.empty()) {
    std::vector<std::string> names = request.services;
    if (names.empty() || names == std::vector<std::string>{"all"}) {
      names.clear();
      for (const auto& [name, service] : services) names.push_back(name);
    }
    if (request.type == "disaster-recovery" && std::find(names.begin(), names.end(), "azlin") == names.end())
      names.emplace_back("azlin");  // a rebuild begins with it
    for (const auto& name : names) {
      const auto declared = services.find(name);
      auto service = declared != services.end() ? std::optional(declared->second) : find_profile(name);
      if (!service)
        throw Error(ErrorKind::usage, fmt::format("there is no service '{}'", name),
                    "declare it in archive.yaml, or see `azlin archive init`");
      wanted.push_back(std::move(*service));
    }
  }
  for (const auto& service : wanted) plan.services.push_back(service.name);
  for (const auto& service : wanted) add_service(plan, service, !request.given.empty());
  remove_repeats(plan);
  check_places(plan);
  if (plan.files.empty() && plan.streams.empty())
    throw Error(ErrorKind::usage, "there is nothing to archive",
                services.empty()
                    ? "declare services with `azlin archive init`, or name paths: `azlin archive files PATH`"
                    : "none of the paths of these services is there");
  return plan;
}

}  // namespace azlin::archive
