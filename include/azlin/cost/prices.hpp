#pragma once
// A table of prices that the operator can replace, and what single things cost by it. Estimates only: without
// discounts and tax.
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::http {
class Transport;
}

namespace azlin::cost {

// A key that a table lacks takes its "default".
struct Prices {
  std::string source;  // "shipped with azlin (East US, mid-2026)", or the file
  std::string currency = "USD";
  std::map<std::string, double> snapshot;  // by region: a GiB and month
  std::map<std::string, double> disk;      // by SKU: a GiB and month
  std::map<std::string, double> vm;        // by size: an hour; "vcpu" for sizes that are not listed
  std::map<std::string, double> transfer;  // by target region: a GiB, once
  std::map<std::string, double> address;   // by region: a static public address, a month

  double snapshot_month(const std::string& region) const;
  double disk_month(const std::string& sku) const;
  double vm_hour(const std::string& size) const;  // "vcpu" times the number in the name, 2 when there is none
  double transfer_gib(const std::string& region) const;
  double address_month(const std::string& region) const;
  // False: the region's own snapshot price is not in the table.
  bool knows_region(const std::string& region) const { return snapshot.contains(region); }
};

Prices shipped_prices();
// The shipped table as the TOML that load_prices() takes.
std::string to_toml(const Prices& prices);
// The shipped table with what the file says. Throws core::Error: not_found, usage (a bad key or number, with
// its name).
Prices load_prices(const std::string& path);
// The same for TOML text; `name` is for errors.
Prices parse_prices(const std::string& toml, const std::string& name);

inline constexpr const char* kPriceList = "https://prices.azure.com/api/retail/prices";
// The snapshot prices of these regions from the public list, put into `prices`. A region that the list does
// not have stays as it was. `now` goes into the source. Throws core::Error or http::NetworkError.
Prices refresh(http::Transport& transport, const std::string& url, Prices prices,
               const std::vector<std::string>& regions, core::TimePoint now, std::stop_token stop);

// What one drill used, for as long as it was there: the VM is billed by time, disks and address by the hour
// begun.
struct DiskUse {
  std::string sku;  // empty: not known
  int gib = 0;
  bool operator==(const DiskUse&) const = default;
};
struct DrillUse {
  std::string region;
  std::string vm_size;  // empty: two vCPUs
  std::vector<DiskUse> disks;
  bool public_address = false;
  core::Millis duration{0};
  bool operator==(const DrillUse&) const = default;
};
double drill_cost(const Prices& prices, const DrillUse& use);

// A disk that lived for `duration`.
double disk_cost(const Prices& prices, const std::string& sku, int gib, core::Millis duration);

inline constexpr double kHoursPerMonth = 730;

}  // namespace azlin::cost
