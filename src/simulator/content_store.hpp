#pragma once
// What is on the simulated disks. A volume is a list of extents, each of which maps a run of bytes to a place
// in one append-only file; what no extent covers is zero. A copy shares the list until one side is written,
// and then the list alone is copied: bytes are written to new places unless no other volume can see the old
// ones. So a snapshot costs one row, a difference is the comparison of two lists, and a disk's size costs
// nothing.
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/store/database.hpp"

namespace azlin::simulator {

using VolumeId = std::int64_t;

// A run of bytes: [offset, offset + length), whole 512-byte sectors.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

// A run that differs between two volumes: it was written, or (cleared) now reads as zeros without holding
// data.
struct ChangedRange {
  ByteRange range;
  bool cleared = false;
  bool operator==(const ChangedRange&) const = default;
};

inline constexpr std::uint64_t kSector = 512;

// Thread-safe. The internal lock covers look-ups and writes, never the reading of data.
// Calls with an unknown volume, an offset or length that is no multiple of 512, or a run past the volume's
// end throw core::Error (failed).
class ContentStore {
 public:
  using Sink = std::function<void(std::uint64_t offset, std::string_view bytes)>;
  // Makes the image that `spec` names by writing it to the sink, in any order; zeros may be left out.
  using TemplateMaker = std::function<void(const std::string& spec, const Sink& sink)>;

  // Opens, or creates, `contents.db` and `chunks.dat` in `folder` and gives back the space of removed
  // volumes.
  ContentStore(const std::string& folder, TemplateMaker maker = {});
  ~ContentStore();
  ContentStore(const ContentStore&) = delete;
  ContentStore& operator=(const ContentStore&) = delete;

  VolumeId create(std::uint64_t size);
  // A volume that begins as the image `spec`. The image is made once, when any volume of that spec is first
  // read, listed or written.
  VolumeId create_from_template(const std::string& spec, std::uint64_t size);
  // An atomic copy of `volume` as it is now; constant time.
  VolumeId clone(VolumeId volume);
  void remove(VolumeId volume);                      // nothing happens when it is already gone
  void clear_all();                                  // removes every volume
  void resize(VolumeId volume, std::uint64_t size);  // what is cut off is lost
  std::uint64_t size(VolumeId volume);

  // Many changes in one transaction (seeding); the store is locked meanwhile. `work` must not read or write
  // data.
  void batch(const std::function<void()>& work);

  // Makes the volume's image now, if that is still to be done: what can fail is then behind.
  void prepare(VolumeId volume);
  // Fills `bytes` from `offset` on. `out` must hold `length` bytes.
  void read(VolumeId volume, std::uint64_t offset, char* out, std::uint64_t length);
  std::string read(VolumeId volume, std::uint64_t offset, std::uint64_t length);
  void write(VolumeId volume, std::uint64_t offset, std::string_view bytes);
  void clear(VolumeId volume, std::uint64_t offset, std::uint64_t length);

  // The runs within `window` that hold data, ascending and merged; at most `limit`, the last one may be cut
  // off there.
  std::vector<ByteRange> allocated(VolumeId volume, ByteRange window, std::size_t limit);
  // The runs within `window` in which `volume` differs from `older`.
  std::vector<ChangedRange> changed(VolumeId volume, VolumeId older, ByteRange window, std::size_t limit);

 private:
  struct Volume {
    std::int64_t map = 0;
    std::uint64_t size = 0;
  };
  struct Extent {
    std::uint64_t start = 0, length = 0, place = 0;
    std::uint64_t end() const { return start + length; }
  };
  class Cursor;

  std::optional<Volume> find(VolumeId volume);
  Volume checked(VolumeId volume, std::uint64_t offset, std::uint64_t length);
  std::optional<std::string> unmade_template(std::int64_t map);
  VolumeId insert_volume(std::int64_t map, std::uint64_t size);
  std::int64_t insert_map(const std::optional<std::string>& spec);
  std::int64_t private_map(VolumeId volume, const Volume& found);
  std::vector<Extent> extents(std::int64_t map, std::uint64_t begin, std::uint64_t end);
  void cut(std::int64_t map, std::uint64_t begin, std::uint64_t end);
  void insert_extent(std::int64_t map, const Extent& extent);
  bool overwrite_in_place(std::int64_t map, std::uint64_t offset, std::string_view bytes);
  std::uint64_t append(std::string_view bytes);
  void write_at(std::uint64_t place, std::string_view bytes);
  void drop_map_if_unused(std::int64_t map);
  void punch_unused();

  TemplateMaker maker_;
  store::Database db_;
  int file_ = -1;
  std::uint64_t end_ = 0;  // of the data file; multiple of 512
  std::recursive_mutex mutex_;
  std::mutex making_;  // one template at a time, without holding mutex_
};

}  // namespace azlin::simulator
