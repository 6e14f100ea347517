#pragma once
// Which of the service's records belong to an operation of the journal.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace azlin::store {

// By operation: the correlation ids (core::run_id) of the processes that worked on it, the first one first.
// An operation of an older azlin has none. Throws as Database does.
std::map<std::int64_t, std::vector<std::string>> correlation_ids(const std::string& journal_path);

}  // namespace azlin::store
