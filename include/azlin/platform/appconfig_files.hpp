#pragma once
// Files of the profile `appconfig/default` of `az appconfig kv export|import`: JSON, YAML and Java
// properties, as programs read them. They hold keys and values of one label; labels, tags, locks, most
// content types and the descriptions of feature flags are not in them. The profile `appconfig/kvset`:
// appconfig.hpp.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/platform/appconfig.hpp"

namespace azlin::platform {

inline constexpr const char* kFeaturePrefix = ".appconfig.featureflag/";

struct FileLayout {
  enum class Format { json, yaml, properties };
  Format format = Format::json;
  std::string separator;          // keys are nested at it; "": a member for each key
  std::string prefix;             // taken off keys on the way out, put before them on the way in
  std::string naming = "pascal";  // of the flags' section: pascal, camel, underscore, hyphen; on the way out
  bool features = true;           // feature flags, too; never in properties
};

// Throws core::Error (usage): a key that has other values under two labels, a key that another one has a
// part below, a feature flag that cannot be read.
std::string to_config_file(const std::vector<KeyValue>& items, const FileLayout& layout);

// One key, or one flag, of a file. What it means depends on what the store has: see resolve().
struct FileItem {
  std::string key;       // of a flag: with kFeaturePrefix
  nlohmann::json value;  // as the file has it; of a flag: {"enabled", "client_filters"}
  bool is_flag = false;
};
// Throws core::Error (usage), naming `name`: what is no such file, two sections of flags, a key that App
// Configuration or its import refuses ("", ".", "..", with %, or of a flag).
std::vector<FileItem> parse_config_file(const std::string& text, const FileLayout& layout,
                                        const std::string& name);

// What the store shall have. Of an item that is there (`current`, by key and `label`) the tags, the lock, the
// content type and a flag's description stay, since the file says nothing of them; a value that means the
// same stays as it is written. `content_type`: for all but flags and Key Vault references. A new object or
// list has the type application/json, a new {"uri": …/secrets/…} is a Key Vault reference.
std::vector<KeyValue> resolve(const std::vector<FileItem>& items, const std::vector<KeyValue>& current,
                              const std::string& label, const std::optional<std::string>& content_type);

// "application/json", "application/vnd.x+json; charset=utf-8".
bool is_json_content_type(const std::string& content_type);

}  // namespace azlin::platform
