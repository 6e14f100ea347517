// The few platform images that a VM may be made from: what `az vm create --image` and `az vm image` look up.
#include <fmt/format.h>

#include <set>

#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Compute/locations/publishers";
constexpr const char* kVersion = "1.0.20250101";
constexpr const char* kPublishers =
    "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/publishers";

struct Image {
  const char *publisher, *offer, *sku, *generation;
};
constexpr Image kImages[] = {{"Canonical", "0001-com-ubuntu-server-focal", "20_04-lts-gen2", "V2"},
                             {"Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "V1"},
                             {"Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", "V2"},
                             {"Canonical", "UbuntuServer", "18.04-LTS", "V1"},
                             {"Canonical", "ubuntu-24_04-lts", "server", "V2"},
                             {"Debian", "debian-11", "11-backports-gen2", "V2"},
                             {"Debian", "debian-12", "12", "V1"},
                             {"Debian", "debian-12", "12-gen2", "V2"}};

[[noreturn]] void throw_no_image(const Request& request) {
  const auto stated = [&](const char* name) {
    return request.params.count(name) != 0 ? request.param(name) : "";
  };
  throw ApiError(404, "NotFound",
                 fmt::format("Artifact: VMImage was not found. Publisher '{}', offer '{}', sku '{}'.",
                             stated("publisher"), stated("offer"), stated("sku")));
}

// Of the images that agree with what the path states, one member each, without repetition.
Json names(const Request& request, const char* Image::*member) {
  const auto agrees = [&](const char* name, const char* value) {
    return request.params.count(name) == 0 || same(request.param(name), value);
  };
  check_location(request.param("location"), "publishers");
  std::set<std::string> found;
  for (const auto& image : kImages)
    if (agrees("publisher", image.publisher) && agrees("offer", image.offer)) found.insert(image.*member);
  if (found.empty()) throw_no_image(request);
  Json all = Json::array();
  for (const auto& name : found)
    all.push_back(
        {{"id", request.path + "/" + name}, {"name", name}, {"location", request.param("location")}});
  return all;
}

const Image& find_image(const Request& request) {
  check_location(request.param("location"), "publishers");
  for (const auto& image : kImages)
    if (same(image.publisher, request.param("publisher")) && same(image.offer, request.param("offer")) &&
        same(image.sku, request.param("sku")))
      return image;
  throw_no_image(request);
}

Json properties_of(const Image& image) {
  return {{"osDiskImage", {{"operatingSystem", "Linux"}, {"sizeInGb", 30}}},
          {"dataDiskImages", Json::array()},
          {"automaticOSUpgradeProperties", {{"automaticOSUpgradeSupported", false}}},
          {"hyperVGeneration", image.generation},
          {"architecture", "x64"},
          {"features", Json::array()}};
}

// `$expand=properties` (what clients call "list with properties").
Reply list_versions(const Request& request) {
  const auto& image = find_image(request);
  Json entry = {
      {"id", request.path + "/" + kVersion}, {"name", kVersion}, {"location", request.param("location")}};
  if (same(request.query_or("$expand", ""), "properties")) entry["properties"] = properties_of(image);
  return Reply::json(200, Json::array({entry}));
}

Reply get_version(const Request& request) {
  const auto& image = find_image(request);
  const auto& version = request.param("version");
  if (version != kVersion && !same(version, "latest")) throw_no_image(request);
  return Reply::json(200, {{"id", request.path},
                           {"name", kVersion},
                           {"location", request.param("location")},
                           {"properties", properties_of(image)}});
}

}  // namespace

void register_images(Router& router, Context&) {
  const std::string publishers = kPublishers, kinds = publishers + "/{publisher}/artifacttypes/",
                    offers = kinds + "vmimage/offers", skus = offers + "/{offer}/skus",
                    versions = skus + "/{sku}/versions";
  const auto list = [](const char* Image::*member) {
    return [member](Request& request) { return Reply::json(200, names(request, member)); };
  };
  router.arm("GET", publishers, kVersions, list(&Image::publisher));
  router.arm("GET", offers, kVersions, list(&Image::offer));
  router.arm("GET", skus, kVersions, list(&Image::sku));
  router.arm("GET", versions, kVersions, [](Request& request) { return list_versions(request); });
  router.arm("GET", versions + "/{version}", kVersions,
             [](Request& request) { return get_version(request); });
  // No extension is published here.
  router.arm("GET", kinds + "vmextension/types", kVersions, [](Request& request) {
    names(request, &Image::offer);
    return Reply::json(200, Json::array());
  });
}

}  // namespace azlin::simulator
