#pragma once
// Steps of an operation in the journal.
#include <exception>
#include <nlohmann/json.hpp>

#include "azlin/store/journal.hpp"

namespace azlin::dr {

// Runs `work` as a step of the operation; a failure is noted with the step and thrown on.
template <class Work>
void step(store::Operation& operation, const char* name, const nlohmann::json& data, Work&& work) {
  const auto seq = operation.begin(name, data.dump());
  try {
    work();
  } catch (const std::exception& error) {
    operation.failed(seq, error.what());
    throw;
  }
  operation.done(seq);
}

}  // namespace azlin::dr
