#include "azlin/archive/package.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "azlin/archive/paths.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using Archive = struct ::archive;
using Entry = struct ::archive_entry;
using EntryPtr = std::unique_ptr<Entry, decltype(&archive_entry_free)>;
using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

struct FormatName {
  PackageFormat format;
  const char* name;
  const char* suffix;
};
constexpr std::array<FormatName, 5> kFormats = {{{PackageFormat::zip, "zip", ".zip"},
                                                 {PackageFormat::tar_gz, "tar.gz", ".tar.gz"},
                                                 {PackageFormat::tar_xz, "tar.xz", ".tar.xz"},
                                                 {PackageFormat::encrypted_zip, "encrypted-zip", ".zip"},
                                                 {PackageFormat::tar, "tar", ".tar"}}};

const FormatName& row_of(PackageFormat format) {
  return *std::find_if(kFormats.begin(), kFormats.end(),
                       [&](const auto& row) { return row.format == format; });
}

// Without a UTF-8 locale libarchive writes names that are not ASCII without saying that they are UTF-8.
void use_utf8_names() {
  static const bool done = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
  if (!done)
    throw Error(ErrorKind::failed, "this system has no C.UTF-8 locale, which file names in packages need");
}

[[noreturn]] void fail(Archive* archive, const std::string& doing) {
  const char* text = archive_error_string(archive);
  const std::string_view said = text != nullptr ? text : "";
  if (said.starts_with("Passphrase required"))
    throw Error(ErrorKind::usage, fmt::format("{}: it is encrypted", doing),
                "its password comes from AZLIN_PACKAGE_PASSWORD or --package-password-file");
  if (said.starts_with("Incorrect passphrase"))
    throw Error(ErrorKind::unauthorized,
                fmt::format("{}: the password is not the one it was written with", doing),
                "AZLIN_PACKAGE_PASSWORD or --package-password-file");
  throw Error(ErrorKind::failed,
              fmt::format("{}: {}", doing, text != nullptr ? text : "unknown error of libarchive"));
}

// A new file that is removed again unless kept.
class PartFile {
 public:
  explicit PartFile(const fs::path& target)
      : target_(target), path_(target.string() + fmt::format(".part-{}", getpid())) {
    fs::remove(path_);
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0)
      throw Error(ErrorKind::failed,
                  fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }
  ~PartFile() {
    if (fd_ >= 0) close(fd_);
    std::error_code ignored;
    if (!kept_) fs::remove(path_, ignored);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  int fd() const { return fd_; }
  const fs::path& path() const { return path_; }
  std::uint64_t keep() {
    struct stat facts {};
    if (fsync(fd_) != 0 || fstat(fd_, &facts) != 0 || std::rename(path_.c_str(), target_.c_str()) != 0)
      throw Error(ErrorKind::failed,
                  fmt::format("cannot finish {}: {}", target_.string(), std::strerror(errno)));
    kept_ = true;
    return static_cast<std::uint64_t>(facts.st_size);
  }

 private:
  fs::path target_, path_;
  int fd_ = -1;
  bool kept_ = false;
};

class Writer {
 public:
  Writer(int fd, const PackageOptions& options) : archive_(archive_write_new(), archive_write_free) {
    set_format(options.format);
    if (options.format == PackageFormat::encrypted_zip) {
      check(archive_write_set_options(get(), "zip:encryption=aes256"), "AES-256");
      check(archive_write_set_passphrase(get(), options.passphrase.c_str()), "the passphrase");
    }
    archive_write_set_bytes_in_last_block(get(), 1);
    check(archive_write_open_fd(get(), fd), "opening the package");
  }

  // `name` inside; `path` on disk.
  void add(const fs::path& path, const std::string& name, const std::stop_token& stop) {
    struct stat facts {};
    if (lstat(path.c_str(), &facts) != 0) unreadable(path);
    const bool known = S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode) || S_ISLNK(facts.st_mode);
    if (!known) return;
    const EntryPtr entry(archive_entry_new(), archive_entry_free);
    archive_entry_copy_stat(entry.get(), &facts);
    archive_entry_update_pathname_utf8(entry.get(), name.c_str());
    if (S_ISLNK(facts.st_mode))
      archive_entry_update_symlink_utf8(entry.get(), fs::read_symlink(path).c_str());
    if (!S_ISREG(facts.st_mode)) archive_entry_set_size(entry.get(), 0);
    FilePtr in(S_ISREG(facts.st_mode) ? std::fopen(path.c_str(), "rbe") : nullptr,
               [](std::FILE* file) { return file != nullptr ? std::fclose(file) : 0; });
    if (S_ISREG(facts.st_mode) && !in) unreadable(path);
    check(archive_write_header(get(), entry.get()), "writing " + name);
    if (in) copy(in.get(), path, facts.st_size, stop);
    ++entries_;
  }

  std::uint64_t finish() {
    check(archive_write_close(get()), "finishing the package");
    return entries_;
  }

 private:
  Archive* get() { return archive_.get(); }

  void set_format(PackageFormat format) {
    const bool zip = format == PackageFormat::zip || format == PackageFormat::encrypted_zip;
    check(zip ? archive_write_set_format_zip(get()) : archive_write_set_format_pax_restricted(get()),
          "the format");
    if (format == PackageFormat::tar_gz) check(archive_write_add_filter_gzip(get()), "gzip");
    if (format == PackageFormat::tar_xz) check(archive_write_add_filter_xz(get()), "xz");
    if (format == PackageFormat::tar_xz) check(archive_write_set_options(get(), "xz:threads=2"), "xz");
  }

  void copy(std::FILE* in, const fs::path& path, off_t size, const std::stop_token& stop) {
    off_t done = 0;
    while (const auto got = std::fread(buffer_.data(), 1, buffer_.size(), in)) {
      core::throw_if_stopped(stop, "packing");
      done += static_cast<off_t>(got);
      if (done > size || archive_write_data(get(), buffer_.data(), got) != static_cast<la_ssize_t>(got))
        break;
    }
    if (std::ferror(in) != 0) unreadable(path);
    if (archive_errno(get()) != 0) fail(get(), "writing the package");
    if (done != size)
      throw Error(ErrorKind::failed, fmt::format("{} changed while it was packed", path.string()),
                  "run it again");
  }

  [[noreturn]] static void unreadable(const fs::path& path) {
    throw Error(ErrorKind::failed, fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  }
  void check(int result, const std::string& doing) {
    if (result < ARCHIVE_WARN) fail(get(), doing);
  }

  std::unique_ptr<Archive, decltype(&archive_write_free)> archive_;
  std::vector<char> buffer_ = std::vector<char>(1 << 16);
  std::uint64_t entries_ = 0;
};

void add_folder(Writer& writer, const fs::path& folder, const std::string& top, const std::stop_token& stop) {
  std::vector<fs::path> paths;
  for (const auto& found : fs::recursive_directory_iterator(folder)) paths.push_back(found.path());
  std::sort(paths.begin(), paths.end());  // a folder comes before what it holds
  writer.add(folder, top, stop);
  for (const auto& path : paths) {
    core::throw_if_stopped(stop, "packing");
    writer.add(path, top + "/" + path.lexically_relative(folder).generic_string(), stop);
  }
}

std::uint64_t write_file(const fs::path& folder, const std::string& top, int fd,
                         const PackageOptions& options, const std::stop_token& stop) {
  Writer writer(fd, options);
  add_folder(writer, folder, top, stop);
  return writer.finish();
}

// One tar, packed as the only entry of an encrypted zip. The tar is plain, so it lives beside the folder,
// mode 0600, only as long as it takes.
std::uint64_t write_hidden(const fs::path& folder, const std::string& top, int fd,
                           const PackageOptions& options, const std::stop_token& stop) {
  PartFile tar(folder.string() + ".tar");
  const auto entries = write_file(folder, top, tar.fd(), {.format = PackageFormat::tar}, stop);
  Writer writer(fd, options);
  writer.add(tar.path(), "archive.tar", stop);
  writer.finish();
  return entries;
}

// The entry's name as a path inside the target folder.
fs::path safe_path(const char* name, const char* what) {
  const fs::path path(name != nullptr ? name : "");
  const bool leaves = path.is_absolute() ||
                      std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  if (path.empty() || leaves)
    throw Error(
        ErrorKind::failed,
        fmt::format("the package holds {} '{}', which would leave the target folder", what, path.string()),
        "it was not made by azlin; nothing of it was kept");
  return path;
}

class Reader {
 public:
  Reader(const fs::path& file, const std::string& passphrase)
      : in_(archive_read_new(), archive_read_free),
        out_(archive_write_disk_new(), archive_write_free),
        file_(file) {
    archive_read_support_filter_gzip(in_.get());
    archive_read_support_filter_xz(in_.get());
    archive_read_support_format_zip_seekable(in_.get());
    archive_read_support_format_tar(in_.get());
    if (!passphrase.empty()) archive_read_add_passphrase(in_.get(), passphrase.c_str());
    if (archive_read_open_filename(in_.get(), file.c_str(), 1 << 16) != ARCHIVE_OK)
      fail(in_.get(), "cannot open " + file.string());
    const int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                      ARCHIVE_EXTRACT_SECURE_NODOTDOT | (geteuid() == 0 ? ARCHIVE_EXTRACT_OWNER : 0);
    archive_write_disk_set_options(out_.get(), flags);
  }

  std::uint64_t unpack(const fs::path& into, const std::stop_token& stop) {
    std::uint64_t entries = 0;
    Entry* entry = nullptr;
    for (int got; (got = archive_read_next_header(in_.get(), &entry)) != ARCHIVE_EOF; ++entries) {
      core::throw_if_stopped(stop, "unpacking");
      if (got < ARCHIVE_WARN) fail(in_.get(), "cannot read " + file_.string());
      place(entry, into);
      if (archive_write_header(out_.get(), entry) < ARCHIVE_WARN) fail(out_.get(), "cannot unpack");
      copy(stop);
      if (archive_write_finish_entry(out_.get()) < ARCHIVE_WARN) fail(out_.get(), "cannot unpack");
    }
    if (archive_write_close(out_.get()) < ARCHIVE_WARN) fail(out_.get(), "cannot unpack");
    return entries;
  }

 private:
  static void place(Entry* entry, const fs::path& into) {
    const auto inside = safe_path(archive_entry_pathname(entry), "the path");
    archive_entry_copy_pathname(entry, (into / inside).c_str());
    if (const char* target = archive_entry_hardlink(entry); target != nullptr)
      archive_entry_copy_hardlink(entry, (into / safe_path(target, "a link to")).c_str());
  }

  void copy(const std::stop_token& stop) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int got = 0;
    while ((got = archive_read_data_block(in_.get(), &data, &size, &offset)) == ARCHIVE_OK) {
      core::throw_if_stopped(stop, "unpacking");
      if (archive_write_data_block(out_.get(), data, size, offset) < ARCHIVE_WARN)
        fail(out_.get(), "cannot unpack");
    }
    if (got != ARCHIVE_EOF) fail(in_.get(), "cannot read " + file_.string());
  }

  std::unique_ptr<Archive, decltype(&archive_read_free)> in_;
  std::unique_ptr<Archive, decltype(&archive_write_free)> out_;
  fs::path file_;
};

// An encrypted zip with hidden names holds one tar.
std::uint64_t unpack_hidden(const fs::path& into, const std::stop_token& stop) {
  const fs::path inner = into / "archive.tar";
  const fs::path tar = into.string() + fmt::format(".tar-{}", getpid());
  fs::rename(inner, tar);
  try {
    const auto entries = Reader(tar, {}).unpack(into, stop);
    fs::remove(tar);
    return entries;
  } catch (...) {
    std::error_code ignored;
    fs::remove(tar, ignored);
    throw;
  }
}

}  // namespace

std::optional<PackageFormat> parse_package_format(std::string_view text) {
  for (const auto& row : kFormats) {
    if (text == row.name) return row.format;
  }
  return std::nullopt;
}

const char* to_string(PackageFormat format) {
  return row_of(format).name;
}

const char* suffix(PackageFormat format) {
  return row_of(format).suffix;
}

PackageResult write_package(const fs::path& folder, const std::string& top, const fs::path& file,
                            const PackageOptions& options, std::stop_token stop) {
  const bool encrypted = options.format == PackageFormat::encrypted_zip;
  if (encrypted != !options.passphrase.empty())
    throw Error(ErrorKind::usage,
                encrypted ? "an encrypted zip needs a password"
                          : fmt::format("{} has no encryption", to_string(options.format)),
                "encrypted-zip is the format with a password");
  if (options.hide_names && !encrypted)
    throw Error(ErrorKind::usage, "names can be hidden in an encrypted zip only");
  use_utf8_names();
  PartFile part(file);
  PackageResult result;
  try {
    result.entries = (options.hide_names ? write_hidden : write_file)(folder, top, part.fd(), options, stop);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::failed,
                fmt::format("cannot read {}: {}", error.path1().string(), error.code().message()));
  }
  result.bytes = part.keep();
  return result;
}

std::uint64_t read_package(const fs::path& file, const fs::path& into, const std::string& passphrase,
                           std::stop_token stop) {
  use_utf8_names();
  if (is_there(into) && !fs::is_empty(into))
    throw Error(ErrorKind::usage, fmt::format("{} is not empty", into.string()), "unpack into a new folder");
  Reader reader(file, passphrase);
  fs::create_directories(into);
  const auto real = fs::canonical(into);  // no link on the way, which unpacking would refuse
  try {
    auto entries = reader.unpack(real, stop);
    if (entries == 1 && fs::is_regular_file(real / "archive.tar")) entries = unpack_hidden(real, stop);
    return entries;
  } catch (...) {
    std::error_code ignored;
    for (const auto& each : fs::directory_iterator(real, ignored)) fs::remove_all(each.path(), ignored);
    throw;
  }
}

}  // namespace azlin::archive
