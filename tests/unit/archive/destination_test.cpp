#include "azlin/archive/destination.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

core::Env azure_env() {
  return core::Env({{"AZURE_ACCOUNT_NAME", "acct"}, {"AZURE_ACCOUNT_KEY", "a2V5"}});
}

struct Form {
  const char *name, *text, *url;
};
class DestinationFormTest : public ::testing::TestWithParam<Form> {};

TEST_P(DestinationFormTest, BecomesTheEnginesAddress) {
  EXPECT_EQ(parse_destination(GetParam().text, azure_env()).url, GetParam().url);
}

INSTANTIATE_TEST_SUITE_P(
    All, DestinationFormTest,
    ::testing::Values(Form{"path", "/mnt/backup/", "/mnt/backup"},
                      Form{"file_url", "file:///mnt/b", "/mnt/b"},
                      Form{"colon_in_a_path", "/mnt/a:b", "/mnt/a:b"},
                      Form{"s3_url", "s3://bucket/a/b/", "s3:https://s3.amazonaws.com/bucket/a/b"},
                      Form{"s3_engine", "s3:https://host:9000/bucket/p", "s3:https://host:9000/bucket/p"},
                      Form{"s3_host", "s3:s3.eu-west-1.amazonaws.com/bucket",
                           "s3:https://s3.eu-west-1.amazonaws.com/bucket"},
                      Form{"s3_loopback", "s3:http://127.0.0.1:9000/bucket",
                           "s3:http://127.0.0.1:9000/bucket"},
                      Form{"azure_url", "azure://backups/p", "azure:backups:/p"},
                      Form{"azure_engine", "azure:backups:/p", "azure:backups:/p"},
                      Form{"azure_blob", "https://other.blob.core.windows.net/c/p", "azure:c:/p"},
                      Form{"gs_url", "gs://bucket/p", "gs:bucket:/p"},
                      Form{"gcs", "gcs://bucket", "gs:bucket:/"}, Form{"sftp", "sftp:u@h:/p", "sftp:u@h:/p"},
                      Form{"sftp_url", "sftp://u@h:2222//p", "sftp://u@h:2222//p"}),
    [](const auto& test) { return test.param.name; });

struct Refused {
  const char *name, *text, *part;
};
class DestinationRefusedTest : public ::testing::TestWithParam<Refused> {};

TEST_P(DestinationRefusedTest, SaysWhatToUse) {
  try {
    parse_destination(GetParam().text, core::Env());
    FAIL() << "accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    EXPECT_NE((error.what() + error.hint()).find(GetParam().part), std::string::npos)
        << error.what() << error.hint();
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, DestinationRefusedTest,
    ::testing::Values(
        Refused{"smb", "smb://h/s", "mount the share"}, Refused{"unc", "\\\\h\\s", "mount the share"},
        Refused{"nfs", "nfs://h/s", "mount the share"}, Refused{"b2", "b2:bucket", "its S3 address"},
        Refused{"rest", "rest:http://h/", "REST server"}, Refused{"rclone", "rclone:r:p", "rclone"},
        Refused{"ftp", "ftp://h/p", "sftp"}, Refused{"http", "https://example.com/x", "s3:https"},
        Refused{"unknown", "gopher:x", "no kind of destination"}, Refused{"root", "/", "root folder"},
        Refused{"nothing", "", "no destination"}, Refused{"no_bucket", "s3://", "no bucket"},
        Refused{"clear_text", "s3:http://10.0.0.1/b", "in the clear"},
        Refused{"password", "sftp://u:pw@h/p", "password"}, Refused{"no_account", "azure://c", "account"}),
    [](const auto& test) { return test.param.name; });

TEST(DestinationTest, CredentialsInAnAddressAreRefusedAndNotRepeated) {
  for (const char* text : {"s3:https://key:hunter2@host/bucket", "s3:https://host/bucket?sig=hunter2",
                           "https://acct.blob.core.windows.net/c?sig=hunter2", "sftp://me:hunter2@host/x"}) {
    try {
      parse_destination(text, azure_env());
      ADD_FAILURE() << text;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::usage) << text;
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << text;
    }
  }
}

TEST(DestinationTest, ChildSeesOnlyTheStoresVariables) {
  const core::Env env({{"AWS_ACCESS_KEY_ID", "id"},
                       {"AWS_SECRET_ACCESS_KEY", "s"},
                       {"AZURE_ACCOUNT_KEY", "k"},
                       {"HOME", "/root"}});
  const auto s3 = parse_destination("s3://b/p", env);
  EXPECT_EQ(s3.env.size(), 2U);
  EXPECT_EQ(s3.env.at("AWS_ACCESS_KEY_ID"), "id");
  EXPECT_TRUE(parse_destination("/mnt/x", env).env.empty());
  EXPECT_EQ(s3.text.find("id"), std::string::npos);
}

TEST(DestinationTest, StorageClassIsTheStoresOrRefused) {
  const auto s3 = parse_destination("s3://b", core::Env(), {.storage_class = "STANDARD_IA"});
  EXPECT_EQ(s3.options, (std::vector<std::string>{"-o", "s3.storage-class=STANDARD_IA"}));
  EXPECT_THROW(parse_destination("s3://b", core::Env(), {.storage_class = "COLDISH"}), core::Error);
  EXPECT_THROW(parse_destination("s3://b", core::Env(), {.storage_class = "GLACIER"}), core::Error);
  EXPECT_THROW(parse_destination("gs://b", core::Env(), {.storage_class = "NEARLINE"}), core::Error);
}

TEST(DestinationTest, SshConfigurationKeepsHostAndPort) {
  const auto sftp = parse_destination("sftp://u@h:2222//p", core::Env(), {.ssh_config = "/etc/ssh/backup"});
  ASSERT_EQ(sftp.options.size(), 2U);
  // restic takes the option apart as CSV.
  EXPECT_EQ(sftp.options[1],
            R"("sftp.command=ssh -F ""/etc/ssh/backup"" -o BatchMode=yes -p 2222 u@h -s sftp")");
}

TEST(DestinationTest, CredentialsAreReferences) {
  test::TempDir dir;
  std::ofstream(dir.file("key")) << "from-file\n";
  std::filesystem::permissions(dir.file("key"), std::filesystem::perms::owner_read);
  const core::Env env(std::map<std::string, std::string>{{"MY_ID", "from-variable"}});
  const auto s3 = parse_destination("s3://b", env,
                                    {.credentials = {{"AWS_ACCESS_KEY_ID", "env:MY_ID"},
                                                     {"AWS_SECRET_ACCESS_KEY", "file:" + dir.file("key")}}});
  EXPECT_EQ(s3.env.at("AWS_ACCESS_KEY_ID"), "from-variable");
  EXPECT_EQ(s3.env.at("AWS_SECRET_ACCESS_KEY"), "from-file");
  EXPECT_THROW(parse_destination("s3://b", env, {.credentials = {{"AWS_ACCESS_KEY_ID", "AKIA123"}}}),
               core::Error);
  EXPECT_THROW(parse_destination("s3://b", env, {.credentials = {{"AZURE_ACCOUNT_KEY", "env:MY_ID"}}}),
               core::Error);
  std::filesystem::permissions(dir.file("key"), std::filesystem::perms::all);
  EXPECT_THROW(resolve_reference("file:" + dir.file("key"), env, "key"), core::Error);
}

}  // namespace
}  // namespace azlin::archive
