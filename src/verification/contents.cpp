#include "verification/contents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <random>

#include "azlin/azure/page_blob.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/verification/block_hash.hpp"
#include "azlin/verification/inspection.hpp"
#include "azlin/verification/sampling.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;

namespace {

constexpr core::Millis kContentAccess = std::chrono::minutes{15};
constexpr core::Millis kFullAccess = std::chrono::hours{1};
constexpr std::uint64_t kFooter = 512;
constexpr std::uint64_t kChunk = 256U << 10;
constexpr std::size_t kChunksKept = 64;
constexpr std::size_t kSamples = 32;
constexpr std::uint32_t kSampleSize = 1U << 20;
constexpr int kSampleReaders = 4;
constexpr std::size_t kMostNamed = 5;  // differing blocks in one message

std::vector<Range> ranges_of_disk(const std::vector<azure::PageRange>& pages, std::uint64_t disk_size) {
  std::vector<Range> ranges;
  for (const auto& page : pages) ranges.push_back({page.offset, page.length});
  return normalised(std::move(ranges), disk_size);
}

std::uint64_t total(const std::vector<Range>& ranges) {
  std::uint64_t sum = 0;
  for (const auto& range : ranges) sum += range.length;
  return sum;
}

// "gpt: fat32 sound, ext4 sound"
std::string summary(const DiskReport& report) {
  std::string parts;
  for (const auto& part : report.partitions) {
    parts += (parts.empty() ? "" : ", ") + (part.kind.empty() ? std::string("unrecognised") : part.kind) +
             " " + to_string(part.verdict);
  }
  const std::string table = report.table == "none" ? "no partition table" : report.table;
  return parts.empty() ? fmt::format("{}, {}", table, to_string(report.verdict))
                       : fmt::format("{}: {}", table, parts);
}

std::string place(const PartitionReport& part) {
  return part.index == 0 ? "" : fmt::format("partition {}: ", part.index);
}

void add_findings(const std::vector<Finding>& findings, const std::string& where, DiskCheck& out) {
  for (const auto& finding : findings) {
    std::string text = fmt::format("{}{} at byte {}", where, finding.what, finding.offset);
    if (!finding.expected.empty() || !finding.found.empty())
      text += fmt::format(" (expected {}, got {})", finding.expected.empty() ? "-" : finding.expected,
                          finding.found.empty() ? "-" : finding.found);
    (finding.severity == Severity::damage ? out.failures : out.notes).push_back(std::move(text));
  }
}

// Every part of the report, so that nothing that was left out is lost.
void take_over(const DiskReport& report, DiskCheck& out) {
  out.contents = summary(report);
  add_findings(report.findings, "", out);
  out.checked.insert(out.checked.end(), report.checked.begin(), report.checked.end());
  out.not_checked.insert(out.not_checked.end(), report.not_checked.begin(), report.not_checked.end());
  for (const auto& part : report.partitions) {
    add_findings(part.findings, place(part), out);
    for (const auto& each : part.checked) out.checked.push_back(place(part) + each);
    for (const auto& each : part.not_checked) out.not_checked.push_back(place(part) + each);
    if (part.verdict == Verdict::encrypted)
      out.not_checked.push_back(place(part) + "its contents are encrypted (" + part.kind + ")");
    if (part.verdict == Verdict::unknown && part.not_checked.empty())
      out.not_checked.push_back(place(part) + "its contents are not recognised");
  }
  if (report.verdict == Verdict::damaged && out.failures.empty())
    out.failures.emplace_back("the contents are damaged");
}

std::string offsets_text(const std::vector<std::uint64_t>& offsets) {
  std::string text;
  for (std::size_t i = 0; i < std::min(offsets.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(offsets[i]);
  if (offsets.size() > kMostNamed) text += fmt::format(" and {} more", offsets.size() - kMostNamed);
  return text;
}

// Says where two manifests that should be equal are not. True: they are.
bool compare_with(const Manifest& expected, const Manifest& found, const std::string& with, DiskCheck& out) {
  const auto difference = compare(expected, found);
  if (difference.equal()) {
    out.checked.push_back(fmt::format("every block equals {}", with));
    return true;
  }
  if (difference.size_differs) {
    out.failures.push_back(fmt::format("size differs from {} (expected {} bytes, got {})", with,
                                       expected.disk_size, found.disk_size));
  }
  if (!difference.differing.empty()) {
    out.failures.push_back(fmt::format(
        "{} of {} MiB {} from {}, at byte {}", core::counted(difference.differing.size(), "block"),
        found.block_size >> 20, difference.differing.size() == 1 ? "differs" : "differ", with,
        offsets_text(difference.differing)));
  }
  return false;
}

}  // namespace

BlockSource with_read_ahead(const BlockSource& source) {
  struct Chunk {
    std::uint64_t offset;
    std::vector<std::uint8_t> bytes;
  };
  auto chunks = std::make_shared<std::deque<Chunk>>();
  const auto chunk_at = [source, chunks](std::uint64_t offset) -> const Chunk& {
    const auto known = std::find_if(chunks->begin(), chunks->end(),
                                    [&](const Chunk& chunk) { return chunk.offset == offset; });
    if (known != chunks->end()) return *known;
    Chunk chunk{offset, std::vector<std::uint8_t>(std::min(kChunk, source.size - offset))};
    source.read(offset, chunk.bytes);
    if (chunks->size() == kChunksKept) chunks->pop_back();
    chunks->push_front(std::move(chunk));
    return chunks->front();
  };
  return {source.size, [source, chunk_at](std::uint64_t offset, std::span<std::uint8_t> out) {
            if (out.size() >= kChunk) return source.read(offset, out);
            while (!out.empty()) {
              const auto start = offset / kChunk * kChunk;
              const auto& chunk = chunk_at(start);
              const auto count = std::min<std::size_t>(out.size(), start + chunk.bytes.size() - offset);
              std::memcpy(out.data(), chunk.bytes.data() + (offset - start), count);
              offset += count;
              out = out.subspan(count);
            }
          }};
}

struct ContentsCheck::Reader {
  azure::PageBlob blob;
  std::stop_token stop;
  std::uint64_t blob_size = 0;
  std::uint64_t disk_size = 0;
  std::vector<Range> allocated;  // of the disk
  std::atomic<std::uint64_t> bytes = 0;

  BlockSource source(std::uint64_t size) {
    return {size, [this](std::uint64_t offset, std::span<std::uint8_t> out) {
              blob.read(offset, out, stop);
              bytes += out.size();
            }};
  }
};

// The newest kept manifest of an earlier snapshot of the family that is still there, and free to be read.
std::optional<KeptManifest> ContentsCheck::find_base(const ContentsRequest& request, std::stop_token stop) {
  if (!request.full || history_.find_manifest(request.snapshot.unique_id)) return std::nullopt;
  for (const auto& candidate : history_.earlier(request.snapshot.family_id, request.snapshot.created_at)) {
    const auto found = azure::find_snapshot(arm_, candidate.snapshot_id, stop);
    if (found && found->unique_id == candidate.unique_id && found->complete() && found->state == "Unattached")
      return candidate;
  }
  return std::nullopt;
}

void ContentsCheck::run(const ContentsRequest& request, DiskCheck& out, std::stop_token stop) {
  const auto base = find_base(request, stop);
  std::vector<azure::Snapshot> snapshots = {request.snapshot};
  if (base) {
    azure::Snapshot earlier;
    earlier.id = base->snapshot_id;
    earlier.name = earlier.id.substr(earlier.id.rfind('/') + 1);
    earlier.family_id = request.snapshot.family_id;
    snapshots.push_back(earlier);
  }
  try {
    pool_.with_access(snapshots, operation_, request.full ? kFullAccess : kContentAccess, stop,
                      out.cleanup_error,
                      [&](const SasPool::Urls& urls) { read(request, urls, base, out, stop); });
  } catch (const NoAccess& closed) {
    out.not_checked.push_back(
        fmt::format("contents: {}, so the service does not give them out", closed.what()));
  } catch (const arm::ArmError& error) {
    if (error.status() != 401) throw;
    out.not_checked.emplace_back(
        "contents: data access needs a token of its own (dataAccessAuthMode AzureActiveDirectory)");
  }
}

void ContentsCheck::read(const ContentsRequest& request, const SasPool::Urls& urls,
                         const std::optional<KeptManifest>& base, DiskCheck& out, std::stop_token stop) {
  Reader reader{{arm_.transport(), clock_, request.snapshot.name, urls.front()}, stop, 0, 0, {}, 0};
  reader.blob_size = reader.blob.size(stop);
  std::array<std::uint8_t, 8> magic{};
  if (reader.blob_size >= magic.size()) reader.blob.read(0, magic, stop);
  out.readable = true;
  if (std::memcmp(magic.data(), "vhdxfile", magic.size()) == 0) {
    out.contents = "exported as VHDX";
    out.not_checked.emplace_back("contents: the service exports this disk as VHDX (4K sectors)");
    return;
  }
  reader.disk_size = reader.blob_size > kFooter ? reader.blob_size - kFooter : 0;
  reader.allocated = ranges_of_disk(reader.blob.allocated(stop), reader.disk_size);
  inspect(reader, request, out);
  sample(reader, out);
  if (request.full) hash(reader, request, urls, base, out);
  out.bytes_read = reader.bytes;
}

void ContentsCheck::inspect(Reader& reader, const ContentsRequest& request, DiskCheck& out) {
  InspectOptions options;
  options.expected_size = request.snapshot.size_bytes;
  options.vhd_footer = true;
  options.allocated = reader.allocated;
  const auto report = inspect_disk(with_read_ahead(reader.source(reader.blob_size)), options);
  take_over(report, out);
  if (report.verdict == Verdict::sound || report.verdict == Verdict::empty) out.reached = Level::content;
  if (report.verdict == Verdict::empty) out.notes.emplace_back("the disk is empty");
}

void ContentsCheck::sample(Reader& reader, DiskCheck& out) {
  const auto picked = pick_samples(reader.allocated, kSamples, kSampleSize, std::random_device{}());
  const auto source = reader.source(reader.disk_size);
  const auto results = core::run_parallel(picked.size(), kSampleReaders, reader.stop, [&](std::size_t i) {
    std::vector<std::uint8_t> bytes(picked[i].length);
    source.read(picked[i].offset, bytes);
  });
  for (const auto& result : results) {
    if (result) std::rethrow_exception(result);
  }
  out.checked.push_back(fmt::format("{} read", core::counted(picked.size(), "random block")));
}

// Only what changed since `base` where the service can tell, else all that is allocated.
Manifest ContentsCheck::make_manifest(Reader& reader, const ContentsRequest& request,
                                      const SasPool::Urls& urls, const std::optional<KeptManifest>& base,
                                      DiskCheck& out) {
  HashOptions options;
  options.readers = request.readers;
  options.stop = reader.stop;
  const auto name = request.snapshot.name;
  int shown = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t all) {
    const int percent = all == 0 ? 100 : static_cast<int>(done * 100 / all);
    if (!request.notify || percent < shown + 10) return;
    shown = percent;
    request.notify(fmt::format("{}: {} % of {} read", name, percent, core::to_size(all)));
  };
  const auto source = reader.source(reader.disk_size);
  const auto changed = base ? reader.blob.changed_since(urls.back()(), reader.stop)
                            : std::optional<std::vector<azure::PageRange>>();
  if (!changed) {
    out.checked.push_back(fmt::format("all {} that the service keeps were read and hashed",
                                      core::to_size(total(reader.allocated))));
    return hash_disk(source, reader.allocated, options);
  }
  const auto ranges = ranges_of_disk(*changed, reader.disk_size);
  const auto earlier = base->snapshot_id.substr(base->snapshot_id.rfind('/') + 1);
  auto manifest = history_.load(base->unique_id);
  out.checked.push_back(fmt::format("the {} that changed since {} were read and hashed",
                                    core::to_size(total(ranges)), earlier));
  out.notes.push_back(fmt::format("{}{} by the service's word, and was read on {}", kOnlyChangesRead, earlier,
                                  core::to_display_minutes(base->hashed_at)));
  options.block_size = manifest.block_size;
  return hash_changes(source, manifest, ranges, options);
}

void ContentsCheck::hash(Reader& reader, const ContentsRequest& request, const SasPool::Urls& urls,
                         const std::optional<KeptManifest>& base, DiskCheck& out) {
  const auto manifest = make_manifest(reader, request, urls, base, out);
  out.root = to_hex(merkle_root(manifest));
  bool equal = true;
  if (const auto kept = history_.find_manifest(request.snapshot.unique_id)) {
    equal = compare_with(history_.load(kept->unique_id), manifest,
                         "what was read on " + core::to_display_minutes(kept->hashed_at), out);
  }
  if (request.snapshot.create_option == "CopyStart") {
    if (const auto source = history_.find_manifest(request.snapshot.source_unique_id)) {
      equal =
          compare_with(history_.load(source->unique_id), manifest,
                       "its source " + source->snapshot_id.substr(source->snapshot_id.rfind('/') + 1), out) &&
          equal;
    } else {
      out.not_checked.emplace_back(
          "equality with its source: no manifest of the source is kept here; verify the source with "
          "--level full first");
    }
  }
  if (!equal || !out.failures.empty()) return;  // the reference stays what it was
  history_.keep({request.snapshot.id, request.snapshot.unique_id, request.snapshot.family_id, request.disk,
                 request.snapshot.created_at, clock_.now(), out.root},
                manifest);
  if (out.reached == Level::content) out.reached = Level::full;
}

}  // namespace azlin::verification
