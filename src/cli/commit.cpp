// The one file that knows the commit, so that a new one compiles nothing else again.
#include "azlin_commit.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

const char* source_commit() {
  return AZLIN_COMMIT;
}

}  // namespace azlin::cli
