#include "azlin/cost/prices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "azlin/core/config.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"

namespace azlin::cost {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kDefault = "default";
constexpr const char* kVcpu = "vcpu";

using Table = std::map<std::string, double>;

double price_of(const Table& table, const std::string& key) {
  auto found = table.find(key);
  if (found == table.end()) found = table.find(kDefault);
  return found == table.end() ? 0 : found->second;
}

Table* table_named(Prices& prices, const std::string& name) {
  if (name == "snapshot") return &prices.snapshot;
  if (name == "disk") return &prices.disk;
  if (name == "vm") return &prices.vm;
  if (name == "transfer") return &prices.transfer;
  if (name == "address") return &prices.address;
  return nullptr;
}

double number(const std::string& name, const std::string& key, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0)
    throw Error(ErrorKind::usage, fmt::format("{}: {} = {} is not a price", name, key, text),
                "a number of 0 or more (docs/cost.md)");
  return value;
}

// "Standard_D16s_v5" has 16.
int vcpus_of(const std::string& size) {
  const auto from = size.find('_');
  const auto digit = from == std::string::npos ? from : size.find_first_of("0123456789", from);
  if (digit == std::string::npos) return 2;
  const int count = std::atoi(size.c_str() + digit);
  return count > 0 ? count : 2;
}

void print_table(std::string& text, const char* name, const char* unit, const Table& table) {
  text += fmt::format("\n[{}]  # {}\n", name, unit);
  for (const auto& [key, price] : table) text += fmt::format("{} = {:g}\n", key, price);
}

double hours(core::Millis time) {
  return static_cast<double>(time.count()) / 3'600'000.0;
}

double hours_begun(core::Millis time) {
  return std::max(1.0, std::ceil(hours(time)));
}

}  // namespace

double Prices::snapshot_month(const std::string& region) const {
  return price_of(snapshot, region);
}
double Prices::disk_month(const std::string& sku) const {
  return price_of(disk, sku);
}
double Prices::vm_hour(const std::string& size) const {
  const auto found = vm.find(size);
  return found != vm.end() ? found->second : price_of(vm, kVcpu) * vcpus_of(size);
}
double Prices::transfer_gib(const std::string& region) const {
  return price_of(transfer, region);
}
double Prices::address_month(const std::string& region) const {
  return price_of(address, region);
}

// Sources: docs/cost.md.
Prices shipped_prices() {
  Prices prices;
  prices.source = "shipped with azlin (East US, mid-2026)";
  prices.snapshot = {{kDefault, 0.05}, {"eastus", 0.05}};
  prices.disk = {{kDefault, 0.154},          {"Premium_LRS", 0.154}, {"Premium_ZRS", 0.231},
                 {"PremiumV2_LRS", 0.081},   {"UltraSSD_LRS", 0.12}, {"StandardSSD_LRS", 0.075},
                 {"StandardSSD_ZRS", 0.113}, {"Standard_LRS", 0.046}};
  prices.vm = {{kVcpu, 0.048}, {"Standard_D2s_v3", 0.096}};
  prices.transfer = {{kDefault, 0.02}};
  prices.address = {{kDefault, 3.65}};
  return prices;
}

std::string to_toml(const Prices& prices) {
  std::string text = fmt::format("# {}\ncurrency = \"{}\"\n", prices.source, prices.currency);
  print_table(text, "snapshot", "by region: a GiB and month", prices.snapshot);
  print_table(text, "disk", "by SKU: a GiB and month", prices.disk);
  print_table(text, "vm", "by size: an hour; vcpu: a vCPU of any other size", prices.vm);
  print_table(text, "transfer", "by target region: a GiB, once", prices.transfer);
  print_table(text, "address", "by region: a static public address, a month", prices.address);
  return text;
}

Prices parse_prices(const std::string& toml, const std::string& name) {
  const auto config = core::Config::parse(toml, name);
  Prices prices = shipped_prices();
  prices.source = name;
  for (const auto& [key, value] : config.values()) {
    const auto dot = key.find('.');
    Table* table = dot == std::string::npos ? nullptr : table_named(prices, key.substr(0, dot));
    if (key == "currency") {
      prices.currency = value;
    } else if (table != nullptr) {
      (*table)[key.substr(dot + 1)] = number(name, key, value);
    } else {
      throw Error(ErrorKind::usage, fmt::format("{}: unknown key {}", name, key),
                  "tables are snapshot, disk, vm, transfer and address (docs/cost.md)");
    }
  }
  return prices;
}

Prices load_prices(const std::string& path) {
  return parse_prices(core::read_input_file(path, "price table"), path);
}

double disk_cost(const Prices& prices, const std::string& sku, int gib, core::Millis duration) {
  return prices.disk_month(sku) * gib * hours_begun(duration) / kHoursPerMonth;
}

double drill_cost(const Prices& prices, const DrillUse& use) {
  double cost = prices.vm_hour(use.vm_size) * hours(use.duration);
  for (const auto& disk : use.disks) cost += disk_cost(prices, disk.sku, disk.gib, use.duration);
  if (use.public_address)
    cost += prices.address_month(use.region) * hours_begun(use.duration) / kHoursPerMonth;
  return cost;
}

}  // namespace azlin::cost
