#include "azlin/report/evidence.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <filesystem>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/input_file.hpp"

namespace azlin::report {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPayloadType = "application/vnd.in-toto+json";
constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::size_t kFingerprintSize = 64;

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// nullopt unless it is exactly what base64() makes of the result: no second spelling of the same bytes.
std::optional<std::string> from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return base64(bytes) == text ? std::optional(bytes) : std::nullopt;
}

// What is signed: DSSE's pre-authentication encoding.
std::string encoded(const std::string& payload) {
  const std::string type = kPayloadType;
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, payload.size(), payload);
}

std::string envelope_of(const std::string& payload, const EvidenceKey& key) {
  const ordered_json envelope = {
      {"payloadType", kPayloadType},
      {"payload", base64(payload)},
      {"signatures", {{{"keyid", key.fingerprint()}, {"sig", base64(key.sign(encoded(payload)))}}}}};
  return envelope.dump(2) + "\n";
}

// Every file below `dir`, by its path in it. What is neither file nor folder is a problem.
std::set<std::string> files_in(const std::string& dir, std::vector<std::string>& problems) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const auto name = entry.path().lexically_relative(dir).generic_string();
    if (entry.is_symlink() || !(entry.is_regular_file() || entry.is_directory())) {
      problems.push_back(name + ": neither a file nor a folder");
    } else if (entry.is_regular_file()) {
      names.insert(name);
    }
  }
  return names;
}

// Of the key that the user trusts: a PEM file.
std::string fingerprint_of(const std::string& file) {
  const auto pem = core::read_input_file(file, "key", "--key takes a PEM file, or a fingerprint");
  try {
    return EvidenceKey::parse(pem, file).fingerprint();
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, error.what(), error.hint());
  }
}

class Check {
 public:
  Check(std::string dir, std::optional<std::string> trusted)
      : dir_(std::move(dir)), trusted_(std::move(trusted)) {}

  Checked run() {
    auto there = files_in(dir_, checked_.problems);
    const auto statement = signed_statement();
    if (!statement) return std::move(checked_);
    checked_.predicate = statement->value("predicate", ordered_json());
    there.erase(kEnvelopeFile);
    for (const auto& subject : (*statement)["subject"]) check_file(subject, there);
    for (const auto& name : there) problem(name + ": not in the statement");
    return std::move(checked_);
  }

 private:
  void problem(const std::string& text) { checked_.problems.push_back(text); }

  void check_file(const ordered_json& subject, std::set<std::string>& there) {
    const auto name = subject.value("name", "");
    if (there.erase(name) == 0) return problem(name + ": is missing");
    const auto bytes = core::read_file(dir_ + "/" + name).value_or("");
    if (sha256_hex(bytes) != subject.value("/digest/sha256"_json_pointer, ""))
      return problem(name + ": is not what was signed");
    ++checked_.files;
  }

  std::optional<EvidenceKey> key() {
    try {
      const auto own = core::read_file(dir_ + "/" + kPublicKeyFile);
      if (!own) {
        problem(std::string(kPublicKeyFile) + ": is missing");
        return std::nullopt;
      }
      auto key = EvidenceKey::parse(*own, kPublicKeyFile);
      checked_.fingerprint = key.fingerprint();
      if (!trusted_) return key;
      const bool hex = trusted_->size() == kFingerprintSize &&
                       trusted_->find_first_not_of("0123456789abcdef") == std::string::npos;
      const auto wanted = hex ? *trusted_ : fingerprint_of(*trusted_);
      if (wanted == checked_.fingerprint) return key;
      problem(fmt::format("the key of the bundle is {}, not the trusted {}", checked_.fingerprint, wanted));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::failed) throw;
      problem(error.what());
    }
    return std::nullopt;
  }

  std::optional<ordered_json> signed_statement() {
    const auto text = core::read_file(dir_ + "/" + kEnvelopeFile);
    if (!text) {
      problem(std::string(kEnvelopeFile) + ": is missing");
      return std::nullopt;
    }
    const auto key = this->key();
    if (!key) return std::nullopt;
    const auto envelope = ordered_json::parse(*text, nullptr, false);
    // The signature does not cover the envelope's own spelling, so that must be the one it was written with.
    if (envelope.is_discarded() || !envelope.is_object() || envelope.dump(2) + "\n" != *text ||
        envelope.value("payloadType", ordered_json()) != kPayloadType || envelope.size() != 3)
      return refuse("is not as it was written");
    const auto payload = from_base64(string_at(envelope, "/payload"));
    const auto signature = from_base64(string_at(envelope, "/signatures/0/sig"));
    const bool one = envelope.contains("signatures") && envelope["signatures"].size() == 1 &&
                     envelope["signatures"][0].size() == 2 &&
                     string_at(envelope, "/signatures/0/keyid") == checked_.fingerprint;
    if (!payload || !signature || !one || !key->verify(encoded(*payload), *signature))
      return refuse("its signature does not hold");
    auto statement = ordered_json::parse(*payload, nullptr, false);
    if (!statement.is_object() || statement.value("_type", "") != kStatementType ||
        statement.value("predicateType", "") != kPredicateType || !statement["subject"].is_array())
      return refuse("holds no statement of azlin");
    return statement;
  }

  static std::string string_at(const ordered_json& json, const char* pointer) {
    const ordered_json::json_pointer at(pointer);
    return json.contains(at) && json[at].is_string() ? json[at].get<std::string>() : std::string();
  }

  std::optional<ordered_json> refuse(const char* what) {
    problem(fmt::format("{}: {}", kEnvelopeFile, what));
    return std::nullopt;
  }

  std::string dir_;
  std::optional<std::string> trusted_;
  Checked checked_;
};

}  // namespace

std::optional<ChainLink> read_link(const std::string& path) {
  const auto text = core::read_file(path);
  if (!text) return std::nullopt;
  const auto json = ordered_json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("sequence") || !json.contains("envelopeSha256"))
    throw Error(ErrorKind::failed, fmt::format("{} cannot be read, so the chain would break", path),
                "move it away to begin a new chain");
  return ChainLink{json["sequence"].get<int>(), json["envelopeSha256"].get<std::string>()};
}

void write_link(const std::string& path, const ChainLink& link) {
  const ordered_json json = {{"sequence", link.sequence}, {"envelopeSha256", link.envelope_sha256}};
  core::write_file(path, json.dump() + "\n");
}

ChainLink write_bundle(const std::string& dir, const std::map<std::string, std::string>& files,
                       ordered_json predicate, const EvidenceKey& key,
                       const std::optional<ChainLink>& before) {
  std::error_code none;
  if (fs::exists(dir, none) && !(fs::is_directory(dir, none) && fs::is_empty(dir, none)))
    throw Error(ErrorKind::usage, fmt::format("{} is there already and not an empty folder", dir),
                "a bundle goes into a folder of its own");
  auto all = files;
  all[kPublicKeyFile] = key.public_pem();
  ordered_json subjects = ordered_json::array();
  for (const auto& [name, bytes] : all) {
    core::write_file(dir + "/" + name, bytes);
    subjects.push_back({{"name", name}, {"digest", {{"sha256", sha256_hex(bytes)}}}});
  }
  ChainLink link{before ? before->sequence + 1 : 1, {}};
  predicate["sequence"] = link.sequence;
  predicate["previous"] =
      before ? ordered_json{{"sequence", before->sequence}, {"envelopeSha256", before->envelope_sha256}}
             : ordered_json(nullptr);
  const ordered_json statement = {{"_type", kStatementType},
                                  {"subject", subjects},
                                  {"predicateType", kPredicateType},
                                  {"predicate", predicate}};
  const auto envelope =
      envelope_of(statement.dump(-1, ' ', false, ordered_json::error_handler_t::replace), key);
  core::write_file(dir + "/" + kEnvelopeFile, envelope);
  link.envelope_sha256 = sha256_hex(envelope);
  return link;
}

Checked check_bundle(const std::string& dir, const std::optional<std::string>& trusted) {
  std::error_code none;
  if (!fs::is_directory(dir, none))
    throw Error(ErrorKind::not_found, fmt::format("there is no folder {}", dir));
  return Check(dir, trusted).run();
}

std::string check_link(const Checked& bundle, const std::string& previous) {
  const auto text = core::read_file(previous + "/" + kEnvelopeFile);
  if (!text) throw Error(ErrorKind::not_found, fmt::format("there is no bundle in {}", previous));
  if (!bundle.predicate.is_object()) return "its signature does not hold, so its chain says nothing";
  const auto link = bundle.predicate.value("previous", ordered_json());
  if (link.is_null()) return "it says that it is the first of its chain";
  if (link.value("envelopeSha256", "") != sha256_hex(*text))
    return "it is not chained to the bundle in " + previous;
  return {};
}

}  // namespace azlin::report
