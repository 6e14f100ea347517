#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "azlin/azure/compute.hpp"
#include "azlin/core/error.hpp"

namespace azlin::azure {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json backup() {
  return {{"name", "web-backup"},
          {"id", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/web-backup"},
          {"properties", json::object()}};
}

std::string refusal(const json& body) {
  try {
    parse_snapshot(body);
  } catch (const core::Error& error) {
    return error.what();
  }
  return {};
}

TEST(SnapshotsTest, HasTheNameOfItsId) {
  EXPECT_EQ(parse_snapshot(backup()).name, "web-backup");
  json other = backup();
  other["name"] = "WEB-BACKUP";
  EXPECT_EQ(refusal(other), "") << "Azure's names have no case";
  for (const json& wrong : {json(), json(true), json(""), json("db-backup"), json::array({1})}) {
    other["name"] = wrong;
    EXPECT_THAT(refusal(other), HasSubstr("its name is not that of its id")) << wrong;
  }
  other.erase("name");
  EXPECT_THAT(refusal(other), HasSubstr("its name is not that of its id"));
}

}  // namespace
}  // namespace azlin::azure
