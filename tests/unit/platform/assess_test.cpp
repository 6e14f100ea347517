#include "azlin/platform/assess.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "azlin/core/error.hpp"

namespace azlin::platform {
namespace {

using nlohmann::json;
using State = Finding::State;

class AssessTest : public ::testing::Test {
 protected:
  static Resource resource(Kind kind, json body) {
    Resource out;
    out.kind = kind;
    out.name = "thing";
    out.id = "/subscriptions/s/thing";
    out.body = std::move(body);
    return out;
  }
  static const Finding& named(const std::vector<Finding>& all, const std::string& check) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.check == check; });
    EXPECT_NE(found, all.end()) << check;
    return *found;
  }
  Expectations expected = parse_expectations(standard_expectations_text(), "standard");
  core::TimePoint now = core::parse_time("2025-12-01T08:00:00Z").value();
};

TEST_F(AssessTest, TheStandardDeploymentsCosmosFallsShort) {
  const auto findings = check_cosmos(
      resource(Kind::cosmos,
               {{"properties",
                 {{"backupPolicy",
                   {{"type", "Periodic"},
                    {"periodicModeProperties",
                     {{"backupIntervalInMinutes", 240}, {"backupRetentionIntervalInHours", 8}}}}},
                  {"locations", json::array({{{"locationName", "West US"}, {"failoverPriority", 0}}})}}}}),
      expected);
  EXPECT_EQ(named(findings, "backup policy").state, State::short_of);
  EXPECT_TRUE(named(findings, "backup policy").mend.for_good);
  EXPECT_EQ(named(findings, "regions").state, State::short_of);
  EXPECT_EQ(named(findings, "regions").mend.how, Mend::How::none) << "the region is a person's choice";
  EXPECT_EQ(named(findings, "automatic failover").state, State::short_of);
}

TEST_F(AssessTest, StrongConsistencyNeedsThreeRegions) {
  const auto findings = check_cosmos(
      resource(Kind::cosmos,
               {{"properties",
                 {{"backupPolicy",
                   {{"type", "Continuous"}, {"continuousModeProperties", {{"tier", "Continuous30Days"}}}}},
                  {"enableAutomaticFailover", true},
                  {"consistencyPolicy", {{"defaultConsistencyLevel", "Strong"}}},
                  {"locations", json::array({{{"locationName", "West US"}, {"failoverPriority", 0}},
                                             {{"locationName", "East US"}, {"failoverPriority", 1}}})}}}}),
      expected);
  EXPECT_EQ(named(findings, "backup policy").state, State::good);
  EXPECT_EQ(named(findings, "consistency").state, State::short_of);
}

TEST_F(AssessTest, StorageIsHeldAgainstDaysAndRedundancy) {
  const json service = {{"properties",
                         {{"isVersioningEnabled", true},
                          {"deleteRetentionPolicy", {{"enabled", true}, {"days", 35}}},
                          {"containerDeleteRetentionPolicy", {{"enabled", true}, {"days", 7}}}}}};
  const auto findings =
      check_storage(resource(Kind::storage, {{"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}}),
                    service, expected);
  EXPECT_EQ(named(findings, "versioning").state, State::good);
  EXPECT_EQ(named(findings, "soft delete of blobs").state, State::good) << "35 days are more than 30";
  EXPECT_EQ(named(findings, "soft delete of containers").state, State::short_of);
  EXPECT_EQ(named(findings, "redundancy").state, State::short_of);
  EXPECT_EQ(named(findings, "redundancy").mend.value, "Standard_GRS");
}

TEST_F(AssessTest, VaultAndStoreNeedYoungBackups) {
  const auto vault = resource(
      Kind::key_vault, {{"properties", {{"enableSoftDelete", true}, {"softDeleteRetentionInDays", 90}}}});
  EXPECT_EQ(named(check_vault(vault, std::nullopt, now, expected), "last backup").state, State::short_of);
  EXPECT_EQ(named(check_vault(vault, std::nullopt, now, expected), "purge protection").state,
            State::short_of);
  const SavedCopy young{"", "", now - std::chrono::days{3}, "/b", 5},
      old{"", "", now - std::chrono::days{31}, "/b", 5};
  EXPECT_EQ(named(check_vault(vault, young, now, expected), "last backup").state, State::good);
  EXPECT_EQ(named(check_vault(vault, old, now, expected), "last backup").state, State::short_of);
  const auto store = resource(Kind::app_configuration, {{"sku", {{"name", "free"}}}});
  EXPECT_EQ(named(check_store(store, young, now, expected), "history").state, State::short_of);
  EXPECT_EQ(named(check_store(store, young, now, expected), "last export").state, State::good);
  EXPECT_EQ(named(check_store(store, young, now, expected), "purge protection").mend.how, Mend::How::none);
}

TEST(ExpectationsTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(parse_expectations("cosmos: {back: 1}", "f"), core::Error);
  EXPECT_THROW(parse_expectations("mysql: {}", "f"), core::Error);
  EXPECT_THROW(parse_expectations("cosmos: {regions: many}", "f"), core::Error);
  EXPECT_THROW(parse_expectations("cosmos: [", "f"), core::Error);
  EXPECT_EQ(parse_expectations("storage: {blob_soft_delete_days: 14}", "f").storage_blob_days, 14);
  EXPECT_FALSE(parse_expectations("", "f").storage_versioning);
}

TEST(AssessHtmlTest, EscapesWhatAzureSays) {
  Assessed one;
  one.resource.name = "<b>";
  one.findings.push_back({State::short_of, "check", "a & b", "\"x\"", "azlin", "", {}});
  const auto page = assessment_html({one}, {});
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(page.find("a &amp; b"), std::string::npos);
}

}  // namespace
}  // namespace azlin::platform
