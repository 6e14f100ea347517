#include "simulator/page_blob.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

TEST(PageBlobTest, FooterIsThatOfAFixedVhd) {
  const auto footer = vhd_footer(30ull << 30, 946'684'801, "00112233-4455-6677-8899-aabbccddeeff");
  ASSERT_EQ(footer.size(), 512u);
  EXPECT_EQ(footer.substr(0, 8), "conectix");
  EXPECT_EQ(footer.substr(8, 8), std::string("\0\0\0\2\0\1\0\0", 8));
  EXPECT_EQ(footer.substr(16, 8), std::string(8, '\xFF'));
  EXPECT_EQ(footer.substr(24, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(footer.substr(40, 8), std::string("\0\0\0\7\x80\0\0\0", 8));
  EXPECT_EQ(footer.substr(48, 8), footer.substr(40, 8));
  EXPECT_EQ(footer.substr(60, 4), std::string("\0\0\0\2", 4));
  EXPECT_EQ(footer.substr(68, 2), std::string("\0\x11", 2));
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < footer.size(); ++i)
    sum += i >= 64 && i < 68 ? 0 : static_cast<unsigned char>(footer[i]);
  std::string checksum;
  for (int shift = 24; shift >= 0; shift -= 8) checksum += static_cast<char>(~sum >> shift & 0xFF);
  EXPECT_EQ(footer.substr(64, 4), checksum);
}

TEST(PageBlobTest, RangesAreThoseOfTheBlobService) {
  const std::pair<const char*, std::optional<ByteRange>> rows[] = {{"bytes=0-511", ByteRange{0, 512}},
                                                                   {"bytes=512-", ByteRange{512, 512}},
                                                                   {"bytes=1000-5000", ByteRange{1000, 24}},
                                                                   {"bytes=1024-2000", {}},
                                                                   {"bytes=9-8", {}},
                                                                   {"bytes=-512", {}},
                                                                   {"bytes=0-1,4-5", {}},
                                                                   {"0-511", {}},
                                                                   {"bytes=a-b", {}},
                                                                   {"bytes=", {}}};
  for (const auto& [header, expected] : rows) EXPECT_EQ(parse_range(header, 1024), expected) << header;
}

TEST(PageBlobTest, PageListHasInclusiveEndsAndClearRangesInOrder) {
  EXPECT_EQ(
      page_list_xml({{{0, 512}, false}, {{512, 1024}, true}}, "1536"),
      "<?xml version=\"1.0\" "
      "encoding=\"utf-8\"?><PageList><PageRange><Start>0</Start><End>511</End></PageRange>"
      "<ClearRange><Start>512</Start><End>1535</End></ClearRange><NextMarker>1536</NextMarker></PageList>");
  EXPECT_EQ(page_list_xml({}, {}), "<?xml version=\"1.0\" encoding=\"utf-8\"?><PageList></PageList>");
}

}  // namespace
}  // namespace azlin::simulator
