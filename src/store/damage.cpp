#include "store/damage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "azlin/core/error.hpp"
#include "store/sqlite_error.hpp"

namespace azlin::store {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

namespace {

struct Fd {
  explicit Fd(int value) : fd(value) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int fd;
};

std::string note_of(const std::string& path) {
  return path + ".damaged";
}

std::string free_name(const std::string& path) {
  for (int n = 1;; ++n) {
    std::string name = fmt::format("{}.corrupt-{}", path, n);
    if (!fs::exists(name)) return name;
  }
}

int keep_text(void* out, int columns, char** values, char**) {
  if (columns > 0 && values[0] != nullptr) *static_cast<std::string*>(out) = values[0];
  return 0;
}

}  // namespace

sqlite3* open_handle(const std::string& path, int busy_timeout_ms) {
  sqlite3* db = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &db, kFlags, nullptr);
  if (code != SQLITE_OK) {
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closing(db, sqlite3_close);
    throw_sqlite(db, code, "open the database", path);
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  return db;
}

std::string damage_of(const std::string& path, int busy_timeout_ms) {
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(open_handle(path, busy_timeout_ms), sqlite3_close);
  std::string found = "ok";
  const int code = sqlite3_exec(db.get(), "PRAGMA integrity_check(1)", keep_text, &found, nullptr);
  if (is_corruption(code)) found = sqlite3_errmsg(db.get());
  if (found == "ok" || (code != SQLITE_OK && !is_corruption(code))) return {};
  note_damage(path);
  return found;
}

void note_damage(const std::string& path) noexcept {
  const int fd = ::open(note_of(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

bool take_damage_note(const std::string& path) {
  return ::unlink(note_of(path).c_str()) == 0;
}

void set_aside(const std::string& path, int busy_timeout_ms) {
  const fs::path parent = fs::path(path).parent_path();
  const Fd folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd >= 0) ::flock(folder.fd, LOCK_EX);
  if (damage_of(path, busy_timeout_ms).empty()) {
    throw Error(ErrorKind::busy,
                fmt::format("{} was corrupt and has just been replaced by another azlin", path),
                "run the command again");
  }
  const std::string aside = free_name(path);
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    throw Error(ErrorKind::failed,
                fmt::format("cannot set aside the corrupt {}: {}", path, std::strerror(errno)),
                "make the folder writable, or set AZLIN_HOME to one that you can write");
  }
  for (const char* suffix : {"-wal", "-shm"}) ::rename((path + suffix).c_str(), (aside + suffix).c_str());
  throw Error(ErrorKind::failed, fmt::format("{} is corrupt; it was set aside as {}", path, aside),
              "run `azlin state rebuild` to refill what Azure still knows, then the command again");
}

}  // namespace azlin::store
