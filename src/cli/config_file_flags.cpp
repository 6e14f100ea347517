#include "cli/config_file_flags.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using Format = platform::FileLayout::Format;

platform::FileLayout ConfigFileFlags::layout() const {
  const auto kind = format == "yaml"         ? Format::yaml
                    : format == "properties" ? Format::properties
                                             : Format::json;
  return {kind, separator, prefix, naming, !skip_features};
}

void bind_file_flags(CLI::App& command, ConfigFileFlags& flags, bool writes) {
  command
      .add_option("--format", flags.format,
                  "kvset (profile appconfig/kvset of az, keeps all), or one label's values as json, yaml, "
                  "properties")
      ->capture_default_str();
  command.add_option("--separator", flags.separator, "Of json and yaml: keys are nested at it, such as :");
  command.add_option(
      "--prefix", flags.prefix,
      writes ? "Only keys that begin so; it is taken off" : "Put before every key of the file");
  command.add_flag("--skip-features", flags.skip_features, "Without feature flags");
  if (writes)
    command
        .add_option("--naming-convention", flags.naming,
                    "Of FeatureManagement: pascal, camel, underscore, hyphen")
        ->capture_default_str();
  else
    command.add_option("--content-type", flags.content_type, "Of all but flags and Key Vault references");
}

void check_file_flags(const ConfigFileFlags& flags) {
  const bool known = flags.format == "json" || flags.format == "yaml" || flags.format == "properties";
  if (!known && !flags.is_kvset())
    throw Error(ErrorKind::usage, fmt::format("there is no format '{}'", flags.format),
                "kvset, json, yaml or properties");
  if (flags.is_kvset() && !(flags.separator.empty() && flags.prefix.empty() && !flags.skip_features &&
                            flags.naming == "pascal" && !flags.content_type))
    throw Error(
        ErrorKind::usage,
        "--separator, --prefix, --skip-features, --naming-convention and --content-type are for json, "
        "yaml and properties",
        "say --format");
  if (flags.format == "properties" && !flags.separator.empty())
    throw Error(ErrorKind::usage, "a properties file is not nested: leave --separator out");
}

std::vector<platform::KeyValue> read_config_file(const std::string& path, const ConfigFileFlags& flags,
                                                 const std::string& label,
                                                 const std::vector<platform::KeyValue>& current) {
  const auto content = core::read_input_file(path, "file of settings");
  if (flags.is_kvset()) return platform::parse_kvset(content);
  return platform::resolve(platform::parse_config_file(content, flags.layout(), path), current, label,
                           flags.content_type);
}

bool file_speaks_of(const ConfigFileFlags& flags, const platform::KeyValue& item) {
  if (flags.is_kvset()) return true;
  if (item.key.starts_with(platform::kFeaturePrefix))
    return !flags.skip_features && flags.format != "properties";
  return item.key.starts_with(flags.prefix);
}

}  // namespace azlin::cli
