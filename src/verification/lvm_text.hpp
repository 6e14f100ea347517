#pragma once
// The text in which LVM2 keeps a volume group.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace azlin::verification {

// A section: its values ("extent_size = 8192", lists too, as text) and the sections within it.
struct LvmSection {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, LvmSection> sections;

  std::optional<std::uint64_t> number(const std::string& key) const;
  std::string text(const std::string& key) const;  // the first value; empty when there is none
  const LvmSection* section(const std::string& key) const;
};

// nullopt when `text` does not follow the grammar or is nested more than 16 deep.
std::optional<LvmSection> parse_lvm_text(std::string_view text);

// One stretch of a logical volume on its physical volume, in bytes.
struct LvmStretch {
  std::uint64_t in_volume, on_disk, length;
};

// A visible logical volume of the group; `why_not` says why its stretches are not all on the physical volume
// asked for.
struct LvmVolume {
  std::string name;  // "group/volume"
  std::vector<LvmStretch> stretches;
  std::string why_not;
};

// The logical volumes as they lie on the physical volume `uuid` (32 characters, without dashes).
std::vector<LvmVolume> logical_volumes(const LvmSection& root, const std::string& uuid);

}  // namespace azlin::verification
