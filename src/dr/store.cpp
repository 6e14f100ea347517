#include "azlin/dr/store.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::dr {

using nlohmann::json;

namespace {

// The first is the schema of the requirements, as it stands there.
const store::Migrations kMigrations = {
    R"(CREATE TABLE dr_tests (
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         vm_name TEXT NOT NULL,
         backup_name TEXT NOT NULL,
         test_region TEXT NOT NULL,
         started_at DATETIME NOT NULL,
         completed_at DATETIME,
         success BOOLEAN,
         restore_succeeded BOOLEAN,
         boot_succeeded BOOLEAN,
         connectivity_succeeded BOOLEAN,
         cleanup_succeeded BOOLEAN,
         rto_seconds REAL,
         error_message TEXT,
         created_at DATETIME DEFAULT CURRENT_TIMESTAMP
       );
       CREATE INDEX idx_vm_name_test ON dr_tests(vm_name);
       CREATE INDEX idx_started_at ON dr_tests(started_at);
       CREATE INDEX idx_success_test ON dr_tests(success);)",
    R"(ALTER TABLE dr_tests ADD COLUMN verdict TEXT NOT NULL DEFAULT 'running';
       ALTER TABLE dr_tests ADD COLUMN subscription TEXT NOT NULL DEFAULT '';
       ALTER TABLE dr_tests ADD COLUMN resource_group TEXT NOT NULL DEFAULT '';
       ALTER TABLE dr_tests ADD COLUMN drill_id TEXT NOT NULL DEFAULT '';
       ALTER TABLE dr_tests ADD COLUMN operation_id INTEGER NOT NULL DEFAULT 0;
       ALTER TABLE dr_tests ADD COLUMN test_vm_id TEXT NOT NULL DEFAULT '';
       ALTER TABLE dr_tests ADD COLUMN target_rto_seconds REAL NOT NULL DEFAULT 900;
       ALTER TABLE dr_tests ADD COLUMN kept_until DATETIME;
       ALTER TABLE dr_tests ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
       CREATE UNIQUE INDEX idx_drill ON dr_tests(drill_id) WHERE drill_id <> '';)",
    // The VMs of a plan are one drill.
    R"(DROP INDEX idx_drill;
       CREATE INDEX idx_drill ON dr_tests(drill_id);)",
    // Rows that had the first schema alone: their columns say how they ended.
    R"(UPDATE dr_tests SET verdict = CASE success WHEN 1 THEN 'passed' WHEN 0 THEN 'failed' ELSE 'interrupted' END
       WHERE drill_id = '' AND verdict = 'running';)"};

constexpr const char* kColumns =
    "id, vm_name, backup_name, test_region, started_at, completed_at, verdict, rto_seconds, error_message, "
    "subscription, resource_group, drill_id, operation_id, test_vm_id, target_rto_seconds, kept_until, "
    "details";

double seconds(core::Millis time) {
  return static_cast<double>(time.count()) / 1000.0;
}

core::Millis millis(double seconds) {
  return std::chrono::round<core::Millis>(std::chrono::duration<double>(seconds));
}

json json_of(const std::optional<cost::DrillUse>& use) {
  if (!use) return nullptr;
  json disks = json::array();
  for (const auto& disk : use->disks) disks.push_back({{"sku", disk.sku}, {"gib", disk.gib}});
  return {{"region", use->region},
          {"vmSize", use->vm_size},
          {"disks", disks},
          {"publicAddress", use->public_address},
          {"seconds", seconds(use->duration)}};
}

std::optional<cost::DrillUse> parse_use(const json& body) {
  if (!body.is_object()) return std::nullopt;
  cost::DrillUse use{body.value("region", ""),
                     body.value("vmSize", ""),
                     {},
                     body.value("publicAddress", false),
                     millis(body.value("seconds", 0.0))};
  for (const json& disk : body.value("disks", json::array()))
    use.disks.push_back({disk.value("sku", ""), disk.value("gib", 0)});
  return use;
}

std::string details(const DRTestResult& result) {
  json phases = json::array(), left = json::array();
  for (const auto& phase : result.phases) {
    json row = {{"step", to_string(phase.step)},
                {"outcome", to_string(phase.outcome)},
                {"seconds", seconds(phase.took)},
                {"detail", phase.detail}};
    if (phase.started) row["startedAt"] = core::to_iso8601(*phase.started);
    phases.push_back(std::move(row));
  }
  for (const auto& item : result.left) left.push_back({{"id", item.id}, {"error", item.error}});
  const json cost = result.cost ? json(*result.cost) : json(nullptr);
  return json{{"phases", phases},
              {"left", left},
              {"estimatedCost", cost},
              {"currency", result.currency},
              {"hint", result.hint},
              {"bootLog", result.boot_log},
              {"warnings", result.warnings},
              {"use", json_of(result.use)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Phase parse_phase(const json& row) {
  Phase phase;
  const std::string step = row.value("step", ""), outcome = row.value("outcome", "");
  for (const Step each : {Step::restore, Step::boot, Step::connectivity, Step::command, Step::cleanup})
    if (step == to_string(each)) phase.step = each;
  for (const Outcome each : {Outcome::not_run, Outcome::passed, Outcome::failed, Outcome::skipped})
    if (outcome == to_string(each)) phase.outcome = each;
  phase.took = millis(row.value("seconds", 0.0));
  phase.detail = row.value("detail", "");
  phase.started = core::parse_time(row.value("startedAt", ""));
  return phase;
}

void read_details(const std::string& text, DRTestResult& result) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object()) return;
  for (const json& row : body.value("phases", json::array())) result.phases.push_back(parse_phase(row));
  for (const json& row : body.value("left", json::array()))
    result.left.push_back({row.value("id", ""), row.value("error", "")});
  const auto cost = body.find("estimatedCost");
  if (cost != body.end() && cost->is_number()) result.cost = cost->get<double>();
  result.use = parse_use(body.value("use", json(nullptr)));
  result.currency = body.value("currency", result.currency);
  result.hint = body.value("hint", "");
  result.boot_log = body.value("bootLog", "");
  result.warnings = body.value("warnings", std::vector<std::string>{});
}

DRTestResult read(const store::Statement& row) {
  DRTestResult result;
  result.test_id = row.integer(0);
  result.vm = {row.text(9), row.text(10), row.text(1)};
  result.backup_name = row.text(2);
  result.test_region = row.text(3);
  result.started_at = core::parse_time(row.text(4)).value_or(core::TimePoint{});
  result.completed_at = core::parse_time(row.text(5));
  result.verdict = parse_verdict(row.text(6)).value_or(Verdict::interrupted);
  if (!row.is_null(7)) result.rto = millis(row.real(7));
  result.error = row.text(8);
  result.drill_id = row.text(11);
  result.operation = row.integer(12);
  result.test_vm_id = row.text(13);
  result.target_rto = millis(row.real(14));
  result.kept_until = core::parse_time(row.text(15));
  read_details(row.text(16), result);
  return result;
}

// NULL: it was not tried, or it has not ended.
void bind_outcome(store::Statement& row, int index, const DRTestResult& result, Step step) {
  const Phase* phase = result.phase(step);
  const bool known =
      phase != nullptr && (phase->outcome == Outcome::passed || phase->outcome == Outcome::failed);
  known ? row.bind(index, std::int64_t{phase->outcome == Outcome::passed}) : row.bind_null(index);
}

std::optional<std::string> optional_time(const std::optional<core::TimePoint>& time) {
  return time ? std::optional(core::to_iso8601(*time)) : std::nullopt;
}

}  // namespace

DrillStore::DrillStore(const std::string& path) : db_(path, kMigrations) {}

std::int64_t DrillStore::insert(DRTestResult& result) {
  {
    const std::lock_guard lock(mutex_);
    auto row = db_.prepare(
        "INSERT INTO dr_tests (vm_name, backup_name, test_region, started_at, subscription, resource_group, "
        "drill_id, operation_id, test_vm_id, target_rto_seconds) VALUES (?,?,?,?,?,?,?,?,?,?)");
    row.bind(1, result.vm.name).bind(2, result.backup_name).bind(3, result.test_region);
    row.bind(4, core::to_iso8601(result.started_at)).bind(5, result.vm.subscription);
    row.bind(6, result.vm.resource_group).bind(7, result.drill_id).bind(8, result.operation);
    row.bind(9, result.test_vm_id).bind(10, seconds(result.target_rto));
    row.run();
    result.test_id = db_.last_insert_id();
  }
  update(result);
  return result.test_id;
}

void DrillStore::update(const DRTestResult& result) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(
      "UPDATE dr_tests SET completed_at=?, success=?, restore_succeeded=?, boot_succeeded=?, "
      "connectivity_succeeded=?, cleanup_succeeded=?, rto_seconds=?, error_message=?, verdict=?, "
      "kept_until=?, details=? WHERE id=?");
  row.bind(1, optional_time(result.completed_at));
  const bool judged = result.verdict == Verdict::passed || result.verdict == Verdict::failed;
  judged ? row.bind(2, std::int64_t{result.verdict == Verdict::passed}) : row.bind_null(2);
  bind_outcome(row, 3, result, Step::restore);
  bind_outcome(row, 4, result, Step::boot);
  bind_outcome(row, 5, result, Step::connectivity);
  bind_outcome(row, 6, result, Step::cleanup);
  result.rto ? row.bind(7, seconds(*result.rto)) : row.bind_null(7);
  row.bind(8, result.error.empty() ? std::nullopt : std::optional(result.error));
  row.bind(9, to_string(result.verdict)).bind(10, optional_time(result.kept_until));
  row.bind(11, details(result)).bind(12, result.test_id);
  row.run();
}

std::vector<DRTestResult> DrillStore::list(const TestFilter& filter) {
  const std::lock_guard lock(mutex_);
  auto rows = db_.prepare(fmt::format(
      "SELECT {} FROM dr_tests WHERE (?1 IS NULL OR vm_name = ?1 COLLATE NOCASE) AND "
      "(?2 IS NULL OR started_at >= ?2) AND (?3 IS NULL OR resource_group = ?3 COLLATE NOCASE) AND "
      "(?4 IS NULL OR subscription = ?4 COLLATE NOCASE OR subscription = '') ORDER BY started_at DESC, id "
      "DESC",
      kColumns));
  rows.bind(1, filter.vm).bind(2, optional_time(filter.since));
  rows.bind(3, filter.resource_group).bind(4, filter.subscription);
  std::vector<DRTestResult> results;
  while (rows.step()) results.push_back(read(rows));
  return results;
}

std::vector<DRTestResult> DrillStore::list_drill(const std::string& drill_id) {
  const std::lock_guard lock(mutex_);
  auto rows = db_.prepare(fmt::format("SELECT {} FROM dr_tests WHERE drill_id = ? ORDER BY id", kColumns));
  rows.bind(1, drill_id);
  std::vector<DRTestResult> results;
  while (rows.step()) results.push_back(read(rows));
  return results;
}

}  // namespace azlin::dr
