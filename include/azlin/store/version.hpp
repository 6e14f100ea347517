#pragma once
// The library behind Database.
#include <string>

namespace azlin::store {

// SQLite's version at run time: "3.40.1".
std::string library_version();

}  // namespace azlin::store
