#include "azlin/dr/drill.hpp"

#include <algorithm>

namespace azlin::dr {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::not_run:
      return "not run";
    case Outcome::passed:
      return "passed";
    case Outcome::failed:
      return "failed";
    case Outcome::skipped:
      return "skipped";
  }
  return "";
}

const char* to_string(Step step) {
  switch (step) {
    case Step::restore:
      return "restore";
    case Step::boot:
      return "boot";
    case Step::connectivity:
      return "connectivity";
    case Step::command:
      return "command";
    case Step::cleanup:
      return "cleanup";
  }
  return "";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::running:
      return "running";
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::restore_only:
      return "restore only";
    case Verdict::interrupted:
      return "interrupted";
  }
  return "";
}

std::optional<Verdict> parse_verdict(const std::string& text) {
  for (const Verdict verdict :
       {Verdict::running, Verdict::passed, Verdict::failed, Verdict::restore_only, Verdict::interrupted}) {
    if (text == to_string(verdict)) return verdict;
  }
  return std::nullopt;
}

const Phase* DRTestResult::phase(Step step) const {
  const auto found =
      std::find_if(phases.begin(), phases.end(), [&](const Phase& phase) { return phase.step == step; });
  return found == phases.end() ? nullptr : &*found;
}

bool DRTestResult::phase_passed(Step step) const {
  const Phase* found = phase(step);
  return found != nullptr && found->outcome == Outcome::passed;
}

std::optional<double> Statistics::rate() const {
  if (total() == 0) return std::nullopt;
  return 100.0 * passed / total();
}

Statistics statistics(const std::vector<DRTestResult>& tests) {
  Statistics result;
  core::Millis sum{0};
  int timed = 0;
  for (const auto& test : tests) {
    result.passed += test.verdict == Verdict::passed ? 1 : 0;
    result.failed += test.verdict == Verdict::failed ? 1 : 0;
    result.restore_only += test.verdict == Verdict::restore_only ? 1 : 0;
    result.interrupted += test.verdict == Verdict::interrupted ? 1 : 0;
    if (test.verdict != Verdict::passed || !test.rto) continue;
    sum += *test.rto;
    ++timed;
    result.max_rto = std::max(result.max_rto.value_or(core::Millis{0}), *test.rto);
  }
  if (timed > 0) result.average_rto = sum / timed;
  return result;
}

}  // namespace azlin::dr
