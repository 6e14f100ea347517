#include "azlin/azure/page_blob.hpp"

#include <gmock/gmock.h>

#include "azlin/arm/error.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"

namespace azlin::azure {
namespace {

using test::reply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class PageBlobTest : public ::testing::Test {
 protected:
  std::string header(std::size_t request, const std::string& name) {
    const auto requests = transport.requests();
    for (const auto& [key, value] : requests.at(request).headers) {
      if (key == name) return value;
    }
    return {};
  }
  test::ScriptedTransport transport;
  test::FakeClock clock;
  PageBlob blob{transport, clock, "snap-1",
                [] { return std::string("https://md-1.blob/c/abcd?sig=SECRET"); }};
};

TEST(PageListTest, RangesAreReadInOrderAndClearedOnesMarked) {
  const auto list = parse_page_list(
      "<?xml version=\"1.0\"?><PageList><PageRange><Start>0</Start><End>511</End></PageRange>"
      "<ClearRange><Start>1024</Start><End>2047</End></ClearRange>"
      "<PageRange><Start>4096</Start><End>8191</End></PageRange><NextMarker>2!9</NextMarker></PageList>");
  EXPECT_THAT(list.ranges, ElementsAre(PageRange{0, 512, false}, PageRange{1024, 1024, true},
                                       PageRange{4096, 4096, false}));
  EXPECT_EQ(list.next_marker, "2!9");
  EXPECT_EQ(parse_page_list("<PageList><NextMarker /></PageList>").next_marker, "");
}

TEST(PageListTest, WhatIsNoListIsRefused) {
  for (const auto* text : {"", "<Error/>", "<PageList><PageRange><Start>5</Start></PageRange></PageList>",
                           "<PageList><PageRange><Start>9</Start><End>1</End></PageRange></PageList>",
                           "<PageList><PageRange><Start>x</Start><End>1</End></PageRange></PageList>"}) {
    EXPECT_THROW(parse_page_list(text), core::Error) << text;
  }
}

TEST_F(PageBlobTest, ALongReadIsCutIntoRequestsOfFourMiB) {
  const auto part = [](std::size_t size, char fill) { return reply(206, std::string(size, fill)); };
  transport.expect("GET", "abcd", part(kLongestPageRead, 'a'));
  transport.expect("GET", "abcd", part(512, 'b'));
  std::vector<std::uint8_t> out(kLongestPageRead + 512);
  blob.read(1024, out, {});
  EXPECT_EQ(out.front(), 'a');
  EXPECT_EQ(out.back(), 'b');
  EXPECT_EQ(header(0, "Range"), "bytes=1024-4195327");
  EXPECT_EQ(header(1, "Range"), "bytes=4195328-4195839");
}

TEST_F(PageBlobTest, ABusyServiceIsAskedAgain) {
  transport.expect("GET", "abcd", reply(503, "", {{"x-ms-error-code", "ServerBusy"}}));
  transport.expect_failure("GET", "abcd", true);
  transport.expect("GET", "abcd", reply(206, std::string(512, 'a')));
  std::vector<std::uint8_t> out(512);
  blob.read(0, out, {});
  EXPECT_EQ(out.front(), 'a');
}

TEST_F(PageBlobTest, AnErrorNamesTheSnapshotAndNeverTheSas) {
  transport.expect("GET", "abcd", reply(403, "", {{"x-ms-error-code", "AuthenticationFailed"}}));
  std::vector<std::uint8_t> out(512);
  try {
    blob.read(0, out, {});
    FAIL() << "no error";
  } catch (const arm::ArmError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::unauthorized);
    EXPECT_THAT(error.what(), HasSubstr("snap-1"));
    EXPECT_THAT(error.what(), Not(HasSubstr("SECRET")));
  }
  EXPECT_TRUE(transport.requests().at(0).secret_path);
}

TEST_F(PageBlobTest, ABodyOfAnotherLengthIsAnError) {
  for (const std::size_t length : {100, 513}) {
    transport.expect("GET", "abcd", reply(206, std::string(length, 'a')));
    std::vector<std::uint8_t> out(512);
    try {
      blob.read(0, out, {});
      FAIL() << "no error";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("asked for 512 bytes"));
    }
  }
}

TEST_F(PageBlobTest, AReadThatIsAnsweredWithTheWholeBlobIsAnError) {
  transport.expect("GET", "abcd", reply(200, std::string(512, 'a')));
  std::vector<std::uint8_t> out(512);
  EXPECT_THROW(blob.read(512, out, {}), core::Error);
}

TEST_F(PageBlobTest, AReplyThatBreaksOffIsGoneOnWith) {
  const auto cut = [](const std::string& bytes) {
    return [bytes](const http::Request& request) -> http::Response {
      request.on_body(bytes.data(), bytes.size());
      throw http::NetworkError("connection reset", true, true);
    };
  };
  transport.expect("GET", "abcd", cut(std::string(100, 'a')));
  transport.expect("GET", "abcd", cut(std::string(12, 'b')));
  transport.expect("GET", "abcd", reply(206, std::string(400, 'c')));
  std::vector<std::uint8_t> out(512);
  blob.read(1024, out, {});
  EXPECT_EQ(std::string(out.begin(), out.end()),
            std::string(100, 'a') + std::string(12, 'b') + std::string(400, 'c'));
  EXPECT_EQ(header(1, "Range"), "bytes=1124-1535");
  EXPECT_EQ(header(2, "Range"), "bytes=1136-1535");
  EXPECT_EQ(clock.sleeps().size(), 2u);
}

TEST_F(PageBlobTest, ReadsThatBreakOffAgainAndAgainAreGivenUp) {
  for (int i = 0; i < 6; ++i) {
    transport.expect("GET", "abcd", [](const http::Request& request) -> http::Response {
      request.on_body("x", 1);
      throw http::NetworkError("connection reset", true, true);
    });
  }
  std::vector<std::uint8_t> out(512);
  EXPECT_THROW(blob.read(0, out, {}), http::NetworkError);
}

TEST_F(PageBlobTest, AListIsReadPageByPage) {
  transport.expect("GET", "comp=pagelist",
                   reply(200,
                         "<PageList><PageRange><Start>0</Start><End>511</End></PageRange>"
                         "<NextMarker>2!512</NextMarker></PageList>"));
  transport.expect(
      "GET", "marker=2%21512",
      reply(200, "<PageList><PageRange><Start>512</Start><End>1023</End></PageRange></PageList>"));
  EXPECT_EQ(blob.allocated({}).size(), 2u);
}

TEST_F(PageBlobTest, AComparisonThatIsNotToBeHadIsNoError) {
  transport.expect("GET", "comp=pagelist", reply(409, "", {{"x-ms-error-code", "PreviousSnapshotNotFound"}}));
  EXPECT_EQ(blob.changed_since("https://other?sig=OLD", {}), std::nullopt);
  EXPECT_EQ(header(0, "x-ms-previous-snapshot-url"), "https://other?sig=OLD");
}

}  // namespace
}  // namespace azlin::azure
