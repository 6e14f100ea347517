#include "simulator/content_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <random>
#include <thread>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::simulator {
namespace {

constexpr std::uint64_t kGiB = 1ull << 30;
constexpr ByteRange kAll{0, 1 << 20};

std::string sector_of(char c, std::size_t count = 1) {
  return std::string(count * kSector, c);
}

class ContentStoreTest : public testing::Test {
 protected:
  test::TempDir dir_;
  ContentStore store_{dir_.path().string()};

  std::uint64_t bytes_on_disk() const {
    struct stat status {};
    ::stat(dir_.file("chunks.dat").c_str(), &status);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
};

TEST_F(ContentStoreTest, UnwrittenBytesAreZero) {
  const auto volume = store_.create(128 * kGiB);
  EXPECT_EQ(store_.read(volume, 64 * kGiB, 1024), sector_of('\0', 2));
  EXPECT_TRUE(store_.allocated(volume, {0, 128 * kGiB}, 10).empty());
}

TEST_F(ContentStoreTest, ReadsBackWhatWasWrittenAcrossExtents) {
  const auto volume = store_.create(1 << 20);
  store_.write(volume, 1024, sector_of('a', 4));
  store_.write(volume, 2048, sector_of('b', 1));
  EXPECT_EQ(store_.read(volume, 512, 7 * 512),
            sector_of('\0') + sector_of('a', 2) + sector_of('b') + sector_of('a') + sector_of('\0', 2));
}

TEST_F(ContentStoreTest, CloneKeepsWhatWasThereWhenEitherSideIsWritten) {
  const auto disk = store_.create(1 << 20);
  store_.write(disk, 0, sector_of('1', 8));
  const auto snapshot = store_.clone(disk);
  store_.write(disk, 512, sector_of('2'));
  const auto restored = store_.clone(snapshot);
  store_.write(restored, 1024, sector_of('3'));
  EXPECT_EQ(store_.read(snapshot, 0, 2048), sector_of('1', 4));
  EXPECT_EQ(store_.read(disk, 0, 2048), sector_of('1') + sector_of('2') + sector_of('1', 2));
  EXPECT_EQ(store_.read(restored, 0, 2048), sector_of('1', 2) + sector_of('3') + sector_of('1'));
}

// The copy that is left alone with a list may not overwrite places that the other list still shows.
TEST_F(ContentStoreTest, LastOwnerOfAListDoesNotOverwriteSharedPlaces) {
  const auto disk = store_.create(1 << 20);
  store_.write(disk, 0, sector_of('1', 2));
  const auto snapshot = store_.clone(disk);
  store_.write(disk, 512, sector_of('2'));       // the disk has a list of its own now
  store_.write(snapshot, 0, sector_of('9', 2));  // as restoring onto it would
  EXPECT_EQ(store_.read(disk, 0, 1024), sector_of('1') + sector_of('2'));
  EXPECT_EQ(store_.read(snapshot, 0, 1024), sector_of('9', 2));
}

TEST_F(ContentStoreTest, WritingTheSamePagesAgainTakesNoMoreSpace) {
  const auto volume = store_.create(1 << 20);
  for (char c = 'a'; c < 'z'; ++c) store_.write(volume, 4096, sector_of(c, 128));
  EXPECT_EQ(store_.read(volume, 4096, 512), sector_of('y'));
  EXPECT_LE(bytes_on_disk(), 128u * 1024);
}

TEST_F(ContentStoreTest, FiftySnapshotsOfALargeDiskCostAlmostNothing) {
  const auto disk = store_.create(128 * kGiB);
  store_.write(disk, 100 * kGiB, sector_of('x', 2048));
  for (int i = 0; i < 50; ++i) store_.clone(disk);
  EXPECT_LE(bytes_on_disk(), 2u << 20);
}

TEST_F(ContentStoreTest, AllocatedRunsAreMergedCutToTheWindowAndLimited) {
  const auto volume = store_.create(1 << 20);
  store_.write(volume, 1024, sector_of('a', 2));
  store_.write(volume, 8192, sector_of('c', 1));
  store_.write(volume, 2048, sector_of('b', 2));
  EXPECT_EQ(store_.allocated(volume, kAll, 10), (std::vector<ByteRange>{{1024, 2048}, {8192, 512}}));
  EXPECT_EQ(store_.allocated(volume, {1536, 1024}, 10), (std::vector<ByteRange>{{1536, 1024}}));
  EXPECT_EQ(store_.allocated(volume, kAll, 1), (std::vector<ByteRange>{{1024, 2048}}));
  store_.clear(volume, 1536, 512);
  EXPECT_EQ(store_.allocated(volume, kAll, 10),
            (std::vector<ByteRange>{{1024, 512}, {2048, 1024}, {8192, 512}}));
}

TEST_F(ContentStoreTest, ChangedRunsTellWritesFromClears) {
  const auto disk = store_.create(1 << 20);
  store_.write(disk, 0, sector_of('1', 16));
  const auto before = store_.clone(disk);
  EXPECT_TRUE(store_.changed(disk, before, kAll, 10).empty());
  store_.write(disk, 1024, sector_of('2', 2));
  store_.clear(disk, 2048, 512);
  store_.write(disk, 65536, sector_of('3'));
  EXPECT_EQ(store_.changed(disk, before, kAll, 10),
            (std::vector<ChangedRange>{{{1024, 1024}, false}, {{2048, 512}, true}, {{65536, 512}, false}}));
  EXPECT_EQ(store_.changed(disk, before, kAll, 2),
            (std::vector<ChangedRange>{{{1024, 1024}, false}, {{2048, 512}, true}}));
  EXPECT_EQ(store_.changed(before, disk, {65536, 512}, 10),
            (std::vector<ChangedRange>{{{65536, 512}, true}}));
}

// Every operation at random on a disk and its copies, against plain strings.
TEST_F(ContentStoreTest, AgreesWithPlainStringsOverRandomHistories) {
  constexpr std::size_t kSectors = 64;
  std::mt19937 random(20251201);
  std::vector<std::pair<VolumeId, std::string>> volumes = {
      {store_.create(kSectors * kSector), sector_of('\0', kSectors)}};
  for (int step = 0; step < 1500; ++step) {
    auto& [volume, expected] = volumes[random() % volumes.size()];
    const std::size_t first = random() % kSectors, count = 1 + random() % (kSectors - first);
    switch (random() % 8) {
      case 0:
        volumes.emplace_back(store_.clone(volume), expected);
        break;
      case 1:
        if (volumes.size() < 2) break;
        std::swap(volumes.back().first, volume);
        std::swap(volumes.back().second, expected);
        store_.remove(volumes.back().first);
        volumes.pop_back();
        break;
      case 2:
        store_.clear(volume, first * kSector, count * kSector);
        expected.replace(first * kSector, count * kSector, count * kSector, '\0');
        break;
      default: {
        const auto bytes = sector_of(static_cast<char>('a' + random() % 26), count);
        store_.write(volume, first * kSector, bytes);
        expected.replace(first * kSector, bytes.size(), bytes);
      }
    }
    for (const auto& [id, content] : volumes)
      ASSERT_EQ(store_.read(id, 0, content.size()), content) << "step " << step;
    const auto& [a, a_bytes] = volumes.front();
    const auto& [b, b_bytes] = volumes.back();
    auto patched = b_bytes;  // what changed, laid over the old bytes, gives the new ones
    for (const auto& [range, cleared] : store_.changed(a, b, {0, a_bytes.size()}, 1000)) {
      patched.replace(range.offset, range.length,
                      cleared ? std::string(range.length, '\0') : a_bytes.substr(range.offset, range.length));
    }
    ASSERT_EQ(patched, a_bytes) << "step " << step;
  }
}

TEST_F(ContentStoreTest, RefusesWhatIsNotASectorOrLiesOutside) {
  const auto volume = store_.create(4096);
  EXPECT_THROW(store_.write(volume, 100, sector_of('a')), core::Error);
  EXPECT_THROW(store_.write(volume, 0, "short"), core::Error);
  EXPECT_THROW(store_.write(volume, 4096, sector_of('a')), core::Error);
  EXPECT_THROW(store_.read(volume, 3584, 1024), core::Error);
  EXPECT_THROW(store_.size(4711), core::Error);
}

TEST_F(ContentStoreTest, GrowingAddsZerosAndShrinkingLosesTheEnd) {
  const auto volume = store_.create(1024);
  store_.write(volume, 0, sector_of('a', 2));
  store_.resize(volume, 512);
  store_.resize(volume, 2048);
  EXPECT_EQ(store_.read(volume, 0, 2048), sector_of('a') + sector_of('\0', 3));
}

TEST_F(ContentStoreTest, ReadersSeeWholeSnapshotsWhileTheDiskIsWritten) {
  const auto disk = store_.create(1 << 16);
  store_.write(disk, 0, sector_of('a', 128));
  const auto snapshot = store_.clone(disk);
  std::atomic<bool> torn{false};
  std::thread reader([&] {
    for (int i = 0; i < 200; ++i) {
      if (store_.read(snapshot, 0, 1 << 16) != sector_of('a', 128)) torn = true;
    }
  });
  for (int i = 0; i < 200; ++i) store_.write(disk, 0, sector_of(static_cast<char>('b' + i % 20), 128));
  reader.join();
  EXPECT_FALSE(torn);
}

class ContentStoreFilesTest : public testing::Test {
 protected:
  test::TempDir dir_;
  std::uint64_t bytes_on_disk() const {
    struct stat status {};
    ::stat(dir_.file("chunks.dat").c_str(), &status);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
};

TEST_F(ContentStoreFilesTest, SurvivesReopening) {
  VolumeId disk = 0, snapshot = 0;
  {
    ContentStore store(dir_.path().string());
    disk = store.create(1 << 20);
    store.write(disk, 512, sector_of('a', 2));
    snapshot = store.clone(disk);
    store.write(disk, 512, sector_of('b'));
  }
  ContentStore store(dir_.path().string());
  EXPECT_EQ(store.read(snapshot, 0, 1536), sector_of('\0') + sector_of('a', 2));
  EXPECT_EQ(store.read(disk, 0, 1536), sector_of('\0') + sector_of('b') + sector_of('a'));
}

TEST_F(ContentStoreFilesTest, SpaceOfRemovedVolumesIsGivenBackOnOpening) {
  VolumeId kept = 0;
  {
    ContentStore store(dir_.path().string());
    const auto gone = store.create(8 << 20);
    store.write(gone, 0, sector_of('g', 8 << 11));
    kept = store.create(1 << 20);
    store.write(kept, 0, sector_of('k', 1 << 11));
    store.remove(gone);
  }
  ContentStore store(dir_.path().string());
  EXPECT_LE(bytes_on_disk(), 2u << 20);
  EXPECT_EQ(store.read(kept, 0, 1 << 20), sector_of('k', 1 << 11));
}

TEST_F(ContentStoreFilesTest, TemplateIsMadeOnceAndOnlyWhenNeeded) {
  int made = 0;
  ContentStore store(dir_.path().string(), [&](const std::string& spec, const ContentStore::Sink& sink) {
    ++made;
    sink(512, sector_of(spec[0]));
  });
  const auto one = store.create_from_template("x", 4096);
  const auto two = store.create_from_template("x", 4096);
  const auto snapshot = store.clone(one);
  EXPECT_TRUE(store.changed(one, snapshot, {0, 4096}, 10).empty());
  EXPECT_EQ(made, 0);
  store.write(one, 0, sector_of('w'));
  EXPECT_EQ(made, 1);
  EXPECT_EQ(store.read(one, 0, 1024), sector_of('w') + sector_of('x'));
  EXPECT_EQ(store.read(two, 0, 1024), sector_of('\0') + sector_of('x'));
  EXPECT_EQ(store.read(snapshot, 0, 1024), sector_of('\0') + sector_of('x'));
  EXPECT_EQ(made, 1);
}

TEST_F(ContentStoreFilesTest, FailedTemplateIsTriedAgain) {
  int attempts = 0;
  ContentStore store(dir_.path().string(), [&](const std::string&, const ContentStore::Sink& sink) {
    if (++attempts == 1) throw core::Error(core::ErrorKind::failed, "no mke2fs");
    sink(0, sector_of('t'));
  });
  const auto volume = store.create_from_template("x", 4096);
  EXPECT_THROW(store.read(volume, 0, 512), core::Error);
  EXPECT_EQ(store.read(volume, 0, 512), sector_of('t'));
}

TEST_F(ContentStoreFilesTest, ThousandsOfVolumesInOneBatch) {
  ContentStore store(dir_.path().string());
  std::vector<VolumeId> volumes;
  store.batch([&] {
    const auto disk = store.create_from_template("os:30:", 30 * kGiB);
    for (int i = 0; i < 20'000; ++i) volumes.push_back(store.clone(disk));
  });
  EXPECT_EQ(volumes.size(), 20'000u);
  EXPECT_EQ(store.size(volumes.back()), 30 * kGiB);
}

}  // namespace
}  // namespace azlin::simulator
