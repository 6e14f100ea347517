// What a new simulated cloud holds.
#include <filesystem>

#include "simulator/disk_model.hpp"
#include "simulator/providers.hpp"
#include "simulator/router.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/subscriptions.hpp"

namespace azlin::simulator {
namespace {

// Removed with all that is in it.
struct Folder {
  explicit Folder(std::string where) : path(std::move(where)) {
    std::filesystem::remove_all(path);  // of a simulator that was killed
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

}  // namespace

void check_seed(const Context& context, const std::string& seed) {
  if (seed == "sample" || seed == "empty") return;
  if (seed.starts_with("fleet:")) return check_fleet(seed.substr(6));
  const Folder folder(context.state_dir + "/seed-check");
  Context aside(folder.path);
  Router router;
  register_all(router, aside);
  aside.clock.load(context.clock.save());
  apply_seed(aside, seed);
}

void apply_seed(Context& context, const std::string& seed) {
  add_subscription(context.state, {kSampleSubscription, "Simulated subscription"});
  if (seed == "empty") return;
  // All of it in memory until the commit: a fleet would else be written many times over.
  context.state.db().execute("PRAGMA cache_size = -262144");
  contents(context).batch([&] {
    if (seed == "sample") return seed_sample(context);
    if (seed.starts_with("fleet:")) return seed_fleet(context, seed.substr(6));
    seed_file(context, seed);
  });
  context.state.db().execute("PRAGMA cache_size = -2000");
}

}  // namespace azlin::simulator
