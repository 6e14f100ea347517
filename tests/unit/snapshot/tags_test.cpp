#include "azlin/snapshot/tags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace azlin::snapshot {
namespace {

core::TimePoint at(const std::string& text) {
  return core::parse_time(text).value();
}

VmSpec full_spec() {
  VmSpec spec;
  spec.name = "Prod-DB-vm";
  spec.resource_group = "Production";
  spec.location = "eastus";
  spec.vm_id = "3f2b9f0e-5f3b-4c57-9a7e-000000000001";
  spec.size = "Standard_D2s_v5";
  spec.zone = "2";
  spec.os_type = "Linux";
  spec.generation = "V2";
  spec.security_type = "TrustedLaunch";
  spec.secure_boot = true;
  spec.vtpm = true;
  spec.disk_controller = "NVMe";
  spec.license = "RHEL_BYOS";
  spec.nics = {{"nic1", "Production", "Network/vnet/default", "Network/nsg", true},
               {"nic2", "Production", "", "", false}};
  spec.tags = {{"env", "prod"}, {"owner", "Zürich \"team\""}};
  return spec;
}

TEST(SnapshotTagsTest, VmKeyIgnoresCase) {
  EXPECT_EQ(vm_key("Production", "Prod-DB-vm"), "production/prod-db-vm");
}

TEST(SnapshotTagsTest, DiskComesBack) {
  const DiskSpec full{"data 1", "Premium_LRS", "ReadOnly", 1024, "3", true, "Delete"};
  const DiskSpec bare{"os", "", "", 30, {}, false, ""};
  for (const auto& spec : {full, bare}) EXPECT_EQ(disk_spec({{kDiskSpecTag, to_tag(spec)}}), spec);
  EXPECT_EQ(to_tag(bare), R"({"v":1,"n":"os","gb":30})");
}

TEST(SnapshotTagsTest, LongestDiskFitsOneTag) {
  const DiskSpec longest{std::string(80, 'x'), "StandardSSD_ZRS", "ReadWrite", 32767, "3", true, "Delete"};
  EXPECT_LE(to_tag(longest).size(), kLongestTagValue);
}

TEST(SnapshotTagsTest, VmComesBackFromItsPieces) {
  const VmSpec spec = full_spec();
  const auto tags = to_tags(spec);
  EXPECT_GT(tags.size(), 1u);
  for (const auto& [name, value] : tags) {
    EXPECT_LE(value.size(), kLongestTagValue) << name;
    EXPECT_THAT(name, testing::StartsWith("azlin:vm-spec-"));
  }
  EXPECT_EQ(vm_spec(tags), spec);
}

TEST(SnapshotTagsTest, OwnTagsOfTheVmStayBehind) {
  VmSpec spec = full_spec();
  spec.tags = {{"azlin:backup-schedule", "{}"}, {"AZLIN:lease", "x"}, {"env", "prod"}};
  EXPECT_EQ(vm_spec(to_tags(spec))->tags, (azure::Tags{{"env", "prod"}}));
}

TEST(SnapshotTagsTest, TagsThatDoNotFitAreCounted) {
  VmSpec spec = full_spec();
  spec.tags.clear();
  for (int i = 10; i < 60; ++i) spec.tags["tag-" + std::to_string(i)] = std::string(256, 'v');
  const auto tags = to_tags(spec);
  EXPECT_LE(tags.size(), static_cast<std::size_t>(kMostSpecTags));
  const auto back = vm_spec(tags);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->tags.size() + static_cast<std::size_t>(back->tags_left), 50u);
  EXPECT_GT(back->tags.size(), 10u);
  EXPECT_EQ(back->nics, spec.nics);
}

TEST(SnapshotTagsTest, NoPieceBeginsOrEndsWithASpace) {
  VmSpec spec = full_spec();
  std::string text(120, ' ');
  text.append("a b c ").append(200, 'y').append(" z");
  spec.tags = {{"text", text}};
  const auto tags = to_tags(spec);
  std::size_t inner = 0;
  for (const auto& [name, value] : tags) {
    if (value.front() == ' ' || value.back() == ' ') ++inner;
  }
  EXPECT_EQ(inner, 0u);
  EXPECT_EQ(vm_spec(tags), spec);
}

TEST(SnapshotTagsTest, MissingPieceOrAnotherVersionIsNoDescription) {
  auto tags = to_tags(full_spec());
  ASSERT_TRUE(tags.erase("azlin:vm-spec-2"));
  EXPECT_EQ(vm_spec(tags), std::nullopt);
  EXPECT_EQ(vm_spec({}), std::nullopt);
  EXPECT_EQ(vm_spec({{"azlin:vm-spec-1", R"({"v":2,"name":"x"})"}}), std::nullopt);
  EXPECT_EQ(disk_spec({{kDiskSpecTag, "{"}}), std::nullopt);
}

TEST(SnapshotTagsTest, MarksComeBack) {
  const auto verified = parse_verified(to_tag(VerifiedMark{"content", at("2025-12-02T10:30:00Z")}));
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->level, "content");
  EXPECT_EQ(verified->at, at("2025-12-02T10:30:00Z"));
  const auto use = parse_in_use("restore 2025-12-02T14:00:00Z");
  ASSERT_TRUE(use);
  EXPECT_EQ(use->what, "restore");
  for (const char* bad :
       {"", "content", "content yesterday", "magic 2025-12-02T10:30:00Z", " 2025-12-02T10:30:00Z"}) {
    EXPECT_FALSE(parse_verified(bad)) << bad;
  }
  EXPECT_FALSE(parse_in_use("restore"));
}

}  // namespace
}  // namespace azlin::snapshot
