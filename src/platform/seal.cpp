#include "azlin/platform/seal.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <memory>

#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "platform/encoding.hpp"
#include "platform/fields.hpp"
#include "platform/files.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kNonce = 12, kTag = 16, kMagic = 4;
constexpr std::uint64_t kCost = 1U << 15U, kBlock = 8, kLanes = 1;
constexpr const char* kCheck = "azlin backup password";

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

[[noreturn]] void throw_crypto() {
  throw Error(ErrorKind::failed, "OpenSSL could not encrypt");
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) throw_crypto();
  return out;
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

Sealer::Sealer(const std::string& password, std::string salt) : key_(32, '\0'), salt_(std::move(salt)) {
  if (EVP_PBE_scrypt(password.data(), password.size(), bytes(std::string_view(salt_)), salt_.size(), kCost,
                     kBlock, kLanes, 128U << 20U, bytes(key_), key_.size()) != 1)
    throw_crypto();
}

Sealer::~Sealer() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

Sealer Sealer::create(const std::string& password) {
  check_new_password(password);
  return Sealer(password, random_bytes(16));
}

Sealer Sealer::open_with(const json& recipe, const std::string& password) {
  const auto salt = base64_decode(text(recipe, "salt")), check = base64_decode(text(recipe, "check"));
  const bool known = text(recipe, "kdf") == "scrypt" && number(recipe, "n") == static_cast<int>(kCost) &&
                     number(recipe, "r") == static_cast<int>(kBlock) && salt && check;
  if (!known)
    throw Error(ErrorKind::failed, "the manifest's encryption is not one that this azlin knows",
                "a newer azlin made it, or the file was changed");
  Sealer sealer(password, *salt);
  try {
    sealer.open(*check, kCheck);
  } catch (const Error&) {
    throw Error(ErrorKind::unauthorized, "the backup was made with another password",
                "give it with --password-file or AZLIN_BACKUP_PASSWORD");
  }
  return sealer;
}

std::string Sealer::seal(std::string_view plain, std::string_view about) const {
  const auto nonce = random_bytes(kNonce);
  std::string cipher(plain.size(), '\0'), tag(kTag, '\0');
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  const bool done =
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key_)),
                         bytes(std::string_view(nonce))) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, bytes(about), static_cast<int>(about.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), bytes(cipher), &length, bytes(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), bytes(cipher) + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) == 1;
  if (!done) throw_crypto();
  return "AZS1" + nonce + cipher + tag;
}

std::string Sealer::open(std::string_view sealed, std::string_view about) const {
  const Error damaged(ErrorKind::failed,
                      fmt::format("the sealed file of {} is damaged or is another's", about),
                      "restore the file from where the backup is kept");
  if (!is_sealed(sealed) || sealed.size() < kMagic + kNonce + kTag) throw damaged;
  const auto nonce = sealed.substr(kMagic, kNonce);
  const auto cipher = sealed.substr(kMagic + kNonce, sealed.size() - kMagic - kNonce - kTag);
  std::string tag(sealed.substr(sealed.size() - kTag)), plain(cipher.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  const bool intact =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key_)),
                         bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, bytes(about), static_cast<int>(about.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes(plain), &length, bytes(cipher),
                        static_cast<int>(cipher.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes(plain) + length, &length) == 1;
  if (!intact) throw damaged;
  return plain;
}

json Sealer::recipe() const {
  return {{"kdf", "scrypt"},
          {"n", kCost},
          {"r", kBlock},
          {"p", kLanes},
          {"salt", base64_encode(salt_)},
          {"check", base64_encode(seal("", kCheck))}};
}

void check_new_password(const std::string& password) {
  if (password.size() < 12)
    throw Error(ErrorKind::usage, "the backup password has fewer than 12 characters",
                "take a longer one, from a password manager");
}

std::optional<std::string> backup_password(const std::optional<std::string>& file, const core::Env& env) {
  if (!file) return env.get("AZLIN_BACKUP_PASSWORD");
  core::check_input_file(*file, "password file");
  struct stat about {};
  if (stat(file->c_str(), &about) == 0 && (about.st_mode & 077U) != 0)
    throw Error(ErrorKind::usage, fmt::format("others can read the password file {}", *file),
                "chmod 600 " + *file);
  auto password = core::read_input_file(*file, "password file");
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  if (password.empty()) throw Error(ErrorKind::usage, fmt::format("the password file {} is empty", *file));
  return password;
}

}  // namespace azlin::platform
