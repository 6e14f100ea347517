// The few platform images that a VM may be made from: what `az vm create --image` looks up.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Compute/locations/publishers";
constexpr const char* kVersion = "1.0.20250101";
constexpr const char* kPath =
    "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/publishers/{publisher}/"
    "artifacttypes/vmimage/"
    "offers/{offer}/skus/{sku}/versions";

struct Image {
  const char *publisher, *offer, *sku, *generation;
};
constexpr Image kImages[] = {{"Debian", "debian-12", "12-gen2", "V2"},
                             {"Debian", "debian-12", "12", "V1"},
                             {"Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", "V2"},
                             {"Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "V1"}};

const Image& find_image(const Request& request) {
  check_location(request.param("location"), "publishers");
  for (const auto& image : kImages)
    if (same(image.publisher, request.param("publisher")) && same(image.offer, request.param("offer")) &&
        same(image.sku, request.param("sku")))
      return image;
  throw ApiError(404, "NotFound",
                 fmt::format("Artifact: VMImage was not found. Publisher '{}', offer '{}', sku '{}'.",
                             request.param("publisher"), request.param("offer"), request.param("sku")));
}

Json entry(const Request& request, const std::string& version) {
  return {{"id", request.path}, {"name", version}, {"location", request.param("location")}};
}

}  // namespace

void register_images(Router& router, Context&) {
  router.arm("GET", kPath, kVersions, [](Request& request) {
    find_image(request);
    return Reply::json(200, Json::array({entry(request, kVersion)}));
  });
  router.arm("GET", std::string(kPath) + "/{version}", kVersions, [](Request& request) {
    const auto& image = find_image(request);
    Json body = entry(request, request.param("version"));
    body["properties"] = {{"osDiskImage", {{"operatingSystem", "Linux"}, {"sizeInGb", 30}}},
                          {"dataDiskImages", Json::array()},
                          {"hyperVGeneration", image.generation},
                          {"architecture", "x64"}};
    return Reply::json(200, body);
  });
}

}  // namespace azlin::simulator
