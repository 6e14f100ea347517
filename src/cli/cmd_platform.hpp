#pragma once
// The groups under `azlin platform`, one file each.
#include <string>
#include <vector>

#include "azlin/platform/storage.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

void add_platform_commands(CLI::App& root, Job& chosen);

void add_appconfig_commands(CLI::App& platform, Job& chosen);
void add_keyvault_commands(CLI::App& platform, Job& chosen);
void add_storage_commands(CLI::App& platform, Job& chosen);
void add_blob_commands(CLI::App& storage, Job& chosen);
void add_blob_backup_commands(CLI::App& storage, Job& chosen);
void add_cosmos_commands(CLI::App& platform, Job& chosen);
void add_assess_commands(CLI::App& platform, Job& chosen);
void add_recovery_commands(CLI::App& root, Job& chosen);

// "FROM..TO" each. Throws core::Error (usage).
std::vector<platform::BlobRange> parse_ranges(const std::vector<std::string>& texts);

}  // namespace azlin::cli
