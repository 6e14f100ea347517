#pragma once
// The platform resources of seeds, from the JSON of a seed file (docs/simulator-seeds.md).
#include <string>

#include "simulator/context.hpp"

namespace azlin::simulator {

// The keys of a seed file that are platform resources.
inline const std::vector<std::string> kPlatformSeedKeys = {
    "keyVaults", "configurationStores", "storageAccounts", "cosmosAccounts", "aksClusters"};

// Makes what `seed` lists. Throws core::Error (usage) for keys that it does not know.
void seed_platform(Context& context, const Json& seed);
// What the sample subscription has, some of it well protected and some badly.
Json sample_platform();

}  // namespace azlin::simulator
