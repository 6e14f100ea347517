#include "azlin/platform/recovery.hpp"

#include <fmt/format.h>

#include "platform/fields.hpp"

namespace azlin::platform {

bool recovers(const std::string& kind) {
  return kind.starts_with(kJournalPrefix) || kind == kRecoveryRunKind;
}

RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop) {
  const json plan = parse_or_null(operation.plan);
  auto taken = journal.resume(operation.id);
  RecoveredWork out;
  try {
    if (const auto look = text(plan, "look"); !look.empty()) {
      const auto body = service.find(look, text(plan, "lookVersion"), stop);
      const auto state = body ? text(props(*body), "provisioningState") : "";
      out.notes.push_back(fmt::format("{} is {}", last_segment(look),
                                      !body           ? "not there: the request did not arrive"
                                      : state.empty() ? "there"
                                                      : "in state " + state));
    }
  } catch (const core::Error& error) {
    taken.interrupt(error.what());
    if (error.kind() == core::ErrorKind::interrupted) throw;
    return {false, {error.what()}};
  }
  const auto again = text(plan, "again");
  out.notes.push_back(again.empty() ? "run the command again if that is not what was wanted" : again);
  taken.recovered(out.notes.front());
  out.settled = true;
  return out;
}

}  // namespace azlin::platform
