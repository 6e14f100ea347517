#pragma once
// Rules by which the simulated cloud misbehaves. Thread-safe.
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

struct FaultRule {
  std::int64_t id = 0;
  std::string method = "*";  // or one method
  std::string path = "*";  // glob over path and query as sent, unescaped; "regex:…" for a regular expression
  std::int64_t skip = 0;   // the first ones that match are spared
  std::int64_t count = -1;  // how many it strikes; -1: no limit
  double probability = 1.0;
  // What happens:
  int status = 0;  // reply with this status and code, without doing the work
  std::string code = "InternalServerError", message = "An injected fault.";
  std::string retry_after;  // header of that reply
  core::Millis delay{0};    // wait before the work
  std::string drop;  // "before" | "after" the work: the connection is cut with no reply; "truncate": the
                     // reply is cut in the middle of its body
  std::string operation_code,
      operation_message;                 // the operation that the request starts ends as Failed with these
  bool expire_token = false;             // reply 401 ExpiredAuthenticationToken
  std::optional<std::uint64_t> corrupt;  // damage one field of the reply, chosen by this seed
  std::int64_t matched = 0, hits = 0;
  std::string corrupted;  // what the last strike damaged
};

Json to_json(const FaultRule& rule);
// Throws ApiError 400 InvalidFault for an unknown key or a bad value.
FaultRule fault_from_json(const Json& json);

class Faults {
 public:
  std::int64_t add(FaultRule rule);  // returns its number
  bool remove(std::int64_t id);
  void clear();  // all rules, and all regions are up
  std::vector<FaultRule> list() const;

  // The first rule that strikes this request; counts it.
  std::optional<FaultRule> strike(const std::string& method, const std::string& target);
  void note_corrupted(std::int64_t id, const std::string& what);

  void set_region_down(const std::string& region, bool down);
  bool region_down(const std::string& region) const;
  std::vector<std::string> regions_down() const;

 private:
  mutable std::mutex mutex_;
  std::vector<FaultRule> rules_;
  std::set<std::string> down_;
  std::int64_t next_id_ = 1;
  std::mt19937_64 random_{20251201};  // repeatable
};

}  // namespace azlin::simulator
