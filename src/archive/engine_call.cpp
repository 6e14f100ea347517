#include "archive/engine_call.hpp"

#include <fmt/format.h>

#include <array>
#include <regex>
#include <sstream>
#include <utility>

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

struct Meaning {
  const char* text;  // in stderr, lower case
  ErrorKind kind;
  const char* hint;
};
// The first that is found decides, so causes come before what they lead to.
constexpr std::array<Meaning, 21> kMeanings = {{
    {"wrong password or no key found", ErrorKind::unauthorized,
     "give the password that this repository was made with"},
    {"no space left on device", ErrorKind::failed,
     "free some space; the repository stays readable, and `azlin archive prune` removes what the attempt "
     "left"},
    {"disk quota exceeded", ErrorKind::failed, "free some space or raise the quota"},
    {"x509:", ErrorKind::failed, "name the certificate to trust as `caFile:` in archive.yaml"},
    {"repository is already locked", ErrorKind::busy,
     "another command works on it; try again when it is done"},
    {"accessdenied", ErrorKind::unauthorized, "check the credentials of the store"},
    {"access denied", ErrorKind::unauthorized, "check the credentials of the store"},
    {"invalidaccesskeyid", ErrorKind::unauthorized, "check the credentials of the store"},
    {"signaturedoesnotmatch", ErrorKind::unauthorized, "check the credentials of the store"},
    {"authenticationfailed", ErrorKind::unauthorized, "check the credentials of the store"},
    {"authorizationfailure", ErrorKind::unauthorized, "check the credentials of the store"},
    {"permission denied (publickey", ErrorKind::unauthorized,
     "ssh must log in without a question: check its keys"},
    {"host key verification failed", ErrorKind::unauthorized, "put the server's key into known_hosts"},
    {"could not resolve hostname", ErrorKind::failed, "check the host's name and the network"},
    {"no such host", ErrorKind::failed, "check the host's name and the network"},
    {"connection refused", ErrorKind::failed, "check that the store runs and can be reached"},
    {"unable to open config file", ErrorKind::not_found,
     "check the destination; `azlin archive create` makes a repository where there is none"},
    {"is there a repository at the following location", ErrorKind::not_found, "check the destination"},
    {"no matching id found", ErrorKind::not_found, "see `azlin archive list`"},
    {"config file already exists", ErrorKind::failed, "there is a repository already"},
    {"ciphertext verification failed", ErrorKind::failed,
     "the repository is damaged: see `azlin archive verify --deep`, and restore from a second copy"},
}};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The lines that say what went wrong; of JSON errors their text. Go's stacks, a function and below it its
// place after a tab, are passed over.
std::string essence(const std::string& err) {
  std::istringstream lines(err);
  std::string fatal, last, before;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("\t")) {
      last = before;
      continue;
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    if (line.starts_with("{")) {
      const json parsed = json::parse(line, nullptr, false);
      if (parsed.is_object() && parsed.value("message_type", "") == "exit_error")
        line = parsed.value("message", line);
    }
    if (line.starts_with("Fatal:") && fatal.empty()) fatal = line.substr(7);
    if (line.find("already locked") != std::string::npos) fatal = line;
    before = std::exchange(last, line);
  }
  std::string text = fatal.empty() ? last : fatal;
  if (text.size() > 500) text = text.substr(0, 500) + "…";
  return text;
}

}  // namespace

Diagnosis diagnose(const std::string& err, int exit_code) {
  Diagnosis out;
  out.message = essence(err);
  static const std::regex kept(R"(unable to remove <([^>]*)> from the repository)");
  if (std::smatch found; std::regex_search(err, found, kept))
    return {
        ErrorKind::failed, fmt::format("the store did not let {} be removed: {}", found.str(1), out.message),
        "an object lock, a retention or immutability policy may hold it, or the store may only be read; what "
        "was not removed stays and can be removed when that has ended"};
  if (out.message.empty()) out.message = fmt::format("restic ended with {} and said nothing", exit_code);
  if (exit_code == 10) return {ErrorKind::not_found, out.message, "check the destination"};
  if (exit_code == 11)
    return {ErrorKind::busy, out.message, "another command works on it; try again when it is done"};
  if (exit_code == 12)
    return {ErrorKind::unauthorized, out.message, "give the password that this repository was made with"};
  const std::string text = lower(err);
  for (const auto& meaning : kMeanings) {
    if (text.find(meaning.text) == std::string::npos) continue;
    out.kind = meaning.kind;
    out.hint = meaning.hint;
    break;
  }
  if (exit_code == 137) out.message += " (restic was killed)";
  return out;
}

json parse_json(const std::string& text, const std::string& command) {
  json parsed = json::parse(text.substr(0, text.find_last_of("]}") + 1), nullptr, false);
  if (parsed.is_discarded())
    throw Error(ErrorKind::failed,
                fmt::format("restic {} did not answer in JSON: {}", command, text.substr(0, 200)));
  if (parsed.is_null()) parsed = json::array();
  return parsed;
}

core::TimePoint read_time(const std::string& text) {
  static const std::regex fraction(R"((\.\d{1,3})\d*)");
  return core::parse_time(std::regex_replace(text, fraction, "$1")).value_or(core::TimePoint{});
}

EngineSnapshot read_snapshot(const json& each) {
  EngineSnapshot out;
  out.id = each.value("id", "");
  out.time = read_time(each.value("time", ""));
  out.host = each.value("hostname", "");
  out.original = each.value("original", "");
  if (each.contains("paths") && each["paths"].is_array())
    out.paths = each["paths"].get<std::vector<std::string>>();
  if (each.contains("tags") && each["tags"].is_array())
    out.tags = each["tags"].get<std::vector<std::string>>();
  return out;
}

std::string join_tags(const std::vector<std::string>& tags) {
  std::string out;
  for (const auto& tag : tags) {
    if (tag.empty() || tag.find(',') != std::string::npos)
      throw Error(ErrorKind::usage, fmt::format("'{}' cannot be a tag: commas separate tags", tag));
    out += (out.empty() ? "" : ",") + tag;
  }
  return out;
}

}  // namespace azlin::archive
