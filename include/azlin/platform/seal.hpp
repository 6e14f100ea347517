#pragma once
// Encryption of backup files at rest: AES-256-GCM under a key that scrypt makes from a password.
//
// A sealed file: "AZS1", 12 random bytes (nonce), the encrypted bytes, 16 bytes (tag). The text `about`
// (which item the file holds) is authenticated with it, so that two files cannot be exchanged. The recipe
// (salt and cost of scrypt) is no secret and is kept in the backup's manifest. docs/platform.md gives the
// format.
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "azlin/core/env.hpp"

namespace azlin::platform {

class Sealer {
 public:
  // With a new random salt. Throws core::Error (usage) for a password shorter than 12 characters.
  static Sealer create(const std::string& password);
  // With the recipe of an earlier backup. Throws core::Error: failed (the recipe is not readable),
  // unauthorized (it is another password).
  static Sealer open_with(const nlohmann::json& recipe, const std::string& password);

  ~Sealer();  // wipes the key
  Sealer(Sealer&& other) noexcept = default;

  std::string seal(std::string_view plain, std::string_view about) const;
  // Throws core::Error (failed) when the bytes were changed, cut off, or belong to another item.
  std::string open(std::string_view sealed, std::string_view about) const;
  // {"kdf":"scrypt","n","r","p","salt","check"}
  nlohmann::json recipe() const;

  static bool is_sealed(std::string_view bytes) { return bytes.starts_with("AZS1"); }

 private:
  Sealer(const std::string& password, std::string salt);
  std::string key_, salt_;
};

// Throws core::Error (usage) for one shorter than 12 characters.
void check_new_password(const std::string& password);

// The password of --password-file, else AZLIN_BACKUP_PASSWORD; nullopt: neither. Throws core::Error as
// core::read_input_file does; usage also for a file that others can read.
std::optional<std::string> backup_password(const std::optional<std::string>& file, const core::Env& env);

}  // namespace azlin::platform
