#include "simulator/state.hpp"

#include <gtest/gtest.h>

#include <ctime>

#include "support/temp_dir.hpp"

namespace azlin::simulator {
namespace {

class StateTest : public ::testing::Test {
 protected:
  static Resource snapshot(const std::string& name, const Json& tags = nullptr) {
    Resource resource;
    resource.id = "/subscriptions/S1/resourceGroups/Prod/providers/Microsoft.Compute/snapshots/" + name;
    resource.type = "Microsoft.Compute/snapshots";
    resource.name = name;
    resource.location = "eastus";
    resource.body = {{"id", resource.id}, {"name", name}};
    if (!tags.is_null()) resource.body["tags"] = tags;
    return resource;
  }
  void save(Resource resource) { state_->save(resource, core::TimePoint{core::Millis{1'000}}); }

  test::TempDir dir_;
  std::unique_ptr<State> state_ = std::make_unique<State>(dir_.file("s.db"));
};

TEST_F(StateTest, FindsIgnoringCaseAndKeepsTheSpelling) {
  save(snapshot("Web"));
  const auto found =
      state_->find("/SUBSCRIPTIONS/s1/RESOURCEGROUPS/PROD/providers/microsoft.compute/snapshots/WEB");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "Web");
  EXPECT_EQ(found->group, "prod");
  EXPECT_EQ(found->created, core::TimePoint{core::Millis{1'000}});
}

TEST_F(StateTest, SaveReplacesAndCounts) {
  auto resource = snapshot("a", {{"k", "1"}});
  state_->save(resource, core::TimePoint{core::Millis{1'000}});
  resource.body["tags"] = {{"k", "2"}};
  state_->save(resource, core::TimePoint{core::Millis{2'000}});
  const auto found = state_->find(resource.id);
  EXPECT_EQ(found->etag, 2);
  EXPECT_EQ(found->created, core::TimePoint{core::Millis{1'000}});
  EXPECT_EQ(found->changed, core::TimePoint{core::Millis{2'000}});
  ListFilter old;
  old.tag = {"k", "1"};
  EXPECT_EQ(state_->count(old), 0);
}

TEST_F(StateTest, ListsByTagWithNamesIgnoringCase) {
  save(snapshot("a", {{"Azlin:VM", "web"}}));
  save(snapshot("b", {{"azlin:vm", "Web"}}));
  ListFilter filter;
  filter.tag = {"azlin:vm", "web"};
  EXPECT_EQ(state_->list(filter).size(), 1U);
  filter.tag_ignores_case = true;
  EXPECT_EQ(state_->list(filter).size(), 2U);
}

TEST_F(StateTest, PagesGoOnWhereTheLastOneEnded) {
  for (const char* name : {"a", "b", "c", "d", "e"}) save(snapshot(name));
  ListFilter filter;
  filter.type = "Microsoft.Compute/snapshots";
  const auto first = state_->page(filter, "", 3, {});
  EXPECT_EQ(first.items.size(), 3U);
  state_->erase(
      "/subscriptions/s1/resourcegroups/prod/providers/microsoft.compute/snapshots/c");  // the last one shown
  const auto second = state_->page(filter, first.next, 3, {});
  ASSERT_EQ(second.items.size(), 2U);
  EXPECT_EQ(Json::parse(second.items[0])["name"], "d");
  EXPECT_EQ(second.next, "");
}

TEST_F(StateTest, LiveResourcesArePresented) {
  auto live = snapshot("a");
  live.live = true;
  save(live);
  save(snapshot("b"));
  const auto page = state_->page({}, "", 10, [](const Resource& resource) {
    Json body = resource.body;
    body["percent"] = 40;
    return body;
  });
  EXPECT_EQ(Json::parse(page.items[0])["percent"], 40);
  EXPECT_FALSE(Json::parse(page.items[1]).contains("percent"));
}

TEST_F(StateTest, RefsFindWhatBelongsTogether) {
  auto one = snapshot("a");
  one.ref = "disk-1";
  save(one);
  save(snapshot("b"));
  EXPECT_EQ(state_->list_by_ref("microsoft.compute/Snapshots", "disk-1").size(), 1U);
  EXPECT_TRUE(state_->list_by_ref("Microsoft.Compute/snapshots", "").empty());
}

TEST_F(StateTest, SurvivesBeingReopened) {
  save(snapshot("a", {{"k", "v"}}));
  state_->set_meta("clock", "x");
  state_.reset();
  state_ = std::make_unique<State>(dir_.file("s.db"));
  EXPECT_EQ(state_->count({}), 1);
  EXPECT_EQ(state_->meta("clock"), "x");
  state_->clear();
  EXPECT_EQ(state_->count({}), 0);
  EXPECT_FALSE(state_->meta("clock"));
}

// The promise of the design: with 50,000 snapshots the 23 of one VM are found in under 20 ms, and all are
// listed in under 2 s. Ten times that is allowed here, for a slow machine under sanitizers; and it is the
// processor's time, since others work on the machine, too.
TEST_F(StateTest, FiftyThousandSnapshotsStayQuick) {
  state_->db().execute("BEGIN");
  for (int i = 0; i < 50'000; ++i)
    save(snapshot("s" + std::to_string(i), {{"azlin:vm", "vm-" + std::to_string(i / 23)}}));
  state_->db().execute("COMMIT");
  const auto processor_ms = [] { return 1'000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  const auto begun = processor_ms();
  ListFilter one;
  one.tag = {"azlin:vm", "vm-1234"};
  one.subscription = "s1";
  EXPECT_EQ(state_->list(one).size(), 23U);
  const auto found = processor_ms();
  ListFilter all;
  all.type = "Microsoft.Compute/snapshots";
  all.subscription = "s1";
  std::size_t total = 0;
  std::string after;
  do {
    const auto page = state_->page(all, after, 1'000, {});
    total += page.items.size();
    after = page.next;
  } while (!after.empty());
  EXPECT_EQ(total, 50'000U);
  EXPECT_LT(found - begun, 200);
  EXPECT_LT(processor_ms() - found, 20'000);
}

}  // namespace
}  // namespace azlin::simulator
