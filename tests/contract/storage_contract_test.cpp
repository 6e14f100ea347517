// Storage accounts: redundancy, protection, restore, failover. docs/simulator-platform.md has the rules.
#include "contract/platform_support.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class StorageContractTest : public PlatformTest {
 protected:
  StorageContractTest() : PlatformTest({.blob_endpoint = "http://127.0.0.1:10000", .seed = "empty"}) {}
  void SetUp() override { sim_.make_group("rg"); }

  std::string at(const std::string& account, const std::string& rest = "", const std::string& query = "") {
    return path("Microsoft.Storage/storageAccounts/" + account + rest, "2023-05-01") + query;
  }
  void make(const std::string& account, const std::string& sku, const json& properties = json::object()) {
    const auto started = sim_.arm("PUT", at(account),
                                  {{"location", "eastus"},
                                   {"kind", "StorageV2"},
                                   {"sku", {{"name", sku}}},
                                   {"properties", properties}});
    ASSERT_EQ(started.status, 202) << started.body;
    ASSERT_EQ(sim_.finish(started).json()["sku"]["name"], sku);
  }
  HttpReply patch(const std::string& account, const std::string& sku) {
    return sim_.arm("PATCH", at(account), {{"sku", {{"name", sku}}}});
  }
  HttpReply migrate(const std::string& account, const std::string& sku) {
    return sim_.arm("POST", at(account, "/startAccountMigration"),
                    {{"properties", {{"targetSkuName", sku}}}});
  }
  HttpReply protect(const std::string& account, const json& properties) {
    return sim_.arm("PUT", at(account, "/blobServices/default"), {{"properties", properties}});
  }
  static json protection(int soft, int restore) {
    return {{"isVersioningEnabled", true},
            {"changeFeed", {{"enabled", true}}},
            {"deleteRetentionPolicy", {{"enabled", true}, {"days", soft}}},
            {"restorePolicy", {{"enabled", true}, {"days", restore}}}};
  }
};

TEST_F(StorageContractTest, NamesAreChecked) {
  EXPECT_EQ(sim_.arm("PUT", at("Upper"),
                     {{"location", "eastus"}, {"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}})
                .error_code(),
            "AccountNameInvalid");
  make("one", "Standard_LRS");
  sim_.make_group("other");
  EXPECT_EQ(sim_.arm("PUT", path("Microsoft.Storage/storageAccounts/one", "2023-05-01", "other"),
                     {{"location", "eastus"}, {"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}})
                .error_code(),
            "StorageAccountAlreadyTaken");
}

TEST_F(StorageContractTest, UsagesCountTheAccountsOfARegion) {
  make("one", "Standard_LRS");
  const auto usages = [&](const std::string& region) {
    return get(std::string(kSubscription) + "/providers/Microsoft.Storage/locations/" + region +
               "/usages?api-version=2023-05-01")["value"][0];
  };
  EXPECT_EQ(usages("eastus")["currentValue"], 1);
  EXPECT_EQ(usages("westus2")["currentValue"], 0);
  EXPECT_EQ(usages("eastus")["limit"], 250);
}

// A PATCH changes geo copy and read access; a change of zones is refused.
TEST_F(StorageContractTest, APatchConvertsAsTheTableSays) {
  make("one", "Standard_LRS");
  for (const char* sku : {"Standard_GRS", "Standard_RAGRS", "Standard_LRS"})
    EXPECT_EQ(patch("one", sku).status, 200) << sku;
  const auto refused = patch("one", "Standard_ZRS");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.error_code(), "InvalidValuesForRequestParameters");
  EXPECT_EQ(patch("one", "Premium_LRS").error_code(), "StorageAccountTypeConversionNotAllowed");
  make("two", "Standard_GZRS");
  EXPECT_EQ(patch("two", "Standard_RAGZRS").status, 200);
  EXPECT_EQ(patch("two", "Standard_RAGRS").status, 400);
  EXPECT_EQ(patch("two", "Standard_ZRS").status, 200);
  EXPECT_EQ(patch("two", "Standard_GZRS").status, 400);
}

TEST_F(StorageContractTest, AMigrationChangesTheZones) {
  make("one", "Standard_LRS");
  EXPECT_EQ(migrate("one", "Standard_GZRS").status, 400);
  EXPECT_EQ(migrate("one", "Standard_GRS").status, 400);
  EXPECT_EQ(sim_.arm("GET", at("one", "/accountMigrations/default")).status, 404);
  sim_.freeze_at("2026-01-01T00:00:00Z");
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  EXPECT_EQ(migrate("one", "Standard_ZRS").status, 202);
  EXPECT_EQ(get(at("one", "/accountMigrations/default"))["properties"]["migrationStatus"],
            "SubmittedForConversion");
  EXPECT_EQ(patch("one", "Standard_GRS").status, 409);
  sim_.advance("1h");
  EXPECT_EQ(get(at("one", "/accountMigrations/default"))["properties"]["migrationStatus"], "Complete");
  EXPECT_EQ(get(at("one"))["sku"]["name"], "Standard_ZRS");
}

// Azurite's well-known key for its own account; others have a key of 64 bytes. Blobs are where we are told.
TEST_F(StorageContractTest, KeysAndEndpointsFitAzurite) {
  make("devstoreaccount1", "Standard_RAGRS");
  make("one", "Standard_LRS");
  const auto keys = sim_.arm("POST", at("devstoreaccount1", "/listKeys")).json()["keys"];
  EXPECT_EQ(keys[0]["value"],
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");
  EXPECT_EQ(sim_.arm("POST", at("one", "/listKeys")).json()["keys"][0]["value"].get<std::string>().size(),
            88U);
  const auto shown = get(at("devstoreaccount1"))["properties"];
  EXPECT_EQ(shown["primaryEndpoints"]["blob"], "http://127.0.0.1:10000/devstoreaccount1/");
  EXPECT_EQ(shown["secondaryEndpoints"]["blob"], "http://127.0.0.1:10000/devstoreaccount1-secondary/");
  EXPECT_FALSE(get(at("one"))["properties"].contains("secondaryEndpoints"));
}

// PITR needs versioning, the change feed and soft delete for longer; a PUT replaces.
TEST_F(StorageContractTest, ProtectionIsCheckedAndReplaced) {
  make("one", "Standard_LRS");
  EXPECT_EQ(protect("one", protection(30, 30)).status, 400);
  EXPECT_EQ(protect("one", {{"deleteRetentionPolicy", {{"enabled", true}, {"days", 366}}}}).status, 400);
  EXPECT_EQ(protect("one", protection(30, 29)).status, 200);
  EXPECT_TRUE(
      get(at("one", "/blobServices/default"))["properties"]["restorePolicy"].contains("minRestoreTime"));
  EXPECT_EQ(protect("one", {{"isVersioningEnabled", true}}).status, 200);
  EXPECT_EQ(get(at("one", "/blobServices/default"))["properties"]["deleteRetentionPolicy"]["enabled"], false);
  make("two", "Standard_LRS", {{"isHnsEnabled", true}});
  EXPECT_EQ(protect("two", protection(30, 29)).status, 400);
}

TEST_F(StorageContractTest, RangesAreRestoredOnceAtATime) {
  sim_.freeze_at("2026-01-01T00:00:00Z");
  make("one", "Standard_LRS");
  const auto restore = [&](const std::string& time) {
    return sim_.arm("POST", at("one", "/restoreBlobRanges"),
                    {{"timeToRestore", time}, {"blobRanges", {{{"startRange", ""}, {"endRange", ""}}}}});
  };
  EXPECT_EQ(restore("2026-01-01T00:00:00Z").status, 409);
  protect("one", protection(8, 7));
  sim_.advance("1d");
  EXPECT_EQ(restore("2025-12-31T00:00:00Z").status, 400);
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  const auto started = restore("2026-01-01T12:00:00Z");
  EXPECT_EQ(started.status, 202) << started.body;
  EXPECT_EQ(restore("2026-01-01T12:00:00Z").status, 409);
  sim_.advance("2s");
  EXPECT_EQ(sim_.finish(started).json()["status"], "Complete");
  EXPECT_EQ(get(at("one", "", "&$expand=blobRestoreStatus"))["properties"]["blobRestoreStatus"]["status"],
            "Complete");
}

// After a failover the account is LRS in the other region; its `location` stays. Planned: the sides change
// places.
TEST_F(StorageContractTest, AFailoverLeavesOneRegion) {
  make("one", "Standard_RAGRS");
  const auto stats = get(at("one", "", "&$expand=geoReplicationStats"))["properties"]["geoReplicationStats"];
  EXPECT_EQ(stats["status"], "Live");
  EXPECT_EQ(stats["canFailover"], true);
  EXPECT_EQ(sim_.finish(sim_.arm("POST", at("one", "/failover", "&failoverType=Planned"))).status, 200);
  EXPECT_EQ(get(at("one"))["properties"]["primaryLocation"], "westus");
  EXPECT_EQ(get(at("one"))["sku"]["name"], "Standard_RAGRS");
  sim_.admin("POST", "faults", {{"region", "westus"}, {"down", true}});
  EXPECT_EQ(sim_.arm("POST", at("one", "/failover", "&failoverType=Planned")).status, 409);
  EXPECT_EQ(sim_.finish(sim_.arm("POST", at("one", "/failover"))).status, 200);
  const auto account = get(at("one"));
  EXPECT_EQ(account["sku"]["name"], "Standard_LRS");
  EXPECT_EQ(account["location"], "eastus");
  EXPECT_EQ(account["properties"]["primaryLocation"], "eastus");
  EXPECT_FALSE(account["properties"].contains("secondaryLocation"));
  EXPECT_EQ(sim_.arm("POST", at("one", "/failover")).status, 409);
}

}  // namespace
}  // namespace azlin::test
