#include "verification/checksum.hpp"

#include <gtest/gtest.h>

namespace azlin::verification {
namespace {

const std::string kDigits = "123456789";
View digits() {
  return {reinterpret_cast<const std::uint8_t*>(kDigits.data()), kDigits.size()};
}

}  // namespace

// The check values of the catalogue of parametrised CRC algorithms: each over "123456789".
TEST(ChecksumTest, KnownValues) {
  EXPECT_EQ(crc32c(digits()), 0xe3069283u);
  EXPECT_EQ(crc32(digits()), 0xcbf43926u);
  EXPECT_EQ(crc16_raw(0, digits()), 0xbb3du);
  EXPECT_EQ(crc16_raw(0xffff, digits()), 0x4b37u);
  EXPECT_EQ(hex(sha256(digits())), "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
}

TEST(ChecksumTest, PartsGiveTheSameSumAsTheWhole) {
  Bytes data(1000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 7);
  const View all(data);
  for (const std::size_t cut : {0u, 1u, 7u, 8u, 9u, 500u, 1000u}) {
    EXPECT_EQ(crc32c_raw(crc32c_raw(~0u, all.first(cut)), all.subspan(cut)), crc32c_raw(~0u, all)) << cut;
    EXPECT_EQ(crc32_raw(crc32_raw(~0u, all.first(cut)), all.subspan(cut)), crc32_raw(~0u, all)) << cut;
  }
}

TEST(BytesTest, NumbersAndBounds) {
  const Bytes data = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(le16(data, 0), 0x0201);
  EXPECT_EQ(le64(data, 0), 0x0807060504030201u);
  EXPECT_EQ(be32(data, 4), 0x05060708u);
  EXPECT_THROW(le32(data, 5), std::out_of_range);
  EXPECT_THROW(part(data, 9, 0), std::out_of_range);
  EXPECT_TRUE(all_zero(Bytes(9)));
  EXPECT_FALSE(all_zero(Bytes{0, 0, 1}));
  EXPECT_TRUE(all_zero({}));
}

}  // namespace azlin::verification
