// restic itself: each trap of the engine, and that azlin closes it.
#include "azlin/archive/engine.hpp"

#include <atomic>
#include <random>
#include <thread>

#include "integration/archive/restic_fixture.hpp"

namespace azlin::archive {
namespace {

using core::ErrorKind;
using test::read_file;
using test::write_file;
namespace fs = std::filesystem;

class EngineTest : public test::ResticTest {
 protected:
  // A snapshot of "a" and "sub/b" below dir/src.
  BackupResult save(Engine& engine, const std::vector<std::string>& tags = {"azlin", "name=etc"}) {
    write_file(dir.file("src/a"), "alpha\n");
    write_file(dir.file("src/sub/b"), "beta\n");
    return engine.backup({.directory = dir.file("src"), .paths = {"a", "sub"}, .tags = tags});
  }
  BackupResult save_random(Engine& engine) {
    std::string noise;
    std::mt19937 random(7);
    for (int i = 0; i < 100'000; ++i) noise += static_cast<char>(random());
    write_file(dir.file("src/random.bin"), noise);
    engine.backup({.directory = dir.file("src"), .paths = {"random.bin"}, .tags = {"azlin"}});
    write_file(dir.file("src/small"), "still here\n");  // in a pack of its own
    return engine.backup({.directory = dir.file("src"), .paths = {"random.bin", "small"}, .tags = {"azlin"}});
  }
  // Four bytes of the largest pack, which holds the noise.
  void damage_data() {
    auto all = packs();
    const auto largest = *std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return fs::file_size(a) < fs::file_size(b);
    });
    fs::permissions(largest, fs::perms::owner_all);
    std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(50'000);
    file.write("\xde\xad\xbe\xef", 4);
  }
  std::vector<fs::path> packs() {
    std::vector<fs::path> out;
    for (const auto& each : fs::recursive_directory_iterator(repo + "/data")) {
      if (each.is_regular_file()) out.push_back(each.path());
    }
    return out;
  }
};

TEST_F(EngineTest, RoundTripByRelativeNames) {
  auto restic = engine();
  const auto saved = save(restic);
  EXPECT_EQ(saved.id.size(), 64U);
  EXPECT_EQ(saved.files, 2U);
  const auto listed = restic.snapshots({"azlin", "name=etc"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].id, saved.id);
  EXPECT_EQ(listed[0].host, "testhost");
  EXPECT_EQ(listed[0].tag("name"), "etc");
  EXPECT_TRUE(restic.snapshots({"azlin", "name=other"}).empty());
  restic.restore({.id = saved.id, .target = dir.file("back"), .verify = true});
  EXPECT_EQ(read_file(dir.file("back/sub/b")), "beta\n");
  EXPECT_EQ(restic.dump_text(saved.id, "/a"), "alpha\n");
  EXPECT_EQ(restic.list_files(saved.id).size(), 3U);
  EXPECT_TRUE(restic.check().sound);
}

TEST_F(EngineTest, SourcesAreReachedThroughLinksOfAStagingFolder) {
  write_file(dir.file("elsewhere/app/settings.ini"), "x=1\n");
  fs::create_directories(dir.file("stage/services/app"));
  fs::create_directory_symlink(dir.file("elsewhere"), dir.file("stage/services/app/config"));
  auto restic = engine();
  const auto saved = restic.backup(
      {.directory = dir.file("stage"), .paths = {"services/app/config/app"}, .tags = {"azlin"}});
  EXPECT_EQ(restic.dump_text(saved.id, "/services/app/config/app/settings.ini"), "x=1\n");
}

TEST_F(EngineTest, MissingSourceIsAnErrorBeforeAnythingIsWritten) {
  write_file(dir.file("src/a"), "alpha\n");
  auto restic = engine();
  const auto error = error_of([&] {
    restic.backup({.directory = dir.file("src"), .paths = {"a", "missing"}, .tags = {"azlin"}});
  });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_TRUE(restic.snapshots().empty());
}

TEST_F(EngineTest, FailingProducerLeavesNoSnapshot) {
  auto restic = engine();
  const auto error = error_of([&] {
    restic.backup_stream({.producer = shell("echo part; echo 'relation is gone' >&2; exit 7"),
                          .filename = "databases/app.sql",
                          .tags = {"azlin"}});
  });
  EXPECT_NE(std::string(error.what()).find("exit code 7: relation is gone"), std::string::npos)
      << error.what();
  EXPECT_TRUE(restic.snapshots().empty());
  EXPECT_TRUE(restic.check().sound);
}

TEST_F(EngineTest, StreamIsStoredWithItsChecksum) {
  auto restic = engine();
  const auto saved = restic.backup_stream(
      {.producer = shell("printf hello"), .filename = "services/x/database.sql", .tags = {"azlin"}});
  EXPECT_EQ(saved.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(saved.bytes, 5U);
  EXPECT_EQ(restic.dump_text(saved.id, "/services/x/database.sql"), "hello");
}

TEST_F(EngineTest, EmptyStreamIsRefused) {
  auto restic = engine();
  error_of(
      [&] { restic.backup_stream({.producer = shell("true"), .filename = "x.sql", .tags = {"azlin"}}); });
  EXPECT_TRUE(restic.snapshots().empty());
}

TEST_F(EngineTest, OnlyReadingAllDataFindsFlippedBits) {
  auto restic = engine();
  save_random(restic);
  damage_data();
  EXPECT_TRUE(restic.check().sound);  // why a plain check is not called deep
  const auto deep = restic.check({.read_data = true});
  EXPECT_FALSE(deep.sound);
  EXPECT_FALSE(deep.problems.empty());
  bool found = false;
  for (int part = 1; part <= 2; ++part) found = found || !restic.check({.part = part, .parts = 2}).sound;
  EXPECT_TRUE(found);
}

TEST_F(EngineTest, MissingPackIsNamedByACheck) {
  auto restic = engine();
  save(restic);
  const auto lost = packs().front();
  fs::remove(lost);
  const auto result = restic.check();
  EXPECT_FALSE(result.sound);
  std::string all;
  for (const auto& line : result.problems) all += line + "\n";
  EXPECT_NE(all.find(lost.filename().string().substr(0, 8)), std::string::npos) << all;
}

TEST_F(EngineTest, RuleThatKeepsNothingRemovesNothing) {
  auto restic = engine();
  save(restic);
  const auto error = error_of([&] { restic.forget_policy({"azlin"}, {"--keep-tag", "nowhere"}, false); });
  EXPECT_NE(std::string(error.what()).find("would remove all 1"), std::string::npos) << error.what();
  EXPECT_EQ(restic.snapshots().size(), 1U);
  EXPECT_THROW(restic.forget_policy({"azlin"}, {}, false), core::Error);
}

TEST_F(EngineTest, RuleRemovesWhatItsDryRunNamed) {
  auto restic = engine();
  const auto first = save(restic);
  write_file(dir.file("src/a"), "newer\n");
  const auto second = restic.backup({.directory = dir.file("src"), .paths = {"a"}, .tags = {"azlin"}});
  const auto planned = restic.forget_policy({"azlin"}, {"--keep-last", "1"}, true);
  EXPECT_EQ(planned.remove, std::vector<std::string>{first.id});
  EXPECT_EQ(restic.snapshots().size(), 2U);
  restic.forget_policy({"azlin"}, {"--keep-last", "1"}, false);
  ASSERT_EQ(restic.snapshots().size(), 1U);
  EXPECT_EQ(restic.snapshots()[0].id, second.id);
  restic.prune();
  EXPECT_TRUE(restic.check({.read_data = true}).sound);
}

// A backup that was killed: its lock stays. It reads a pipe that nobody writes to, so it waits for the kill.
void leave_dead_lock(const std::string& repo, const std::string& pipe, const std::string& password_file) {
  core::PipelineRequest request;
  request.program = {.argv = {"/bin/sh", "-c",
                              "mkfifo \"$1\" && exec 9<>\"$1\" || exit 1; "
                              "restic --no-cache backup --stdin <\"$1\" >/dev/null 2>&1 & pid=$!; "
                              "until ls \"$RESTIC_REPOSITORY\"/locks | grep -qx '[0-9a-f]\\{64\\}'; do "
                              "kill -0 $pid || exit 1; done; kill -9 $pid; wait $pid; true",
                              "sh", pipe},
                     .env = {{"PATH", "/usr/bin:/bin"},
                             {"HOME", "/tmp"},
                             {"RESTIC_REPOSITORY", repo},
                             {"RESTIC_PASSWORD_FILE", password_file}}};
  const auto ended = core::run_pipeline(request);
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
}

TEST_F(EngineTest, LockOfADeadProcessIsRemovedAndNotWaitedFor) {
  auto restic = engine();
  const auto saved = save(restic);
  write_file(dir.file("password"), kPassword);
  leave_dead_lock(repo, dir.file("pipe"), dir.file("password"));
  ASSERT_FALSE(fs::is_empty(repo + "/locks"));
  const auto with_lock = dir.file("with-lock");
  fs::copy(repo, with_lock, fs::copy_options::recursive);
  EXPECT_TRUE(engine_at(with_lock).check().sound);
  EXPECT_TRUE(fs::is_empty(with_lock + "/locks"));
  restic.forget({saved.id});
  EXPECT_TRUE(restic.snapshots().empty());
}

TEST_F(EngineTest, LiveLockIsBusyAndStays) {
  auto restic = engine();
  const auto saved = save(restic);
  write_file(dir.file("password"), kPassword);
  // It sits on its standard input, so it holds its lock until the test lets go.
  core::PipelineRequest holder;
  holder.producer = shell("while ! [ -e " + dir.file("go") + " ]; do sleep 0.05; done; echo done");
  holder.program = {.argv = {"restic", "--no-cache", "backup", "--stdin"},
                    .env = {{"PATH", "/usr/bin:/bin"},
                            {"HOME", "/tmp"},
                            {"RESTIC_REPOSITORY", repo},
                            {"RESTIC_PASSWORD_FILE", dir.file("password")}}};
  std::atomic<bool> ended = false;
  std::thread other([&] {
    core::run_pipeline(holder);
    ended = true;
  });
  while (fs::is_empty(repo + "/locks") && !ended) std::this_thread::yield();
  const auto error = error_of([&] { restic.forget({saved.id}); });
  EXPECT_EQ(error.kind(), ErrorKind::busy) << error.what();
  EXPECT_FALSE(fs::is_empty(repo + "/locks"));
  write_file(dir.file("go"), "");
  other.join();
  EXPECT_EQ(restic.snapshots().size(), 2U);
}

TEST_F(EngineTest, WrongPasswordIsToldFromMissingRepository) {
  auto wrong = engine_at(repo, "nonsense");
  EXPECT_EQ(error_of([&] { wrong.snapshots(); }).kind(), ErrorKind::unauthorized);
  EXPECT_EQ(error_of([&] { wrong.exists(); }).kind(), ErrorKind::unauthorized);
  auto nowhere = engine_at(dir.file("nowhere"));
  EXPECT_FALSE(nowhere.exists());
  EXPECT_EQ(error_of([&] { nowhere.snapshots(); }).kind(), ErrorKind::not_found);
}

TEST_F(EngineTest, CopyKeepsTagsAndIsFoundByItsOriginal) {
  auto restic = engine();
  const auto saved = save(restic);
  auto second = engine_at(dir.file("second"), "another");
  second.init_like(restic);
  second.copy_from(restic, restic.snapshots());
  second.copy_from(restic, restic.snapshots());  // a repeat skips what is there
  const auto listed = second.snapshots({"azlin"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].original, saved.id);
  EXPECT_EQ(listed[0].tag("name"), "etc");
}

TEST_F(EngineTest, NewKeyOpensAndOldOneIsRemoved) {
  auto restic = engine();
  restic.add_key("the next one");
  auto renewed = engine_at(repo, "the next one");
  std::string old;
  for (const auto& key : renewed.keys()) {
    if (!key.current) old = key.id;
  }
  renewed.remove_key(old);
  EXPECT_EQ(error_of([&] { restic.snapshots(); }).kind(), ErrorKind::unauthorized);
  EXPECT_TRUE(renewed.snapshots().empty());
}

TEST_F(EngineTest, TimeOfSomethingOlderIsKept) {
  write_file(dir.file("src/a"), "alpha\n");
  auto restic = engine();
  const auto then = core::parse_time("2024-12-24T14:30:22Z").value();
  restic.backup({.directory = dir.file("src"), .paths = {"a"}, .tags = {"azlin"}, .time = then});
  EXPECT_EQ(restic.snapshots().at(0).time, then);
}

TEST_F(EngineTest, DamagedFileIsNamedWhenRestored) {
  auto restic = engine();
  const auto saved = save_random(restic);
  damage_data();
  const auto error = error_of([&] { restic.restore({.id = saved.id, .target = dir.file("back")}); });
  EXPECT_NE(std::string(error.what()).find("random.bin"), std::string::npos) << error.what();
  EXPECT_EQ(read_file(dir.file("back/small")), "still here\n");
  error_of([&] { restic.dump_text(saved.id, "/random.bin"); });
}

TEST_F(EngineTest, DiffAndStats) {
  auto restic = engine();
  const auto first = save(restic);
  write_file(dir.file("src/a"), "changed and longer\n");
  const auto second = restic.backup({.directory = dir.file("src"), .paths = {"a", "sub"}, .tags = {"azlin"}});
  const auto diff = restic.diff(first.id, second.id);
  ASSERT_EQ(diff.changes.size(), 1U);
  EXPECT_EQ(diff.changes[0].path, "/a");
  EXPECT_EQ(diff.changes[0].modifier, "M");
  EXPECT_GT(restic.stats(true).total_size, 0U);
  EXPECT_EQ(restic.stats(false, {first.id}).total_size, 11U);
}

TEST_F(EngineTest, CommaInATagIsRefused) {
  write_file(dir.file("src/a"), "x");
  auto restic = engine();
  const auto error =
      error_of([&] { restic.backup({.directory = dir.file("src"), .paths = {"a"}, .tags = {"name=a,b"}}); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace azlin::archive
