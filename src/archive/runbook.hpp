#pragma once
// What a run writes down about itself.
#include <string>

#include "archive/staging.hpp"
#include "azlin/archive/create.hpp"

namespace azlin::archive {

// A part for each path of the plan, and a line of the manifest for each file that was read.
void describe_files(const CreatePlan& plan, const Walk& walk, Metadata& metadata, Manifest& manifest);

// How to rebuild the machine from this archive, step by step, with the commands to type.
std::string make_runbook(const Metadata& metadata, const std::string& destination);

}  // namespace azlin::archive
