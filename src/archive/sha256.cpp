#include "archive/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "azlin/core/error.hpp"

namespace azlin::archive {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw core::Error(core::ErrorKind::failed, "SHA-256 is not available");
}
Sha256::~Sha256() = default;

void Sha256::add(std::string_view piece) {
  EVP_DigestUpdate(state_->context, piece.data(), piece.size());
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes = {};
  unsigned int size = 0;
  EVP_DigestFinal_ex(state_->context, bytes.data(), &size);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return "(it said nothing)";
  const auto begin = text.rfind('\n', end);
  std::string line = text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
  if (begin == std::string::npos) line = text.substr(0, end + 1);
  return line.size() > 300 ? line.substr(0, 300) + "…" : line;
}

}  // namespace azlin::archive
