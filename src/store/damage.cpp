#include "store/damage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
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

// Whether nobody has locked the file, waiting for that. Only what is safe after fork().
bool gets_unlocked(const char* path, int timeout_ms) {
  constexpr int kPauseMs = 10;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  for (int waited = 0; fd >= 0; waited += kPauseMs) {
    // SQLite's lock bytes; a connection in WAL mode holds a shared lock on them as long as it is open.
    // Source: SQLite File Format, "The Lock-Byte Page".
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000000;
    lock.l_len = 512;
    if (::fcntl(fd, F_GETLK, &lock) != 0) return false;
    if (lock.l_type == F_UNLCK) return true;
    if (waited >= timeout_ms) return false;
    const timespec pause{0, kPauseMs * 1'000'000L};
    ::nanosleep(&pause, nullptr);
  }
  return false;
}

// Asked from a child process: it sees this process's locks, too, and closing the file in this one would drop
// them.
bool in_use(const std::string& path, int timeout_ms) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(gets_unlocked(path.c_str(), timeout_ms) ? 0 : 1);
  int status = -1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

}  // namespace

sqlite3* open_handle(const std::string& path, int busy_timeout_ms, bool create) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closing(db, sqlite3_close);
    throw_sqlite(db, code, "open the database", path);
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  return db;
}

std::string damage_of(const std::string& path, int busy_timeout_ms) {
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(nullptr, sqlite3_close);
  try {
    db.reset(open_handle(path, busy_timeout_ms, false));
  } catch (const Error&) {
    std::error_code error;
    if (fs::exists(path, error) || error) throw;
    return {};
  }
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
  // Its rows are the locks of the commands that work with it: with the next file these would be gone.
  if (in_use(path, busy_timeout_ms)) {
    throw Error(ErrorKind::busy, fmt::format("{} is damaged, and another azlin still works with it", path),
                "when that one has ended, run the command again");
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
