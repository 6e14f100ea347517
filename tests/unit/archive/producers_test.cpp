#include "archive/producers.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

using core::ErrorKind;

// Programs that are not installed here are played by empty ones; what is planned for them is looked at.
class ProducersTest : public ::testing::Test {
 protected:
  ProducersTest() {
    setenv("PATH", dir.file("bin").c_str(), 1);
    std::filesystem::create_directories(dir.file("bin"));
    std::ofstream(dir.file("password")) << "s'cret\n";
    chmod(dir.file("password").c_str(), 0600);
  }
  ~ProducersTest() override { setenv("PATH", path_.c_str(), 1); }
  void install(const std::string& program, const std::string& script = "exit 0") {
    std::ofstream(dir.file("bin/" + program)) << "#!/bin/sh\n" << script << "\n";
    chmod(dir.file("bin/" + program).c_str(), 0755);
  }
  PlannedStream planned(DatabaseSpec spec) {
    Service service;
    service.name = "shop";
    spec.name = "shop";
    service.databases = {spec};
    return plan_streams(service).at(0);
  }
  static bool has(const std::vector<std::string>& argv, const std::string& word) {
    return std::any_of(argv.begin(), argv.end(),
                       [&](const auto& each) { return each.find(word) != std::string::npos; });
  }
  core::Error refused(const Service& service) {
    try {
      plan_streams(service);
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was refused";
    return core::Error(ErrorKind::failed, "");
  }
  test::TempDir dir;

 private:
  std::string path_ = getenv("PATH");
};

// azlin alone can read the file; the dump runs as another account.
TEST_F(ProducersTest, PasswordReachesADumpThatRunsAsAnotherAccount) {
  install("pg_dump");
  const auto stream =
      planned({.engine = "postgresql", .password_file = dir.file("password"), .run_as = "postgres"});
  const auto stage = prepare(stream);
  EXPECT_EQ(stage.argv.at(0), "runuser");
  EXPECT_EQ(stage.env.at("PGPASSWORD"), "s'cret");
  EXPECT_FALSE(has(stage.argv, "cret"));
  install("mariadb-dump");
  EXPECT_EQ(prepare(planned({.engine = "mariadb", .password_file = dir.file("password"), .run_as = "mysql"}))
                .env.at("MYSQL_PWD"),
            "s'cret");
}

TEST_F(ProducersTest, MongodumpReadsItsPasswordFromAPipe) {
  install("mongodump");
  const auto stage =
      prepare(planned({.engine = "mongodb", .user = "backup", .password_file = dir.file("password")}));
  EXPECT_EQ(stage.argv.back(), "--config=/dev/fd/3");
  EXPECT_EQ(stage.secrets, std::vector<std::string>{"password: 's''cret'\n"});
  EXPECT_FALSE(has(stage.argv, "cret"));
  Service service;
  service.name = "shop";
  service.databases = {{.engine = "mongodb", .name = "shop", .password_file = "/x", .run_as = "mongo"}};
  EXPECT_EQ(refused(service).kind(), ErrorKind::usage);
}

TEST_F(ProducersTest, AMissingToolIsNamedWithItsPackage) {
  Service service;
  service.name = "shop";
  for (const auto& [engine, tool, package] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"postgresql", "pg_dump", "postgresql-client"},
           {"mysql", "mysqldump", "mariadb-client"},
           {"mongodb", "mongodump", "mongodb-database-tools"}}) {
    service.databases = {{.engine = engine, .name = "shop"}};
    const auto error = refused(service);
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_NE(std::string(error.what()).find(tool), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find(package), std::string::npos) << error.hint();
  }
  service.databases.clear();
  service.containers = {.engine = "docker", .volumes = {"data"}};
  EXPECT_NE(refused(service).hint().find("docker.io"), std::string::npos);
}

TEST_F(ProducersTest, ADockerVolumeIsReadAtItsMountpoint) {
  install("docker", "echo /var/lib/docker/volumes/$5/_data");
  Service service;
  service.name = "shop";
  service.containers = {.engine = "docker", .volumes = {"data"}, .images = {"shop:1"}};
  const auto streams = plan_streams(service);
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].argv.at(0), "tar");
  EXPECT_TRUE(has(streams[0].argv, "/var/lib/docker/volumes/")) << streams[0].argv.at(2);
  EXPECT_EQ(streams[1].argv, (std::vector<std::string>{"docker", "save", "shop:1"}));
}

}  // namespace
}  // namespace azlin::archive
