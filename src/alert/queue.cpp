#include "alert/queue.hpp"

#include "azlin/core/names.hpp"

namespace azlin::alert {

namespace {

// Times are milliseconds since 1970 in UTC.
const store::Migrations kMigrations = {R"sql(
CREATE TABLE alerts (
  id          INTEGER PRIMARY KEY,
  key         TEXT NOT NULL,
  thread      TEXT NOT NULL,             -- GUID: groups the messages of this alert
  event       TEXT NOT NULL,             -- JSON, as last raised
  severity    INTEGER NOT NULL,          -- the highest that was told
  first_at    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  notified_at INTEGER NOT NULL,          -- when the last message was made
  count       INTEGER NOT NULL DEFAULT 1,
  resolved_at INTEGER
);
CREATE UNIQUE INDEX alerts_open ON alerts (key) WHERE resolved_at IS NULL;
CREATE TABLE messages (
  id         TEXT PRIMARY KEY,           -- GUID, the receiver's key against repetition
  alert_id   INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL,              -- raised | reminder | escalated | resolved
  event      TEXT NOT NULL,              -- JSON, as it was then
  count      INTEGER NOT NULL,
  spread     INTEGER NOT NULL DEFAULT 0  -- 1: its deliveries exist
);
CREATE TABLE deliveries (
  id              INTEGER PRIMARY KEY,
  message_id      TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  alert_key       TEXT NOT NULL,
  channel         TEXT NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  lease_until     INTEGER NOT NULL DEFAULT 0,  -- a process is at it until then
  last_error      TEXT NOT NULL DEFAULT '',
  delivered_at    INTEGER
);
CREATE INDEX deliveries_waiting ON deliveries (channel, alert_key, id) WHERE delivered_at IS NULL;
CREATE INDEX deliveries_message ON deliveries (message_id);
CREATE INDEX messages_alert ON messages (alert_id);
)sql"};

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}
core::TimePoint time_of(std::int64_t value) {
  return core::TimePoint(core::Millis(value));
}

// What raise() needs to know of the open alert.
struct Open {
  std::int64_t id, severity, notified_at;
};

std::optional<Open> find_open(store::Database& db, const std::string& key) {
  auto query =
      db.prepare("SELECT id, severity, notified_at FROM alerts WHERE key = ? AND resolved_at IS NULL");
  if (!query.bind(1, key).step()) return std::nullopt;
  return Open{query.integer(0), query.integer(1), query.integer(2)};
}

void insert_alert(store::Database& db, const AlertEvent& event) {
  auto insert = db.prepare(
      "INSERT INTO alerts (key, thread, event, severity, first_at, last_at, notified_at) VALUES (?, ?, ?, ?, "
      "?, ?, ?)");
  const auto at = millis(event.at);
  insert.bind(1, event.key).bind(2, core::new_guid()).bind(3, to_json(event));
  insert.bind(4, static_cast<std::int64_t>(*event.severity)).bind(5, at).bind(6, at).bind(7, at).run();
}

void update_alert(store::Database& db, const Open& open, const AlertEvent& event, bool notify) {
  auto update = db.prepare(
      "UPDATE alerts SET event = ?, severity = max(severity, ?), last_at = ?, notified_at = ?, count = count "
      "+ 1"
      " WHERE id = ?");
  update.bind(1, to_json(event))
      .bind(2, static_cast<std::int64_t>(*event.severity))
      .bind(3, millis(event.at));
  update.bind(4, notify ? millis(event.at) : open.notified_at).bind(5, open.id).run();
}

}  // namespace

// With a bad alerts.yaml nobody knows yet which channels are meant, so a message is made all the same.
RaiseResult Queue::raise(const AlertEvent& event, const AlertConfig& config) {
  const auto& rule = config.rule(event.rule);
  const bool heard = !config.error.empty() || !config.channels_of(event.rule).empty();
  store::Transaction transaction(db_);
  auto result = heard ? RaiseResult::notified : RaiseResult::recorded;
  if (const auto open = find_open(db_, event.key)) {
    const bool worse = static_cast<std::int64_t>(*event.severity) > open->severity;
    const bool remind =
        rule.renotify.count() > 0 && millis(event.at) - open->notified_at >= rule.renotify.count();
    update_alert(db_, *open, event, worse || remind);
    if (worse || remind)
      add_message(open->id, worse ? MessageKind::escalated : MessageKind::reminder, event, config);
    else
      result = RaiseResult::repeated;
  } else {
    insert_alert(db_, event);
    add_message(db_.last_insert_id(), MessageKind::raised, event, config);
  }
  transaction.commit();
  return result;
}

void Queue::take_over(const std::string& former, const std::string& key) {
  if (!find_open(db_, former)) return;
  store::Transaction transaction(db_);
  const auto open = find_open(db_, former);
  if (!open || find_open(db_, key)) return;
  db_.prepare("UPDATE alerts SET key = ? WHERE id = ?").bind(1, key).bind(2, open->id).run();
  // What waits keeps its place before what is yet to come.
  db_.prepare(
         "UPDATE deliveries SET alert_key = ? WHERE message_id IN (SELECT id FROM messages WHERE alert_id = "
         "?)")
      .bind(1, key)
      .bind(2, open->id)
      .run();
  transaction.commit();
}

bool Queue::resolve(const std::string& key, const std::string& text, const AlertConfig& config,
                    core::TimePoint now) {
  store::Transaction transaction(db_);
  const auto open = find_open(db_, key);
  if (!open) return false;
  auto query = db_.prepare("SELECT event FROM alerts WHERE id = ?");
  query.bind(1, open->id).step();
  auto event = event_from_json(query.text(0));
  query.reset();
  event.key = key;
  event.resolved = true;
  event.text = text.empty() ? "This is no longer so." : text;
  event.at = now;
  db_.prepare("UPDATE alerts SET resolved_at = ? WHERE id = ?").bind(1, millis(now)).bind(2, open->id).run();
  add_message(open->id, MessageKind::resolved, event, config);
  transaction.commit();
  return true;
}

void Queue::add_message(std::int64_t alert, MessageKind kind, const AlertEvent& event,
                        const AlertConfig& config) {
  const auto id = core::new_guid();
  const bool spread_now = config.error.empty();
  auto insert = db_.prepare(
      "INSERT INTO messages (id, alert_id, kind, event, count, spread)"
      " SELECT ?, id, ?, ?, count, ? FROM alerts WHERE id = ?");
  insert.bind(1, id).bind(2, to_string(kind)).bind(3, to_json(event));
  insert.bind(4, std::int64_t{spread_now}).bind(5, alert).run();
  if (spread_now) spread(id, event.key, config.channels_of(event.rule), event.at);
}

void Queue::spread(const std::string& message, const std::string& alert_key,
                   const std::vector<std::string>& channels, core::TimePoint now) {
  auto insert = db_.prepare(
      "INSERT INTO deliveries (message_id, alert_key, channel, next_attempt_at) VALUES (?, ?, ?, ?)");
  for (const auto& channel : channels) {
    insert.bind(1, message).bind(2, alert_key).bind(3, channel).bind(4, millis(now)).run();
  }
}

void Queue::fan_out(const AlertConfig& config, core::TimePoint now) {
  struct Waiting {
    std::string id;
    AlertEvent event;
  };
  store::Transaction transaction(db_);
  std::vector<Waiting> waiting;
  auto query = db_.prepare("SELECT id, event FROM messages WHERE spread = 0 ORDER BY rowid");
  while (query.step()) waiting.push_back({query.text(0), event_from_json(query.text(1))});
  for (const auto& message : waiting) {
    if (config.rule(message.event.rule).enabled)
      spread(message.id, message.event.key, config.channels_of(message.event.rule), now);
    db_.prepare("UPDATE messages SET spread = 1 WHERE id = ?").bind(1, message.id).run();
  }
  transaction.commit();
}

std::optional<Claim> Queue::claim(const std::string& channel, core::TimePoint now,
                                  core::TimePoint lease_until) {
  store::Transaction transaction(db_);
  auto query = db_.prepare(R"sql(
SELECT d.id, d.attempts, m.id, m.kind, m.event, m.count, a.first_at, a.thread
FROM deliveries d JOIN messages m ON m.id = d.message_id JOIN alerts a ON a.id = m.alert_id
WHERE d.channel = ?1 AND d.delivered_at IS NULL AND d.next_attempt_at <= ?2 AND d.lease_until <= ?2
  AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.channel = d.channel AND e.alert_key = d.alert_key
                  AND e.id < d.id AND e.delivered_at IS NULL)
ORDER BY d.id LIMIT 1)sql");
  if (!query.bind(1, channel).bind(2, millis(now)).step()) return std::nullopt;
  Claim claim;
  claim.delivery = query.integer(0);
  claim.attempts = static_cast<int>(query.integer(1));
  auto& message = claim.message;
  message.id = query.text(2);
  message.kind = parse_message_kind(query.text(3));
  message.event = event_from_json(query.text(4));
  message.count = query.integer(5);
  message.first_at = time_of(query.integer(6));
  message.thread = query.text(7);
  query.reset();
  db_.prepare("UPDATE deliveries SET lease_until = ? WHERE id = ?")
      .bind(1, millis(lease_until))
      .bind(2, claim.delivery)
      .run();
  transaction.commit();
  return claim;
}

void Queue::delivered(std::int64_t delivery, core::TimePoint now) {
  db_.prepare("UPDATE deliveries SET delivered_at = ?, attempts = attempts + 1, last_error = '' WHERE id = ?")
      .bind(1, millis(now))
      .bind(2, delivery)
      .run();
}

void Queue::failed(std::int64_t delivery, const std::string& channel, core::TimePoint next,
                   const std::string& error) {
  store::Transaction transaction(db_);
  db_.prepare("UPDATE deliveries SET attempts = attempts + 1, lease_until = 0, last_error = ? WHERE id = ?")
      .bind(1, error)
      .bind(2, delivery)
      .run();
  db_.prepare(
         "UPDATE deliveries SET next_attempt_at = max(next_attempt_at, ?)"
         " WHERE channel = ? AND delivered_at IS NULL")
      .bind(1, millis(next))
      .bind(2, channel)
      .run();
  transaction.commit();
}

void Queue::release(std::int64_t delivery) {
  db_.prepare("UPDATE deliveries SET lease_until = 0 WHERE id = ?").bind(1, delivery).run();
}

std::int64_t Queue::waiting() {
  auto query = db_.prepare(
      "SELECT (SELECT count(*) FROM deliveries WHERE delivered_at IS NULL) +"
      " (SELECT count(*) FROM messages WHERE spread = 0)");
  query.step();
  return query.integer(0);
}

std::vector<AlertRecord> Queue::list(std::optional<core::TimePoint> resolved_since) {
  auto query = db_.prepare(R"sql(
SELECT a.id, a.event, a.first_at, a.last_at, a.count, a.resolved_at, a.severity, a.key,
  (SELECT count(*) FROM messages m JOIN deliveries d ON d.message_id = m.id
   WHERE m.alert_id = a.id AND d.delivered_at IS NULL)
  + (SELECT count(*) FROM messages m WHERE m.alert_id = a.id AND m.spread = 0)
FROM alerts a WHERE a.resolved_at IS NULL OR a.resolved_at >= ?
ORDER BY a.resolved_at IS NOT NULL, a.last_at DESC, a.id DESC)sql");
  query.bind(1, resolved_since ? millis(*resolved_since) : std::numeric_limits<std::int64_t>::max());
  std::vector<AlertRecord> records;
  while (query.step()) {
    AlertRecord record;
    record.id = query.integer(0);
    record.event = event_from_json(query.text(1));
    record.first_at = time_of(query.integer(2));
    record.last_at = time_of(query.integer(3));
    record.count = query.integer(4);
    if (!query.is_null(5)) record.resolved_at = time_of(query.integer(5));
    record.event.severity = static_cast<Severity>(query.integer(6));
    record.event.resolved = record.resolved_at.has_value();
    record.event.key = query.text(7);
    record.undelivered = query.integer(8);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<ChannelState> Queue::channel_states() {
  auto query = db_.prepare(R"sql(
SELECT channel, count(*) FILTER (WHERE delivered_at IS NULL), count(delivered_at),
  min(next_attempt_at) FILTER (WHERE delivered_at IS NULL),
  (SELECT e.last_error FROM deliveries e WHERE e.channel = d.channel AND e.delivered_at IS NULL AND e.last_error <> ''
   ORDER BY e.next_attempt_at DESC, e.id DESC LIMIT 1)
FROM deliveries d GROUP BY channel ORDER BY channel)sql");
  std::vector<ChannelState> states;
  while (query.step()) {
    ChannelState state;
    state.channel = query.text(0);
    state.waiting = query.integer(1);
    state.delivered = query.integer(2);
    if (!query.is_null(3)) state.next_attempt_at = time_of(query.integer(3));
    state.last_error = query.text(4);
    states.push_back(state);
  }
  return states;
}

void Queue::purge(core::TimePoint before) {
  db_.prepare(R"sql(
DELETE FROM alerts WHERE resolved_at < ?1 AND NOT EXISTS (
  SELECT 1 FROM messages m LEFT JOIN deliveries d ON d.message_id = m.id
  WHERE m.alert_id = alerts.id AND (m.spread = 0 OR (d.id IS NOT NULL AND d.delivered_at IS NULL))))sql")
      .bind(1, millis(before))
      .run();
}

Queue::Queue(const std::string& path) : db_(path, kMigrations) {}

}  // namespace azlin::alert
