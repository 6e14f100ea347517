#include "azlin/platform/blob_transfer.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <latch>

#include "azlin/core/error.hpp"
#include "fake_blobs.hpp"
#include "platform/blob_index.hpp"
#include "platform/xml.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace azlin::platform {
namespace {

class BlobTransferTest : public ::testing::Test {
 protected:
  static std::string bytes(std::size_t count, unsigned seed) {
    std::string out(count, '\0');
    for (auto& c : out) c = static_cast<char>((seed = seed * 1664525U + 1013904223U) >> 24U);
    return out;
  }
  TransferOptions options() const {
    TransferOptions out;
    out.folder = dir.file("blobs");
    out.account = "store";
    out.parallel = 4;
    return out;
  }
  std::string on_disk(const std::string& path) const {
    std::ifstream file(dir.file("blobs") + "/" + path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::map<std::string, std::string> contents(test::FakeBlobs& account, const std::string& container) {
    std::map<std::string, std::string> out;
    for (const auto& [name, blob] : account.containers[container]) out[name] = blob.content;
    return out;
  }

  test::TempDir dir;
  test::FakeClock clock;
  test::FakeBlobs account, other;
  static Authorize nobody() {
    return [](http::Request&, bool, std::stop_token) {};
  }
  DataPlane data{account, clock, "https://store.blob.core.windows.net/", nobody(), "account store"};
  DataPlane other_data{other, clock, "https://dr.blob.core.windows.net/", nobody(), "account dr"};
  BlobClient client{data}, target{other_data};
};

TEST_F(BlobTransferTest, GoesThereAndBackByteForByteThroughFaults) {
  account.put("docs", "a.txt", "hello");
  account.put("docs", "empty", "");
  account.put("docs", "dir/large", bytes(9U << 20U, 7));
  account.put("docs", "dir", "a blob named like a folder");
  account.put("docs", "../escape", "no");
  account.put("docs", "space & <odd>", "odd");
  account.put("docs", "trailing/", "slash");
  account.put("logs", "x", bytes(5'000'000, 9));
  account.break_every = 7;
  const auto exported = export_blobs(client, options());
  EXPECT_EQ(exported.failed, 0U) << (exported.failures.empty() ? "" : exported.failures.front().error);
  EXPECT_EQ(exported.blobs, 8U);
  EXPECT_EQ(on_disk("docs/a.txt"), "hello");
  EXPECT_FALSE(std::filesystem::exists(dir.file("escape")));
  EXPECT_EQ(verify_export(options()).failed, 0U);
  other.break_every = 9;
  const auto imported = import_blobs(target, options());
  EXPECT_EQ(imported.failed, 0U) << (imported.failures.empty() ? "" : imported.failures.front().error);
  EXPECT_EQ(contents(other, "docs"), contents(account, "docs"));
  EXPECT_EQ(contents(other, "logs"), contents(account, "logs"));
  const auto again = import_blobs(target, options());
  EXPECT_EQ(again.blobs, 0U);
  EXPECT_EQ(again.unchanged, 8U);
}

TEST_F(BlobTransferTest, ASecondRunFetchesOnlyWhatChanged) {
  for (int i = 0; i < 10; ++i) account.put("c", "b" + std::to_string(i), "x" + std::to_string(i));
  export_blobs(client, options());
  account.put("c", "b3", "changed");
  account.containers["c"].erase("b4");
  account.reads = 0;
  const auto second = export_blobs(client, options());
  EXPECT_EQ(second.blobs, 1U);
  EXPECT_EQ(second.unchanged, 8U);
  EXPECT_EQ(second.gone, 1U);
  EXPECT_EQ(account.reads, 1);
  EXPECT_EQ(on_disk("c/b3"), "changed");
  EXPECT_EQ(on_disk("c/b4"), "x4") << "what is gone stays in the folder";
  EXPECT_FALSE(import_blobs(target, options()).failed);
  EXPECT_FALSE(other.containers["c"].contains("b4"));
}

TEST_F(BlobTransferTest, AKilledExportGoesOnWithinABlob) {
  account.put("c", "large", bytes(20U << 20U, 3));  // five ranges
  account.fail_after = 4;
  auto one = options();
  one.parallel = 1;
  one.containers = {"c"};
  EXPECT_EQ(export_blobs(client, one).failed, 1U);
  EXPECT_FALSE(std::filesystem::exists(dir.file("blobs") + "/c/large"))
      << "there is no half file under the name";
  account.fail_after = -1;
  account.reads = 0;
  EXPECT_EQ(export_blobs(client, one).blobs, 1U);
  EXPECT_EQ(account.reads, 2);
  EXPECT_EQ(on_disk("c/large"), account.containers["c"]["large"].content);
}

TEST_F(BlobTransferTest, AKilledImportSendsOnlyTheMissingBlocks) {
  account.put("c", "large", bytes(20U << 20U, 3));
  export_blobs(client, options());
  auto one = options();
  one.parallel = 1;
  other.fail_after = 6;
  EXPECT_EQ(import_blobs(target, one).failed, 1U);
  const int before = other.puts;
  EXPECT_GT(before, 0);
  other.fail_after = -1;
  EXPECT_EQ(import_blobs(target, one).blobs, 1U);
  EXPECT_EQ(other.puts, 5);
  EXPECT_EQ(contents(other, "c"), contents(account, "c"));
}

TEST_F(BlobTransferTest, ABlobWhoseBlocksFailTogetherIsOneFailure) {
  account.put("c", "large", bytes(20U << 20U, 3));  // five blocks
  export_blobs(client, options());
  std::latch four(4);
  other.all_at_once = &four;
  const auto result = import_blobs(target, options());
  EXPECT_EQ(result.failed, 1U);
  EXPECT_EQ(result.failures.size(), 1U);
  other.all_at_once = nullptr;
  EXPECT_EQ(import_blobs(target, options()).blobs, 1U);
}

TEST_F(BlobTransferTest, ChangedBytesAreNoticed) {
  account.put("c", "a", "content");
  account.put("c", "large", bytes(9U << 20U, 7));
  account.corrupt = 2;
  EXPECT_EQ(export_blobs(client, options()).failed, 0U) << "a damaged range is asked for again";
  account.put("c", "b", "more");
  account.corrupt = 10;
  EXPECT_EQ(export_blobs(client, options()).failed, 1U);
  account.corrupt = 0;
  EXPECT_EQ(export_blobs(client, options()).failed, 0U);
  std::ofstream(dir.file("blobs") + "/c/a") << "CONTENT";
  EXPECT_EQ(verify_export(options()).failed, 1U);
  EXPECT_EQ(import_blobs(target, options()).failed, 1U);
  EXPECT_FALSE(other.containers["c"].contains("a"));
}

TEST_F(BlobTransferTest, AnExportThatBrokeOffIsNotWhole) {
  account.put("c", "a", "old");
  account.put("c", "b", bytes(9U << 20U, 1));
  auto one = options();
  one.parallel = 1;
  account.fail_after = 0;
  EXPECT_THROW(export_blobs(client, one), core::Error);
  EXPECT_EQ(verify_export(one).failed, 1U) << "nothing was exported, and that is not a whole export";
  account.fail_after = -1;
  EXPECT_EQ(export_blobs(client, one).failed, 0U);
  EXPECT_EQ(verify_export(one).failed, 0U);

  account.put("c", "a", "new");
  account.put("c", "b", bytes(9U << 20U, 2));
  account.fail_after = account.requests + 4;
  EXPECT_GT(export_blobs(client, one).failed, 0U);
  const auto verified = verify_export(one);
  ASSERT_EQ(verified.failed, 1U);
  EXPECT_EQ(verified.failures[0].blob, "b");
  EXPECT_EQ(verified.blobs, 2U) << "the last whole copy of b is still there";
  const auto imported = import_blobs(target, one);
  EXPECT_EQ(imported.failed, 1U) << "an import of what is not whole says so";
  EXPECT_EQ(other.containers["c"]["b"].content, bytes(9U << 20U, 1));

  account.fail_after = -1;
  account.containers["c"].erase("b");
  EXPECT_EQ(export_blobs(client, one).gone, 1U);
  EXPECT_EQ(verify_export(one).failed, 0U) << "what was being fetched and is gone is forgotten";
  EXPECT_FALSE(std::filesystem::exists(dir.file("blobs") + "/c/b.azlin-part"));
}

TEST_F(BlobTransferTest, AnotherBlobIsReplacedOnlyWhenTold) {
  account.put("c", "a", "ours");
  export_blobs(client, options());
  other.put("c", "a", "theirs");
  EXPECT_EQ(import_blobs(target, options()).failed, 1U);
  EXPECT_EQ(other.containers["c"]["a"].content, "theirs");
  auto with = options();
  with.overwrite = true;
  EXPECT_EQ(import_blobs(target, with).failed, 0U);
  EXPECT_EQ(other.containers["c"]["a"].content, "ours");
}

TEST_F(BlobTransferTest, SaysWhatIsNotProvenAndWhatIsArchived) {
  account.put("c", "plain", "x", false);
  account.put("c", "cold", "y");
  account.containers["c"]["cold"].tier = "Archive";
  const auto result = export_blobs(client, options());
  EXPECT_EQ(result.unproven, 1U);
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_NE(result.failures[0].error.find("archive tier"), std::string::npos);
}

TEST_F(BlobTransferTest, AFolderBelongsToOneAccount) {
  account.put("c", "a", "x");
  export_blobs(client, options());
  auto with = options();
  with.account = "another";
  EXPECT_THROW(export_blobs(client, with), core::Error);
  with.folder = dir.file("nothing");
  EXPECT_THROW(import_blobs(target, with), core::Error);
}

TEST(FileOfBlobTest, NoNameLeavesTheFolder) {
  EXPECT_EQ(file_of_blob("c", "a/b.txt"), "c/a/b.txt");
  for (const char* name : {"../x", "a/../b", "/x", "a//b", "a/", ".azlin/index.db", "a\\b", "x.azlin-part"})
    EXPECT_TRUE(file_of_blob("c", name).starts_with(".azlin/named/")) << name;
}

TEST(XmlTest, ReadsNestedNamesAndEntities) {
  const auto root =
      parse_xml("<?xml version='1.0'?><a><Metadata><Metadata>x &amp; &#x41;</Metadata></Metadata><e/></a>");
  EXPECT_EQ(root.child("a")->child("Metadata")->text("Metadata"), "x & A");
  EXPECT_NE(root.child("a")->child("e"), nullptr);
  EXPECT_THROW(parse_xml("<a><b></a>"), core::Error);
  EXPECT_THROW(parse_xml("<a>"), core::Error);
  EXPECT_THROW(parse_xml(""), core::Error);
}

}  // namespace
}  // namespace azlin::platform
