#pragma once
// One id for all that this process does.
#include <string>

namespace azlin::core {

// A GUID, the same for the life of the process. It goes with each request to Resource Manager as
// x-ms-correlation-request-id, which the service keeps in its activity log, and into the journal: by it the
// two are matched. Thread-safe.
const std::string& run_id();

}  // namespace azlin::core
