#include "simulator/content_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "azlin/core/error.hpp"

namespace azlin::simulator {
namespace {

using core::Error;
using core::ErrorKind;

// private_from: places from here on are seen by this map alone, so they may be overwritten.
// template_spec: the image is still to be made; NULL once it is.
const store::Migrations kMigrations = {R"(
CREATE TABLE maps (id INTEGER PRIMARY KEY, private_from INTEGER NOT NULL, spec TEXT, made INTEGER NOT NULL);
CREATE INDEX maps_by_spec ON maps(spec) WHERE spec IS NOT NULL;
CREATE TABLE volumes (id INTEGER PRIMARY KEY AUTOINCREMENT, map INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE INDEX volumes_by_map ON volumes(map);
CREATE TABLE extents (map INTEGER, start INTEGER, length INTEGER, place INTEGER, PRIMARY KEY (map, start)) WITHOUT ROWID;
CREATE TABLE garbage (present INTEGER);
)"};

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::failed, "disk contents: " + what);
}

[[noreturn]] void fail_errno(const std::string& what) {
  fail(what + ": " + std::strerror(errno));
}

std::int64_t i64(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::string prepared_folder(const std::string& folder) {
  std::filesystem::create_directories(folder);
  return folder;
}

bool all_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

// Steps through the extents of one map within a window, cut to it.
class ContentStore::Cursor {
 public:
  Cursor(store::Database& db, std::int64_t map, std::uint64_t begin, std::uint64_t end)
      : statement_(
            db.prepare("SELECT start, length, place FROM extents WHERE map = ?1 AND start < ?3 AND start >= "
                       "IFNULL((SELECT MAX(start) FROM extents WHERE map = ?1 AND start <= ?2), 0) "
                       "ORDER BY start")),
        begin_(begin),
        end_(end) {
    statement_.bind(1, map).bind(2, i64(begin)).bind(3, i64(end));
    next();
  }

  const std::optional<Extent>& current() const { return current_; }

  void next() {
    do {
      if (!statement_.step()) return current_.reset();
      current_ = Extent{u64(statement_.integer(0)), u64(statement_.integer(1)), u64(statement_.integer(2))};
      trim();
    } while (current_->length == 0);
  }

 private:
  void trim() {
    const auto from = std::max(current_->start, begin_);
    const auto to = std::max(from, std::min(current_->end(), end_));
    current_ = Extent{from, to - from, current_->place + (from - current_->start)};
  }

  store::Statement statement_;
  std::uint64_t begin_, end_;
  std::optional<Extent> current_;
};

ContentStore::ContentStore(const std::string& folder, TemplateMaker maker)
    : maker_(std::move(maker)),
      db_(prepared_folder(folder) + "/contents.db", kMigrations, {.durable = false}) {
  const auto path = folder + "/chunks.dat";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) fail_errno("cannot open " + path);
  struct stat status {};
  if (::fstat(file_, &status) != 0) fail_errno("cannot read " + path);
  end_ = (u64(status.st_size) + kSector - 1) / kSector * kSector;
  punch_unused();
}

ContentStore::~ContentStore() {
  if (file_ >= 0) ::close(file_);
}

VolumeId ContentStore::create(std::uint64_t size) {
  std::scoped_lock lock(mutex_);
  return insert_volume(insert_map({}), size);
}

VolumeId ContentStore::create_from_template(const std::string& spec, std::uint64_t size) {
  std::scoped_lock lock(mutex_);
  auto known = db_.prepare("SELECT id FROM maps WHERE spec = ?");
  known.bind(1, std::string_view(spec));
  const auto map = known.step() ? known.integer(0) : insert_map(spec);
  return insert_volume(map, size);
}

VolumeId ContentStore::clone(VolumeId volume) {
  std::scoped_lock lock(mutex_);
  const auto source = checked(volume, 0, 0);
  return insert_volume(source.map, source.size);
}

void ContentStore::remove(VolumeId volume) {
  std::scoped_lock lock(mutex_);
  const auto found = find(volume);
  if (!found) return;
  db_.prepare("DELETE FROM volumes WHERE id = ?").bind(1, volume).run();
  drop_map_if_unused(found->map);
}

void ContentStore::clear_all() {
  std::scoped_lock lock(mutex_);
  db_.execute(
      "DELETE FROM volumes; DELETE FROM extents; DELETE FROM maps; DELETE FROM garbage; INSERT INTO garbage "
      "VALUES (1)");
}

void ContentStore::resize(VolumeId volume, std::uint64_t size) {
  if (size % kSector != 0) fail("the size is not a multiple of 512");
  const auto old_size = this->size(volume);
  if (size < old_size) clear(volume, size, old_size - size);
  std::scoped_lock lock(mutex_);
  db_.prepare("UPDATE volumes SET size = ? WHERE id = ?").bind(1, i64(size)).bind(2, volume).run();
}

std::uint64_t ContentStore::size(VolumeId volume) {
  std::scoped_lock lock(mutex_);
  return checked(volume, 0, 0).size;
}

void ContentStore::batch(const std::function<void()>& work) {
  std::scoped_lock lock(mutex_);
  store::Transaction transaction(db_);
  work();
  transaction.commit();
}

std::string ContentStore::read(VolumeId volume, std::uint64_t offset, std::uint64_t length) {
  std::string bytes(length, '\0');
  read(volume, offset, bytes.data(), length);
  return bytes;
}

void ContentStore::read(VolumeId volume, std::uint64_t offset, char* out, std::uint64_t length) {
  prepare(volume);
  std::vector<Extent> found;
  {
    std::scoped_lock lock(mutex_);
    found = extents(checked(volume, offset, length).map, offset, offset + length);
  }
  // Places are never used twice while the store is open, so the data may be read without the lock.
  std::memset(out, 0, length);
  for (const auto& extent : found) {
    for (std::uint64_t done = 0; done < extent.length;) {
      const auto got = ::pread(file_, out + (extent.start - offset) + done, extent.length - done,
                               static_cast<off_t>(extent.place + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_errno("cannot read");
      if (got == 0) break;  // past the end of the file: zeros
      done += static_cast<std::uint64_t>(got);
    }
  }
}

void ContentStore::write(VolumeId volume, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  prepare(volume);
  std::scoped_lock lock(mutex_);
  const auto found = checked(volume, offset, bytes.size());
  store::Transaction transaction(db_);
  const auto map = private_map(volume, found);
  if (!overwrite_in_place(map, offset, bytes)) {
    cut(map, offset, offset + bytes.size());
    insert_extent(map, {offset, bytes.size(), append(bytes)});
  }
  transaction.commit();
}

void ContentStore::clear(VolumeId volume, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  prepare(volume);
  std::scoped_lock lock(mutex_);
  const auto found = checked(volume, offset, length);
  store::Transaction transaction(db_);
  cut(private_map(volume, found), offset, offset + length);
  transaction.commit();
}

std::vector<ByteRange> ContentStore::allocated(VolumeId volume, ByteRange window, std::size_t limit) {
  prepare(volume);
  std::scoped_lock lock(mutex_);
  const auto found = checked(volume, window.offset, window.length);
  std::vector<ByteRange> ranges;
  for (Cursor at(db_, found.map, window.offset, window.offset + window.length); at.current(); at.next()) {
    const auto& extent = *at.current();
    if (!ranges.empty() && ranges.back().offset + ranges.back().length == extent.start) {
      ranges.back().length += extent.length;
    } else if (ranges.size() < limit) {
      ranges.push_back({extent.start, extent.length});
    } else {
      break;
    }
  }
  return ranges;
}

std::vector<ChangedRange> ContentStore::changed(VolumeId volume, VolumeId older, ByteRange window,
                                                std::size_t limit) {
  std::vector<ChangedRange> changes;
  {
    std::scoped_lock lock(mutex_);
    if (checked(volume, window.offset, window.length).map == checked(older, 0, 0).map) return changes;
  }
  prepare(volume);
  prepare(older);
  std::scoped_lock lock(mutex_);
  const auto end = window.offset + window.length;
  Cursor now(db_, checked(volume, 0, 0).map, window.offset, end);
  Cursor then(db_, checked(older, 0, 0).map, window.offset, end);
  // Walks both lists from border to border; between two borders neither list changes.
  for (auto at = window.offset; at < end;) {
    const auto ended = [&](const Cursor& c) { return c.current() && c.current()->end() <= at; };
    if (ended(now)) now.next();
    if (ended(then)) then.next();
    auto border = end;
    const auto covers = [&](const Cursor& c) {
      if (!c.current()) return false;
      const bool inside = c.current()->start <= at;
      border = std::min(border, inside ? c.current()->end() : c.current()->start);
      return inside;
    };
    const bool in_now = covers(now), in_then = covers(then);
    const auto place = [&](const Cursor& c) { return c.current()->place + (at - c.current()->start); };
    const bool same = in_now == in_then && (!in_now || place(now) == place(then));
    if (!same) {
      auto* last = changes.empty() ? nullptr : &changes.back();
      if (last && last->cleared == !in_now && last->range.offset + last->range.length == at) {
        last->range.length += border - at;
      } else if (changes.size() < limit) {
        changes.push_back({{at, border - at}, !in_now});
      } else {
        break;
      }
    }
    at = border;
  }
  return changes;
}

std::optional<ContentStore::Volume> ContentStore::find(VolumeId volume) {
  auto row = db_.prepare("SELECT map, size FROM volumes WHERE id = ?");
  row.bind(1, volume);
  if (!row.step()) return {};
  return Volume{row.integer(0), u64(row.integer(1))};
}

ContentStore::Volume ContentStore::checked(VolumeId volume, std::uint64_t offset, std::uint64_t length) {
  const auto found = find(volume);
  if (!found) fail(fmt::format("there is no volume {}", volume));
  if (offset % kSector != 0 || length % kSector != 0) fail("not a whole number of 512-byte sectors");
  if (offset > found->size || length > found->size - offset) fail("beyond the end of the volume");
  return *found;
}

std::optional<std::string> ContentStore::unmade_template(std::int64_t map) {
  auto row = db_.prepare("SELECT spec FROM maps WHERE id = ? AND made = 0");
  row.bind(1, map);
  if (!row.step()) return {};
  return row.text(0);
}

// The image is written to a volume of its own, whose extents then become those of the template's map in one
// step.
void ContentStore::prepare(VolumeId volume) {
  const auto needed = [&]() -> std::optional<std::pair<Volume, std::string>> {
    std::scoped_lock lock(mutex_);
    const auto found = checked(volume, 0, 0);
    const auto spec = unmade_template(found.map);
    if (!spec) return {};
    return std::pair{found, *spec};
  };
  if (!needed()) return;
  std::scoped_lock one_at_a_time(making_);
  const auto work = needed();
  if (!work) return;  // another thread made it
  if (!maker_) fail("no maker for the image " + work->second);
  const auto scratch = create(work->first.size);
  try {
    maker_(work->second,
           [&](std::uint64_t offset, std::string_view bytes) { write(scratch, offset, bytes); });
  } catch (...) {
    remove(scratch);
    throw;
  }
  std::scoped_lock lock(mutex_);
  store::Transaction transaction(db_);
  const auto made = checked(scratch, 0, 0).map;
  db_.prepare("UPDATE extents SET map = ? WHERE map = ?").bind(1, work->first.map).bind(2, made).run();
  // The places are private to nobody from now on: any number of volumes may share the template.
  db_.prepare("UPDATE maps SET made = 1, private_from = ? WHERE id = ?")
      .bind(1, i64(end_))
      .bind(2, work->first.map)
      .run();
  remove(scratch);
  transaction.commit();
}

VolumeId ContentStore::insert_volume(std::int64_t map, std::uint64_t size) {
  if (size % kSector != 0) fail("the size is not a multiple of 512");
  db_.prepare("INSERT INTO volumes (map, size) VALUES (?, ?)").bind(1, map).bind(2, i64(size)).run();
  return db_.last_insert_id();
}

std::int64_t ContentStore::insert_map(const std::optional<std::string>& spec) {
  db_.prepare("INSERT INTO maps (private_from, spec, made) VALUES (?, ?, ?)")
      .bind(1, i64(end_))
      .bind(2, spec)
      .bind(3, std::int64_t{spec ? 0 : 1})
      .run();
  return db_.last_insert_id();
}

// The map of `volume`, copied first when another volume shares it or it is a template to copy from.
std::int64_t ContentStore::private_map(VolumeId volume, const Volume& found) {
  auto shared = db_.prepare(
      "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM volumes WHERE map = ?1 LIMIT 2)) > 1 "
      "OR (SELECT spec IS NOT NULL FROM maps WHERE id = ?1)");
  shared.bind(1, found.map);
  shared.step();
  if (shared.integer(0) == 0) return found.map;
  const auto copy = insert_map({});
  db_.prepare("INSERT INTO extents SELECT ?, start, length, place FROM extents WHERE map = ?")
      .bind(1, copy)
      .bind(2, found.map)
      .run();
  // Two maps see the old places now: neither may overwrite them.
  db_.prepare("UPDATE maps SET private_from = ? WHERE id = ?").bind(1, i64(end_)).bind(2, found.map).run();
  db_.prepare("UPDATE volumes SET map = ? WHERE id = ?").bind(1, copy).bind(2, volume).run();
  drop_map_if_unused(found.map);
  return copy;
}

std::vector<ContentStore::Extent> ContentStore::extents(std::int64_t map, std::uint64_t begin,
                                                        std::uint64_t end) {
  std::vector<Extent> found;
  for (Cursor at(db_, map, begin, end); at.current(); at.next()) found.push_back(*at.current());
  return found;
}

// Takes [begin, end) out of the map, keeping what sticks out on either side.
void ContentStore::cut(std::int64_t map, std::uint64_t begin, std::uint64_t end) {
  std::vector<Extent> touched;
  auto rows = db_.prepare(
      "SELECT start, length, place FROM extents WHERE map = ?1 AND start < ?3 AND start >= "
      "IFNULL((SELECT MAX(start) FROM extents WHERE map = ?1 AND start <= ?2), 0)");
  rows.bind(1, map).bind(2, i64(begin)).bind(3, i64(end));
  while (rows.step()) touched.push_back({u64(rows.integer(0)), u64(rows.integer(1)), u64(rows.integer(2))});
  for (const auto& old : touched) {
    if (old.end() <= begin) continue;
    db_.prepare("DELETE FROM extents WHERE map = ? AND start = ?").bind(1, map).bind(2, i64(old.start)).run();
    if (old.start < begin) insert_extent(map, {old.start, begin - old.start, old.place});
    if (old.end() > end) insert_extent(map, {end, old.end() - end, old.place + (end - old.start)});
  }
  if (!touched.empty()) db_.execute("INSERT INTO garbage SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM garbage)");
}

// Lengthens the extent before it when both their bytes and their places follow on.
void ContentStore::insert_extent(std::int64_t map, const Extent& extent) {
  auto longer = db_.prepare(
      "UPDATE extents SET length = length + ?3 WHERE map = ?1 AND start = (SELECT MAX(start) FROM extents "
      "WHERE map = ?1 AND start < ?2) AND start + length = ?2 AND place + length = ?4");
  longer.bind(1, map).bind(2, i64(extent.start)).bind(3, i64(extent.length)).bind(4, i64(extent.place)).run();
  if (db_.changes() > 0) return;
  db_.prepare("INSERT INTO extents (map, start, length, place) VALUES (?, ?, ?, ?)")
      .bind(1, map)
      .bind(2, i64(extent.start))
      .bind(3, i64(extent.length))
      .bind(4, i64(extent.place))
      .run();
}

bool ContentStore::overwrite_in_place(std::int64_t map, std::uint64_t offset, std::string_view bytes) {
  const auto found = extents(map, offset, offset + bytes.size());
  if (found.size() != 1 || found[0].length != bytes.size()) return false;
  auto row = db_.prepare("SELECT private_from FROM maps WHERE id = ?");
  row.bind(1, map);
  if (!row.step() || found[0].place < u64(row.integer(0))) return false;
  write_at(found[0].place, bytes);
  return true;
}

std::uint64_t ContentStore::append(std::string_view bytes) {
  const auto place = end_;
  if (all_zero(bytes)) {
    if (::ftruncate(file_, static_cast<off_t>(place + bytes.size())) != 0) fail_errno("cannot write");
  } else {
    write_at(place, bytes);
  }
  end_ = place + bytes.size();
  return place;
}

void ContentStore::write_at(std::uint64_t place, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_errno("cannot write");
    place += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void ContentStore::drop_map_if_unused(std::int64_t map) {
  auto used = db_.prepare("SELECT 1 FROM volumes WHERE map = ? LIMIT 1");
  used.bind(1, map);
  if (used.step()) return;
  db_.prepare("DELETE FROM extents WHERE map = ?").bind(1, map).run();
  if (db_.changes() > 0) db_.execute("INSERT INTO garbage SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM garbage)");
  db_.prepare("DELETE FROM maps WHERE id = ?").bind(1, map).run();
}

// Only while the store is being opened: later on, a reader without the lock may still look at a place.
void ContentStore::punch_unused() {
  auto garbage = db_.prepare("SELECT 1 FROM garbage");
  if (!garbage.step()) return;
  garbage.reset();
  std::uint64_t used_to = 0;
  const auto punch = [&](std::uint64_t to) {
    if (to <= used_to) return;
    // A file system that cannot punch holes keeps the bytes; nothing else changes.
    ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(used_to),
                static_cast<off_t>(to - used_to));
  };
  for (auto row = db_.prepare("SELECT place, length FROM extents ORDER BY place"); row.step();) {
    punch(u64(row.integer(0)));
    used_to = std::max(used_to, u64(row.integer(0) + row.integer(1)));
  }
  punch(end_);
  db_.execute("DELETE FROM garbage");
}

}  // namespace azlin::simulator
