#include "platform/blob_index.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "platform/encoding.hpp"
#include "platform/fields.hpp"
#include "platform/files.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

const store::Migrations kSchema = {
    "CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE blobs (container TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT "
    "NULL,"
    " md5 TEXT NOT NULL, properties TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '',"
    " file_md5 TEXT NOT NULL DEFAULT '', whole INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,"
    " seen INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (container, name));"
    "CREATE TABLE ranges (container TEXT NOT NULL, name TEXT NOT NULL, offset INTEGER NOT NULL,"
    " PRIMARY KEY (container, name, offset));",
    // What is being fetched stands apart, so that the copy that is whole stays until the new one is.
    "CREATE TABLE partial (container TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT "
    "NULL, md5 TEXT NOT NULL, properties TEXT NOT NULL, file TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 1,"
    " PRIMARY KEY (container, name));"
    "INSERT INTO partial SELECT container, name, etag, size, md5, properties, file, seen FROM blobs WHERE "
    "whole "
    "= 0;"
    "DELETE FROM blobs WHERE whole = 0;"
    "CREATE TABLE runs (container TEXT NOT NULL, prefix TEXT NOT NULL, failed INTEGER NOT NULL,"
    " PRIMARY KEY (container, prefix));"};

constexpr const char* kColumns =
    "SELECT container, name, etag, size, md5, properties, file, sha256, file_md5, gone FROM blobs ";
constexpr std::int64_t kNotEnded = -1;
constexpr const char* kChanged = "the index was changed by somebody else: do not trust this folder";

std::string properties_text(const BlobInfo& info) {
  return json{{"type", info.type},
              {"tier", info.tier},
              {"contentType", info.content_type},
              {"contentEncoding", info.content_encoding},
              {"contentLanguage", info.content_language},
              {"contentDisposition", info.content_disposition},
              {"cacheControl", info.cache_control},
              {"modified", core::to_iso8601(info.modified)},
              {"metadata", info.metadata}}
      .dump();
}

bool is_plain_segment(std::string_view segment) {
  if (segment.empty() || segment.size() > 200 || segment.starts_with('.') || segment.ends_with(kPartSuffix))
    return false;
  for (const char c : segment)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/' || c == '\\') return false;
  return true;
}

std::string hashed_file(const std::string& container, const std::string& name) {
  return ".azlin/named/" + hex(sha256(container + "/" + name));
}

// The index comes with the folder, from anywhere: its paths must be those that azlin gives.
void check_place(const IndexedBlob& blob) {
  const auto& name = blob.info.name;
  if (is_plain_segment(blob.container) &&
      (blob.file == file_of_blob(blob.container, name) || blob.file == hashed_file(blob.container, name)))
    return;
  throw Error(ErrorKind::failed,
              fmt::format("the index of the export says that {}/{} is in '{}', where azlin puts no blob",
                          blob.container, name, blob.file),
              kChanged);
}

// The columns that `blobs` and `partial` share.
IndexedBlob fetched_row(const store::Statement& statement) {
  IndexedBlob out;
  out.container = statement.text(0);
  out.info.name = statement.text(1);
  out.info.etag = statement.text(2);
  out.info.size = static_cast<std::uint64_t>(statement.integer(3));
  out.info.md5 = statement.text(4);
  const json properties = parse_or_null(statement.text(5));
  out.info.type = text(properties, "type");
  out.info.tier = text(properties, "tier");
  out.info.content_type = text(properties, "contentType");
  out.info.content_encoding = text(properties, "contentEncoding");
  out.info.content_language = text(properties, "contentLanguage");
  out.info.content_disposition = text(properties, "contentDisposition");
  out.info.cache_control = text(properties, "cacheControl");
  for (const auto& [key, value] : at(properties, "metadata").items()) out.info.metadata[key] = value;
  out.file = statement.text(6);
  check_place(out);
  return out;
}

IndexedBlob row(const store::Statement& statement) {
  auto out = fetched_row(statement);
  out.sha256 = statement.text(7);
  out.file_md5 = statement.text(8);
  out.gone = statement.integer(9) != 0;
  return out;
}

store::Statement& bind_blob(store::Statement& statement, const IndexedBlob& blob) {
  return statement.bind(1, blob.container)
      .bind(2, blob.info.name)
      .bind(3, blob.info.etag)
      .bind(4, static_cast<std::int64_t>(blob.info.size))
      .bind(5, blob.info.md5)
      .bind(6, properties_text(blob.info))
      .bind(7, blob.file);
}

// The next text in order: what begins with `prefix` is from it up to here. "": no end.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

[[noreturn]] void throw_for(const std::string& path) {
  throw Error(ErrorKind::failed, fmt::format("{}: {}", path, std::strerror(errno)),
              errno == ENOSPC ? "the disk is full; make room and run it again: it goes on" : "");
}

}  // namespace

std::string file_of_blob(const std::string& container, const std::string& name) {
  bool plain = name.size() <= 900;
  for (std::size_t from = 0; plain && from <= name.size();) {
    const auto end = std::min(name.find('/', from), name.size());
    plain = is_plain_segment(std::string_view(name).substr(from, end - from));
    from = end + 1;
  }
  return plain ? container + "/" + name : hashed_file(container, name);
}

BlobIndex::BlobIndex(const std::string& folder, const std::string& account, bool may_create)
    : folder_(folder), account_(account) {
  const auto path = folder + "/.azlin/index.db";
  if (!may_create && !file_exists(path))
    throw Error(ErrorKind::not_found, fmt::format("there is no export in {}", folder),
                "`azlin platform storage export` makes one");
  if (may_create && !file_exists(path)) check_new_folder(folder, {".azlin"}, "export");
  make_folder(folder + "/.azlin/named");
  lock_ = open((folder + "/.azlin/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) throw_for(folder + "/.azlin/lock");
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_);
    throw Error(ErrorKind::busy, fmt::format("another azlin works on {}", folder));
  }
  db_ = std::make_unique<store::Database>(path, kSchema, store::OpenOptions{.durable = false});
  auto known = db_->prepare("SELECT value FROM about WHERE key = 'account'");
  if (known.step()) {
    account_ = known.text(0);
    if (may_create && account_ != account)
      throw Error(ErrorKind::usage, fmt::format("{} holds data of account {}", folder, account_),
                  "give each account a folder of its own");
  } else {
    db_->prepare("INSERT INTO about (key, value) VALUES ('account', ?)").bind(1, account).run();
  }
}

BlobIndex::~BlobIndex() {
  if (lock_ >= 0) close(lock_);
}

std::optional<IndexedBlob> BlobIndex::find(const std::string& container, const std::string& name) {
  auto statement = db_->prepare(std::string(kColumns) + "WHERE container = ? AND name = ?");
  statement.bind(1, container).bind(2, name);
  if (!statement.step()) return std::nullopt;
  return row(statement);
}

// Another blob's file is a folder of this one's path, or the other way round.
bool BlobIndex::collides(const std::string& container, const std::string& name) {
  const auto any = [&](const std::string& sql, const std::string& first, const std::string& second) {
    auto statement = db_->prepare(sql);
    statement.bind(1, container).bind(2, first);
    if (!second.empty()) statement.bind(3, second);
    return statement.step();
  };
  for (const std::string table : {"blobs", "partial"}) {
    const auto below = "SELECT 1 FROM " + table + " WHERE container = ? AND name > ? AND name < ? LIMIT 1";
    const auto exact = "SELECT 1 FROM " + table + " WHERE container = ? AND name = ?";
    if (any(below, name + "/", name + "0")) return true;  // '0' follows '/'
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
      if (any(exact, name.substr(0, slash), "")) return true;
  }
  return false;
}

std::optional<IndexedBlob> BlobIndex::find_partial(const std::string& container, const std::string& name) {
  auto statement = db_->prepare(
      "SELECT container, name, etag, size, md5, properties, file FROM partial WHERE container = ? AND name = "
      "?");
  statement.bind(1, container).bind(2, name);
  if (!statement.step()) return std::nullopt;
  return fetched_row(statement);
}

void BlobIndex::forget_ranges(const std::string& container, const std::string& name) {
  db_->prepare("DELETE FROM ranges WHERE container = ? AND name = ?").bind(1, container).bind(2, name).run();
}

IndexedBlob BlobIndex::begin(const std::string& container, const BlobInfo& info) {
  const auto before = find_partial(container, info.name);
  const auto known = before ? before : find(container, info.name);
  IndexedBlob out;
  out.container = container;
  out.info = info;
  out.file = known ? known->file : file_of_blob(container, info.name);
  if (!known && collides(container, info.name)) out.file = hashed_file(container, info.name);
  if (!before || before->info.etag != info.etag) forget_ranges(container, info.name);
  auto statement = db_->prepare(
      "INSERT INTO partial (container, name, etag, size, md5, properties, file) VALUES (?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (container, name) DO UPDATE SET etag = excluded.etag, size = excluded.size,"
      " md5 = excluded.md5, properties = excluded.properties, seen = 1");
  bind_blob(statement, out).run();
  seen(container, info.name);
  return out;
}

std::set<std::uint64_t> BlobIndex::ranges(const IndexedBlob& blob) {
  std::set<std::uint64_t> out;
  auto statement = db_->prepare("SELECT offset FROM ranges WHERE container = ? AND name = ?");
  statement.bind(1, blob.container).bind(2, blob.info.name);
  while (statement.step()) out.insert(static_cast<std::uint64_t>(statement.integer(0)));
  return out;
}

void BlobIndex::range_done(const IndexedBlob& blob, std::uint64_t offset) {
  db_->prepare("INSERT OR IGNORE INTO ranges (container, name, offset) VALUES (?, ?, ?)")
      .bind(1, blob.container)
      .bind(2, blob.info.name)
      .bind(3, static_cast<std::int64_t>(offset))
      .run();
}

void BlobIndex::whole(const IndexedBlob& blob) {
  store::Transaction transaction(*db_);
  auto statement = db_->prepare(
      "INSERT INTO blobs (container, name, etag, size, md5, properties, file, sha256, file_md5, whole)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (container, name) DO UPDATE SET etag = "
      "excluded.etag,"
      " size = excluded.size, md5 = excluded.md5, properties = excluded.properties, file = excluded.file,"
      " sha256 = excluded.sha256, file_md5 = excluded.file_md5, whole = 1, gone = 0, seen = 1");
  bind_blob(statement, blob).bind(8, blob.sha256).bind(9, blob.file_md5).run();
  db_->prepare("DELETE FROM partial WHERE container = ? AND name = ?")
      .bind(1, blob.container)
      .bind(2, blob.info.name)
      .run();
  forget_ranges(blob.container, blob.info.name);
  transaction.commit();
}

void BlobIndex::seen(const std::string& container, const std::string& name) {
  db_->prepare("UPDATE blobs SET seen = 1, gone = 0 WHERE container = ? AND name = ?")
      .bind(1, container)
      .bind(2, name)
      .run();
}

namespace {

constexpr const char* kOfRun = " WHERE container = ?1 AND name >= ?2 AND (?3 = '' OR name < ?3)";

}  // namespace

void BlobIndex::note_run(const std::string& container, const std::string& prefix, std::int64_t failed) {
  db_->prepare(
         "INSERT INTO runs (container, prefix, failed) VALUES (?, ?, ?) ON CONFLICT (container, prefix) DO "
         "UPDATE SET failed = excluded.failed")
      .bind(1, container)
      .bind(2, prefix)
      .bind(3, failed)
      .run();
}

void BlobIndex::begin_export() {
  note_run("", "", kNotEnded);
}
void BlobIndex::end_export() {
  note_run("", "", 0);
}

void BlobIndex::begin_run(const std::string& container, const std::string& prefix) {
  store::Transaction transaction(*db_);
  for (const std::string table : {"blobs", "partial"})
    db_->prepare("UPDATE " + table + " SET seen = 0" + kOfRun)
        .bind(1, container)
        .bind(2, prefix)
        .bind(3, after_prefix(prefix))
        .run();
  note_run(container, prefix, kNotEnded);
  transaction.commit();
}

// What was being fetched and is no longer in the account will never be whole.
void BlobIndex::drop_unseen_parts(const std::string& container, const std::string& prefix) {
  std::vector<IndexedBlob> lost;
  {
    auto statement =
        db_->prepare(std::string("SELECT container, name, etag, size, md5, properties, file FROM partial") +
                     kOfRun + " AND seen = 0");
    statement.bind(1, container).bind(2, prefix).bind(3, after_prefix(prefix));
    while (statement.step()) lost.push_back(fetched_row(statement));
  }
  for (const auto& blob : lost) {
    ::unlink((path(blob) + kPartSuffix).c_str());
    forget_ranges(container, blob.info.name);
    db_->prepare("DELETE FROM partial WHERE container = ? AND name = ?")
        .bind(1, container)
        .bind(2, blob.info.name)
        .run();
  }
}

std::uint64_t BlobIndex::end_run(const std::string& container, const std::string& prefix,
                                 std::uint64_t failed) {
  store::Transaction transaction(*db_);
  db_->prepare(std::string("UPDATE blobs SET gone = 1") + kOfRun + " AND seen = 0 AND gone = 0")
      .bind(1, container)
      .bind(2, prefix)
      .bind(3, after_prefix(prefix))
      .run();
  const auto gone = static_cast<std::uint64_t>(db_->changes());
  drop_unseen_parts(container, prefix);
  note_run(container, prefix, static_cast<std::int64_t>(failed));
  transaction.commit();
  return gone;
}

std::vector<std::string> BlobIndex::containers() {
  std::vector<std::string> out;
  auto statement = db_->prepare(
      "SELECT container FROM runs WHERE container <> '' UNION SELECT container FROM blobs ORDER BY 1");
  while (statement.step()) {
    out.push_back(statement.text(0));
    if (!is_plain_segment(out.back()))
      throw Error(ErrorKind::failed,
                  fmt::format("the index of the export names a container '{}'", out.back()), kChanged);
  }
  return out;
}

std::vector<TransferFailure> BlobIndex::unfinished(const std::string& container, const std::string& prefix) {
  constexpr const char* kAgain = "; run the export again";
  std::vector<TransferFailure> out;
  auto parts = db_->prepare(std::string("SELECT name FROM partial") + kOfRun + " ORDER BY name");
  parts.bind(1, container).bind(2, prefix).bind(3, after_prefix(prefix));
  while (parts.step())
    out.push_back({container, parts.text(0), std::string("it was not exported whole") + kAgain});
  auto runs =
      db_->prepare("SELECT prefix, failed FROM runs WHERE container = ? AND failed <> 0 ORDER BY prefix");
  runs.bind(1, container);
  while (runs.step()) {
    const auto failed = runs.integer(1);
    if (failed > 0 && !out.empty()) continue;  // they are named above
    out.push_back({container.empty() ? "*" : container, runs.text(0) + "*",
                   failed == kNotEnded
                       ? std::string("its export broke off") + kAgain
                       : fmt::format("{} failed in its export{}",
                                     core::counted(static_cast<std::size_t>(failed), "blob"), kAgain)});
  }
  return out;
}

std::vector<IndexedBlob> BlobIndex::page(const std::string& container, const std::string& prefix,
                                         const std::string& after, int limit) {
  std::vector<IndexedBlob> out;
  auto statement =
      db_->prepare(std::string(kColumns) + kOfRun + " AND name > ?4 AND gone = 0 ORDER BY name LIMIT ?5");
  statement.bind(1, container)
      .bind(2, prefix)
      .bind(3, after_prefix(prefix))
      .bind(4, after)
      .bind(5, std::int64_t{limit});
  while (statement.step()) out.push_back(row(statement));
  return out;
}

PlacedFile::PlacedFile(const std::string& path, Mode mode)
    : fd_(open(path.c_str(), (mode == Mode::read ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW,
               0600)),
      path_(path) {
  if (fd_ < 0) throw_for(path_);
}

PlacedFile::~PlacedFile() {
  close(fd_);
}

void PlacedFile::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_for(path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  if (fdatasync(fd_) != 0) throw_for(path_);
}

std::string PlacedFile::read(std::uint64_t offset, std::size_t length) {
  std::string out(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const auto got = pread(fd_, out.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_for(path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

void PlacedFile::set_size(std::uint64_t size) {
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) throw_for(path_);
}

std::uint64_t PlacedFile::size() const {
  struct stat about {};
  if (fstat(fd_, &about) != 0) throw_for(path_);
  return static_cast<std::uint64_t>(about.st_size);
}

FileSums sums_of(const std::string& path, const std::stop_token& stop) {
  PlacedFile file(path, PlacedFile::Mode::read);
  Digest md5(Digest::Kind::md5), sha(Digest::Kind::sha256);
  FileSums out;
  while (true) {
    core::throw_if_stopped(stop, "reading a file");
    const auto piece = file.read(out.size, 1U << 20);
    if (piece.empty()) break;
    md5.add(piece);
    sha.add(piece);
    out.size += piece.size();
  }
  out.md5 = base64_encode(md5.finish());
  out.sha256 = hex(sha.finish());
  return out;
}

}  // namespace azlin::platform
