// Key Vault: vaults in ARM and the data plane. docs/simulator-platform.md has the rules and their sources.
#include "contract/platform_support.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class KeyVaultContractTest : public PlatformTest {
 protected:
  void SetUp() override { sim_.make_group("rg"); }

  std::string vault_path(const std::string& name) {
    return path("Microsoft.KeyVault/vaults/" + name, "2022-07-01");
  }
  static json vault_body(const json& more = json::object(), const std::string& location = "eastus") {
    json body = {{"location", location},
                 {"properties",
                  {{"tenantId", "11111111-1111-1111-1111-111111111111"},
                   {"sku", {{"family", "A"}, {"name", "standard"}}},
                   {"enableRbacAuthorization", true}}}};
    body["properties"].update(more);
    return body;
  }
  // Makes a vault and returns its address, without the slash.
  std::string make(const std::string& name, const json& more = json::object(),
                   const std::string& location = "eastus") {
    const auto reply = sim_.arm("PUT", vault_path(name), vault_body(more, location));
    EXPECT_EQ(reply.status, 201) << reply.body;
    std::string uri = reply.json()["properties"]["vaultUri"];
    uri.pop_back();
    return uri;
  }
  HttpReply call(const std::string& method, const std::string& url, const json& body = nullptr) {
    const std::string full = url + (url.find('?') == std::string::npos ? "?" : "&") + "api-version=7.4";
    return http_call(method, full, body.is_null() ? "" : body.dump(),
                     {{"Authorization", "Bearer " + token_for("https://vault.azure.net")},
                      {"Content-Type", "application/json"}});
  }
  void set(const std::string& vault, const std::string& name, const std::string& value) {
    const auto reply = call("PUT", vault + "/secrets/" + name, {{"value", value}});
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  static std::string inner(const HttpReply& reply) {
    return reply.json()["error"].value("innererror", json::object()).value("code", "");
  }
};

// Without a token: 401 WWW-Authenticate: Bearer authorization="…/{tenant}",
// resource="https://vault.azure.net".
TEST_F(KeyVaultContractTest, ChallengesACallerWithoutToken) {
  const auto vault = make("v-one");
  const auto reply = http_call("GET", vault + "/secrets?api-version=7.4", "", {});
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("www-authenticate"),
            "Bearer authorization=\"" + sim_.url() +
                "/11111111-1111-1111-1111-111111111111\", resource=\"https://vault.azure.net\"");
}

TEST_F(KeyVaultContractTest, RefusesATokenForArm) {
  const auto vault = make("v-one");
  const auto reply =
      http_call("GET", vault + "/secrets?api-version=7.4", "", {{"Authorization", "Bearer " + sim_.token()}});
  EXPECT_EQ(reply.status, 401);
  EXPECT_NE(reply.body.find("AKV10022"), std::string::npos) << reply.body;
}

TEST_F(KeyVaultContractTest, TheHostNameLeadsToTheVaultToo) {
  const auto vault = make("v-one");
  set(vault, "a", "1");
  for (const char* host : {"v-one.vault.azure.net", "V-ONE.vault.localhost:443"}) {
    const auto reply =
        http_call("GET", sim_.url() + "/secrets/a?api-version=7.4", "",
                  {{"Host", host}, {"Authorization", "Bearer " + token_for("https://vault.azure.net")}});
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  const auto missing =
      http_call("GET", sim_.url() + "/secrets/a?api-version=7.4", "", {{"Host", "other.vault.azure.net"}});
  EXPECT_EQ(missing.status, 0);
}

TEST_F(KeyVaultContractTest, NamesAreUniqueAndChecked) {
  make("v-one");
  sim_.make_group("other");
  const auto taken =
      sim_.arm("PUT", path("Microsoft.KeyVault/vaults/v-one", "2022-07-01", "other"), vault_body());
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.error_code(), "VaultAlreadyExists");
  EXPECT_EQ(sim_.arm("PUT", vault_path("1v"), vault_body()).error_code(), "VaultNameNotValid");
}

// softDeleteRetentionInDays 7-90, at creation only; soft delete and purge protection are for good.
TEST_F(KeyVaultContractTest, ProtectionGoesOneWay) {
  make("v-one", {{"softDeleteRetentionInDays", 7}});
  const auto patch = [&](const json& properties) {
    return sim_.arm("PATCH", vault_path("v-one"), {{"properties", properties}});
  };
  EXPECT_EQ(patch({{"softDeleteRetentionInDays", 30}}).status, 400);
  EXPECT_EQ(patch({{"enableSoftDelete", false}}).status, 400);
  EXPECT_EQ(patch({{"enablePurgeProtection", false}}).status, 400);
  EXPECT_EQ(patch({{"enablePurgeProtection", true}}).status, 200);
  EXPECT_EQ(get(vault_path("v-one"))["properties"]["enablePurgeProtection"], true);
  EXPECT_EQ(sim_.arm("PUT", vault_path("v-two"), vault_body({{"softDeleteRetentionInDays", 6}})).status, 400);
}

TEST_F(KeyVaultContractTest, ADeletedVaultIsRecoveredWithItsSecrets) {
  const auto vault = make("v-one");
  set(vault, "a", "1");
  EXPECT_EQ(sim_.arm("DELETE", vault_path("v-one")).status, 200);
  EXPECT_EQ(call("GET", vault + "/secrets/a").status, 0);
  const std::string deleted =
      std::string(kSubscription) + "/providers/Microsoft.KeyVault/deletedVaults?api-version=2022-07-01";
  EXPECT_EQ(get(deleted)["value"].size(), 1U);
  EXPECT_EQ(sim_.arm("PUT", vault_path("v-one"), vault_body()).error_code(), "VaultAlreadyExists");
  EXPECT_EQ(sim_.arm("PUT", vault_path("v-one"), vault_body({{"createMode", "recover"}})).status, 200);
  EXPECT_EQ(call("GET", vault + "/secrets/a").json()["value"], "1");
  EXPECT_EQ(get(deleted)["value"].size(), 0U);
}

TEST_F(KeyVaultContractTest, PurgeFreesTheNameUnlessProtected) {
  const std::string purge =
      std::string(kSubscription) + "/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/";
  make("v-one");
  sim_.arm("DELETE", vault_path("v-one"));
  EXPECT_EQ(sim_.finish(sim_.arm("POST", purge + "v-one/purge?api-version=2022-07-01")).status, 200);
  make("v-one");
  make("v-two", {{"enablePurgeProtection", true}});
  sim_.arm("DELETE", vault_path("v-two"));
  EXPECT_EQ(sim_.arm("POST", purge + "v-two/purge?api-version=2022-07-01").status, 405);
  sim_.advance("90d");
  EXPECT_EQ(sim_.arm("GET", purge + "v-two?api-version=2022-07-01").status, 404);
}

TEST_F(KeyVaultContractTest, SecretsHaveVersions) {
  const auto vault = make("v-one");
  set(vault, "a", "1");
  set(vault, "A", "2");
  EXPECT_EQ(call("GET", vault + "/secrets/a").json()["value"], "2");
  const auto versions = call("GET", vault + "/secrets/a/versions").json()["value"];
  ASSERT_EQ(versions.size(), 2U);
  const std::string first = versions[0]["id"];
  EXPECT_FALSE(versions[0].contains("value"));
  EXPECT_EQ(call("GET", first).json()["value"], "1");
  EXPECT_EQ(versions[0]["attributes"]["recoveryLevel"], "Recoverable+Purgeable");
  const auto off = call("PATCH", first, {{"attributes", {{"enabled", false}}}, {"tags", {{"k", "v"}}}});
  EXPECT_EQ(off.json()["tags"]["k"], "v") << off.body;
  const auto refused = call("GET", first);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(inner(refused), "SecretDisabled");
}

// maxresults 1-25; nextLink is absolute; no item is lost or given twice.
TEST_F(KeyVaultContractTest, ListsComeInPages) {
  const auto vault = make("v-one");
  for (int number = 0; number < 30; ++number) set(vault, "s" + std::to_string(number), "x");
  EXPECT_EQ(call("GET", vault + "/secrets?maxresults=26").error_code(), "BadParameter");
  std::set<std::string> seen;
  std::string url = vault + "/secrets?maxresults=7&api-version=7.4";
  int pages = 0;
  while (!url.empty()) {
    const auto body =
        http_call("GET", url, "", {{"Authorization", "Bearer " + token_for("https://vault.azure.net")}})
            .json();
    for (const auto& item : body["value"]) EXPECT_TRUE(seen.insert(item["id"]).second);
    url = body["nextLink"].is_string() ? body["nextLink"].get<std::string>() : "";
    ++pages;
  }
  EXPECT_EQ(pages, 5);
  EXPECT_EQ(seen.size(), 30U);
}

TEST_F(KeyVaultContractTest, ASoftDeletedNameIsTakenUntilItIsPurged) {
  const auto vault = make("v-one");
  set(vault, "a", "1");
  const auto deleted = call("DELETE", vault + "/secrets/a");
  EXPECT_TRUE(deleted.json().contains("recoveryId")) << deleted.body;
  EXPECT_EQ(call("GET", vault + "/secrets/a").error_code(), "SecretNotFound");
  const auto taken = call("PUT", vault + "/secrets/a", {{"value", "2"}});
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(inner(taken), "ObjectIsDeletedButRecoverable");
  EXPECT_EQ(call("POST", vault + "/deletedsecrets/a/recover").status, 200);
  EXPECT_EQ(call("GET", vault + "/secrets/a").json()["value"], "1");
  call("DELETE", vault + "/secrets/a");
  EXPECT_EQ(call("DELETE", vault + "/deletedsecrets/a").status, 204);
  set(vault, "a", "3");
  EXPECT_EQ(call("GET", vault + "/secrets/a/versions").json()["value"].size(), 1U);
}

// While an item is being deleted, recovered or purged its name is held: 409 with the reason.
TEST_F(KeyVaultContractTest, ChangesTakeAWhile) {
  sim_.freeze_at("2026-01-01T00:00:00Z");
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  const auto vault = make("v-one");
  set(vault, "a", "1");
  call("DELETE", vault + "/secrets/a");
  EXPECT_EQ(call("GET", vault + "/deletedsecrets/a").status, 404);
  EXPECT_EQ(inner(call("PUT", vault + "/secrets/a", {{"value", "2"}})), "ObjectIsBeingDeleted");
  EXPECT_EQ(inner(call("POST", vault + "/deletedsecrets/a/recover")), "ObjectIsBeingDeleted");
  EXPECT_EQ(inner(call("DELETE", vault + "/deletedsecrets/a")), "ObjectIsBeingDeleted");
  sim_.advance("5s");
  call("POST", vault + "/deletedsecrets/a/recover");
  EXPECT_EQ(inner(call("PUT", vault + "/secrets/a", {{"value", "2"}})), "ObjectIsBeingRecovered");
  sim_.advance("5s");
  EXPECT_EQ(call("GET", vault + "/secrets/a").status, 200);
  call("DELETE", vault + "/secrets/a");
  sim_.advance("5s");
  EXPECT_EQ(call("DELETE", vault + "/deletedsecrets/a").status, 204);
  EXPECT_EQ(call("GET", vault + "/deletedsecrets/a").status, 404);
  EXPECT_EQ(call("PUT", vault + "/secrets/a", {{"value", "2"}}).status, 409);
  sim_.advance("5s");
  set(vault, "a", "2");
}

TEST_F(KeyVaultContractTest, PurgeProtectionHoldsForSecrets) {
  const auto vault = make("v-one", {{"enablePurgeProtection", true}, {"softDeleteRetentionInDays", 7}});
  set(vault, "a", "1");
  call("DELETE", vault + "/secrets/a");
  EXPECT_EQ(call("DELETE", vault + "/deletedsecrets/a").status, 403);
  sim_.advance("7d");
  EXPECT_EQ(call("GET", vault + "/deletedsecrets/a").status, 404);
  set(vault, "a", "2");
}

// A backup has all versions, and is restored only in the same subscription and geography, under a free name.
TEST_F(KeyVaultContractTest, ABackupGoesBackWithAllVersions) {
  const auto vault = make("v-one"), west = make("v-west", json::object(), "westus"),
             europe = make("v-eu", json::object(), "westeurope");
  set(vault, "a", "1");
  set(vault, "a", "2");
  const auto blob = call("POST", vault + "/secrets/a/backup").json();
  EXPECT_EQ(blob["value"].get<std::string>().find_first_of("+/="), std::string::npos);
  EXPECT_EQ(call("POST", vault + "/secrets/restore", blob).status, 409);
  const auto far = call("POST", europe + "/secrets/restore", blob);
  EXPECT_EQ(far.status, 400);
  EXPECT_EQ(far.json()["error"]["message"], "Cannot decrypt backup blob.");
  const auto restored = call("POST", west + "/secrets/restore", blob);
  EXPECT_EQ(restored.status, 200) << restored.body;
  EXPECT_EQ(call("GET", west + "/secrets/a").json()["value"], "2");
  EXPECT_EQ(call("GET", west + "/secrets/a/versions").json()["value"].size(), 2U);
  EXPECT_EQ(call("POST", west + "/keys/restore", blob).status, 400);
  EXPECT_EQ(call("POST", west + "/secrets/restore", {{"value", "AAAA"}}).status, 400);
}

TEST_F(KeyVaultContractTest, KeysAreMadeAndBackedUp) {
  const auto vault = make("v-one"), other = make("v-two");
  const auto made = call("POST", vault + "/keys/k/create", {{"kty", "EC"}, {"crv", "P-256"}});
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json()["key"]["kty"], "EC");
  EXPECT_EQ(call("POST", vault + "/keys/h/create", {{"kty", "RSA-HSM"}}).status, 400);
  const auto blob = call("POST", vault + "/keys/k/backup").json();
  EXPECT_EQ(call("POST", other + "/keys/restore", blob).status, 200);
  EXPECT_EQ(call("GET", other + "/keys/k").json()["key"]["x"], made.json()["key"]["x"]);
}

// POST /keys/{name}/{version}/{sign|verify|…}; a private half that comes back by a restore is the same one.
TEST_F(KeyVaultContractTest, ARestoredKeyKnowsItsSignature) {
  const auto vault = make("v-one"), other = make("v-two");
  call("POST", vault + "/keys/k/create", {{"kty", "EC"}, {"crv", "P-256"}, {"key_ops", {"sign", "verify"}}});
  const std::string digest(43, 'A');  // 32 bytes
  const auto made = call("POST", vault + "/keys/k/sign", {{"alg", "ES256"}, {"value", digest}});
  ASSERT_EQ(made.status, 200) << made.body;
  call("POST", other + "/keys/restore", call("POST", vault + "/keys/k/backup").json());
  const std::string version = made.json()["kid"].get<std::string>().substr(vault.size() + 8);
  json check = {{"alg", "ES256"}, {"digest", digest}, {"value", made.json()["value"]}};
  EXPECT_EQ(call("POST", other + "/keys/k/" + version + "/verify", check).json()["value"], true);
  check["digest"] = std::string(42, 'A') + "E";
  EXPECT_EQ(call("POST", other + "/keys/k/" + version + "/verify", check).json()["value"], false);
  EXPECT_EQ(call("POST", vault + "/keys/k/sign", {{"alg", "RS256"}, {"value", digest}}).status, 400);
  EXPECT_EQ(inner(call("POST", vault + "/keys/k/encrypt", {{"alg", "RSA-OAEP"}, {"value", "AA"}})),
            "KeyOperationForbidden");
}

// JSON Web Keys: the coordinates have the whole width of the curve (RFC 7518, 6.2.1.2), also with zeros in
// front.
TEST_F(KeyVaultContractTest, CoordinatesOfAPointHaveTheWidthOfItsCurve) {
  const auto vault = make("v-one");
  for (int i = 0; i < 300; ++i) {
    const auto key = call("POST", vault + "/keys/k/create", {{"kty", "EC"}, {"crv", "P-256"}}).json()["key"];
    ASSERT_EQ(key["x"].get<std::string>().size(), 43U);
    ASSERT_EQ(key["y"].get<std::string>().size(), 43U);
  }
}

TEST_F(KeyVaultContractTest, ARotationMakesAVersionOfTheSameKind) {
  const auto vault = make("v-one");
  call("POST", vault + "/keys/k/create", {{"kty", "RSA"}, {"key_size", 3072}, {"tags", {{"a", "b"}}}});
  const auto rotated = call("POST", vault + "/keys/k/rotate").json();
  EXPECT_EQ(rotated["key"]["n"].get<std::string>().size(), 512U);
  EXPECT_EQ(rotated["tags"], (json{{"a", "b"}}));
  EXPECT_EQ(call("GET", vault + "/keys/k/versions").json()["value"].size(), 2U);
  EXPECT_EQ(call("GET", vault + "/keys/k/rotationpolicy").json()["lifetimeActions"][0]["action"]["type"],
            "Notify");
  const json policy = {
      {"lifetimeActions", {{{"trigger", {{"timeAfterCreate", "P30D"}}}, {"action", {{"type", "Rotate"}}}}}}};
  EXPECT_EQ(call("PUT", vault + "/keys/k/rotationpolicy", policy).status, 200);
  EXPECT_EQ(
      call("PUT", vault + "/keys/k/rotationpolicy", {{"lifetimeActions", {{{"action", {{"type", "No"}}}}}}})
          .status,
      400);
}

TEST_F(KeyVaultContractTest, RepliesNameTheRegion) {
  const auto vault = make("v-one");
  const auto reply = call("GET", vault + "/secrets");
  EXPECT_EQ(reply.header("x-ms-keyvault-region"), "eastus");
  EXPECT_EQ(reply.header("cache-control"), "no-cache");
}

TEST_F(KeyVaultContractTest, AccessPoliciesAreAddedReplacedAndRemoved) {
  make("v-one");
  const auto change = [&](const std::string& how, const json& secrets) {
    const json policy = {{"tenantId", "11111111-1111-1111-1111-111111111111"},
                         {"objectId", "22222222-2222-2222-2222-222222222222"},
                         {"permissions", {{"secrets", secrets}}}};
    const auto reply =
        sim_.arm("PUT", path("Microsoft.KeyVault/vaults/v-one/accessPolicies/" + how, "2022-07-01"),
                 {{"properties", {{"accessPolicies", json::array({policy})}}}});
    return reply.status == 200 ? reply.json()["properties"]["accessPolicies"] : json(reply.status);
  };
  EXPECT_EQ(change("add", json::array({"get"}))[0]["permissions"]["secrets"], json::array({"get"}));
  EXPECT_EQ(change("add", json::array({"List"}))[0]["permissions"]["secrets"], json({"get", "list"}));
  EXPECT_EQ(change("replace", json::array({"set"}))[0]["permissions"]["secrets"], json::array({"set"}));
  EXPECT_EQ(change("remove", json::array({"set"})), json::array());
  EXPECT_EQ(change("other", json::array({"set"})), 400);
  EXPECT_EQ(sim_.arm("GET", vault_path("v-one")).json()["properties"]["accessPolicies"], json::array());
}

TEST_F(KeyVaultContractTest, SecretsAndKeysAreMadeInArmToo) {
  const auto vault = make("v-one");
  const auto at = [&](const std::string& rest) {
    return path("Microsoft.KeyVault/vaults/v-one/" + rest, "2023-07-01");
  };
  const auto made =
      sim_.arm("PUT", at("secrets/s"), {{"properties", {{"value", "x"}, {"contentType", "t"}}}});
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_FALSE(made.json()["properties"].contains("value"));
  EXPECT_EQ(call("GET", vault + "/secrets/s").json()["value"], "x");
  EXPECT_EQ(sim_.arm("PATCH", at("secrets/s"), {{"tags", {{"a", "b"}}}}).json()["tags"], json({{"a", "b"}}));
  EXPECT_EQ(call("GET", vault + "/secrets/s").json()["tags"], json({{"a", "b"}}));
  EXPECT_EQ(sim_.arm("GET", at("secrets")).json()["value"].size(), 1U);
  EXPECT_EQ(sim_.arm("GET", at("secrets/none")).status, 404);
  EXPECT_EQ(sim_.arm("PATCH", at("secrets/none"), {{"tags", json::object()}}).status, 404);
  EXPECT_EQ(sim_.arm("PUT", at("keys/k"), {{"properties", {{"kty", "EC"}}}}).status, 200);
  EXPECT_EQ(call("POST", vault + "/keys/k/rotate").status, 200);
  EXPECT_EQ(sim_.arm("GET", at("keys")).json()["value"].size(), 1U);
  EXPECT_EQ(sim_.arm("GET", at("keys/k/versions")).json()["value"].size(), 2U);
}

// The az command asks for HSMs along with vaults.
TEST_F(KeyVaultContractTest, ThereAreNoManagedHsms) {
  const std::string subscription = std::string(kSubscription) + "/providers/Microsoft.KeyVault/";
  for (const char* list : {"managedHSMs", "deletedManagedHSMs"})
    EXPECT_EQ(get(subscription + list + "?api-version=2022-07-01")["value"], json::array());
  EXPECT_EQ(sim_.arm("GET", path("Microsoft.KeyVault/managedHSMs/none", "2022-07-01")).status, 404);
}

// managed:true marks the key and the secret of a certificate: the certificate is what is backed up.
TEST_F(KeyVaultContractTest, ACertificateBringsItsKeyAndSecret) {
  const auto vault = make("v-one"), other = make("v-two");
  const json policy = {{"issuer", {{"name", "Self"}}}, {"x509_props", {{"subject", "CN=www.example.com"}}}};
  EXPECT_EQ(call("POST", vault + "/certificates/c/create", {{"policy", policy}}).status, 202);
  EXPECT_EQ(call("GET", vault + "/certificates/c/pending").json()["status"], "completed");
  const auto certificate = call("GET", vault + "/certificates/c").json();
  EXPECT_FALSE(certificate["cer"].get<std::string>().empty());
  EXPECT_EQ(call("GET", vault + "/secrets").json()["value"][0]["managed"], true);
  EXPECT_EQ(call("POST", vault + "/secrets/c/backup").status, 403);
  const auto blob = call("POST", vault + "/certificates/c/backup").json();
  ASSERT_EQ(call("POST", other + "/certificates/restore", blob).status, 200);
  EXPECT_EQ(call("GET", other + "/certificates/c").json()["x5t"], certificate["x5t"]);
  EXPECT_EQ(call("GET", other + "/secrets/c").json()["value"],
            call("GET", vault + "/secrets/c").json()["value"]);
  call("DELETE", vault + "/certificates/c");
  EXPECT_EQ(call("GET", vault + "/keys/c").status, 404);
}

TEST_F(KeyVaultContractTest, TooManyRequestsAreRefusedWithRetryAfter) {
  sim_.freeze_at("2026-01-01T00:00:00Z");
  const auto vault = make("v-one");
  sim_.admin("POST", "throttle", {{"enabled", true}, {"keyVault", 2}});
  EXPECT_EQ(call("GET", vault + "/secrets").status, 200);
  EXPECT_EQ(call("GET", vault + "/secrets").status, 200);
  const auto refused = call("GET", vault + "/secrets");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.error_code(), "Throttled");
  EXPECT_EQ(refused.header("retry-after"), "5");
  sim_.advance("5s");
  EXPECT_EQ(call("GET", vault + "/secrets").status, 200);
}

TEST_F(KeyVaultContractTest, GrantsAndTheFirewallHold) {
  const auto vault = make("v-one"), closed = make("v-two", {{"networkAcls", {{"defaultAction", "Deny"}}}});
  EXPECT_EQ(inner(call("GET", closed + "/secrets")), "ForbiddenByFirewall");
  sim_.admin("PUT", "grants", {{"grants", {{{"principal", "*"}, {"scope", "/"}, {"actions", {"*/read"}}}}}});
  const auto refused = call("GET", vault + "/secrets/a");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(inner(refused), "ForbiddenByRbac");
}

TEST_F(KeyVaultContractTest, AnAddressSurvivesARestart) {
  const auto vault = make("v-one");
  set(vault, "a", "1");
  sim_.restart();
  EXPECT_EQ(call("GET", vault + "/secrets/a").json()["value"], "1");
}

}  // namespace
}  // namespace azlin::test
