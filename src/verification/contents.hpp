#pragma once
// What a snapshot holds, read over a SAS: levels content and full.
#include <functional>
#include <stop_token>
#include <string>

#include "azlin/azure/compute.hpp"
#include "azlin/store/journal.hpp"
#include "azlin/verification/block_source.hpp"
#include "azlin/verification/manifest.hpp"
#include "azlin/verification/record.hpp"
#include "verification/history.hpp"
#include "verification/sas_pool.hpp"

namespace azlin::verification {

struct ContentsRequest {
  azure::Snapshot snapshot;
  std::string disk;  // "{vm key}#{lun}", for the kept manifest
  bool full = false;
  int readers = 8;
  std::function<void(const std::string&)> notify;  // may be empty
};

// Borrows its arguments.
class ContentsCheck {
 public:
  ContentsCheck(arm::ArmClient& arm, core::Clock& clock, SasPool& pool, History& history,
                store::Operation& operation)
      : arm_(arm), clock_(clock), pool_(pool), history_(history), operation_(operation) {}

  // Writes what it finds to `out`, and raises `reached`, which is Level::disk before. Throws what reading
  // throws; that says nothing about the snapshot.
  void run(const ContentsRequest& request, DiskCheck& out, std::stop_token stop);

 private:
  struct Reader;
  void read(const ContentsRequest& request, const SasPool::Urls& urls,
            const std::optional<KeptManifest>& base, DiskCheck& out, std::stop_token stop);
  void inspect(Reader& reader, const ContentsRequest& request, DiskCheck& out);
  void sample(Reader& reader, DiskCheck& out);
  void hash(Reader& reader, const ContentsRequest& request, const SasPool::Urls& urls,
            const std::optional<KeptManifest>& base, DiskCheck& out);
  Manifest make_manifest(Reader& reader, const ContentsRequest& request, const SasPool::Urls& urls,
                         const std::optional<KeptManifest>& base, DiskCheck& out);
  std::optional<KeptManifest> find_base(const ContentsRequest& request, std::stop_token stop);

  arm::ArmClient& arm_;
  core::Clock& clock_;
  SasPool& pool_;
  History& history_;
  store::Operation& operation_;
};

// Reads of an inspection are small and close together: whole chunks are fetched and the last ones kept. For
// one thread.
BlockSource with_read_ahead(const BlockSource& source);

}  // namespace azlin::verification
