// azlin archive report: how archives are doing against their targets.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "azlin/archive/archive_manager.hpp"
#include "azlin/archive/metrics.hpp"
#include "azlin/core/format.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_lock.hpp"
#include "cli/archive_session.hpp"
#include "cli/option_values.hpp"

namespace azlin::cli {

namespace {

using archive::Observed;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr int kOperations = 100'000;
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

struct ArchiveReportOptions {
  RepositoryArgument repository;
  std::string period = "30d";
  std::optional<double> price;
};

void bind(CLI::App& command, ArchiveReportOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("--period", options.period, "How far back: 7d, 4w, 720h")->capture_default_str();
  command.add_option("--price", options.price, "What the store takes for a GiB and month, in any currency")
      ->check(not_negative());
  command.footer(
      "Rates and times are of the operations that this machine recorded. Without a destination nothing is "
      "said about storage.\n"
      "Example: azlin archive report --period 90d -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 5, 6 (a target is missed)");
}

// "archive.create" -> "create"; empty: no archive operation that is measured.
std::string measured_kind(const std::string& kind) {
  for (const auto* each : {"create", "restore", "verify"}) {
    if (kind == std::string("archive.") + each) return each;
  }
  if (kind == "archive.test-restore") return "verify";
  return {};
}

// How long it took. Older restores are one line of audit, written at its end, with the duration in it.
std::optional<core::Millis> duration_of(const store::OperationRecord& record) {
  const auto noted = nlohmann::json::parse(record.plan, nullptr, false);
  if (noted.is_object() && noted.contains("tookMs") && noted["tookMs"].is_number())
    return core::Millis(noted["tookMs"].get<std::int64_t>());
  if (!record.ended_at || measured_kind(record.kind) == "verify") return std::nullopt;
  return *record.ended_at - record.started_at;
}

// Those that still run are left out; those whose process died count as failed.
std::vector<Observed> observations(Runtime& runtime, core::TimePoint since) {
  std::vector<Observed> out;
  const auto add = [&](const store::OperationRecord& each) {
    const auto kind = measured_kind(each.kind);
    if (kind.empty() || each.started_at < since) return;
    out.push_back({kind, each.state == "succeeded", each.started_at, duration_of(each)});
  };
  for (const auto& each : runtime.journal().list(kOperations)) {
    if (each.state != "running" && each.state != "interrupted") add(each);
  }
  for (const auto& each : runtime.journal().interrupted()) add(each);
  return out;
}

struct Storage {
  std::optional<archive::Measure> lock;  // where one is asked for
  std::uint64_t stored = 0, restorable = 0;
  std::size_t archives = 0;
  std::optional<core::Millis> oldest_newest;  // the age of the newest archive, of the name where it is oldest
};

Storage look_at_store(Runtime& runtime, archive::Engine& engine) {
  Storage out;
  std::map<std::string, core::TimePoint> newest;
  const auto archives = archive::ArchiveManager(engine).list({}, runtime.stop());
  if (WriteLock lock(runtime, engine.destination()); lock) out.lock = lock.measure(archives);
  for (const auto& each : archives) {
    ++out.archives;
    newest.try_emplace(each.name, each.taken_at);
  }
  for (const auto& [name, at] : newest) {
    const auto age =
        std::max(core::Millis{0}, std::chrono::duration_cast<core::Millis>(runtime.clock().now() - at));
    out.oldest_newest = std::max(out.oldest_newest.value_or(core::Millis{0}), age);
  }
  if (out.archives == 0) return out;
  out.stored = engine.stats(true, {}, runtime.stop()).total_size;
  out.restorable = engine.stats(false, {}, runtime.stop()).total_size;
  return out;
}

std::vector<archive::Measure> storage_lines(const std::optional<Storage>& storage,
                                            const std::optional<double>& price) {
  archive::Measure efficiency{"Storage efficiency", "", "no data", {}},
      cost{"Storage cost a month", "", "no data", {}};
  if (storage && storage->stored > 0) {
    efficiency.value =
        fmt::format("{:.1f} : 1 ({} stored for {})",
                    static_cast<double>(storage->restorable) / static_cast<double>(storage->stored),
                    core::to_size(storage->stored), core::to_size(storage->restorable));
    cost.value = price ? fmt::format("{:.2f}", static_cast<double>(storage->stored) / kGib * *price)
                       : "no data (--price)";
  }
  if (storage && storage->lock) return {efficiency, cost, *storage->lock};
  return {efficiency, cost};
}

int run(Runtime& runtime, const ArchiveReportOptions& options) {
  const auto period = core::parse_duration(options.period);
  if (!period || *period == core::Millis{0})
    throw Error(ErrorKind::usage, fmt::format("'{}' is no period", options.period), "for example 30d");
  if (options.price && !std::isfinite(*options.price))
    throw Error(ErrorKind::usage, "the price is no number", "for example --price 0.02");
  const auto now = runtime.clock().now();
  std::optional<Storage> storage;
  std::string where;
  if (destination_of(runtime, options.repository)) {
    auto engine = open_engine(runtime, options.repository);
    storage = look_at_store(runtime, engine);
    where = engine.destination().text;
  }
  auto lines = archive::against_targets(archive::measure(observations(runtime, now - *period)),
                                        storage ? storage->oldest_newest : std::nullopt);
  for (auto& line : storage_lines(storage, options.price)) lines.push_back(std::move(line));
  Console& console = runtime.console();
  ordered_json json = {
      {"period", options.period}, {"destination", nullptr}, {"measures", ordered_json::array()}};
  if (!where.empty()) json["destination"] = where;
  std::vector<std::vector<std::string>> rows = {{"MEASURE", "TARGET", "SEEN", ""}};
  bool missed = false;
  for (const auto& line : lines) {
    missed = missed || line.met == false;
    rows.push_back({line.name, line.target, line.value, !line.met ? "" : *line.met ? "met" : "MISSED"});
    json["measures"].push_back({{"name", line.name},
                                {"target", line.target},
                                {"seen", line.value},
                                {"met", line.met ? ordered_json(*line.met) : ordered_json(nullptr)}});
  }
  console.line(fmt::format("Archives, last {}{}", options.period, where.empty() ? "" : ", " + where));
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  console.result(json, "measures");
  return missed ? core::exit_code(ErrorKind::findings) : 0;
}

}  // namespace

void add_archive_report_command(CLI::App& group, Job& chosen) {
  add_command<ArchiveReportOptions>(group, "report", "Rates, times, storage and cost against their targets",
                                    chosen);
}

}  // namespace azlin::cli
