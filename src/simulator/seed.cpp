// What a new simulated cloud holds.
#include <fstream>

#include "azlin/core/error.hpp"
#include "simulator/providers.hpp"
#include "simulator/subscriptions.hpp"

namespace azlin::simulator {

void apply_seed(Context& context, const std::string& seed) {
  add_subscription(context.state, {kSampleSubscription, "Simulated subscription"});
  if (seed == "empty" || seed == "sample") return;
  throw core::Error(core::ErrorKind::usage, "unknown seed '" + seed + "'",
                    "use sample, empty, fleet:VMSxSETS or a JSON file");
}

}  // namespace azlin::simulator
