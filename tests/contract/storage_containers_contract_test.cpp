// Blob containers in ARM, what holds and locks them, lifecycle rules, signatures.
// docs/simulator-platform.md has the rules.
#include "contract/platform_support.hpp"
#include "simulator/crypto.hpp"
#include "simulator/text.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class StorageContainersContractTest : public PlatformTest {
 protected:
  void SetUp() override {
    sim_.make_group("rg");
    sim_.finish(
        arm("PUT", "", {{"location", "eastus"}, {"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}}));
  }

  std::string at(const std::string& rest, const std::string& query = "") {
    return path("Microsoft.Storage/storageAccounts/one" + rest, "2023-05-01") + query;
  }
  HttpReply arm(const std::string& method, const std::string& rest, const json& body = nullptr,
                const std::string& query = "") {
    return sim_.arm(method, at(rest, query), body);
  }
  HttpReply container(const std::string& method, const std::string& rest, const json& body = nullptr) {
    return arm(method, "/blobServices/default/containers/" + rest, body);
  }
  HttpReply policy(const std::string& method, const std::string& verb, int days, const std::string& etag) {
    return http_call(
        method, sim_.url() + at("/blobServices/default/containers/box/immutabilityPolicies/default" + verb),
        days == 0 ? "" : json{{"properties", {{"immutabilityPeriodSinceCreationInDays", days}}}}.dump(),
        {{"Authorization", "Bearer " + sim_.token()},
         {"Content-Type", "application/json"},
         {"If-Match", etag}});
  }
  std::vector<std::string> names(const std::string& query = "") {
    std::vector<std::string> out;
    const auto listed = arm("GET", "/blobServices/default/containers", nullptr, query).json();
    for (const auto& one : listed["value"])
      out.push_back(one["name"].get<std::string>() +
                    (one["properties"]["deleted"] == true ? " deleted" : ""));
    return out;
  }
  using Names = std::vector<std::string>;
};

TEST_F(StorageContainersContractTest, ContainersAreMadeChangedAndListed) {
  const auto made = container("PUT", "box", {{"properties", {{"metadata", {{"a", "b"}}}}}});
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["properties"]["leaseState"], "Available");
  EXPECT_EQ(container("PUT", "box", json::object()).status, 200);
  EXPECT_EQ(container("PATCH", "box", {{"properties", {{"metadata", {{"c", "d"}}}}}}).status, 200);
  EXPECT_EQ(container("GET", "box").json()["properties"]["metadata"], json({{"c", "d"}}));
  for (const char* bad : {"Box", "-box", "bo", "b--x"})
    EXPECT_EQ(container("PUT", bad, json::object()).error_code(), "InvalidResourceName") << bad;
  EXPECT_EQ(container("PUT", "open", {{"properties", {{"publicAccess", "Blob"}}}}).error_code(),
            "PublicAccessNotPermitted");
  EXPECT_EQ(container("GET", "none").error_code(), "ContainerNotFound");
  EXPECT_EQ(container("DELETE", "none").status, 204);
  container("PUT", "alpha", json::object());
  EXPECT_EQ(names(), (Names{"alpha", "box"}));
  EXPECT_EQ(names("&$filter=startswith(name,%20'b')"), (Names{"box"}));
}

TEST_F(StorageContainersContractTest, ListsComeInPages) {
  for (const char* name : {"one", "two", "three"}) container("PUT", name, json::object());
  auto page = arm("GET", "/blobServices/default/containers", nullptr, "&$maxpagesize=2").json();
  EXPECT_EQ(page["value"].size(), 2U);
  page = sim_.arm("GET", page["nextLink"].get<std::string>().substr(sim_.url().size())).json();
  ASSERT_EQ(page["value"].size(), 1U);
  EXPECT_EQ(page["value"][0]["name"], "two");
  EXPECT_FALSE(page.contains("nextLink"));
}

TEST_F(StorageContainersContractTest, ADeletedOneIsListedForItsDays) {
  sim_.freeze_at("2026-01-01T00:00:00Z");
  arm("PUT", "/blobServices/default",
      {{"properties", {{"containerDeleteRetentionPolicy", {{"enabled", true}, {"days", 7}}}}}});
  container("PUT", "box", json::object());
  EXPECT_EQ(container("DELETE", "box").status, 200);
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(names("&$include=deleted"), (Names{"box deleted"}));
  container("PUT", "box", json::object());
  EXPECT_EQ(names("&$include=deleted"), (Names{"box", "box deleted"}));
  sim_.advance("7d");
  EXPECT_EQ(names("&$include=deleted"), (Names{"box"}));
}

TEST_F(StorageContainersContractTest, ALeaseKeepsAContainer) {
  sim_.freeze_at("2026-01-01T00:00:00Z");
  container("PUT", "box", json::object());
  const auto lease = [&](json body) { return container("POST", "box/lease", body); };
  EXPECT_EQ(lease({{"action", "Acquire"}, {"leaseDuration", 5}}).status, 400);
  EXPECT_EQ(lease({{"action", "Break"}}).error_code(), "LeaseNotPresentWithLeaseOperation");
  const auto id = lease({{"action", "Acquire"}, {"leaseDuration", 15}}).json()["leaseId"];
  EXPECT_EQ(lease({{"action", "Acquire"}, {"leaseDuration", -1}}).error_code(), "LeaseAlreadyPresent");
  EXPECT_EQ(container("DELETE", "box").error_code(), "LeaseIdMissing");
  sim_.advance("15s");
  EXPECT_EQ(container("GET", "box").json()["properties"]["leaseState"], "Expired");
  EXPECT_EQ(lease({{"action", "Renew"}, {"leaseId", id}}).status, 200);
  EXPECT_EQ(lease({{"action", "Release"}, {"leaseId", "other"}}).error_code(),
            "LeaseIdMismatchWithLeaseOperation");
  EXPECT_EQ(lease({{"action", "Release"}, {"leaseId", id}}).status, 200);
  EXPECT_EQ(container("DELETE", "box").status, 200);
}

TEST_F(StorageContainersContractTest, ALegalHoldIsSetAndClearedByTag) {
  container("PUT", "box", json::object());
  EXPECT_EQ(container("POST", "box/setLegalHold", {{"tags", json::array({"a"})}}).status, 400);
  EXPECT_EQ(container("POST", "box/setLegalHold", {{"tags", {"Case1", "case2"}}}).json()["tags"],
            json({"case1", "case2"}));
  EXPECT_EQ(container("DELETE", "box").error_code(), "ContainerHasLegalHold");
  EXPECT_EQ(arm("DELETE", "").error_code(), "AccountProtectedFromDeletion");
  EXPECT_EQ(
      container("POST", "box/clearLegalHold", {{"tags", json::array({"case1"})}}).json()["hasLegalHold"],
      true);
  EXPECT_EQ(
      container("POST", "box/clearLegalHold", {{"tags", json::array({"case2"})}}).json()["hasLegalHold"],
      false);
  EXPECT_EQ(container("DELETE", "box").status, 200);
}

TEST_F(StorageContainersContractTest, AnImmutabilityPolicyIsLockedForGood) {
  container("PUT", "box", json::object());
  EXPECT_EQ(policy("PUT", "", 146'001, "*").status, 400);
  const auto first = policy("PUT", "", 3, "*").json();
  EXPECT_EQ(first["properties"]["state"], "Unlocked");
  EXPECT_EQ(policy("DELETE", "", 0, "\"other\"").status, 412);
  EXPECT_EQ(
      policy("DELETE", "", 0, first["etag"]).json()["properties"]["immutabilityPeriodSinceCreationInDays"],
      0);
  const auto second = policy("PUT", "", 3, "*").json();
  EXPECT_EQ(policy("POST", "/extend", 9, second["etag"]).error_code(), "ContainerImmutabilityPolicyLocked");
  auto locked = policy("POST", "/lock", 0, second["etag"]).json();
  EXPECT_EQ(locked["properties"]["state"], "Locked");
  EXPECT_EQ(policy("PUT", "", 9, "*").error_code(), "ContainerImmutabilityPolicyLocked");
  EXPECT_EQ(policy("DELETE", "", 0, locked["etag"]).error_code(), "ContainerImmutabilityPolicyLocked");
  EXPECT_EQ(policy("POST", "/extend", 3, locked["etag"]).status, 400);
  for (int days = 4; days < 9; ++days) locked = policy("POST", "/extend", days, locked["etag"]).json();
  EXPECT_EQ(policy("POST", "/extend", 9, locked["etag"]).status, 400) << "five times at most";
  const auto shown = container("GET", "box").json()["properties"];
  EXPECT_EQ(shown["immutabilityPolicy"]["properties"]["immutabilityPeriodSinceCreationInDays"], 8);
  EXPECT_EQ(shown["immutabilityPolicy"]["updateHistory"].size(), 7U);
  EXPECT_EQ(arm("DELETE", "").error_code(), "AccountProtectedFromDeletion");
}

TEST_F(StorageContainersContractTest, LifecycleRulesAreChecked) {
  const json filters = {{"blobTypes", json::array({"blockBlob"})}};
  const auto rule = [&](const json& actions, const std::string& name = "r") {
    return json{
        {"name", name}, {"type", "Lifecycle"}, {"definition", {{"filters", filters}, {"actions", actions}}}};
  };
  const auto put = [&](const json& rules) {
    return arm("PUT", "/managementPolicies/default", {{"properties", {{"policy", {{"rules", rules}}}}}});
  };
  EXPECT_EQ(arm("GET", "/managementPolicies/default").error_code(), "ManagementPolicyNotFound");
  EXPECT_EQ(arm("DELETE", "/managementPolicies/default").status, 204);
  const json remove = {{"baseBlob", {{"delete", {{"daysAfterModificationGreaterThan", 365}}}}}};
  const auto made = put(json::array({rule(remove)}));
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json()["properties"]["policy"]["rules"][0]["enabled"], true);
  for (const json& bad :
       {json::array(), json::array({rule(json::object())}), json::array({rule(remove, "")}),
        json::array({rule(remove), rule(remove)}),
        json::array({rule({{"baseBlob", {{"delete", {{"daysAfterModificationGreaterThan", -1}}}}}})}),
        json::array({rule({{"baseBlob", {{"delete", {{"daysAfterLastAccessTimeGreaterThan", 1}}}}}})})})
    EXPECT_EQ(put(bad).error_code(), "InvalidValuesForRequestParameters") << bad;
  EXPECT_EQ(arm("DELETE", "/managementPolicies/default").status, 200);
}

// "Create an account SAS": HMAC-SHA256 with the account's key over its fields, each ended by a line feed.
TEST_F(StorageContainersContractTest, ASignatureIsMadeWithTheAccountsKey) {
  const json wanted = {{"signedServices", "b"},
                       {"signedResourceTypes", "sco"},
                       {"signedPermission", "rl"},
                       {"signedExpiry", "2030-01-02T03:04:05.678Z"}};
  const std::string token = arm("POST", "/listAccountSas", wanted).json()["accountSasToken"];
  const auto key = simulator::base64_decode(arm("POST", "/listKeys").json()["keys"][0]["value"]);
  const auto signature = simulator::base64_encode(
      simulator::hmac_sha256(key, "one\nrl\nb\nsco\n\n2030-01-02T03:04:05Z\n\n\n2015-04-05\n"));
  EXPECT_EQ(token, "sv=2015-04-05&ss=b&srt=sco&sp=rl&se=2030-01-02T03%3A04%3A05Z&sig=" +
                       simulator::percent_encode(signature));
  json bad = wanted;
  bad.erase("signedExpiry");
  EXPECT_EQ(arm("POST", "/listAccountSas", bad).status, 400);
  const auto service = arm("POST", "/listServiceSas",
                           {{"canonicalizedResource", "/blob/one/box"},
                            {"signedResource", "c"},
                            {"signedPermission", "r"},
                            {"signedExpiry", "2030-01-02T03:04:05Z"}});
  EXPECT_EQ(service.status, 200) << service.body;
  EXPECT_EQ(
      arm("POST", "/listServiceSas", {{"canonicalizedResource", "/blob/other/box"}, {"signedResource", "c"}})
          .status,
      400);
}

TEST_F(StorageContainersContractTest, TheChangeFeedIsKeptForACenturyOrFour) {
  const auto put = [&](int days) {
    return arm("PUT", "/blobServices/default",
               {{"properties", {{"changeFeed", {{"enabled", true}, {"retentionInDays", days}}}}}})
        .status;
  };
  EXPECT_EQ(put(146'001), 400);
  EXPECT_EQ(put(0), 400);
  EXPECT_EQ(put(30), 200);
}

}  // namespace
}  // namespace azlin::test
