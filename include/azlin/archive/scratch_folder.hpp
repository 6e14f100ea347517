#pragma once
// A folder for the plain contents of an archive that is gone afterwards, also after `kill -9`: its owner
// holds a lock, so whoever looks next can tell a folder that was left from one in use, and removes it.
#include <filesystem>

namespace azlin::archive {

class ScratchFolder {
 public:
  // Makes one in `parent` (made when missing), after removing those there whose owner is gone. Throws
  // core::Error (usage or failed: see kind_of).
  explicit ScratchFolder(const std::filesystem::path& parent);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return files_; }  // only this account may enter it
  // Beside path(), where another account may pass through; not made.
  std::filesystem::path beside(const char* name) const { return top_ / name; }
  // What path() holds gets its name and stays.
  void keep_as(const std::filesystem::path& target);

  // Returns how many there were. Folders of live processes stay, those on file systems without locks as well.
  static std::size_t remove_left_ones(const std::filesystem::path& parent);

 private:
  std::filesystem::path top_, files_;
  int lock_ = -1;
};

}  // namespace azlin::archive
