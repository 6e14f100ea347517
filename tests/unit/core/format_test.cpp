#include "azlin/core/format.hpp"

#include <gtest/gtest.h>

namespace azlin::core {

TEST(FormatTest, SizesAreInBinaryUnits) {
  EXPECT_EQ(to_size(0), "0 B");
  EXPECT_EQ(to_size(1023), "1023 B");
  EXPECT_EQ(to_size(1024), "1 KB");
  EXPECT_EQ(to_size(512ULL << 20), "512 MB");
  EXPECT_EQ(to_size(128ULL << 30), "128 GB");
  EXPECT_EQ(to_size(3ULL << 29), "1.5 GB");
  EXPECT_EQ(to_size(32ULL << 40), "32 TB");
  EXPECT_EQ(to_size((1ULL << 30) - 1), "1 GB");
  EXPECT_EQ(to_size(~0ULL), "16 EB");
}

TEST(FormatTest, NounsGetTheirPlural) {
  EXPECT_EQ(counted(0, "backup"), "0 backups");
  EXPECT_EQ(counted(1, "backup"), "1 backup");
  EXPECT_EQ(counted(23, "backup"), "23 backups");
  EXPECT_EQ(counted(2, "copy"), "2 copies");
  EXPECT_EQ(counted(2, "day"), "2 days");
}

TEST(FormatTest, NoSentenceEndsTwice) {
  EXPECT_EQ(without_full_stop("No capacity."), "No capacity");
  EXPECT_EQ(without_full_stop("No capacity.\r\n"), "No capacity");
  EXPECT_EQ(without_full_stop("see 1.5"), "see 1.5");
  EXPECT_EQ(without_full_stop(""), "");
}

}  // namespace azlin::core
