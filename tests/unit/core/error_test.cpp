#include "azlin/core/error.hpp"

#include <gtest/gtest.h>

namespace azlin::core {

TEST(ErrorTest, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(exit_code(ErrorKind::failed), 1);
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::not_found), 3);
  EXPECT_EQ(exit_code(ErrorKind::partial), 4);
  EXPECT_EQ(exit_code(ErrorKind::unauthorized), 5);
  EXPECT_EQ(exit_code(ErrorKind::findings), 6);
  EXPECT_EQ(exit_code(ErrorKind::busy), 7);
  EXPECT_EQ(exit_code(ErrorKind::interrupted), 130);
}

}  // namespace azlin::core
