#include "azlin/store/database.hpp"
#include "azlin/store/damage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::store {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;

const Migrations kOne = {"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL, data BLOB)"};
const Migrations kTwo = {kOne[0], "ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'new'"};

class DatabaseTest : public testing::Test {
 protected:
  static unsigned mode_of(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }
  static std::int64_t count(Database& db) {
    auto query = db.prepare("SELECT count(*) FROM t");
    query.step();
    return query.integer(0);
  }

  // A file that opens, with rows that cannot be read.
  void damage_some_pages() {
    {
      Database db(path_, kOne);
      Transaction filling(db);
      for (int i = 0; i < 2000; ++i) db.execute("INSERT INTO t (name) VALUES ('some text that fills pages')");
      filling.commit();
    }
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    for (int i = 0; i < 4096 * 4; ++i) file.put('\x55');
  }

  test::TempDir dir_;
  std::string path_ = dir_.file("home/state.db");
};

template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorKind::failed, "none");
}

TEST_F(DatabaseTest, FolderAndFilesArePrivate) {
  Database db(path_, kOne);
  db.execute("INSERT INTO t (name) VALUES ('x')");
  EXPECT_EQ(mode_of(dir_.file("home")), 0700u);
  for (const char* suffix : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(path_ + suffix), 0600u) << suffix;
}

TEST_F(DatabaseTest, ModeOfAnOpenFileIsTightened) {
  { Database db(path_, kOne); }
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  Database db(path_, kOne);
  EXPECT_EQ(mode_of(path_), 0600u);
}

TEST_F(DatabaseTest, ValuesComeBackAsBound) {
  Database db(path_, kOne);
  const std::string bytes("a\0b", 3);
  auto insert = db.prepare("INSERT INTO t (id, name, size, data) VALUES (?, ?, ?, ?)");
  insert.bind(1, std::int64_t{5'000'000'000})
      .bind(2, std::string_view("Zürich"))
      .bind(3, 1.5)
      .bind_blob(4, bytes);
  insert.run();
  insert.bind(1, std::int64_t{2}).bind(2, std::optional<std::string>{}).bind_null(3).bind_blob(4, "");
  insert.run();

  auto query = db.prepare("SELECT id, name, size, data FROM t ORDER BY id DESC");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.integer(0), 5'000'000'000);
  EXPECT_EQ(query.text(1), "Zürich");
  EXPECT_EQ(query.real(2), 1.5);
  EXPECT_EQ(query.blob(3), bytes);
  ASSERT_TRUE(query.step());
  EXPECT_TRUE(query.is_null(1));
  EXPECT_EQ(query.optional_text(1), std::nullopt);
  EXPECT_TRUE(query.is_null(2));
  EXPECT_FALSE(query.is_null(3)) << "empty bytes are not NULL";
  EXPECT_FALSE(query.step());
}

TEST_F(DatabaseTest, EmptyTextIsNotNull) {
  Database db(path_, kOne);
  db.prepare("INSERT INTO t (name) VALUES (?)").bind(1, std::string_view()).run();
  auto query = db.prepare("SELECT name FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_FALSE(query.is_null(0));
}

TEST_F(DatabaseTest, OlderSchemaIsMigratedAndKeepsItsRows) {
  {
    Database db(path_, kOne);
    db.execute("INSERT INTO t (name) VALUES ('old')");
  }
  Database db(path_, kTwo);
  auto query = db.prepare("SELECT name, more FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(0), "old");
  EXPECT_EQ(query.text(1), "new");
}

TEST_F(DatabaseTest, FailedMigrationChangesNothing) {
  { Database db(path_, kOne); }
  EXPECT_THROW(Database(path_, {kOne[0], "CREATE TABLE half (x); CREATE TABLE t (y)"}), Error);
  Database db(path_, kOne);
  EXPECT_THROW(db.prepare("SELECT * FROM half"), Error);
}

TEST_F(DatabaseTest, NewerSchemaIsRefusedAndLeftAlone) {
  { Database db(path_, kTwo); }
  const Error error = error_of([&] { Database(path_, kOne); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("written by a newer azlin (schema 2, this one knows 1)"));
  EXPECT_NO_THROW(Database(path_, kTwo));
}

TEST_F(DatabaseTest, CorruptFileIsSetAsideAndTheNextOpenWorks) {
  for (int round = 1; round <= 2; ++round) {
    std::filesystem::create_directories(dir_.file("home"));
    std::ofstream(path_) << std::string(8192, 'x');
    const Error error = error_of([&] { Database(path_, kOne); });
    const std::string aside = path_ + ".corrupt-" + std::to_string(round);
    EXPECT_THAT(error.what(), HasSubstr("set aside as " + aside));
    EXPECT_THAT(error.hint(), HasSubstr("azlin state rebuild"));
    EXPECT_TRUE(std::filesystem::exists(aside));
    EXPECT_FALSE(std::filesystem::exists(path_));
    Database fresh(path_, kOne);
    EXPECT_EQ(count(fresh), 0);
  }
}

TEST_F(DatabaseTest, TruncatedFileIsSetAside) {
  {
    Database db(path_, kOne);
    for (int i = 0; i < 2000; ++i) db.execute("INSERT INTO t (name) VALUES ('some text that fills pages')");
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr("is corrupt"));
}

TEST_F(DatabaseTest, DamageThatOnlyAStatementMeetsIsSetAsideByTheNextOpen) {
  damage_some_pages();
  {
    Database db(path_, kOne);
    EXPECT_THAT(error_of([&] { count(db); }).what(), HasSubstr("malformed"));
  }
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr("set aside as"));
  Database fresh(path_, kOne);
  EXPECT_EQ(count(fresh), 0);
  EXPECT_EQ(damage_of(path_), "");
}

TEST_F(DatabaseTest, DamagedFileStaysWhileAnotherWorksWithIt) {
  damage_some_pages();
  {
    Database other(path_, kOne);
    EXPECT_THAT(error_of([&] { count(other); }).what(), HasSubstr("malformed"));
    for (int round = 0; round < 2; ++round) {
      const Error error = error_of([&] { Database(path_, kOne, {.busy_timeout_ms = 20}); });
      EXPECT_EQ(error.kind(), ErrorKind::busy);
      EXPECT_THAT(error.what(), HasSubstr("another azlin still works with it"));
    }
    other.execute("CREATE TABLE more (x)");
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + ".corrupt-1"));
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr("set aside as"));
}

TEST_F(DatabaseTest, DamagedFileStaysWhileAnotherProcessWorksWithIt) {
  damage_some_pages();
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(done[1]);
    try {
      Database db(path_, kOne);
      char byte = 'r';
      const bool told = ::write(ready[1], &byte, 1) == 1;
      ::_exit(told && ::read(done[0], &byte, 1) == 0 ? 0 : 1);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  ::close(done[0]);
  ::close(ready[1]);
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(damage_of(path_), testing::Not(testing::IsEmpty()));
  EXPECT_EQ(error_of([&] { Database(path_, kOne, {.busy_timeout_ms = 20}); }).kind(), ErrorKind::busy);
  ::close(done[1]);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  ::close(ready[0]);
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr("set aside as"));
}

TEST_F(DatabaseTest, LookingForDamageMakesNoFile) {
  EXPECT_EQ(damage_of(path_), "");
  std::filesystem::create_directories(dir_.file("home"));
  EXPECT_EQ(damage_of(path_), "");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DatabaseTest, DamageThatWasLookedForIsSetAsideByTheNextOpen) {
  std::filesystem::create_directories(dir_.file("home"));
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_THAT(damage_of(path_), HasSubstr("not a database"));
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr("set aside as"));
}

TEST_F(DatabaseTest, FolderInItsPlaceIsNamed) {
  std::filesystem::create_directories(path_);
  EXPECT_THAT(error_of([&] { Database(path_, kOne); }).what(), HasSubstr(path_));
}

TEST_F(DatabaseTest, PlaceThatCannotBeWrittenSaysSo) {
  const Error under_file = error_of([&] {
    std::ofstream(dir_.file("plain")) << "x";
    Database(dir_.file("plain/state.db"), kOne);
  });
  EXPECT_EQ(under_file.kind(), ErrorKind::failed);
  EXPECT_THAT(under_file.hint(), HasSubstr("AZLIN_HOME"));
  // A file system on which nobody, root included, can create a file.
  const Error read_only = error_of([&] { Database("/proc/self/azlin/state.db", kOne); });
  EXPECT_THAT(read_only.what(), HasSubstr("cannot create"));
}

TEST_F(DatabaseTest, FullDiskIsNamedAndTheDataStays) {
  Database db(path_, kOne);
  db.execute("INSERT INTO t (name) VALUES ('first')");
  db.execute("PRAGMA max_page_count = 4");
  const Error error = error_of([&] {
    Transaction transaction(db);
    for (int i = 0; i < 1000; ++i) db.execute("INSERT INTO t (name) VALUES ('some text that fills pages')");
    transaction.commit();
  });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("full"));
  EXPECT_THAT(error.hint(), HasSubstr("free some space"));
  EXPECT_EQ(count(db), 1);
}

// SQLite keeps the system's error of an earlier failure.
TEST_F(DatabaseTest, AnEarlierFullDiskIsNotTheCauseOfALaterError) {
  sqlite3_vfs full_disk = *sqlite3_vfs_find(nullptr);
  full_disk.zName = "full-disk";
  full_disk.xGetLastError = [](sqlite3_vfs*, int, char*) { return ENOSPC; };
  ASSERT_EQ(sqlite3_vfs_register(&full_disk, 1), SQLITE_OK);
  {
    Database db(path_, kOne);
    const Error first = error_of([&] { db.execute("ATTACH '" + dir_.file("none/other.db") + "' AS other"); });
    EXPECT_THAT(first.hint(), HasSubstr("free some space")) << first.what();
    const Error second = error_of([&] { db.prepare("SELECT 1 FROM missing"); });
    EXPECT_THAT(second.hint(), HasSubstr("state rebuild")) << second.what();
  }
  EXPECT_EQ(sqlite3_vfs_unregister(&full_disk), SQLITE_OK);
}

TEST_F(DatabaseTest, HeldLockIsBusy) {
  Database first(path_, kOne);
  Database second(path_, kOne, {.busy_timeout_ms = 20});
  const Transaction holder(first);
  EXPECT_EQ(error_of([&] { Transaction{second}; }).kind(), ErrorKind::busy);
}

TEST_F(DatabaseTest, TransactionRollsBackUnlessCommitted) {
  Database db(path_, kOne);
  {
    Transaction transaction(db);
    db.execute("INSERT INTO t (name) VALUES ('lost')");
  }
  EXPECT_EQ(count(db), 0);
  {
    Transaction transaction(db);
    db.execute("INSERT INTO t (name) VALUES ('kept')");
    transaction.commit();
  }
  EXPECT_EQ(count(db), 1);
}

TEST_F(DatabaseTest, ErrorInSqlNamesTheStatementAndTheFile) {
  Database db(path_, kOne);
  const Error error = error_of([&] { db.prepare("SELECT nothing FROM t"); });
  EXPECT_THAT(error.what(), HasSubstr("SELECT nothing"));
  EXPECT_THAT(error.what(), HasSubstr(path_));
}

TEST_F(DatabaseTest, MissingTableSaysWhatToDo) {
  Database db(path_, kOne);
  const Error error = error_of([&] { db.prepare("SELECT * FROM gone"); });
  EXPECT_THAT(error.what(), HasSubstr("no such table: gone"));
  EXPECT_THAT(error.hint(), HasSubstr("azlin state rebuild"));
}

TEST_F(DatabaseTest, MemoryDatabaseWorks) {
  Database db(":memory:", kOne);
  db.execute("INSERT INTO t (name) VALUES ('x')");
  EXPECT_EQ(db.changes(), 1);
  EXPECT_EQ(db.last_insert_id(), 1);
}

TEST_F(DatabaseTest, ProcessesCreateAndWriteOneFileAtOnce) {
  constexpr int kProcesses = 4, kRows = 25;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        Database db(path_, kTwo, {.durable = false});
        for (int i = 0; i < kRows; ++i) db.execute("INSERT INTO t (name) VALUES ('row')");
        ::_exit(0);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Database db(path_, kTwo);
  EXPECT_EQ(count(db), kProcesses * kRows);
}

}  // namespace
}  // namespace azlin::store
