#pragma once
// The subscriptions of the simulated tenant.
#include <string>
#include <vector>

namespace azlin::simulator {

class State;

inline constexpr const char* kSampleSubscription = "00000000-0000-0000-0000-000000000001";

struct Subscription {
  std::string id, name;
};

// In the order they were added. A state without any has the sample one.
std::vector<Subscription> list_subscriptions(State& state);
void add_subscription(State& state, const Subscription& subscription);
bool subscription_exists(State& state, const std::string& id);

}  // namespace azlin::simulator
