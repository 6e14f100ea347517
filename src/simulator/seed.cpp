// What a new simulated cloud holds.
#include "simulator/disk_model.hpp"
#include "simulator/providers.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/subscriptions.hpp"

namespace azlin::simulator {

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
