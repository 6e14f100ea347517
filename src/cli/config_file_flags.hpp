#pragma once
// Options of the files that App Configuration is exported to and imported from.
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/platform/appconfig_files.hpp"

namespace azlin::cli {

struct ConfigFileFlags {
  std::string format = "kvset", separator, prefix, naming = "pascal";
  std::optional<std::string> content_type;
  bool skip_features = false;

  bool is_kvset() const { return format == "kvset"; }
  platform::FileLayout layout() const;
};
void bind_file_flags(CLI::App& command, ConfigFileFlags& flags, bool writes);
// Throws core::Error (usage): an unknown format, or an option that kvset does not have.
void check_file_flags(const ConfigFileFlags& flags);

// The file's items as the store shall have them; `current` is what it has.
std::vector<platform::KeyValue> read_config_file(const std::string& path, const ConfigFileFlags& flags,
                                                 const std::string& label,
                                                 const std::vector<platform::KeyValue>& current);
// Whether a file of this kind says anything about the item: not of flags in properties, nor of other
// prefixes.
bool file_speaks_of(const ConfigFileFlags& flags, const platform::KeyValue& item);

}  // namespace azlin::cli
