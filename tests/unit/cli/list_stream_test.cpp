#include "cli/list_stream.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

namespace azlin::cli {
namespace {

using nlohmann::ordered_json;

ordered_json element(int number) {
  return {{"name", fmt::format("a \"{}\",\nb", number)},
          {"tasks", ordered_json::array({{{"name", "t"}}})},
          {"none", ordered_json::array()},
          {"at", nullptr}};
}

class ListStreamTest : public ::testing::Test {
 protected:
  static ConsoleOptions options(OutputFormat format) {
    ConsoleOptions options;
    options.format = format;
    return options;
  }
  // What the stream writes, and what Console::result writes for the whole.
  static std::string streamed(OutputFormat format, int count) {
    std::ostringstream out, err;
    std::istringstream in;
    Console console(out, err, in, options(format));
    ListStream list(console, "jobs", {"NAME", "NUMBER"});
    for (int i = 0; i < count; ++i)
      list.add({fmt::format("row{}", i), std::to_string(i)}, [&] { return element(i); });
    list.end("No jobs");
    return out.str();
  }
  static std::string whole(OutputFormat format, int count) {
    std::ostringstream out, err;
    std::istringstream in;
    Console console(out, err, in, options(format));
    ordered_json json = {{"jobs", ordered_json::array()}};
    for (int i = 0; i < count; ++i) json["jobs"].push_back(element(i));
    console.result(json, "jobs");
    return out.str();
  }
};

TEST_F(ListStreamTest, WritesTheBytesOfTheWholeDocument) {
  for (const int count : {0, 1, 3}) {
    EXPECT_EQ(streamed(OutputFormat::json, count), whole(OutputFormat::json, count)) << count;
    EXPECT_EQ(streamed(OutputFormat::csv, count), whole(OutputFormat::csv, count)) << count;
  }
}

TEST_F(ListStreamTest, MembersStandRoundTheList) {
  for (const int count : {0, 2}) {
    std::ostringstream streamed, whole, err;
    std::istringstream in;
    const ordered_json after = {{"unreadable", ordered_json::array({element(9)})}, {"vm", "web"}};
    Console first(streamed, err, in, options(OutputFormat::json));
    ListStream list(first, "jobs", {}, {{"total", count}});
    ordered_json json = {{"total", count}, {"jobs", ordered_json::array()}};
    for (int i = 0; i < count; ++i) {
      list.add({}, [&] { return element(i); });
      json["jobs"].push_back(element(i));
    }
    list.end("No jobs", after);
    json.update(after);
    Console second(whole, err, in, options(OutputFormat::json));
    second.result(json, "jobs");
    EXPECT_EQ(streamed.str(), whole.str());
  }
}

TEST_F(ListStreamTest, TextHasOneHeadHoweverLongItIs) {
  const std::string text = streamed(OutputFormat::text, 1201);
  EXPECT_EQ(text.find("NAME"), 0U);
  EXPECT_EQ(text.rfind("NAME"), 0U);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1202);
}

TEST_F(ListStreamTest, AnEmptyListSaysSoAsText) {
  EXPECT_EQ(streamed(OutputFormat::text, 0), "No jobs\n");
}

}  // namespace
}  // namespace azlin::cli
