#include "azlin/archive/metadata.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

const std::string kSum(64, 'a');

TEST(ManifestTest, ComesBackWhateverTheNamesHold) {
  Manifest manifest;
  for (const auto* path : {"plain", "two  spaces", "line\nend", "back\\slash", "\\n", "größe", "L x"})
    manifest.files.push_back({path, 0, kSum, false});
  manifest.files.push_back({"link\n", 0, kSum, true});
  const auto back = parse_manifest(to_text(manifest));
  ASSERT_EQ(back.files.size(), manifest.files.size());
  for (std::size_t i = 0; i < back.files.size(); ++i) {
    EXPECT_EQ(back.files[i].path, manifest.files[i].path);
    EXPECT_EQ(back.files[i].link, manifest.files[i].link);
    EXPECT_EQ(back.files[i].sha256, kSum);
  }
}

TEST(ManifestTest, IsWrittenAsSha256sumWritesIt) {
  Manifest manifest;
  manifest.files = {{"a b", 0, kSum, false}, {"c\nd", 0, kSum, false}};
  EXPECT_EQ(to_text(manifest), kSum + "  a b\n\\" + kSum + "  c\\nd\n");
}

TEST(ManifestTest, WhatIsNoneIsAnError) {
  EXPECT_THROW(parse_manifest("0123  too-short\n"), core::Error);
}

TEST(MetadataTest, ANewerFormatIsRefused) {
  try {
    parse_metadata(R"({"version": 99})");
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_NE(std::string(error.what()).find("newer azlin"), std::string::npos);
  }
}

}  // namespace
}  // namespace azlin::archive
