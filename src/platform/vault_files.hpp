#pragma once
// The files of a key vault's backup.
#include <map>
#include <string>
#include <utility>

#include "azlin/platform/vault_backup.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

// "secret db-password": what a sealed file says that it holds.
std::string about(ItemKind kind, const std::string& name);
std::string file_of(ItemKind kind, const std::string& name, bool sealed);
std::string values_file_of(const std::string& name);

json to_json(const SavedItem& item);
SavedItem item_of(const json& line);

using ItemMap = std::map<std::pair<ItemKind, std::string>, SavedItem>;
ItemMap read_items(const std::string& folder);
void write_items(const std::string& folder, const ItemMap& items);
void write_header(const std::string& folder, const VaultManifest& manifest);

// Values of a secret's versions as JSON text, and back.
std::string values_to_text(const std::vector<SecretValue>& values);
std::vector<SecretValue> values_of(const std::string& text);

}  // namespace azlin::platform
