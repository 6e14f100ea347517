// Whole archives: made, listed, restored, verified, with real databases.
#include "azlin/archive/create.hpp"

#include "archive/scratch_server.hpp"
#include "azlin/archive/restore.hpp"
#include "azlin/archive/transfer.hpp"
#include "integration/archive/restic_fixture.hpp"
#include "support/fake_clock.hpp"

namespace azlin::archive {
namespace {

using core::ErrorKind;
using test::read_file;
using test::write_file;
namespace fs = std::filesystem;

class CreateTest : public test::ResticTest {
 protected:
  void SetUp() override {
    ResticTest::SetUp();
    if (IsSkipped()) return;
    write_file(dir.file("etc/app/app.conf"), "port=80\n");
    write_file(dir.file("etc/app/skip.tmp"), "no\n");
    std::string noise;
    for (unsigned i = 0, x = 1; i < 5000; ++i)
      noise += static_cast<char>((x = x * 1664525U + 1013904223U) >> 24U);
    write_file(dir.file("srv/app/photo.bin"), noise);
    fs::create_symlink("photo.bin", dir.file("srv/app/newest"));
    Service app;
    app.name = "app";
    app.place = "services/app";
    app.config = {dir.file("etc/app")};
    app.data = {dir.file("srv/app")};
    app.excludes = {"*.tmp"};
    services["app"] = app;
  }

  CreateResult create(const CreateRequest& request) {
    restic.emplace(engine());
    Creator creator(*restic, journal, clock, dir.file("home"), "test");
    return creator.create(plan_create(request, services, clock.now()));
  }
  CreateRequest full(const std::string& name = "weekly") {
    return {.type = "full", .name = name, .services = {"app"}};
  }
  Archive only() {
    restic.emplace(engine());
    const auto all = ArchiveManager(*restic).list();
    EXPECT_EQ(all.size(), 1U);
    return all.at(0);
  }
  std::string restored(const std::string& path) { return dir.file("back/" + path); }
  std::string in_archive(const std::string& place, const std::string& source) {
    return place + dir.file(source);
  }

  std::map<std::string, Service> services;
  test::FakeClock clock{core::parse_time("2025-12-24T14:30:22Z").value()};
  store::Journal journal{dir.file("home/operations.db"), clock};
  std::optional<Engine> restic;
};

TEST_F(CreateTest, FullArchiveComesBackInTheLayout) {
  const auto made = create(full());
  EXPECT_EQ(made.metadata.id, "weekly-20251224-143022");
  EXPECT_EQ(made.files, 3U);
  EXPECT_TRUE(made.unreadable.empty());
  const auto archive = only();
  EXPECT_EQ(archive.id, made.metadata.id);
  EXPECT_EQ(archive.services, std::vector<std::string>{"app"});
  ArchiveRestore request{.archive = archive, .target = dir.file("back"), .verify = true};
  const auto outcome = restore_archive(*restic, request, plan_restore(*restic, request), clock);
  EXPECT_TRUE(outcome.verified);
  EXPECT_EQ(read_file(restored(in_archive("services/app/config", "etc/app/app.conf"))), "port=80\n");
  EXPECT_EQ(fs::read_symlink(restored(in_archive("services/app/data", "srv/app/newest"))), "photo.bin");
  EXPECT_FALSE(fs::exists(restored(in_archive("services/app/config", "etc/app/skip.tmp"))));
  EXPECT_TRUE(fs::exists(restored("metadata.json")));
  EXPECT_TRUE(fs::exists(restored("logs/backup.log")));
}

TEST_F(CreateTest, ConfigOnlyLeavesDataOut) {
  create(full());
  ArchiveRestore request{.archive = only(), .mode = RestoreMode::config_only, .target = dir.file("back")};
  const auto plan = plan_restore(*restic, request);
  EXPECT_EQ(plan.left_out.size(), 1U);
  restore_archive(*restic, request, plan, clock);
  EXPECT_TRUE(fs::exists(restored("services/app/config")));
  EXPECT_FALSE(fs::exists(restored("services/app/data")));
}

TEST_F(CreateTest, SelectiveTakesOneServiceAndNamesAnUnknownOne) {
  Service other;
  other.name = "other";
  other.place = "services/other";
  write_file(dir.file("etc/other.conf"), "x\n");
  other.config = {dir.file("etc/other.conf")};
  services["other"] = other;
  create({.type = "config", .name = "daily"});
  ArchiveRestore request{
      .archive = only(), .mode = RestoreMode::selective, .services = {"other"}, .target = dir.file("back")};
  restore_archive(*restic, request, plan_restore(*restic, request), clock);
  EXPECT_TRUE(fs::exists(restored("services/other/config")));
  EXPECT_FALSE(fs::exists(restored("services/app")));
  request.services = {"nowhere"};
  EXPECT_EQ(error_of([&] { plan_restore(*restic, request); }).kind(), ErrorKind::not_found);
}

TEST_F(CreateTest, PointInTimeIsTheNewestNotLater) {
  create(full());
  const auto first = only();
  clock.advance(std::chrono::hours{1});
  create(full());
  restic.emplace(engine());
  ArchiveManager manager(*restic);
  const auto newest = manager.find("weekly");
  EXPECT_NE(newest.id, first.id);
  EXPECT_EQ(manager.find("weekly", first.taken_at).id, first.id);
  EXPECT_EQ(error_of([&] { manager.find("weekly", first.taken_at - std::chrono::hours{1}); }).kind(),
            ErrorKind::not_found);
  EXPECT_EQ(manager.find(first.id).set, first.set);
  EXPECT_EQ(error_of([&] { manager.find("monthly"); }).kind(), ErrorKind::not_found);
}

// A file with such a name that changes while it is read is named in metadata.json, which must be UTF-8.
TEST_F(CreateTest, NameThatIsNotUtf8OfAFileThatChanges) {
  const std::string name = "srv/app/bad\xff";
  write_file(dir.file(name), "x");
  // What comes before the engine changes it: after the walk, before the checksum is looked at again.
  write_file(dir.file("restic"), "#!/bin/sh\ncase \"$*\" in *backup*) echo more >>'" + dir.file(name) +
                                     "' ;; esac\nexec restic \"$@\"\n");
  fs::permissions(dir.file("restic"), fs::perms::owner_all);
  archive::EngineOptions options;
  options.password = kPassword;
  options.program = dir.file("restic");
  restic.emplace(parse_destination(repo, core::Env()), options);
  Creator(*restic, journal, clock, dir.file("home"), "test")
      .create(plan_create(full(), services, clock.now()));
  const auto archive = only();
  const ArchiveRestore request{.archive = archive, .target = dir.file("back"), .verify = true};
  const auto outcome = restore_archive(*restic, request, plan_restore(*restic, request), clock);
  EXPECT_TRUE(outcome.verified);
  ASSERT_EQ(outcome.changed.size(), 1U);
  EXPECT_TRUE(outcome.changed[0].ends_with("bad\xff"));
  const auto error = error_of([&] { export_bundle(*restic, archive, dir.file("bundles"), clock.now()); });
  EXPECT_NE(std::string(error.what()).find("not UTF-8"), std::string::npos) << error.what();
}

TEST_F(CreateTest, TwoOfOneNameInOneSecondHaveIdsOfTheirOwn) {
  const auto first = create(full()).metadata;
  clock.set(core::parse_time("2025-12-24T14:30:22.300Z").value());
  const auto second = create(full()).metadata;
  EXPECT_EQ(first.id, "weekly-20251224-143022");
  EXPECT_EQ(second.id, "weekly-20251224-143023");
  EXPECT_EQ(second.created_at, core::parse_time("2025-12-24T14:30:23Z"));
  clock.set(core::parse_time("2025-12-24T14:30:21.5Z").value());  // set back, as by a time server
  EXPECT_EQ(create(full()).metadata.id, "weekly-20251224-143024");
  EXPECT_EQ(create(full("daily")).metadata.id, "daily-20251224-143024");
  ArchiveManager manager(*restic);
  EXPECT_EQ(manager.find(first.id).set, first.set);
  EXPECT_EQ(manager.find(second.id).set, second.set);
}

// What no lock of one machine can prevent: another machine archives the same name in the same second.
TEST_F(CreateTest, IdOfTwoMachinesIsRefusedAndTheSetChooses) {
  const auto ours = create(full()).metadata;
  clock.set(ours.created_at);
  Creator other(*restic, journal, clock, dir.file("home-of-another"), "test");
  const auto theirs = other.create(plan_create(full(), services, clock.now())).metadata;
  ASSERT_EQ(theirs.id, ours.id);
  ArchiveManager manager(*restic);
  const auto error = error_of([&] { manager.find(ours.id); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  for (const auto& set : {ours.set, theirs.set}) {
    EXPECT_NE(std::string(error.what()).find(set), std::string::npos) << error.what();
    EXPECT_EQ(manager.find(set).set, set);
  }
  EXPECT_EQ(error_of([&] { manager.find("weekly-2025"); }).kind(), ErrorKind::usage);
  manager.remove({manager.find(ours.set)});
  EXPECT_EQ(manager.find(ours.id).set, theirs.set);
}

TEST_F(CreateTest, BundleOfAnotherArchiveWithTheSameIdIsNotTakenForIt) {
  const auto ours = create(full()).metadata;
  const auto bundle = export_bundle(*restic, only(), dir.file("bundles"), clock.now());
  EXPECT_TRUE(import_bundle(*restic, bundle).was_there);
  ArchiveManager(*restic).remove({only()});
  write_file(dir.file("etc/app/app.conf"), "port=8080\n");
  clock.set(ours.created_at);
  Creator other(*restic, journal, clock, dir.file("home-of-another"), "test");
  ASSERT_EQ(other.create(plan_create(full(), services, clock.now())).metadata.id, ours.id);
  const auto error = error_of([&] { import_bundle(*restic, bundle); });
  EXPECT_NE(std::string(error.what()).find("another archive"), std::string::npos) << error.what();
  EXPECT_EQ(ArchiveManager(*restic).list().size(), 1U);
}

TEST_F(CreateTest, BundleThatIsThereIsFoundBesideAnotherOfItsId) {
  const auto ours = create(full()).metadata;
  const auto bundle = export_bundle(*restic, only(), dir.file("bundles"), clock.now());
  write_file(dir.file("etc/app/app.conf"), "port=8080\n");
  clock.set(ours.created_at);
  Creator other(*restic, journal, clock, dir.file("home-of-another"), "test");
  ASSERT_EQ(other.create(plan_create(full(), services, clock.now())).metadata.id, ours.id);
  ASSERT_NE(group_archives(restic->snapshots()).at(0).set, ours.set) << "the other is looked at first";
  const auto found = import_bundle(*restic, bundle);
  EXPECT_TRUE(found.was_there);
  EXPECT_EQ(found.archive.set, ours.set);
}

// Starting the engine for the metadata early only saves time.
TEST_F(CreateTest, ArchiveIsMadeWhereNoPipeCanBe) {
  auto plan = plan_create(full(), services, clock.now());
  const auto staging = dir.file("home/archive-staging");
  plan.before = {{"/bin/sh", "-c", "cd " + staging + "/* && exec /bin/mkdir gate-" + plan.set}};
  restic.emplace(engine());
  Creator(*restic, journal, clock, dir.file("home"), "test").create(plan);
  EXPECT_EQ(ArchiveManager(*restic).metadata(only()).set, plan.set);
}

TEST_F(CreateTest, FailedDumpLeavesNoArchiveAndNoSnapshot) {
  services["app"].after = {{"/usr/bin/touch", dir.file("after-ran")}};
  restic.emplace(engine());
  Creator creator(*restic, journal, clock, dir.file("home"), "test");
  auto plan = plan_create(full(), services, clock.now());
  plan.streams.push_back({.service = "app",
                          .kind = "database",
                          .source = "postgresql:app",
                          .path = "services/app/database.dump",
                          .argv = {"/bin/sh", "-c", "echo half; exit 1"}});
  error_of([&] { creator.create(plan); });
  EXPECT_TRUE(restic->snapshots().empty());
  EXPECT_TRUE(ArchiveManager(*restic).list({.incomplete = true}).empty());
  EXPECT_TRUE(fs::exists(dir.file("after-ran")));
  EXPECT_EQ(journal.list(1).at(0).state, "rolled_back");
  EXPECT_TRUE(fs::is_empty(dir.file("home/archive-staging")));
}

TEST_F(CreateTest, FailedHookStopsBeforeAnythingIsStored) {
  services["app"].before = {{"/bin/false"}};
  error_of([&] { create(full()); });
  EXPECT_TRUE(restic->snapshots().empty());
}

TEST_F(CreateTest, WhatIsDeclaredAndMissingIsAFinding) {
  services["app"].config.push_back(dir.file("etc/gone"));
  services["app"].depends = {"database"};
  const auto made = create(full());
  ASSERT_EQ(made.metadata.findings.size(), 2U);
  EXPECT_NE(made.metadata.findings[0].find("etc/gone is not there"), std::string::npos);
  EXPECT_NE(made.metadata.findings[1].find("depends on database"), std::string::npos);
}

TEST_F(CreateTest, FolderThatIsALinkIsAFinding) {
  fs::create_directory_symlink(dir.file("srv/app"), dir.file("www"));
  services["app"].data = {dir.file("www")};
  const auto plan = plan_create(full(), services, clock.now());
  ASSERT_EQ(plan.findings.size(), 1U);
  EXPECT_NE(plan.findings[0].find("/www is a link"), std::string::npos) << plan.findings[0];
  services["app"].data = {dir.file("www/photo.bin")};
  EXPECT_TRUE(plan_create(full(), services, clock.now()).findings.empty());
}

TEST_F(CreateTest, RepositoryBelowASourceIsNotArchived) {
  CreateRequest request = full();
  services["app"].data = {dir.path().string()};
  request.never = {repo, dir.file("home")};
  create(request);
  for (const auto& file : ArchiveManager(*restic).manifest(only()).files)
    EXPECT_EQ(file.path.find("/repo/"), std::string::npos) << file.path;
}

TEST_F(CreateTest, DisasterRecoveryHoldsItsRunbook) {
  create({.type = "disaster-recovery", .name = "dr", .services = {"app"}});
  const auto runbook = ArchiveManager(*restic).text(only(), "runbook.md");
  ASSERT_TRUE(runbook);
  EXPECT_NE(runbook->find("azlin archive restore dr-20251224-143022"), std::string::npos) << *runbook;
  EXPECT_NE(runbook->find(dir.file("etc/app")), std::string::npos);
}

TEST_F(CreateTest, RunbookCopiesPutEveryFileBack) {
  create({.type = "disaster-recovery", .name = "dr", .services = {"app"}});
  ArchiveRestore request{.archive = only(), .target = dir.file("back")};
  restore_archive(*restic, request, plan_restore(*restic, request), clock);
  const auto runbook = read_file(restored("runbook.md"));
  std::string script = "set -e\n";
  std::istringstream lines(runbook.substr(runbook.find("## 2.")));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    cd ") || line.starts_with("    cp ")) script += line + "\n";
  }
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (auto at = script.find(from); at != std::string::npos; at = script.find(from, at + to.size()))
      script.replace(at, from.size(), to);
  };
  replace("'/restore/", "'" + dir.file("back") + "/");
  replace(" / #", " " + dir.file("rebuilt") + " #");
  fs::create_directories(dir.file("rebuilt"));
  core::PipelineRequest run;
  run.program = shell(script);
  const auto result = core::run_pipeline(run);
  ASSERT_EQ(result.exit_code, 0) << script << result.err;
  EXPECT_EQ(read_file(dir.file("rebuilt" + dir.file("etc/app/app.conf"))), "port=80\n");
  EXPECT_TRUE(fs::exists(dir.file("rebuilt" + dir.file("srv/app/photo.bin"))));
}

TEST_F(CreateTest, IncompleteSetIsNeverListedAndRecoveryForgetsIt) {
  restic.emplace(engine());
  const auto plan = plan_create(full(), services, clock.now());
  restic->backup_text(
      "half", "services/app/database.sql",
      {"azlin", "name=weekly", "type=full", "archive=" + plan.id, "set=" + plan.set, "part=dump-1"});
  ArchiveManager manager(*restic);
  EXPECT_TRUE(manager.list().empty());
  EXPECT_EQ(manager.list({.incomplete = true}).size(), 1U);
  {
    auto operation = journal.start("archive.create", plan.id, nlohmann::json{{"set", plan.set}}.dump(), "k");
    operation.interrupt("killed");
  }
  Creator creator(*restic, journal, clock, dir.file("home"), "test");
  const auto notes = creator.recover(journal.interrupted().at(0), {});
  EXPECT_NE(notes.at(0).find("forgot 1 part"), std::string::npos) << notes.at(0);
  EXPECT_TRUE(restic->snapshots().empty());
  EXPECT_TRUE(journal.interrupted().empty());
}

TEST_F(CreateTest, DeepVerificationReadsRestoresAndCompares) {
  create(full());
  const auto report = verify_archive(*restic, only(), {.deep = true, .scratch = dir.file("scratch")}, clock);
  EXPECT_TRUE(report.passed()) << report.problems.at(0);
  EXPECT_TRUE(report.data_read);
  EXPECT_TRUE(report.restored);
  EXPECT_EQ(report.files_compared, 3U);
  EXPECT_TRUE(fs::is_empty(dir.file("scratch")));
  const auto shallow = verify_archive(*restic, only(), {}, clock);
  EXPECT_FALSE(shallow.data_read);
  EXPECT_EQ(shallow.not_checked.size(), 1U);
}

TEST_F(CreateTest, DeepVerificationFindsALostPack) {
  create(full());
  const auto archive = only();
  fs::path largest;  // holds data; a lost tree makes restic try again for a minute
  for (const auto& each : fs::recursive_directory_iterator(repo + "/data")) {
    if (each.is_regular_file() && (largest.empty() || each.file_size() > fs::file_size(largest)))
      largest = each.path();
  }
  fs::remove(largest);
  const auto report =
      verify_archive(*restic, archive, {.deep = false, .scratch = dir.file("scratch")}, clock);
  EXPECT_FALSE(report.passed());
  EXPECT_FALSE(report.problems.empty());
}

// A server with a table of 500 rows, dumped by the real tool and loaded into another server.
class DatabaseArchiveTest : public CreateTest {
 protected:
  void round_trip(const std::string& engine, const std::string& create_sql, std::vector<std::string> dump,
                  const std::string& format, const std::string& path) {
    restic.emplace(this->engine());
    auto plan = plan_create(full("db"), services, clock.now());
    std::optional<ScratchServer> source;
    try {
      source.emplace(engine, place, std::stop_token());
    } catch (const core::Error& error) {
      if (error.kind() == ErrorKind::not_found) GTEST_SKIP() << engine << ": " << error.what();
      throw;
    }
    core::PipelineRequest load;
    load.program = source->loader("sql").value();
    load.input = create_sql;
    const auto loaded = core::run_pipeline(load);
    ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
    plan.streams.push_back(
        {.service = "app",
         .kind = "database",
         .source = engine + ":app",
         .path = path,
         .argv = std::move(dump),
         .env = {},
         .password_variable = {},
         .password_file = {},
         .details = {{"engine", engine}, {"database", "azlin_scratch"}, {"format", format}}});
    Creator(*restic, journal, clock, dir.file("home"), "test").create(plan);
    source.reset();
    const auto report = verify_archive(*restic, only(), {.deep = true, .scratch = "/tmp"}, clock);
    EXPECT_TRUE(report.passed()) << report.problems.at(0);
    EXPECT_EQ(report.databases, std::vector<std::string>{engine + ":app: loaded, 1 table"});
  }
  std::string place = "/tmp/azlin-source-" + std::to_string(getpid());
};

TEST_F(DatabaseArchiveTest, PostgresqlDumpLoadsIntoAScratchServer) {
  round_trip("postgresql",
             "CREATE TABLE t AS SELECT g AS id, 'row ' || g AS text FROM generate_series(1,500) g;",
             {"pg_dump", "-Fc", "-Z0", "-h", place, "-U", "azlin_scratch_admin", "azlin_scratch"},
             "pg_dump-custom", "services/app/database.dump");
}

TEST_F(DatabaseArchiveTest, MariadbDumpLoadsIntoAScratchServer) {
  round_trip("mariadb",
             "CREATE TABLE t (id INT PRIMARY KEY, text VARCHAR(20)); INSERT INTO t SELECT seq, CONCAT('row "
             "', seq) FROM seq_1_to_500;",
             {"mariadb-dump", "--no-defaults", "--single-transaction", "--routines", "-u", "root",
              "--socket=" + place + "/s", "azlin_scratch"},
             "sql", "services/app/database.sql");
}

TEST_F(DatabaseArchiveTest, DumpThatDoesNotLoadIsAFinding) {
  if (!fs::exists("/usr/sbin/mariadbd")) GTEST_SKIP() << "mariadb-server is not installed";
  restic.emplace(engine());
  auto plan = plan_create(full("db"), services, clock.now());
  plan.streams.push_back({.service = "app",
                          .kind = "database",
                          .source = "mariadb:app",
                          .path = "services/app/database.sql",
                          .argv = {"/bin/echo", "CREATE TABLEAU broken;"},
                          .env = {},
                          .password_variable = {},
                          .password_file = {},
                          .details = {{"engine", "mariadb"}, {"format", "sql"}}});
  Creator(*restic, journal, clock, dir.file("home"), "test").create(plan);
  const auto report = verify_archive(*restic, only(), {.deep = true, .scratch = "/tmp"}, clock);
  EXPECT_FALSE(report.passed());
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_NE(report.problems[0].find("does not load"), std::string::npos);
}

}  // namespace
}  // namespace azlin::archive
