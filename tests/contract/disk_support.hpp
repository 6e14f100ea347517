#pragma once
// What the contract tests of disks and snapshots share: a simulated Azure with the group rg in eastus, and
// short calls.
#include <string>

#include "support/simulator_fixture.hpp"

namespace azlin::test {

using nlohmann::json;

inline constexpr const char* kDiskApi = "2023-10-02";

class DiskFixture : public ::testing::Test {
 protected:
  DiskFixture() { sim_.make_group("rg"); }

  static std::string id(const std::string& type, const std::string& name) {
    return std::string(kSubscription) + "/resourceGroups/rg/providers/Microsoft.Compute/" + type + "/" + name;
  }
  static std::string disk_id(const std::string& name) { return id("disks", name); }
  static std::string snapshot_id(const std::string& name) { return id("snapshots", name); }
  static std::string url(const std::string& resource, const std::string& action = "",
                         const std::string& version = kDiskApi) {
    return resource + (action.empty() ? "" : "/" + action) + "?api-version=" + version;
  }

  static json empty_disk(int gb = 4) {
    return {{"location", "eastus"},
            {"sku", {{"name", "Premium_LRS"}}},
            {"properties", {{"creationData", {{"createOption", "Empty"}}}, {"diskSizeGB", gb}}}};
  }
  static json copy_of(const std::string& source, const std::string& location = "eastus") {
    return {{"location", location},
            {"properties", {{"creationData", {{"createOption", "Copy"}, {"sourceResourceId", source}}}}}};
  }
  static json incremental_of(const std::string& source) {
    auto body = copy_of(source);
    body["properties"]["incremental"] = true;
    return body;
  }
  static json remote_copy_of(const std::string& source, const std::string& location = "westus2") {
    auto body = incremental_of(source);
    body["location"] = location;
    body["properties"]["creationData"]["createOption"] = "CopyStart";
    return body;
  }

  HttpReply put(const std::string& resource, const json& body) {
    return sim_.arm("PUT", url(resource), body);
  }
  json get(const std::string& resource) { return sim_.arm("GET", url(resource)).json(); }
  // Starts, follows to the end, and gives the resource.
  json make(const std::string& resource, const json& body) {
    const auto started = put(resource, body);
    EXPECT_EQ(started.status, 202) << started.body;
    const auto ended = sim_.finish(started).json();
    EXPECT_EQ(ended.value("status", ""), "Succeeded") << ended.dump();
    return get(resource);
  }
  // The SAS URL of a disk or snapshot.
  std::string grant(const std::string& resource, const std::string& access = "Read", int seconds = 3600) {
    const auto started = sim_.arm("POST", url(resource, "beginGetAccess"),
                                  {{"access", access}, {"durationInSeconds", seconds}});
    EXPECT_EQ(started.status, 202) << started.body;
    const auto ended = sim_.finish(started).json();
    EXPECT_EQ(ended.value("status", ""), "Succeeded") << ended.dump();
    return ended["properties"]["output"].value("accessSAS", "");
  }
  void revoke(const std::string& resource) { sim_.finish(sim_.arm("POST", url(resource, "endGetAccess"))); }

  // An upload disk with `bytes` at its begin, ready for use.
  json make_uploaded(const std::string& name, const std::string& bytes, std::uint64_t size = 64ull << 20) {
    const json body = {
        {"location", "eastus"},
        {"properties", {{"creationData", {{"createOption", "Upload"}, {"uploadSizeBytes", size + 512}}}}}};
    make(disk_id(name), body);
    const auto sas = grant(disk_id(name), "Write");
    EXPECT_EQ(put_page(sas, 0, bytes).status, 201);
    revoke(disk_id(name));
    return get(disk_id(name));
  }
  static HttpReply put_page(const std::string& sas, std::uint64_t offset, const std::string& bytes) {
    return http_call(
        "PUT", sas + "&comp=page", bytes,
        {{"x-ms-version", "2020-10-02"},
         {"x-ms-page-write", "update"},
         {"Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + bytes.size() - 1)}});
  }
  static HttpReply read_range(const std::string& sas, std::uint64_t first, std::uint64_t last) {
    return http_call("GET", sas, "",
                     {{"Range", "bytes=" + std::to_string(first) + "-" + std::to_string(last)}});
  }

  Simulator sim_;
};

}  // namespace azlin::test
