#include "azlin/core/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c);
}

[[noreturn]] void refuse(std::string_view what, std::string_view value, std::string_view rule) {
  const auto shown = value.size() > 120 ? std::string(value.substr(0, 120)) + "…" : std::string(value);
  throw Error(ErrorKind::usage, fmt::format("'{}' is not a valid {} name", shown, what), std::string(rule));
}

bool only(std::string_view value, std::string_view also) {
  return std::all_of(value.begin(), value.end(),
                     [&](char c) { return is_alnum(c) || also.find(c) != std::string_view::npos; });
}

// The rule that virtual machines, disks and snapshots share, with their own longest length.
bool is_compute_name(std::string_view name, std::size_t longest) {
  return !name.empty() && name.size() <= longest && only(name, "-_.") && is_alnum(name.front()) &&
         (is_alnum(name.back()) || name.back() == '_');
}

}  // namespace

void check_vm_name(std::string_view name) {
  if (!is_compute_name(name, 64))
    refuse("virtual machine", name,
           "1 to 64 letters, digits, '-', '_' or '.'; it starts with a letter or digit and ends with one or "
           "'_'");
}

void check_resource_group(std::string_view name) {
  if (name.empty() || name.size() > 90 || !only(name, "-_.()") || name.back() == '.')
    refuse("resource group", name,
           "1 to 90 letters, digits, '-', '_', '.', '(' or ')'; it does not end with '.'");
}

void check_compute_name(std::string_view name, std::string_view what) {
  if (!is_compute_name(name, 80))
    refuse(what, name,
           "1 to 80 letters, digits, '-', '_' or '.'; it starts with a letter or digit and ends with one or "
           "'_'");
}

void check_region(std::string_view region) {
  const bool good =
      region.size() >= 3 && region.size() <= 32 &&
      std::all_of(region.begin(), region.end(), [](char c) { return is_lower(c) || is_digit(c); });
  if (!good)
    refuse("region", region, "lower-case letters and digits, such as westus2; `az account list-locations`");
}

std::string normalize_region(std::string_view region) {
  std::string out = to_lower(region);
  std::erase(out, ' ');
  check_region(out);
  return out;
}

void check_subscription(std::string_view id) {
  bool good = id.size() == 36;
  for (std::size_t i = 0; good && i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    good = dash ? id[i] == '-'
                : std::string_view("0123456789abcdefABCDEF").find(id[i]) != std::string_view::npos;
  }
  if (!good)
    throw Error(ErrorKind::usage, fmt::format("'{}' is not a subscription id", id.substr(0, 120)),
                "a subscription id is a GUID; `az account list -o table` shows yours");
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && to_lower(a) == to_lower(b);
}

std::string new_guid() {
  thread_local std::random_device source;
  std::uint32_t words[4];
  for (auto& word : words) word = source();
  words[1] = (words[1] & 0xffff0fffU) | 0x00004000U;  // version 4
  words[2] = (words[2] & 0x3fffffffU) | 0x80000000U;  // variant 1
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xffffU,
                     words[2] >> 16, words[2] & 0xffffU, words[3]);
}

ResourceId ResourceId::parse(std::string_view id) {
  const auto refuse_id = [&] {
    return Error(ErrorKind::failed, fmt::format("'{}' is not an Azure resource id", id.substr(0, 400)));
  };
  std::vector<std::string_view> parts;
  if (!id.starts_with('/')) throw refuse_id();
  for (std::size_t start = 1; start <= id.size();) {
    const auto end = std::min(id.find('/', start), id.size());
    if (end == start) throw refuse_id();
    parts.push_back(id.substr(start, end - start));
    start = end + 1;
  }
  if (parts.size() < 6 || parts.size() % 2 != 0 || !equal_ignoring_case(parts[0], "subscriptions"))
    throw refuse_id();

  ResourceId out;
  out.subscription = parts[1];
  std::size_t provider = 0;  // of the innermost resource: a lock on a VM is a lock
  for (std::size_t i = 2; i + 1 < parts.size(); i += 2) {
    if (equal_ignoring_case(parts[i], "resourceGroups") && i == 2) out.resource_group = parts[3];
    if (equal_ignoring_case(parts[i], "providers")) provider = i;
  }
  if (provider == 0 || provider + 3 >= parts.size()) throw refuse_id();
  out.type = parts[provider + 1];
  for (std::size_t i = provider + 2; i < parts.size(); i += 2) out.type += "/" + std::string(parts[i]);
  out.name = parts.back();
  return out;
}

}  // namespace azlin::core
