// azlin is killed (SIGKILL) after a commit of its journal while it makes, copies, takes in or writes out an
// archive. A choice of commits; every one with AZLIN_TEST_FULL=1. Kills around the engine:
// tests/cli/archive*.sh.
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "azlin/archive/create.hpp"
#include "azlin/archive/transfer.hpp"
#include "integration/archive/restic_fixture.hpp"
#include "killer.hpp"
#include "support/fake_clock.hpp"

namespace azlin::crash {
namespace {

using archive::ArchiveManager;
using archive::Creator;
using archive::Engine;
namespace fs = std::filesystem;
using Work = std::function<void(Engine&, store::Journal&)>;

class ArchiveCrashTest : public test::ResticTest {
 protected:
  void SetUp() override {
    ResticTest::SetUp();
    if (IsSkipped()) return;
    // What a killed azlin leaves running becomes ours: it can be waited for.
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    test::write_file(dir.file("etc/app.conf"), "port=80\n");
    service_.name = "app";
    service_.place = "services/app";
    service_.config = {dir.file("etc")};
    service_.before = {{"/usr/bin/touch", stopped()}};
    service_.after = {{"/bin/rm", "-f", stopped()}};
    fs::create_directories(dir.file("home"));
    store::Journal made(journal_path(), clock);  // its tables are there before commits are counted
  }

  std::string journal_path() const { return dir.file("home/operations.db"); }
  std::string stopped() const { return dir.file("stopped"); }

  archive::CreatePlan plan(bool with_dump) {
    auto out = archive::plan_create({.type = "full", .name = "weekly", .services = {"app"}},
                                    {{"app", service_}}, clock.now());
    if (with_dump)
      out.streams.push_back({.service = "app",
                             .kind = "database",
                             .source = "postgresql:app",
                             .path = "services/app/database.dump",
                             .argv = {"/bin/echo", "a dump"}});
    else
      out.before = out.after = {};
    return out;
  }
  void create(Engine& engine, store::Journal& journal, bool with_dump) {
    Creator(engine, journal, clock, dir.file("home"), "test").create(plan(with_dump));
  }

  // In a process of its own, killed after its `commit`-th commit. The number of commits when it lived to the
  // end, -1 when it was killed.
  int run(const std::string& where, const Work& work, int commit) {
    const pid_t child = fork();
    if (child == 0) {
      const Killer killer(Point::after_commit, commit);
      watch_commits(killer);
      try {
        auto restic = engine_at(where);
        store::Journal journal(journal_path(), clock);
        work(restic, journal);
      } catch (const std::exception& error) {
        fprintf(stderr, "%s\n", error.what());
        _exit(255);
      }
      _exit(commits());
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    while (waitpid(-1, nullptr, 0) > 0) continue;  // engines
    if (WIFSIGNALED(status)) return -1;
    EXPECT_NE(WEXITSTATUS(status), 255);
    return WEXITSTATUS(status);
  }

  // Some of 1..count, the first and the last among them.
  static std::set<int> chosen(int count) {
    std::set<int> out;
    for (int i = 1; i <= count; ++i) out.insert(i);
    if (std::getenv("AZLIN_TEST_FULL") == nullptr && count > 4) out = {1, count / 3, 2 * count / 3, count};
    return out;
  }

  // A fresh copy of the repository for each time.
  std::string copy_of(const std::string& repository) {
    const std::string out = dir.file("copy-" + std::to_string(++copies_));
    fs::copy(repository, out, fs::copy_options::recursive);
    return out;
  }

  static void expect_whole(Engine& engine, const std::string& when) {
    EXPECT_TRUE(engine.check().sound) << when;
    for (const auto& each : ArchiveManager(engine).list()) EXPECT_TRUE(each.complete) << when;
  }

  void create_is_killed(bool with_dump) {
    const int count = run(
        copy_of(repo), [&](auto& engine, auto& journal) { create(engine, journal, with_dump); }, 0);
    ASSERT_GT(count, 6);
    for (const int commit : chosen(count)) {
      const std::string when = "killed after commit " + std::to_string(commit);
      const std::string where = copy_of(repo);
      EXPECT_EQ(run(
                    where, [&](auto& e, auto& j) { create(e, j, with_dump); }, commit),
                -1)
          << when;
      auto engine = engine_at(where);
      expect_whole(engine, when);
      store::Journal journal(journal_path(), clock);
      Creator creator(engine, journal, clock, dir.file("home"), "test");
      for (const auto& left : journal.interrupted()) creator.recover(left, service_.after);
      EXPECT_TRUE(journal.interrupted().empty()) << when;
      EXPECT_TRUE(ArchiveManager(engine).list({.incomplete = true}).empty()) << when;
      EXPECT_FALSE(fs::exists(stopped())) << when << ": what a hook stopped stays so";
      const auto before = ArchiveManager(engine).list().size();
      // Before the last two commits the metadata are stored: the archive is whole.
      EXPECT_EQ(before, commit >= count - 1 ? 1U : 0U) << when;
      create(engine, journal, with_dump);
      EXPECT_EQ(ArchiveManager(engine).list().size(), before + 1) << when;
      expect_whole(engine, when + ", run again");
    }
  }

  // `work` changes the repository `where` and is run again after the kill; `expect_done` then looks.
  void moved_is_killed(const std::string& where, const Work& work,
                       const std::function<void(Engine&)>& expect_done) {
    const auto noted = [&](Engine& engine, store::Journal& journal) {  // as the command does
      auto operation = journal.start("archive.sync", where, "{}", "");
      work(engine, journal);
      operation.succeed();
    };
    const int count = run(copy_of(where), noted, 0);
    ASSERT_GE(count, 2);
    for (const int commit : chosen(count)) {
      const std::string when = "killed after commit " + std::to_string(commit), copy = copy_of(where);
      EXPECT_EQ(run(copy, noted, commit), -1) << when;
      auto engine = engine_at(copy);
      expect_whole(engine, when);
      EXPECT_GE(run(copy, noted, 0), 2) << when;
      expect_whole(engine, when);
      expect_done(engine);
    }
  }

  test::FakeClock clock;
  archive::Service service_;
  int copies_ = 0;
};

TEST_F(ArchiveCrashTest, CreateWithHooksAndADump) {
  create_is_killed(true);
}

TEST_F(ArchiveCrashTest, CreateOfFiles) {
  create_is_killed(false);
}

TEST_F(ArchiveCrashTest, Sync) {
  const std::string second = copy_of(repo);
  fs::remove_all(second);
  auto restic = engine();
  auto other = engine_at(second);
  other.init_like(restic);
  {
    store::Journal journal(journal_path(), clock);
    create(restic, journal, true);
  }
  moved_is_killed(
      second,
      [&](Engine& to, store::Journal&) {
        auto from = engine();
        sync_archives(from, to, {});
      },
      [](Engine& to) { EXPECT_EQ(ArchiveManager(to).list().size(), 1U); });
}

TEST_F(ArchiveCrashTest, MigrateToABundleAndBack) {
  auto restic = engine();
  {
    store::Journal journal(journal_path(), clock);
    create(restic, journal, true);
  }
  const std::string empty = copy_of(repo);
  const auto made = ArchiveManager(restic).list().at(0);
  int number = 0;
  moved_is_killed(
      repo,
      [&](Engine& from, store::Journal&) {
        const auto folder = fs::path(dir.file("bundles"));
        if (!fs::exists(folder / made.id)) export_bundle(from, made, folder, clock.now());
      },
      [&](Engine&) {
        EXPECT_TRUE(verify_bundle(archive::open_bundle(dir.file("bundles/" + made.id))).good());
        fs::rename(dir.file("bundles"), dir.file("bundles-" + std::to_string(++number)));
      });
  auto second = engine_at(empty);
  ArchiveManager(second).remove({ArchiveManager(second).list().at(0)});
  const auto bundle = archive::open_bundle(dir.file("bundles-1/" + made.id));
  moved_is_killed(
      empty, [&](Engine& to, store::Journal&) { import_bundle(to, bundle); },
      [](Engine& to) { EXPECT_EQ(ArchiveManager(to).list().size(), 1U); });
}

}  // namespace
}  // namespace azlin::crash
