#pragma once
// Steps of an operation in the journal.
#include <fmt/format.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/dr/drill.hpp"
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

// Takes an interrupted operation over. `work` settles it: it adds to the notes and gives how it ended, or
// throws core::Error; then the operation waits for the next recovery.
template <class Work>
backup::Recovered settle_operation(store::Journal& journal, const store::OperationRecord& found,
                                   Work&& work) {
  backup::Recovered out{found.id, found.kind, found.target, false, {}};
  auto operation = journal.resume(found.id);
  try {
    operation.recovered(work(out.notes));
    out.settled = true;
  } catch (const core::Error& error) {
    operation.interrupt(error.what());
    out.notes.emplace_back(error.what());
  }
  return out;
}

// Notes what is left. Throws core::Error (failed) when something is.
inline void note_left(const std::vector<Leftover>& left, const char* of, std::vector<std::string>& notes) {
  for (const auto& item : left)
    notes.push_back(fmt::format("{} could not be removed: {}", item.id, item.error));
  if (!left.empty())
    throw core::Error(core::ErrorKind::failed, fmt::format("something of the {} is left", of));
}

}  // namespace azlin::dr
