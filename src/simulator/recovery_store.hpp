#pragma once
// What the vaults hold: containers, items, policies, jobs, recovery points, operations, and the databases
// that exist inside VMs. A table of its own in the state's file, since there are too many of them for ARM
// resources. Used under Context::mutex.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

struct Context;

// One object; its id in lower case is the key.
struct RecoveryObject {
  std::string id;
  std::string vault;  // lower-case id of the vault; of a database, of its VM
  std::string
      kind;  // container | item | policy | job | point | intent | operation | discovered | database | deleted
  std::string parent;  // lower-case id of what it hangs under
  std::string ref;     // lower-case id that it is found by: an item's policy, a container's VM, a job's item
  core::TimePoint at{};
  Json body;   // as a GET gives it, but for what changes with time
  Json notes;  // the simulator's own, never given out

  std::string key() const;
  std::string name() const;  // the last segment of the id
  Json& properties() { return body["properties"]; }
  const Json& properties() const { return body.at("properties"); }
};

class RecoveryStore {
 public:
  explicit RecoveryStore(Context& context);

  std::optional<RecoveryObject> find(std::string_view id);
  void save(const RecoveryObject& object);
  void erase(std::string_view id);
  void erase_vault(std::string_view vault);  // all of its objects

  // Ordered by key.
  std::vector<RecoveryObject> list(std::string_view kind, std::string_view vault);
  std::vector<RecoveryObject> children(std::string_view kind, std::string_view parent);
  std::vector<RecoveryObject> by_ref(std::string_view kind, std::string_view ref);
  std::int64_t count(std::string_view kind, std::string_view vault);
  std::int64_t count_by_ref(std::string_view kind, std::string_view ref);
  void clear();

  // Shows the objects of a vault one by one, newest first or by key, from after `after` ("" at the start),
  // until `visit` returns false. The cursor of the last one shown is its cursor().
  void scan(std::string_view kind, std::string_view vault, bool newest_first, const std::string& after,
            const std::function<bool(RecoveryObject&&)>& visit);
  static std::string cursor(const RecoveryObject& object, bool newest_first);

 private:
  Context& context_;
};

}  // namespace azlin::simulator
