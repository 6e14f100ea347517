#pragma once
// AKS clusters of seeds. They are listed and read; nothing else is simulated.
#include <string>

#include "simulator/context.hpp"

namespace azlin::simulator {

inline constexpr const char* kClusterType = "Microsoft.ContainerService/managedClusters";

void seed_cluster(Context& context, const std::string& group, const std::string& name,
                  const std::string& location, const std::string& version, const Json& tags);

}  // namespace azlin::simulator
