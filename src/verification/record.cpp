#include "azlin/verification/record.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace azlin::verification {

namespace {

constexpr std::array<std::pair<Level, const char*>, 4> kLevels = {
    {{Level::none, "none"}, {Level::disk, "disk"}, {Level::content, "content"}, {Level::full, "full"}}};
constexpr std::array<std::pair<Outcome, const char*>, 3> kOutcomes = {
    {{Outcome::passed, "passed"}, {Outcome::failed, "failed"}, {Outcome::inconclusive, "inconclusive"}}};

nlohmann::ordered_json optional_flag(const std::optional<bool>& flag) {
  return flag ? nlohmann::ordered_json(*flag) : nlohmann::ordered_json(nullptr);
}

}  // namespace

const char* to_string(Level level) {
  return kLevels[static_cast<std::size_t>(level)].second;
}

std::optional<Level> parse_level(std::string_view text) {
  for (const auto& [level, name] : kLevels) {
    if (level != Level::none && text == name) return level;
  }
  return std::nullopt;
}

const char* to_string(Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)].second;
}

std::optional<Outcome> parse_outcome(std::string_view text) {
  for (const auto& [outcome, name] : kOutcomes) {
    if (text == name) return outcome;
  }
  return std::nullopt;
}

std::string evidence_json(const Verification& verification) {
  auto disks = nlohmann::ordered_json::array();
  for (const auto& disk : verification.disks) {
    disks.push_back({{"lun", disk.lun < 0 ? nlohmann::ordered_json("os") : nlohmann::ordered_json(disk.lun)},
                     {"snapshot", disk.snapshot},
                     {"sizeGb", disk.size_gb},
                     {"level", to_string(disk.reached)},
                     {"testDiskCreated", disk.test_disk_created},
                     {"testDiskDeleted", disk.test_disk_deleted},
                     {"sizeMatches", optional_flag(disk.size_matches)},
                     {"readable", optional_flag(disk.readable)},
                     {"contents", disk.contents},
                     {"checked", disk.checked},
                     {"notChecked", disk.not_checked},
                     {"notes", disk.notes},
                     {"failures", disk.failures},
                     {"error", disk.error},
                     {"cleanupError", disk.cleanup_error},
                     {"bytesRead", disk.bytes_read},
                     {"root", disk.root}});
  }
  return disks.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace azlin::verification
