#pragma once
// Everything the simulated cloud remembers, in one SQLite file. Used under Context::mutex.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/store/database.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

// One ARM resource. `body` is what a GET gives, whole (id, name, type, location, tags, properties …): lists
// hand out its stored text as it is.
struct Resource {
  std::string id;            // as created; its lower-case form is the key
  std::string subscription;  // lower case, from the id
  std::string group;         // lower case, from the id; empty above groups
  std::string type;          // "Microsoft.Compute/snapshots"
  std::string name;
  std::string
      location;       // "eastus"; empty for what generic lists do not show (groups, locks, child resources)
  std::string ref;    // free for the provider, found by list_by_ref(): a snapshot's source disk, say
  bool live = false;  // the body changes with time: pass it through the type's presenter (Context::present)
  Json body;
  Json hidden;            // the provider's own notes, never given out
  std::int64_t etag = 0;  // counts the saves
  core::TimePoint created{}, changed{};

  std::string key() const;
};

// Which resources a list shows. Empty fields do not restrict.
struct ListFilter {
  std::string subscription, group, type;
  std::string id_prefix;  // lower case, ends in '/'
  bool tracked = false;   // only what a generic list shows: in a group, with a location
  std::optional<std::pair<std::string, std::string>> tag;  // name in lower case, value
  bool tag_ignores_case = false;                           // of the value
};

struct ListPage {
  std::vector<std::string> items;  // texts of the bodies
  std::string next;                // key to go on after; empty: this was the last page
};

class State {
 public:
  explicit State(const std::string& path);

  std::optional<Resource> find(std::string_view id);
  bool exists(std::string_view id);
  // Inserts or replaces; indexes body["tags"]; sets etag, changed and, for a new one, created.
  void save(Resource& resource, core::TimePoint now);
  bool erase(std::string_view id);

  // Ordered by key. `present` (may be empty) rewrites the live ones.
  using Presenter = std::function<Json(const Resource&)>;
  ListPage page(const ListFilter& filter, const std::string& after, std::size_t limit,
                const Presenter& present);
  // Those after the key `after`, at most `limit` (0: all).
  std::vector<Resource> list(const ListFilter& filter, const std::string& after = {}, std::size_t limit = 0);
  std::vector<Resource> list_by_ref(std::string_view type, std::string_view ref);  // ordered by creation
  std::int64_t count(const ListFilter& filter);
  // Ids by type, for a test to compare before and after.
  std::map<std::string, std::vector<std::string>> ids_by_type();

  // Small settings.
  std::optional<std::string> meta(const std::string& name);
  void set_meta(const std::string& name, const std::string& value);

  // For tables of a provider's own: it creates them with "IF NOT EXISTS" when it is registered.
  store::Database& db() { return db_; }
  void clear();  // forgets all resources, operations and settings

 private:
  store::Statement& cached(const std::string& sql);
  Resource read(const store::Statement& row);
  store::Database db_;
  std::map<std::string, store::Statement> statements_;
};

}  // namespace azlin::simulator
