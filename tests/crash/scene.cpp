#include "scene.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "azlin/backup/manager.hpp"
#include "azlin/core/process.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::crash {

namespace {

constexpr const char* kNow = "2025-12-05T10:00:00Z";

simulator::Options options(const std::string& seed) {
  return {.latency = simulator::Latency::demo, .latency_given = true, .seed = seed};
}

// A machine of its own, so that the scenes' homes know nothing of it.
struct Past {
  explicit Past(test::Simulator& at, const std::string& name = "web") : simulator(at) { vm.name = name; }
  // A complete copy of the backup in westus2.
  void copy_away(const std::string& backup) {
    const auto info = backups.find(vm, backup, {});
    for (const auto& member : info.set.members) {
      azure::NewSnapshot copy;
      copy.id = member.snapshot.id + "-westus2";
      copy.location = "westus2";
      copy.source_id = member.snapshot.id;
      copy.copy_start = true;
      copy.os_type = member.snapshot.os_type;
      copy.generation = member.snapshot.generation;
      copy.security_type = member.snapshot.security_type;
      copy.tags = member.snapshot.tags;
      copy.tags[snapshot::kReplicaOfTag] = "eastus/production/" + member.snapshot.name;
      copy.tags[snapshot::kTimeTag] = core::to_iso8601(member.snapshot.created_at);
      azure::create_snapshot(arm, copy);
    }
    clock.advance(std::chrono::minutes{30});  // until the copies are there
  }
  void add_days() {
    backups.configure(backups.plan_configure(vm, {.daily = 1, .weekly = 1, .monthly = 1}, false, {}), {});
    azure::deallocate_vm(arm, vm.id());  // it was booted in the future of this clock
    azure::start_vm(arm, vm.id());
    clock.advance(std::chrono::minutes{10});
    azure::run_script(arm, vm.id(), {"true"});  // the disk's image is made now, not again in each scene
    backups.snapshots().enable(vm, 24, 1, {});
    for (const int day : {1, 2, 3, 4}) {
      clock.set(fmt::format("2025-12-{:02} 08:00", day));
      backups.trigger(vm, {.cleanup = false}, {});
      if (day < 3) continue;
      clock.set(fmt::format("2025-12-{:02} 09:00", day));
      backups.snapshots().create(vm, {});
    }
  }

  test::Simulator& simulator;
  test::TempDir home;
  test::SharedClock clock{simulator, core::parse_time("2025-12-01 07:00").value()};
  std::unique_ptr<http::Transport> transport = http::make_curl_transport({});
  core::SystemProcessRunner processes;
  core::Env env;
  arm::Cloud cloud = [this] {
    auto out = arm::find_cloud("simulator");
    out.arm_endpoint = simulator.url();
    return out;
  }();
  arm::CredentialChain chain{*transport, clock, processes, env, cloud, home.file("tokens.json")};
  arm::ArmClient arm{*transport, clock, chain, {.endpoint = simulator.url()}};
  store::Journal journal{home.file("operations.db"), clock};
  backup::BackupManager backups{arm, journal, clock, home.file("operations.db")};
  snapshot::VmRef vm{"00000000-0000-0000-0000-000000000001", "Production", "web"};
};

}  // namespace

const std::string& base_state() {
  static const test::TempDir folder;
  static const std::string path = [] {
    const std::string seed = folder.file("seed.json");
    std::ofstream(seed) << R"({"vms": [{"name": "web", "osDiskGb": 32, "tags": {"env": "prod"}, "dataDisks": [
      {"gb": 8, "lun": 0, "caching": "ReadOnly", "empty": true}, {"gb": 16, "lun": 2, "empty": true}]}]})";
    test::Simulator simulator(options(seed));
    Past(simulator).add_days();
    simulator.freeze_at(kNow);
    simulator.save(folder.file("state"));
    return folder.file("state");
  }();
  return path;
}

const std::string& replicated_state() {
  static const test::TempDir folder;
  static const std::string path = [] {
    test::Simulator simulator(options("empty"), base_state());
    simulator.freeze_at(kNow);
    Past past(simulator);
    past.clock.set("2025-12-05 09:00");
    past.copy_away("web-backup-daily-20251204");
    simulator.freeze_at(kNow);
    simulator.save(folder.file("state"));
    return folder.file("state");
  }();
  return path;
}

const std::string& group_state() {
  static const test::TempDir folder;
  static const std::string path = [] {
    const std::string seed = folder.file("seed.json");
    std::ofstream(seed)
        << R"({"vms": [{"name": "db", "osDiskGb": 32, "dataDisks": [{"gb": 8, "lun": 0, "empty": true}]},
      {"name": "web", "osDiskGb": 32}]})";
    test::Simulator simulator(options(seed));
    simulator.freeze_at("2025-12-05 07:00");
    for (const char* name : {"db", "web"}) {
      Past past(simulator, name);
      azure::deallocate_vm(past.arm, past.vm.id());  // it was booted in the future of this clock
      azure::start_vm(past.arm, past.vm.id());
      past.backups.configure(past.backups.plan_configure(past.vm, {}, false, {}), {});
      past.clock.set("2025-12-05 08:00");
      past.copy_away(past.backups.trigger(past.vm, {.cleanup = false}, {}).backup.name);
    }
    simulator.freeze_at(kNow);
    simulator.save(folder.file("state"));
    return folder.file("state");
  }();
  return path;
}

const std::string& failed_over_state() {
  static const test::TempDir folder;
  static const std::string path = [] {
    Scene scene(replicated_state());
    const auto outcome = scene.run("failover");
    if (outcome.code != 0) throw std::runtime_error("no failover: " + outcome.err);
    scene.simulator().save(folder.file("state"));
    return folder.file("state");
  }();
  return path;
}

Scene::Scene(const std::string& state) : simulator_(options("empty"), state) {
  simulator_.freeze_at(kNow);
}

Scene::Scene(const std::string& begin, const std::string& now)
    : simulator_(std::filesystem::is_directory(begin) ? test::Simulator(options("empty"), begin)
                                                      : test::Simulator(options(begin))) {
  simulator_.freeze_at(now);
}

Outcome Scene::run_at(const std::string& url, const std::string& command, const Death& death) {
  core::ProcessRequest request;
  request.argv = {AZLIN_CRASH_WORKER,          url, home_.path().string(), command, death.point,
                  std::to_string(death.number)};
  request.time_limit = std::chrono::minutes{5};  // a tenth of a second where nothing else runs
  const auto ended = core::SystemProcessRunner().run(request);
  constexpr int kKilled = 128 + 9;
  return {ended.exit_code == kKilled, ended.exit_code, nlohmann::json::parse(ended.out, nullptr, false),
          ended.err};
}

Outcome Scene::run(const std::string& command, const Death& death) {
  return run_at(simulator_.url(), command, death);
}

Outcome Scene::run_cut_off(const std::string& command) {
  return run_at("http://127.0.0.1:1", command, {});
}

std::string Scene::last_requests(std::size_t count) {
  const auto answer = simulator_.admin("GET", "requests");
  const auto& all = answer.at("requests");
  std::string text;
  for (std::size_t i = all.size() - std::min(count, all.size()); i < all.size(); ++i) {
    text += fmt::format("  {} {} {} ({} ms)\n", all[i].at("method").get<std::string>(),
                        all[i].at("path").get<std::string>(), all[i].at("status").dump(),
                        all[i].at("milliseconds").dump());
  }
  return text;
}

}  // namespace azlin::crash
