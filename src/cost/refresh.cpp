// Azure Retail Prices: a public list, no sign-in. Source: "Azure Retail Prices overview" (REST).
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/cost/prices.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::cost {

namespace {

std::string encoded(const std::string& text) {
  std::string result;
  for (const unsigned char c : text)
    result += std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' ? std::string(1, static_cast<char>(c))
                                                                       : fmt::format("%{:02X}", c);
  return result;
}

// The price of the meter of incremental snapshots on standard storage; nullopt: the list has none.
std::optional<double> price_in(const nlohmann::json& reply) {
  if (!reply.contains("Items") || !reply["Items"].is_array()) return std::nullopt;
  for (const auto& item : reply["Items"]) {
    const bool fits = item.value("meterName", "") == "LRS Snapshots" &&
                      item.value("type", "") == "Consumption" &&
                      item.value("productName", "").find("Standard HDD") != std::string::npos;
    if (fits && item.contains("retailPrice") && item["retailPrice"].is_number() &&
        item["retailPrice"].get<double>() > 0)
      return item["retailPrice"].get<double>();
  }
  return std::nullopt;
}

}  // namespace

Prices refresh(http::Transport& transport, const std::string& url, Prices prices,
               const std::vector<std::string>& regions, core::TimePoint now, std::stop_token stop) {
  int found = 0;
  for (const auto& region : regions) {
    http::Request request;
    request.url = url + "?$filter=" +
                  encoded(fmt::format("serviceName eq 'Storage' and armRegionName eq '{}' and skuName eq "
                                      "'Snapshots LRS'",
                                      region));
    const auto response = transport.send(request, stop);
    const auto reply = nlohmann::json::parse(response.body, nullptr, false);
    if (response.status != 200 || reply.is_discarded())
      throw core::Error(core::ErrorKind::failed,
                        fmt::format("the price list answered HTTP {} for {}", response.status, region),
                        "try again later, or give a table with --prices FILE");
    const auto price = price_in(reply);
    if (!price) continue;
    prices.snapshot[region] = *price;
    ++found;
  }
  if (found == 0)
    throw core::Error(core::ErrorKind::failed, "the price list has no snapshot price for any of the regions");
  prices.source =
      fmt::format("Azure Retail Prices, {}; else {}", core::to_iso8601(now).substr(0, 10), prices.source);
  return prices;
}

}  // namespace azlin::cost
