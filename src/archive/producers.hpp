#pragma once
// Programs that write a dump to their standard output, and those that read it back.
#include <string>
#include <vector>

#include "azlin/archive/create.hpp"

namespace azlin::archive {

// Dumps of a service's databases, volumes and images. Throws core::Error (not_found) when a tool is missing.
std::vector<PlannedStream> plan_streams(const Service& service);

// Ready to run: azlin reads the password file, whoever the tool runs as.
core::Stage prepare(const PlannedStream& stream);

// Variables that any helper program needs, and nothing of ours.
std::map<std::string, std::string> plain_environment();

}  // namespace azlin::archive
