// azlin backup list.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/backup/fleet_list.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/list_stream.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using backup::BackupInfo;
using backup::Tier;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr std::size_t kRowsAtOnce = 500;

struct BackupListOptions {
  VmsArgument vms;
  std::optional<std::string> tier, since;
};

void bind(CLI::App& command, BackupListOptions& options) {
  bind_vms(command, options.vms, "Backups of every VM");
  command.add_option("--tier", options.tier, "Only this tier")
      ->check(CLI::IsMember({"daily", "weekly", "monthly", "all"}));
  command.add_option("--since", options.since, "Only those made since: 7d, 24h, or a date")
      ->type_name("TIME");
  command.footer(
      "Example: azlin backup list prod-db-vm --since 7d\n"
      "Exit codes: 0, 1, 2, 3, 4 a region does not answer, 5");
}

core::TimePoint since_time(const std::string& text, core::TimePoint now) {
  if (const auto duration = core::parse_duration(text)) return now - *duration;
  if (const auto time = core::parse_time(text)) return *time;
  throw Error(ErrorKind::usage, fmt::format("--since '{}' is neither a duration nor a time", text),
              "write it as 7d, 24h or 2025-12-01");
}

// The backups that are shown, newest first; each is put together when it is asked for.
struct Listed {
  std::string title;
  std::function<BackupInfo(std::size_t)> at;
  std::vector<std::size_t> shown;  // for `at`
  std::vector<snapshot::UnreadableSet> unreadable;
  std::vector<VaultedBackup> vaulted;
};

void choose(Listed& listed, std::size_t count, const BackupListOptions& options, core::TimePoint now) {
  const std::string tier = options.tier.value_or("all");
  const auto since = options.since ? since_time(*options.since, now) : core::TimePoint::min();
  const bool one_group = options.vms.all && options.vms.resource_group;
  for (std::size_t i = 0; i < count; ++i) {
    const auto each = listed.at(i);
    if ((tier != "all" && tier != backup::to_string(each.tier)) || each.created < since) continue;
    if (one_group && !core::equal_ignoring_case(each.resource_group, *options.vms.resource_group)) continue;
    listed.shown.push_back(i);
  }
  std::erase_if(listed.vaulted, [&](const auto& each) {
    return (tier != "all" && !core::equal_ignoring_case(tier, each.point.rule)) || each.point.time < since;
  });
}

Listed list_everywhere(Runtime& runtime, const BackupListOptions& options) {
  Listed listed;
  listed.title = "all VMs";
  listed.vaulted = list_in_vaults(runtime, options.vms.resource_group);
  const auto now = runtime.clock().now();
  auto fleet = std::make_shared<backup::FleetList>(
      backup::FleetList::read(runtime.arm(), runtime.subscription(), now, runtime.stop()));
  listed.at = [fleet](std::size_t i) { return fleet->at(i); };
  choose(listed, fleet->size(), options, now);
  return listed;
}

Listed list_of_vm(Runtime& runtime, const BackupListOptions& options) {
  Listed listed;
  const auto vm = resolve_vm(runtime, {*options.vms.name, options.vms.resource_group});
  listed.title = vm.name;
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  auto listing = backups.look(vm, runtime.stop());
  listed.unreadable = std::move(listing.unreadable);
  if (const auto vault = indexed_engine(runtime, vm)) listed.vaulted = list_in_vault(runtime, vm, *vault);
  const auto found = std::make_shared<std::vector<BackupInfo>>(std::move(listing.backups));
  if (found->empty()) {
    snapshot::require_readable(listed.unreadable, "no backup of " + vm.name + " can be read");
    if (listed.vaulted.empty())
      azure::get_vm(runtime.arm(), vm.id(), false, runtime.stop());  // a VM that is not there is an error
  }
  listed.at = [found](std::size_t i) { return found->at(i); };
  choose(listed, found->size(), options, runtime.clock().now());
  return listed;
}

std::vector<std::string> cells(const BackupInfo& backup) {
  return {backup.name, fmt::format("{} GB", backup.size_gb), verified_text(backup), replicated_text(backup),
          remarks(backup)};
}

// Columns as wide as all rows need, though few rows are kept at a time.
class Columns {
 public:
  void fit(const std::vector<std::string>& row) {
    if (widest_.empty()) widest_.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (length(widest_[i]) < length(row[i])) widest_[i] = row[i];
    }
  }
  void print(Console& console, std::vector<std::string> row) {
    rows_.push_back(std::move(row));
    if (rows_.size() == kRowsAtOnce) flush(console);
  }
  void flush(Console& console) {
    if (rows_.empty()) return;
    rows_.insert(rows_.begin(), widest_);
    const auto lines = in_columns(rows_);
    for (std::size_t i = 1; i < lines.size(); ++i) console.line("  " + lines[i]);
    rows_.clear();
  }

 private:
  static std::size_t length(const std::string& text) {  // in code points
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  std::vector<std::string> widest_;
  std::vector<std::vector<std::string>> rows_;
};

void print_tier(Console& console, const Listed& listed, Tier tier, const char* title) {
  Columns columns;
  std::size_t count = 0;
  for (const auto i : listed.shown) {
    const auto backup = listed.at(i);
    if (backup.tier != tier) continue;
    columns.fit(cells(backup));
    ++count;
  }
  if (count == 0) return;
  console.line();
  console.line(fmt::format("{} ({}):", title, count));
  for (const auto i : listed.shown) {
    const auto backup = listed.at(i);
    if (backup.tier == tier) columns.print(console, cells(backup));
  }
  columns.flush(console);
}

void print_list(Console& console, const Listed& listed) {
  if (!listed.shown.empty() || listed.vaulted.empty()) {
    console.line(fmt::format("Backups for {} ({} total):", listed.title, listed.shown.size()));
    print_tier(console, listed, Tier::daily, "Daily");
    print_tier(console, listed, Tier::weekly, "Weekly");
    print_tier(console, listed, Tier::monthly, "Monthly");
  }
  print_vaulted(console, listed.vaulted);
}

void write_list(Console& console, const Listed& listed, bool all) {
  ListStream rows(console, "backups", {}, {{"total", listed.shown.size() + listed.vaulted.size()}});
  for (const auto i : listed.shown) rows.add({}, [&] { return to_json(listed.at(i)); });
  for (const auto& each : listed.vaulted) rows.add({}, [&] { return to_json(each); });
  ordered_json after = {{"unreadable", to_json(listed.unreadable)}};
  if (!all) after["vm"] = listed.title;
  rows.end({}, after);
}

int run(Runtime& runtime, const BackupListOptions& options) {
  check(options.vms);
  if (options.since) since_time(*options.since, core::TimePoint{});  // refuse a bad one before any call
  const auto listed = options.vms.all ? list_everywhere(runtime, options) : list_of_vm(runtime, options);
  warn_unreadable(runtime.console(), listed.unreadable);
  runtime.console().text() ? print_list(runtime.console(), listed)
                           : write_list(runtime.console(), listed, options.vms.all);
  return listed.unreadable.empty() ? 0 : core::exit_code(ErrorKind::partial);
}

}  // namespace

void add_backup_list_command(CLI::App& group, Job& chosen) {
  add_command<BackupListOptions>(group, "list", "List backups", chosen);
}

}  // namespace azlin::cli
